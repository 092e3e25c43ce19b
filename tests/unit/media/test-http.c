/* tests/unit/media/test-http.c: media/http-input and a source that reads by it, against a server that does as it is
 * told: it breaks off, stands still, knows ranges or does not. It has a thread for each connection. */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "media/http-input.h"
#include "media/source.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#define BODY_BYTES    (1024 * 1024)
#define HALF_BYTES    (BODY_BYTES / 2)
#define N_FREED       200
#define AT_ONCE_NS    DUB_NS_PER_S
#define REQUEST_BYTES 4096

typedef enum {
    ENDS,        /* as announced */
    BREAKS,      /* in the middle, each time */
    BREAKS_ONCE, /* in the middle, the first time */
    STANDS,      /* still in the middle */
    STANDS_MUTE, /* still before its headers */
    TRICKLES,    /* chunk by chunk, without an end */
} Manner;

typedef struct {
    const char *path;
    Manner manner;
    bool has_ranges;
    const char *status;   /* NULL: 200 OK */
    const char *location; /* redirects there */
    const char *user;     /* base64 of "user:password" that it wants */
} Resource;

static const Resource resources[] = {
    { "/ranges", ENDS, .has_ranges = true },
    { "/plain", ENDS },
    { "/breaks", BREAKS },
    { "/breaks-ranges", BREAKS, .has_ranges = true },
    { "/breaks-once", BREAKS_ONCE, .has_ranges = true },
    { "/stands", STANDS },
    { "/mute", STANDS_MUTE },
    { "/trickles", TRICKLES },
    { "/404", ENDS, .status = "404 Not Found" },
    { "/410", ENDS, .status = "410 Gone" },
    { "/401", ENDS, .status = "401 Unauthorized" },
    { "/403", ENDS, .status = "403 Forbidden" },
    { "/503", ENDS, .status = "503 Service Unavailable" },
    { "/moved", ENDS, .status = "302 Found", .location = "/ranges" },
    { "/round", ENDS, .status = "302 Found", .location = "/round" },
    { "/user", ENDS, .user = "bWU6c2VjcmV0" },
};

static struct {
    GSocketService *service;
    GMainContext *context; /* which accepts, in a thread */
    GMainLoop *loop;
    GThread *thread;
    guint16 port;
    uint8_t *body;
    gsize size;
    int n_requests, n_broken;
    GMutex lock;
    GCond left;
    int n_connections; /* guarded by lock */
} server;

static void count_connection(int change)
{
    g_mutex_lock(&server.lock);
    server.n_connections += change;
    g_cond_signal(&server.left);
    g_mutex_unlock(&server.lock);
}

/* --- the server -------------------------------------------------------------------------------------------------- */

static char *read_request(GInputStream *stream)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char byte;
    while (text->len < REQUEST_BYTES && g_input_stream_read(stream, &byte, 1, NULL, NULL) == 1) {
        g_string_append_c(text, byte);
        if (g_str_has_suffix(text->str, "\r\n\r\n"))
            return g_string_free(g_steal_pointer(&text), FALSE);
    }
    return NULL;
}

static const Resource *find_resource(const char *request)
{
    for (gsize i = 0; i < G_N_ELEMENTS(resources); i++) {
        g_autofree char *line = g_strdup_printf("GET %s HTTP/1.1\r\n", resources[i].path);
        if (g_str_has_prefix(request, line))
            return &resources[i];
    }
    return NULL;
}

static bool give(GOutputStream *stream, const void *data, gsize size)
{
    return g_output_stream_write_all(stream, data, size, NULL, NULL, NULL);
}

/* Until the other side has closed: no sleep, and no end by itself. */
static void stand_still(GInputStream *stream)
{
    char byte;
    while (g_input_stream_read(stream, &byte, 1, NULL, NULL) > 0) {
    }
}

static void trickle(GOutputStream *out)
{
    for (gsize at = 0; at < server.size; at += 1000) {
        const gsize size = MIN(1000, server.size - at);
        g_autofree char *head = g_strdup_printf("%zx\r\n", size);
        if (!give(out, head, strlen(head)) || !give(out, server.body + at, size) || !give(out, "\r\n", 2))
            return;
        g_usleep(1000); /* the pace of what is live */
    }
}

