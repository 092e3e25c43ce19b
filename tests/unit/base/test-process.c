/* What stays with a process when blocks of sound come and go among small ones. */
#include "base/process.h"

#include <glib.h>
#include <malloc.h>

#define BLOCKS      64
#define BLOCK_BYTES (1 << 20) /* three seconds of stereo */

typedef struct {
    const char *name;
    DubProcessKind kind;
    bool keeps;
} Case;

static const Case cases[] = {
    { "command", DUB_PROCESS_COMMAND, true },
    { "engines", DUB_PROCESS_ENGINES, false },
    { "media", DUB_PROCESS_MEDIA, false },
};

static void test_sound_leaves_no_holes(const void *data)
{
    const Case *c = data;
    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        return;
    }
    dub_process_setup(c->kind);
    void *blocks[BLOCKS], *small[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = g_malloc(BLOCK_BYTES);
        small[i] = g_malloc(1000); /* what is behind a block keeps a heap from shrinking */
    }
    for (int i = 0; i < BLOCKS; i++)
        g_free(blocks[i]);
    const size_t free_bytes = mallinfo2().fordblks;
    for (int i = 0; i < BLOCKS; i++)
        g_free(small[i]);
    if (c->keeps)
        g_assert_cmpuint(free_bytes, >, BLOCKS * BLOCK_BYTES / 2);
    else
        g_assert_cmpuint(free_bytes, <, BLOCK_BYTES);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/base/process/sound-leaves-no-holes/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_sound_leaves_no_holes);
    }
    return g_test_run();
}
