/* Written, read back, broken, missing; and a folder that cannot be written. */
#include "worker/checkpoint.h"

#include "base/error.h"

#include <glib/gstdio.h>
#include <utime.h>

static void test_round_trip(void)
{
    g_autofree char *top = g_dir_make_tmp("dub-checkpoint-XXXXXX", NULL);
    g_autofree char *dir = g_build_filename(top, "segments", NULL);
    const DubCheckpoint written = { 42, 3, 40, 2, 1700000000123, 0 };
    DubCheckpoint read;
    g_autoptr(GError) error = NULL;
    g_assert_false(dub_checkpoint_read(dir, "demo", &read, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_true(dub_checkpoint_write(dir, "demo", &written, &error));
    g_assert_no_error(error);
    g_assert_true(dub_checkpoint_read(dir, "demo", &read, &error));
    g_assert_cmpuint(read.next_fragment, ==, 42);
    g_assert_cmpuint(read.epoch, ==, 3);
    g_assert_cmpuint(read.dubbed + read.fallbacks, ==, 42);
    g_assert_cmpint(read.played_unix_ms, ==, 1700000000123);
    g_assert_cmpint(read.written_unix_ms, >, 0);
    dub_checkpoint_remove(dir, "demo");
    g_assert_false(dub_checkpoint_read(dir, "demo", &read, NULL));
    g_assert_cmpint(g_rmdir(dir), ==, 0); /* nothing else was left there */
    g_rmdir(top);
}

static void test_broken(void)
{
    g_autofree char *dir = g_dir_make_tmp("dub-checkpoint-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "demo.checkpoint.json", NULL);
    const char *const texts[] = { "", "{", "{\"next_fragment\":-1}", "[]" };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        DubCheckpoint read;
        g_autoptr(GError) error = NULL;
        g_assert_true(g_file_set_contents(path, texts[i], -1, NULL));
        g_assert_false(dub_checkpoint_read(dir, "demo", &read, &error));
        g_assert_error(error, DUB_ERROR, DUB_ERROR_CORRUPT);
        g_autofree char *aside = g_strconcat(path, ".corrupt", NULL);
        g_assert_nonnull(g_strstr_len(error->message, -1, aside));
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
        g_assert_cmpint(g_unlink(aside), ==, 0);
    }
    g_assert_cmpint(g_rmdir(dir), ==, 0); /* nothing else is left */
}

static void make_old(const char *dir, const char *name, int64_t age_s)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    struct utimbuf times = { .actime = (time_t) (g_get_real_time() / G_USEC_PER_SEC - age_s) };
    times.modtime = times.actime;
    g_assert_true(g_file_set_contents(path, "{}", -1, NULL));
    g_assert_cmpint(g_utime(path, &times), ==, 0);
}

static void test_sweep(void)
{
    g_autofree char *dir = g_dir_make_tmp("dub-checkpoint-XXXXXX", NULL);
    static const char *const stay[] = { "young.checkpoint.json", "notes.txt", "x.checkpoint.json.bak" };
    make_old(dir, "dead.checkpoint.json", 200);
    make_old(dir, "dead.checkpoint.json.part", 200);
    make_old(dir, "dead.checkpoint.json.corrupt", 200);
    for (gsize i = 0; i < G_N_ELEMENTS(stay); i++)
        make_old(dir, stay[i], i == 0 ? 50 : 200);
    g_assert_cmpuint(dub_checkpoint_sweep(dir, 100), ==, 3);
    g_assert_cmpuint(dub_checkpoint_sweep("/no/such/folder", 100), ==, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(stay); i++) {
        g_autofree char *path = g_build_filename(dir, stay[i], NULL);
        g_assert_cmpint(g_unlink(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static int n_syncs;

/* GLib's calls come here too. */
int fsync(G_GNUC_UNUSED int fd)
{
    n_syncs++;
    return 0;
}

int fdatasync(G_GNUC_UNUSED int fd)
{
    n_syncs++;
    return 0;
}

/* Written on the loop that paces every output: it may not wait for a disk. */
static void test_never_waits_for_the_disk(void)
{
    g_autofree char *dir = g_dir_make_tmp("dub-checkpoint-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "demo.checkpoint.json", NULL);
    n_syncs = 0;
    for (uint64_t i = 0; i < 3; i++) {
        const DubCheckpoint checkpoint = { .next_fragment = i };
        g_assert_true(dub_checkpoint_write(dir, "demo", &checkpoint, NULL));
    }
    g_assert_cmpint(n_syncs, ==, 0);
    g_unlink(path);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static void test_unwritable(void)
{
    g_autoptr(GError) error = NULL;
    const DubCheckpoint checkpoint = { 0 };
    g_assert_false(dub_checkpoint_write("/proc/airdub", "demo", &checkpoint, &error));
    g_assert_nonnull(g_strstr_len(error->message, -1, "demo.checkpoint.json"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/checkpoint/round-trip", test_round_trip);
    g_test_add_func("/worker/checkpoint/broken", test_broken);
    g_test_add_func("/worker/checkpoint/sweep", test_sweep);
    g_test_add_func("/worker/checkpoint/never-waits-for-the-disk", test_never_waits_for_the_disk);
    g_test_add_func("/worker/checkpoint/unwritable", test_unwritable);
    return g_test_run();
}