static void give_body(const Resource *resource, GIOStream *connection, gsize first, gsize end)
{
    GOutputStream *out = g_io_stream_get_output_stream(connection);
    const bool breaks =
        resource->manner == BREAKS || (resource->manner == BREAKS_ONCE && g_atomic_int_add(&server.n_broken, 1) == 0);
    const bool is_half = breaks || resource->manner == STANDS;
    give(out, server.body + first, (is_half ? (end - first) / 2 : end - first));
    if (resource->manner == STANDS)
        stand_still(g_io_stream_get_input_stream(connection));
}

static void answer(const Resource *resource, const char *request, GIOStream *connection)
{
    const char *range = strstr(request, "\r\nRange: bytes=");
    const bool is_part = range && resource->has_ranges;
    guint64 first = is_part ? g_ascii_strtoull(range + strlen("\r\nRange: bytes="), NULL, 10) : 0;
    const char *dash = is_part ? strchr(range, '-') : NULL;
    const guint64 end = dash && g_ascii_isdigit(dash[1]) ? g_ascii_strtoull(dash + 1, NULL, 10) + 1 : server.size;
    g_autoptr(GString) head = g_string_new(NULL);
    const bool is_denied = resource->user && !strstr(request, resource->user);
    g_string_printf(head, "HTTP/1.1 %s\r\n",
                    is_denied          ? "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\""
                    : resource->status ? resource->status
                    : is_part          ? "206 Partial Content"
                                       : "200 OK");
    if (resource->has_ranges)
        g_string_append(head, "Accept-Ranges: bytes\r\n");
    if (resource->location)
        g_string_append_printf(head, "Location: %s\r\n", resource->location);
    if (is_part)
        g_string_append_printf(head, "Content-Range: bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT "/%zu\r\n", first,
                               end - 1, server.size);
    if (resource->manner == TRICKLES)
        g_string_append(head, "Transfer-Encoding: chunked\r\n\r\n");
    else
        g_string_append_printf(head, "Content-Length: %" G_GUINT64_FORMAT "\r\n\r\n", end - first);
    give(g_io_stream_get_output_stream(connection), head->str, head->len);
    if (resource->manner == TRICKLES)
        trickle(g_io_stream_get_output_stream(connection));
    else
        give_body(resource, connection, first, end);
}

static gboolean on_connection(GThreadedSocketService *service, GSocketConnection *connection, GObject *source,
                              void *user_data)
{
    (void) service, (void) source, (void) user_data;
    count_connection(1);
    g_autofree char *request = read_request(g_io_stream_get_input_stream(G_IO_STREAM(connection)));
    const Resource *resource = request ? find_resource(request) : NULL;
    g_atomic_int_inc(&server.n_requests);
    if (resource && resource->manner == STANDS_MUTE)
        stand_still(g_io_stream_get_input_stream(G_IO_STREAM(connection)));
    else if (resource)
        answer(resource, request, G_IO_STREAM(connection));
    count_connection(-1);
    return TRUE; /* the connection is closed when nobody holds it */
}

static void *serve(void *data)
{
    g_main_context_push_thread_default(server.context);
    g_main_loop_run(server.loop);
    g_main_context_pop_thread_default(server.context);
    return data;
}

static void open_server(uint8_t *body, gsize size)
{
    server.body = body;
    server.size = size;
    server.n_broken = 0;
    server.context = g_main_context_new();
    server.loop = g_main_loop_new(server.context, FALSE);
    g_main_context_push_thread_default(server.context);
    server.service = g_threaded_socket_service_new(64);
    g_signal_connect(server.service, "run", G_CALLBACK(on_connection), NULL);
    g_autoptr(GSocketAddress) address = g_inet_socket_address_new_from_string("127.0.0.1", 0);
    g_autoptr(GSocketAddress) chosen = NULL;
    g_assert_true(g_socket_listener_add_address(G_SOCKET_LISTENER(server.service), address, G_SOCKET_TYPE_STREAM,
                                                G_SOCKET_PROTOCOL_TCP, NULL, &chosen, NULL));
    server.port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(chosen));
    g_main_context_pop_thread_default(server.context);
    server.thread = g_thread_new("server", serve, NULL);
}

static void close_server(void)
{
    g_main_loop_quit(server.loop);
    g_thread_join(server.thread);
    g_socket_service_stop(server.service);
    g_socket_listener_close(G_SOCKET_LISTENER(server.service));
    g_object_unref(server.service);
    g_mutex_lock(&server.lock);
    while (server.n_connections > 0) /* all that read have gone */
        g_cond_wait(&server.left, &server.lock);
    g_mutex_unlock(&server.lock);
    g_main_loop_unref(server.loop);
    g_main_context_unref(server.context);
    g_free(server.body);
}

