/* tests/fuzz/fuzz-media-head-list.c: a playback server's list of recordings gives the start of the newest, or a reason
 * why not. */
#include "media/head-recording.h"

#define LONGEST_NS 20000000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *start = dub_head_list_newest((const char *) data, size, LONGEST_NS, &error);
    g_assert_true(!start == !!error);
    g_assert_true(!start || g_utf8_validate(start, -1, NULL));
    return 0;
}
