/* tests/fuzz/replay.c: the main of a fuzz target where there is no libFuzzer: runs the target once on each file of the
 * folders (and on each file) named on the command line. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay_file(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *data = NULL;
    gsize size;
    if (!g_file_get_contents(path, &data, &size, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return false;
    }
    g_autofree uint8_t *exact = g_memdup2(data, size); /* without the terminator: ASan sees one byte too far */
    LLVMFuzzerTestOneInput(exact, size);
    return true;
}

static bool replay_folder(const char *path, unsigned *count)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) folder = g_dir_open(path, 0, &error);
    if (!folder) {
        fprintf(stderr, "%s\n", error->message);
        return false;
    }
    for (const char *name; (name = g_dir_read_name(folder)); (*count)++) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        if (!replay_file(file))
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    for (int i = 1; i < argc; i++) {
        const bool folder = g_file_test(argv[i], G_FILE_TEST_IS_DIR);
        if (folder ? !replay_folder(argv[i], &count) : !replay_file(argv[i]))
            return 1;
        count += !folder;
    }
    printf("%u inputs\n", count);
    return count > 0 ? 0 : 1; /* an empty corpus tests nothing */
}