static char *url_of(const char *path)
{
    return g_strdup_printf("http://127.0.0.1:%u%s", server.port, path);
}

static void open_numbers(void)
{
    uint8_t *body = g_malloc(BODY_BYTES);
    for (gsize i = 0; i < BODY_BYTES; i++)
        body[i] = (uint8_t) (i * 31 + i / 251);
    open_server(body, BODY_BYTES);
}

/* --- the input --------------------------------------------------------------------------------------------------- */

typedef struct {
    GCancellable *cancellable;
    DubHttpAccess *access;
    DubInput *input;
    GError *error;
} Fixture;

static void set_up(Fixture *f, const char *url, int64_t first, int64_t end)
{
    f->cancellable = g_cancellable_new();
    f->access = dub_http_access_new(url, DUB_NS_PER_S, f->cancellable, &f->error);
    g_assert_no_error(f->error);
    f->input = dub_http_input_open(f->access, url, first, end, &f->error);
}

static void tear_down(Fixture *f)
{
    dub_input_close(f->input);
    dub_http_access_free(f->access);
    g_object_unref(f->cancellable);
    g_clear_error(&f->error);
    close_server();
}

static void expect_bytes(Fixture *f, gsize first, gsize size)
{
    g_autofree uint8_t *got = g_malloc(size);
    g_assert_cmpint(avio_read(dub_input_io(f->input), got, (int) size), ==, (int) size);
    g_assert_cmpmem(got, size, server.body + first, size);
}

static void test_seeks(void)
{
    Fixture f = { 0 };
    open_numbers();
    g_autofree char *url = url_of("/ranges");
    set_up(&f, url, 0, -1);
    g_assert_no_error(f.error);
    g_assert_cmpint(dub_input_size(f.input), ==, BODY_BYTES);
    static const gsize places[] = { BODY_BYTES - 1000, 0, 5, 300000, 350000, 999999, 1 };
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        g_assert_cmpint(avio_seek(dub_input_io(f.input), (int64_t) places[i], SEEK_SET), ==, (int64_t) places[i]);
        expect_bytes(&f, places[i], 1000);
    }
    g_assert_cmpint(avio_seek(dub_input_io(f.input), BODY_BYTES, SEEK_SET), ==, BODY_BYTES);
    uint8_t byte;
    g_assert_cmpint(avio_read(dub_input_io(f.input), &byte, 1), <=, 0);
    g_assert_null(dub_input_steal_error(f.input));
    g_assert_cmpint(g_atomic_int_get(&server.n_requests), <, 10); /* what lies near is read through */
    tear_down(&f);
}

static void test_parts(const void *data)
{
    Fixture f = { 0 };
    uint8_t byte;
    open_numbers();
    g_autofree char *url = url_of(data);
    set_up(&f, url, 100000, 150000);
    g_assert_no_error(f.error);
    expect_bytes(&f, 100000, 50000);
    g_assert_cmpint(avio_read(dub_input_io(f.input), &byte, 1), <=, 0);
    g_assert_null(dub_input_steal_error(f.input));
    tear_down(&f);
}

static void test_goes_on(void)
{
    Fixture f = { 0 };
    open_numbers();
    g_autofree char *url = url_of("/breaks-once");
    set_up(&f, url, 0, -1);
    g_assert_no_error(f.error);
    expect_bytes(&f, 0, BODY_BYTES);
    tear_down(&f);
}

typedef struct {
    const char *name, *path;
    DubErrorCode code;
    const char *words;
} ReadCase;

static const ReadCase read_cases[] = {
    { "breaks", "/breaks", DUB_ERROR_NETWORK, "before the end" },
    { "stands-still", "/stands", DUB_ERROR_STALLED, "no more data for 1 s" },
};

static void test_read_fails(const void *data)
{
    const ReadCase *c = data;
    Fixture f = { 0 };
    open_numbers();
    g_autofree char *url = url_of(c->path);
    g_autofree uint8_t *bytes = g_malloc(BODY_BYTES);
    set_up(&f, url, 0, -1);
    g_assert_no_error(f.error);
    g_assert_cmpint(dub_input_size(f.input), ==, -1);
    const int64_t before_ns = dub_clock_now();
    g_assert_cmpint(avio_read(dub_input_io(f.input), bytes, BODY_BYTES), <=, HALF_BYTES);
    g_assert_cmpint(dub_clock_now() - before_ns, <, 20 * DUB_NS_PER_S);
    g_autoptr(GError) error = dub_input_steal_error(f.input);
    g_assert_error(error, DUB_ERROR, (int) c->code);
    g_assert_nonnull(strstr(error->message, c->words));
    g_assert_cmpint(avio_read(dub_input_io(f.input), bytes, 1), <=, 0); /* nor later */
    tear_down(&f);
}

