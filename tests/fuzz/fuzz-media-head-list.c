/* tests/fuzz/fuzz-media-head-list.c: a playback server's list of recordings gives the start of the newest, or a reason
 * why not. */
#include "media/head-recording.h"

static const DubHeadWish wishes[] = { { .longest_ns = 20000000000 },
                                      { .longest_ns = 30000000000, .ago_ns = 5000000000 } };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (gsize i = 0; i < G_N_ELEMENTS(wishes); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *start = dub_head_list_newest((const char *) data, size, &wishes[i], &error);
        g_assert_true(!start == !!error);
        g_assert_true(!start || g_utf8_validate(start, -1, NULL));
    }
    return 0;
}
