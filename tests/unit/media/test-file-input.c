/* tests/unit/media/test-file-input.c: pipes that wait, end, or never say a word. */
#include "base/clock.h"
#include "base/error.h"
#include "media/file-input.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *folder, *path;
    GCancellable *cancellable;
    DubInput *input;
} Fixture;

static void set_up(Fixture *f, int64_t silence_ns)
{
    g_autoptr(GError) error = NULL;
    f->folder = g_dir_make_tmp("dub-input-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "pipe.ts", NULL);
    f->cancellable = g_cancellable_new();
    g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
    const int64_t before_ns = dub_clock_now();
    f->input = dub_file_input_open(f->path, silence_ns, f->cancellable, &error);
    g_assert_no_error(error);
    g_assert_cmpint(dub_clock_now() - before_ns, <, DUB_NS_PER_S); /* nobody writes yet: that holds up no open */
    g_assert_cmpint(dub_input_size(f->input), ==, -1);
}

static void tear_down(Fixture *f)
{
    dub_input_close(f->input);
    g_object_unref(f->cancellable);
    g_unlink(f->path);
    g_rmdir(f->folder);
    g_free(f->path);
    g_free(f->folder);
}

static void *write_later(void *data)
{
    const Fixture *f = data;
    FILE *pipe = fopen(f->path, "wb"); /* waits for the reader, as `ffmpeg … > pipe` does */
    g_assert_cmpuint(fwrite("sound", 1, 5, pipe), ==, 5);
    fclose(pipe);
    return NULL;
}

static void test_writer_comes_and_goes(void)
{
    Fixture f = { 0 };
    uint8_t bytes[16] = { 0 };
    set_up(&f, 20 * DUB_NS_PER_S);
    GThread *writer = g_thread_new("writer", write_later, &f);
    g_assert_cmpint(avio_read(dub_input_io(f.input), bytes, sizeof bytes), ==, 5);
    g_assert_cmpint(memcmp(bytes, "sound", 5), ==, 0);
    g_assert_true(avio_feof(dub_input_io(f.input)));
    g_assert_null(dub_input_steal_error(f.input));
    g_thread_join(writer);
    tear_down(&f);
}

static void test_nobody_writes(void)
{
    Fixture f = { 0 };
    uint8_t byte;
    set_up(&f, 200 * DUB_NS_PER_MS);
    g_assert_cmpint(avio_read(dub_input_io(f.input), &byte, 1), <=, 0);
    g_autoptr(GError) error = dub_input_steal_error(f.input);
    g_assert_error(error, DUB_ERROR, DUB_ERROR_TIMEOUT);
    g_assert_nonnull(strstr(error->message, "no data came for 0.2 s"));
    tear_down(&f);
}

static void *cancel(void *data)
{
    g_cancellable_cancel(data);
    return NULL;
}

static void test_cancelled(void)
{
    Fixture f = { 0 };
    uint8_t byte;
    set_up(&f, 60 * DUB_NS_PER_S);
    GThread *canceller = g_thread_new("canceller", cancel, f.cancellable);
    const int64_t before_ns = dub_clock_now();
    g_assert_cmpint(avio_read(dub_input_io(f.input), &byte, 1), <=, 0);
    g_assert_cmpint(dub_clock_now() - before_ns, <, 20 * DUB_NS_PER_S);
    g_thread_join(canceller);
    tear_down(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/media/file-input/writer-comes-and-goes", test_writer_comes_and_goes);
    g_test_add_func("/media/file-input/nobody-writes", test_nobody_writes);
    g_test_add_func("/media/file-input/cancelled", test_cancelled);
    return g_test_run();
}