static const ReadCase open_cases[] = {
    { "not-found", "/404", DUB_ERROR_NOT_FOUND, "not found" },
    { "gone", "/410", DUB_ERROR_NOT_FOUND, "not found" },
    { "unauthorized", "/401", DUB_ERROR_AUTH, "access refused" },
    { "forbidden", "/403", DUB_ERROR_AUTH, "access refused" },
    { "out-of-service", "/503", DUB_ERROR_NETWORK, "the server answers 503 Service Unavailable" },
    { "round-and-round", "/round", DUB_ERROR_NETWORK, "redirect" },
};

static void test_open_fails(const void *data)
{
    const ReadCase *c = data;
    Fixture f = { 0 };
    open_numbers();
    g_autofree char *url = g_strdup_printf("http://me:secret@127.0.0.1:%u%s", server.port, c->path);
    g_atomic_int_set(&server.n_requests, 0);
    set_up(&f, url, 0, -1);
    g_assert_error(f.error, DUB_ERROR, (int) c->code);
    g_assert_nonnull(strstr(f.error->message, c->words));
    g_assert_null(strstr(f.error->message, "secret"));
    g_assert_cmpint(g_atomic_int_get(&server.n_requests), <=, 21); /* redirects are bounded */
    tear_down(&f);
}

static void test_redirect(void)
{
    Fixture f = { 0 };
    open_numbers();
    g_autofree char *url = url_of("/moved"), *led_to = url_of("/ranges");
    set_up(&f, url, 0, -1);
    g_assert_no_error(f.error);
    g_assert_cmpstr(dub_http_input_url(f.input), ==, led_to);
    expect_bytes(&f, 0, BODY_BYTES);
    tear_down(&f);
}

static void test_user(void)
{
    Fixture f = { 0 };
    open_numbers();
    g_autofree char *url = g_strdup_printf("http://me:secret@127.0.0.1:%u/user", server.port);
    set_up(&f, url, 0, -1);
    g_assert_no_error(f.error);
    g_assert_null(strstr(dub_http_input_url(f.input), "secret"));
    expect_bytes(&f, 0, BODY_BYTES);
    g_autoptr(DubHttpAccess) other =
        dub_http_access_new("http://me:secret@localhost/", DUB_NS_PER_S, f.cancellable, NULL);
    g_autofree char *there = url_of("/user");
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_http_input_open(other, there, 0, -1, &error)); /* another server does not get it */
    g_assert_error(error, DUB_ERROR, DUB_ERROR_AUTH);
    g_clear_pointer(&other, dub_http_access_free);
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
    open_numbers();
    g_autofree char *url = url_of("/stands");
    g_autofree uint8_t *bytes = g_malloc(BODY_BYTES);
    f.cancellable = g_cancellable_new();
    f.access = dub_http_access_new(url, 600 * DUB_NS_PER_S, f.cancellable, NULL);
    f.input = dub_http_input_open(f.access, url, 0, -1, &f.error);
    g_assert_no_error(f.error);
    GThread *canceller = g_thread_new("canceller", cancel, f.cancellable);
    avio_read(dub_input_io(f.input), bytes, BODY_BYTES); /* with the limit of 600 s it would outlast the test's */
    g_thread_join(canceller);
    g_autoptr(GError) error = dub_input_steal_error(f.input);
    g_assert_error(error, DUB_ERROR, DUB_ERROR_CANCELLED);
    tear_down(&f);
}

static void test_playlist_is_bounded(void)
{
    Fixture f = { 0 };
    const gsize size = 12 * 1024 * 1024;
    uint8_t *body = g_malloc(size);
    memset(body, '\n', size);
    memcpy(body, "#EXTM3U", 7);
    open_server(body, size);
    g_autofree char *url = url_of("/plain");
    g_autofree uint8_t *bytes = g_malloc(size);
    set_up(&f, url, 0, -1);
    g_assert_no_error(f.error);
    g_assert_cmpint(avio_read(dub_input_io(f.input), bytes, (int) size), <=, 8 * 1024 * 1024);
    g_autoptr(GError) error = dub_input_steal_error(f.input);
    g_assert_error(error, DUB_ERROR, DUB_ERROR_CORRUPT);
    tear_down(&f);
}

