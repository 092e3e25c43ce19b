/* tests/unit/media/test-source.c: what media/source.h promises about order, holding, freeing, and time to stop.
 * A clip is made with ffmpeg once; each case has its own thread-default context. */
#include "base/error.h"
#include "media/sink.h"
#include "media/source.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

static char *clip_path, *clip_folder;

typedef struct {
    GMainContext *context;
    DubSource *source;
    DubSink *sink;
    char *output;
    bool free_in_callback, hold_in_info;
    int n_info, n_video, n_audio, n_ends; /* eos or error: at most one */
    bool is_over, is_written;
    GError *error;
} Run;

static void on_info(const DubSourceInfo *info, void *user_data)
{
    Run *run = user_data;
    g_assert_true(g_main_context_is_owner(run->context));
    g_assert_cmpint(run->n_video + run->n_audio, ==, 0);
    g_assert_nonnull(info->video_caps);
    g_assert_cmpuint(info->rate_hz, ==, 44100);
    run->n_info++;
    if (run->hold_in_info)
        dub_source_set_held(run->source, true);
}

static void on_video(DubAccessUnit *unit, void *user_data)
{
    Run *run = user_data;
    g_assert_cmpint(run->n_info, ==, 1);
    if (run->n_video++ == 0)
        g_assert_true(unit->key_frame);
    if (run->sink)
        dub_sink_push_video(run->sink, unit, unit->pts_ns, unit->dts_ns);
    else
        dub_access_unit_free(unit);
    if (run->free_in_callback) {
        g_clear_pointer(&run->source, dub_source_free);
        run->is_over = true;
    }
}

static void on_audio(DubPcm *pcm, int64_t pts_ns, void *user_data)
{
    (void) pts_ns;
    Run *run = user_data;
    g_assert_nonnull(run->source); /* never after free */
    run->n_audio++;
    if (run->sink)
        dub_sink_push_audio(run->sink, pcm);
    else
        dub_pcm_unref(pcm);
}

static void on_eos(void *user_data)
{
    Run *run = user_data;
    run->n_ends++;
    run->is_over = true;
}

static void on_error(const GError *error, void *user_data)
{
    Run *run = user_data;
    run->n_ends++;
    run->error = g_error_copy(error);
    run->is_over = true;
}

static const DubSourceCallbacks callbacks = { on_info, on_video, on_audio, on_eos, on_error };

static void open_run(Run *run, const char *uri)
{
    g_autoptr(GError) error = NULL;
    run->context = g_main_context_new();
    g_main_context_push_thread_default(run->context);
    run->source = dub_source_new(uri, NULL, &callbacks, run, &error);
    g_assert_no_error(error);
    dub_source_start(run->source);
    g_assert_cmpint(run->n_info + run->n_ends, ==, 0); /* never from inside a call */
}

static void spin_until(Run *run, const bool *done)
{
    while (!*done)
        g_main_context_iteration(run->context, TRUE);
}

static void close_run(Run *run)
{
    dub_source_free(run->source);
    while (g_main_context_iteration(run->context, FALSE)) {
    }
    g_main_context_pop_thread_default(run->context);
    g_main_context_unref(run->context);
    g_clear_error(&run->error);
}

static void test_whole_file(void)
{
    Run run = { 0 };
    open_run(&run, clip_path);
    spin_until(&run, &run.is_over);
    g_assert_no_error(run.error);
    g_assert_cmpint(run.n_video, ==, 50);
    g_assert_cmpint(run.n_audio, >, 80);
    close_run(&run);
    g_assert_cmpint(run.n_ends, ==, 1);
}

static void test_free_in_callback(void)
{
    Run run = { .free_in_callback = true };
    open_run(&run, clip_path);
    spin_until(&run, &run.is_over);
    g_assert_cmpint(run.n_video, ==, 1);
    close_run(&run);
    g_assert_cmpint(run.n_ends, ==, 0);
}

static gboolean on_timeout(void *data)
{
    *(bool *) data = true;
    return G_SOURCE_REMOVE;
}

static void test_held_gives_nothing(void)
{
    Run run = { .hold_in_info = true };
    open_run(&run, clip_path);
    while (!run.n_info)
        g_main_context_iteration(run.context, TRUE);
    bool waited = false;
    g_autoptr(GSource) timer = g_timeout_source_new(300); /* what comes too much would come at once */
    g_source_set_callback(timer, on_timeout, &waited, NULL);
    g_source_attach(timer, run.context);
    spin_until(&run, &waited);
    g_assert_cmpint(run.n_info, ==, 1);
    g_assert_cmpint(run.n_video + run.n_audio + run.n_ends, ==, 0);
    dub_source_set_held(run.source, false);
    spin_until(&run, &run.is_over);
    g_assert_cmpint(run.n_video, ==, 50);
    close_run(&run);
}

static void test_free_while_blocked(void)
{
    Run run = { .hold_in_info = true };
    open_run(&run, clip_path);
    while (!run.n_info)
        g_main_context_iteration(run.context, TRUE);
    const int64_t started_ns = dub_clock_now();
    close_run(&run);
    g_assert_cmpint(dub_clock_now() - started_ns, <, 2 * DUB_NS_PER_S);
}

/* A server that takes the connection and never says a word. */
static void test_silent_server(const void *data)
{
    const char *scheme = data;
    g_autoptr(GSocketListener) listener = g_socket_listener_new();
    const guint16 port = g_socket_listener_add_any_inet_port(listener, NULL, NULL);
    g_assert_cmpuint(port, >, 0);
    g_autofree char *uri = g_strdup_printf("%s://127.0.0.1:%u/live/x", scheme, port);
    Run run = { 0 };
    open_run(&run, uri);
    bool waited = false;
    g_autoptr(GSource) timer = g_timeout_source_new(200);
    g_source_set_callback(timer, on_timeout, &waited, NULL);
    g_source_attach(timer, run.context);
    spin_until(&run, &waited);
    const int64_t started_ns = dub_clock_now();
    close_run(&run);
    g_assert_cmpint(dub_clock_now() - started_ns, <, 6 * DUB_NS_PER_S);
}