/* --- a source that is freed -------------------------------------------------------------------------------------- */

static void on_info(const DubSourceInfo *info, void *user_data)
{
    (void) info, (void) user_data;
}

static void on_video(DubAccessUnit *unit, void *user_data)
{
    int *n_units = user_data;
    (*n_units)++;
    dub_access_unit_free(unit);
}

static void on_audio(DubPcm *pcm, int64_t pts_ns, void *user_data)
{
    (void) pts_ns, (void) user_data;
    dub_pcm_unref(pcm);
}

static void on_eos(void *user_data)
{
    (void) user_data;
}

static void on_error(const GError *error, void *user_data)
{
    (void) error, (void) user_data;
}

static const DubSourceCallbacks callbacks = { on_info, on_video, on_audio, on_eos, on_error };

static void open_clip(void)
{
    g_autofree char *path = NULL;
    char *bytes = NULL;
    gsize size = 0;
    g_autoptr(GError) error = NULL;
    const int descriptor = g_file_open_tmp("dub-http-XXXXXX.mkv", &path, &error);
    g_assert_no_error(error);
    g_close(descriptor, NULL);
    g_autoptr(GSubprocess) ffmpeg =
        g_subprocess_new(G_SUBPROCESS_FLAGS_NONE, &error, "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i",
                         "testsrc=s=160x120:r=25:d=4", "-f", "lavfi", "-i", "sine=d=4:r=44100", "-c:v", "libx264",
                         "-preset", "ultrafast", "-g", "25", "-c:a", "aac", "-live", "1", path, NULL);
    g_assert_no_error(error);
    g_assert_true(g_subprocess_wait_check(ffmpeg, NULL, NULL));
    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    g_unlink(path);
    open_server((uint8_t *) bytes, size);
}

/* Iterates the loop for about so long. */
static void spin(gint64 microseconds)
{
    const gint64 until = g_get_monotonic_time() + microseconds;
    while (g_get_monotonic_time() < until)
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(200);
}

static int open_and_free(const char *path, gint64 microseconds)
{
    int n_units = 0;
    g_autofree char *url = url_of(path);
    g_autoptr(GError) error = NULL;
    DubSource *source = dub_source_new(url, NULL, &callbacks, &n_units, &error);
    g_assert_no_error(error);
    dub_source_start(source);
    spin(microseconds);
    const int64_t before_ns = dub_clock_now();
    dub_source_free(source);
    g_assert_cmpint(dub_clock_now() - before_ns, <, AT_ONCE_NS);
    return n_units;
}

static void test_freed_at_any_moment(void)
{
    static const char *const paths[] = { "/plain", "/stands", "/trickles", "/ranges", "/breaks", "/mute" };
    int n_units = 0;
    open_clip();
    for (int i = 0; i < N_FREED; i++)
        n_units += open_and_free(paths[i % (int) G_N_ELEMENTS(paths)], g_test_rand_int_range(0, 40000));
    n_units += open_and_free("/plain", G_USEC_PER_SEC);
    g_assert_cmpint(n_units, >, 0);
    spin(G_USEC_PER_SEC / 10);
    close_server();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    gst_init(NULL, NULL);
    dub_log_setup("test-http", DUB_LOG_ERROR, DUB_LOG_TEXT);
    g_test_add_func("/media/http/seeks", test_seeks);
    g_test_add_data_func("/media/http/part/by-range", "/ranges", test_parts);
    g_test_add_data_func("/media/http/part/read-through", "/plain", test_parts);
    g_test_add_func("/media/http/goes-on-where-it-broke", test_goes_on);
    for (gsize i = 0; i < G_N_ELEMENTS(read_cases); i++) {
        g_autofree char *path = g_strdup_printf("/media/http/read/%s", read_cases[i].name);
        g_test_add_data_func(path, &read_cases[i], test_read_fails);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(open_cases); i++) {
        g_autofree char *path = g_strdup_printf("/media/http/open/%s", open_cases[i].name);
        g_test_add_data_func(path, &open_cases[i], test_open_fails);
    }
    g_test_add_func("/media/http/redirect", test_redirect);
    g_test_add_func("/media/http/user", test_user);
    g_test_add_func("/media/http/cancelled", test_cancelled);
    g_test_add_func("/media/http/playlist-is-bounded", test_playlist_is_bounded);
    g_test_add_func("/media/http/freed-at-any-moment", test_freed_at_any_moment);
    return g_test_run();
}