typedef struct {
    const char *name, *uri;
    DubErrorCode code;
} RefusedCase;

static const RefusedCase refused[] = {
    { "missing", "/no/such/file.mp4", DUB_ERROR_NOT_FOUND },
    { "folder", "/", DUB_ERROR_INVALID_ARGUMENT },
    { "scheme", "gopher://x/y", DUB_ERROR_UNSUPPORTED },
};

static void test_refused(const void *data)
{
    const RefusedCase *c = data;
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_source_new(c->uri, NULL, &callbacks, NULL, &error));
    g_assert_error(error, DUB_ERROR, (int) c->code);
}

static void on_finished(void *user_data)
{
    Run *run = user_data;
    run->is_written = true;
}

static void on_sink_error(const GError *error, void *user_data)
{
    Run *run = user_data;
    run->error = g_error_copy(error);
    run->is_written = true;
}

static void open_sink(Run *run)
{
    const DubSinkCallbacks sink_callbacks = { NULL, on_finished, on_sink_error };
    const DubSinkConfig config = { .uri = run->output, .rate_hz = 44100, .channels = 1 };
    g_autoptr(GError) error = NULL;
    run->sink = dub_sink_new(&config, &sink_callbacks, run, &error);
    g_assert_no_error(error);
}

static void push_tone(Run *run, int n_blocks)
{
    for (int i = 0; i < n_blocks; i++)
        dub_sink_push_audio(run->sink, dub_pcm_new(44100, 1, 4410));
}

typedef struct {
    const char *name, *file;
    int ending;           /* DubSinkEnding; -1: freed without an end */
    const char *expected; /* the only file left; NULL: none */
} EndCase;

static const EndCase end_cases[] = {
    { "complete", "x.m4a", DUB_SINK_COMPLETE, "x.m4a" },
    { "interrupted", "x.wav", DUB_SINK_INTERRUPTED, "x.partial.wav" },
    { "freed", "x.mkv", -1, NULL },
    { "dots", "a.b.mp3", DUB_SINK_COMPLETE, "a.b.mp3" },
};

static void assert_only(const char *folder, const char *expected)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_assert_cmpstr(g_dir_read_name(dir), ==, expected);
    if (expected)
        g_assert_null(g_dir_read_name(dir));
}

static void test_sink_end(const void *data)
{
    const EndCase *c = data;
    g_autofree char *folder = g_dir_make_tmp("dub-sink-XXXXXX", NULL);
    Run run = { .context = g_main_context_new(), .output = g_build_filename(folder, c->file, NULL) };
    g_main_context_push_thread_default(run.context);
    open_sink(&run);
    push_tone(&run, 10);
    if (c->ending >= 0) {
        dub_sink_end(run.sink, (DubSinkEnding) c->ending);
        g_assert_false(run.is_written); /* never from inside a call */
        spin_until(&run, &run.is_written);
        g_assert_no_error(run.error);
        g_autofree char *base = g_path_get_basename(dub_sink_output_name(run.sink));
        g_assert_cmpstr(base, ==, c->expected);
    }
    dub_sink_free(run.sink);
    run.sink = NULL;
    assert_only(folder, c->expected);
    if (c->expected) {
        g_autofree char *left = g_build_filename(folder, c->expected, NULL);
        g_unlink(left);
    }
    g_rmdir(folder);
    close_run(&run);
    g_free(run.output);
}

static void make_clip(void)
{
    clip_folder = g_dir_make_tmp("dub-media-XXXXXX", NULL);
    clip_path = g_build_filename(clip_folder, "clip.mp4", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) ffmpeg =
        g_subprocess_new(G_SUBPROCESS_FLAGS_NONE, &error, "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i",
                         "testsrc=s=160x120:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2:r=44100", "-c:v", "libx264",
                         "-preset", "ultrafast", "-c:a", "aac", clip_path, NULL);
    g_assert_no_error(error);
    g_assert_true(g_subprocess_wait_check(ffmpeg, NULL, NULL));
}

static void remove_clip(void)
{
    g_unlink(clip_path);
    g_rmdir(clip_folder);
    g_free(clip_path);
    g_free(clip_folder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    gst_init(NULL, NULL);
    make_clip();
    g_test_add_func("/media/source/whole-file", test_whole_file);
    g_test_add_func("/media/source/free-in-callback", test_free_in_callback);
    g_test_add_func("/media/source/held-gives-nothing", test_held_gives_nothing);
    g_test_add_func("/media/source/free-while-blocked", test_free_while_blocked);
    g_test_add_data_func("/media/source/silent-server/rtmp", "rtmp", test_silent_server);
    g_test_add_data_func("/media/source/silent-server/rtsp", "rtsp", test_silent_server);
    g_test_add_data_func("/media/source/silent-server/http", "http", test_silent_server);
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *path = g_strdup_printf("/media/source/refused/%s", refused[i].name);
        g_test_add_data_func(path, &refused[i], test_refused);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(end_cases); i++) {
        g_autofree char *path = g_strdup_printf("/media/sink/end/%s", end_cases[i].name);
        g_test_add_data_func(path, &end_cases[i], test_sink_end);
    }
    const int status = g_test_run();
    remove_clip();
    return status;
}
