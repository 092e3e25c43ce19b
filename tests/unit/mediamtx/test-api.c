/* Tests of mediamtx/client against mediamtx/api, both for real, over HTTP in one process; and against servers that
 * answer something else. */
#include "base/error.h"
#include "base/http.h"
#include "mediamtx/api.h"
#include "mediamtx/client.h"
#include "support/listen.h"

#include <string.h>

typedef struct {
    GMainLoop *loop;
    SoupServer *server;
    EioListener *listener;
    DubMediamtxClient *client;
    guint n_paths;
    char *url;
    guint status; /* of the odd server */
    const char *body;
    GPtrArray *paths;
    DubMediamtxPath *path;
    GError *error;
} Fixture;

static GPtrArray *provide(void *user_data)
{
    const Fixture *f = user_data;
    GPtrArray *paths = g_ptr_array_new_with_free_func((GDestroyNotify) dub_mediamtx_path_free);
    for (guint i = 0; i < f->n_paths; i++) {
        DubMediamtxPath *path = g_new0(DubMediamtxPath, 1);
        path->name = g_strdup_printf("live/s%05u/in", i);
        path->ready = i % 2 == 0;
        path->ready_unix_ms = path->ready ? 1714557600250 : 0;
        path->source_type = g_strdup("rtmpConn");
        path->source_id = g_strdup_printf("id-%u", i);
        path->query = g_strdup("lang=\"es\"&x=%20");
        path->bytes_received = G_MAXINT64;
        g_ptr_array_add(paths, path);
    }
    return paths;
}

#define PATIENT_S 60 /* a busy machine under ASan takes a second for a page */

static void set_up_client(Fixture *f, guint timeout_s)
{
    g_autoptr(GError) error = NULL;
    f->listener = listen_on_loopback(f->server, 0, NULL, &f->url);
    f->client = dub_mediamtx_client_new(f->url, timeout_s, &error);
    g_assert_no_error(error);
    f->loop = g_main_loop_new(NULL, FALSE);
}

static void set_up(Fixture *f, const void *data)
{
    f->server = dub_http_server_new();
    f->n_paths = GPOINTER_TO_UINT(data);
    dub_mediamtx_api_mount(f->server, provide, f);
    set_up_client(f, PATIENT_S);
}

static void tear_down(Fixture *f, const void *data G_GNUC_UNUSED)
{
    dub_mediamtx_client_free(f->client);
    g_clear_pointer(&f->listener, eio_listener_free);
    g_clear_object(&f->server);
    g_main_loop_unref(f->loop);
    g_free(f->url);
    g_clear_pointer(&f->paths, g_ptr_array_unref);
    g_clear_pointer(&f->path, dub_mediamtx_path_free);
    g_clear_error(&f->error);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
}

static void on_list(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    Fixture *f = user_data;
    f->paths = dub_mediamtx_client_list_finish(result, &f->error);
    g_main_loop_quit(f->loop);
}

static void on_get(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    Fixture *f = user_data;
    f->path = dub_mediamtx_client_get_finish(result, &f->error);
    g_main_loop_quit(f->loop);
}

static void test_list(Fixture *f, const void *data)
{
    dub_mediamtx_client_list_async(f->client, NULL, on_list, f);
    g_main_loop_run(f->loop);
    g_assert_no_error(f->error);
    g_assert_cmpuint(f->paths->len, ==, GPOINTER_TO_UINT(data));
    for (guint i = 0; i < f->paths->len; i++) {
        const DubMediamtxPath *path = f->paths->pdata[i];
        g_autofree char *name = g_strdup_printf("live/s%05u/in", i);
        g_assert_cmpstr(path->name, ==, name);
        g_assert_cmpint(path->ready, ==, i % 2 == 0);
        g_assert_cmpint(path->ready_unix_ms, ==, path->ready ? 1714557600250 : 0);
        g_assert_cmpstr(path->query, ==, "lang=\"es\"&x=%20");
        g_assert_cmpuint(path->bytes_received, ==, G_MAXINT64);
    }
}

static void test_get(Fixture *f, const void *data G_GNUC_UNUSED)
{
    dub_mediamtx_client_get_async(f->client, "live/s00003/in", NULL, on_get, f);
    g_main_loop_run(f->loop);
    g_assert_no_error(f->error);
    g_assert_cmpstr(f->path->source_id, ==, "id-3");
}

static void test_get_not_found(Fixture *f, const void *data G_GNUC_UNUSED)
{
    dub_mediamtx_client_get_async(f->client, "live/s 9%/in?x#y", NULL, on_get, f);
    g_main_loop_run(f->loop);
    g_assert_null(f->path);
    g_assert_error(f->error, DUB_ERROR, DUB_ERROR_NOT_FOUND);
}

static void test_cancel(Fixture *f, const void *data G_GNUC_UNUSED)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    dub_mediamtx_client_list_async(f->client, cancellable, on_list, f);
    g_cancellable_cancel(cancellable);
    g_main_loop_run(f->loop);
    g_assert_error(f->error, DUB_ERROR, DUB_ERROR_CANCELLED);
}

static void test_free_while_under_way(Fixture *f, const void *data G_GNUC_UNUSED)
{
    dub_mediamtx_client_list_async(f->client, NULL, on_list, f);
    g_clear_pointer(&f->client, dub_mediamtx_client_free);
    g_main_loop_run(f->loop);
    g_assert_error(f->error, DUB_ERROR, DUB_ERROR_CANCELLED);
}

static void test_nobody_there(Fixture *f, const void *data G_GNUC_UNUSED)
{
    g_clear_pointer(&f->listener, eio_listener_free);
    dub_mediamtx_client_list_async(f->client, NULL, on_list, f);
    g_main_loop_run(f->loop);
    g_assert_error(f->error, DUB_ERROR, DUB_ERROR_NETWORK);
    g_assert_nonnull(strstr(f->error->message, "127.0.0.1"));
}

typedef struct {
    const char *name, *target;
    guint status;
    const char *body; /* what it must contain */
} RawCase;

static const RawCase raw_cases[] = {
    { "first-page", "/v3/paths/list?itemsPerPage=2", 200, "\"itemCount\":5,\"pageCount\":3" },
    { "last-page", "/v3/paths/list?itemsPerPage=2&page=2", 200, "live/s00004/in" },
    { "beyond", "/v3/paths/list?page=7", 200, "\"items\":[]" },
    { "default", "/v3/paths/list", 200, "\"pageCount\":1" },
    { "no-items", "/v3/paths/list?itemsPerPage=0", 400, "\"status\":\"error\"" },
    { "negative-page", "/v3/paths/list?page=-1", 400, "\"status\":\"error\"" },
    { "word-page", "/v3/paths/list?page=x", 400, "\"status\":\"error\"" },
    { "huge-page", "/v3/paths/list?page=99999999999999999999", 400, "\"status\":\"error\"" },
    { "largest-page", "/v3/paths/list?page=2147483647&itemsPerPage=2147483647", 200, "\"items\":[]" },
    { "get", "/v3/paths/get/live/s00001/in", 200, "\"name\":\"live/s00001/in\"" },
    { "get-escaped", "/v3/paths/get/live%2Fs00001%2Fin", 200, "\"name\":\"live/s00001/in\"" },
    { "get-unknown", "/v3/paths/get/x", 404, "{\"status\":\"error\",\"error\":\"path not found\"}" },
    { "get-nothing", "/v3/paths/get/", 400, "invalid name" },
    { "below-list", "/v3/paths/list/x", 404, "not found" },
};

static void on_raw(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Fixture *f = user_data;
    g_autoptr(GBytes) bytes = soup_session_send_and_read_finish(SOUP_SESSION(source), result, &f->error);
    f->paths = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(f->paths, g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes)));
    g_main_loop_quit(f->loop);
}

static void test_raw(const void *data)
{
    const RawCase *c = data;
    Fixture f = { 0 };
    set_up(&f, GUINT_TO_POINTER(5));
    g_autofree char *url = g_strconcat(f.url, c->target, NULL);
    g_autoptr(SoupSession) session = soup_session_new();
    g_autoptr(SoupMessage) message = soup_message_new("GET", url);
    soup_session_send_and_read_async(session, message, 0, NULL, on_raw, &f);
    g_main_loop_run(f.loop);
    g_assert_no_error(f.error);
    g_assert_cmpuint(soup_message_get_status(message), ==, c->status);
    g_assert_nonnull(strstr(f.paths->pdata[0], c->body));
    tear_down(&f, NULL);
}

typedef struct {
    const char *name;
    guint status; /* 0: never answers */
    const char *body;
    DubErrorCode expected;
} OddCase;

static const OddCase odd_cases[] = {
    { "html", 200, "<html>", DUB_ERROR_PROTOCOL },
    { "empty", 200, "", DUB_ERROR_PROTOCOL },
    { "array", 200, "[]", DUB_ERROR_PROTOCOL },
    { "no-items", 200, "{\"pageCount\":1}", DUB_ERROR_PROTOCOL },
    { "bad-item", 200, "{\"pageCount\":1,\"items\":[{}]}", DUB_ERROR_PROTOCOL },
    { "endless-pages", 200, "{\"pageCount\":1000000,\"items\":[]}", DUB_ERROR_PROTOCOL },
    { "unauthorized", 401, "{}", DUB_ERROR_AUTH },
    { "forbidden", 403, "{}", DUB_ERROR_AUTH },
    { "server-error", 500, "{}", DUB_ERROR_PROTOCOL },
    { "redirect", 302, "{}", DUB_ERROR_PROTOCOL },
    { "silence", 0, NULL, DUB_ERROR_TIMEOUT },
};

static void on_odd(SoupServer *server G_GNUC_UNUSED, SoupServerMessage *message, const char *path G_GNUC_UNUSED,
                   GHashTable *query G_GNUC_UNUSED, gpointer user_data)
{
    const Fixture *f = user_data;
    if (f->status)
        dub_http_reply_text(message, f->status, "application/json", f->body);
    else
        soup_server_message_pause(message);
}

static void test_odd(const void *data)
{
    const OddCase *c = data;
    Fixture f = { .server = dub_http_server_new(), .status = c->status, .body = c->body };
    soup_server_add_handler(f.server, "/", on_odd, &f, NULL);
    set_up_client(&f, c->expected == DUB_ERROR_TIMEOUT ? 1 : PATIENT_S);
    dub_mediamtx_client_list_async(f.client, NULL, on_list, &f);
    g_main_loop_run(f.loop);
    g_assert_null(f.paths);
    g_assert_error(f.error, DUB_ERROR, (int) c->expected);
    tear_down(&f, NULL);
}

static void test_bad_url(void)
{
    static const char *const urls[] = { "", "mediamtx:9997", "ftp://x", "http://", "not a url" };
    for (gsize i = 0; i < G_N_ELEMENTS(urls); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(dub_mediamtx_client_new(urls[i], 1, &error));
        g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    }
}

#define ADD(name, n_paths, test) \
    g_test_add("/mediamtx/client/" name, Fixture, GUINT_TO_POINTER(n_paths), set_up, test, tear_down)

/* --- a MediaMTX: the publisher's query is told of its connection
 * ------------------------------------------------------ */

typedef struct {
    const char *name, *source_type, *connections; /* where it is asked for; NULL: nowhere */
    guint status;
    const char *answer, *expected;
} QueryCase;

static const QueryCase query_cases[] = {
    { "rtmp", "rtmpConn", "rtmpconns", 200, "{\"id\":\"a b\",\"query\":\"lang=fr&voice=x\"}", "lang=fr&voice=x" },
    { "srt", "srtConn", "srtconns", 200, "{\"query\":\"lang=fr\"}", "lang=fr" },
    { "rtsp", "rtspSession", "rtspsessions", 200, "{\"query\":\"lang=fr\"}", "lang=fr" },
    { "webrtc", "webRTCSession", "webrtcsessions", 200, "{\"query\":\"lang=fr\"}", "lang=fr" },
    { "none", "rtmpConn", "rtmpconns", 200, "{\"query\":\"\"}", "" },
    { "older-server-tells-none", "rtmpConn", "rtmpconns", 200, "{\"id\":\"a b\"}", "" },
    { "gone-meanwhile", "rtmpConn", "rtmpconns", 404, "{\"error\":\"connection not found\"}", "" },
    { "of-another-kind", "hlsSource", NULL, 200, "", "" },
};

typedef struct {
    Fixture f;
    const QueryCase *c;
    guint n_asked;
} QueryFixture;

static void on_request(G_GNUC_UNUSED SoupServer *server, SoupServerMessage *message, const char *path,
                       G_GNUC_UNUSED GHashTable *query, gpointer data)
{
    QueryFixture *q = data;
    g_autofree char *connection = g_strdup_printf("/v3/%s/get/a b", q->c->connections ? q->c->connections : "nothing");
    g_autofree char *list =
        g_strdup_printf("{\"pageCount\":1,\"itemCount\":2,\"items\":[{\"name\":\"live/x/"
                        "in\",\"ready\":true,\"source\":{\"type\":\"%s\",\"id\":\"a b\"}},"
                        "{\"name\":\"live/x/out\",\"ready\":true,\"source\":{\"type\":\"%s\",\"id\":\"ours\"}}]}",
                        q->c->source_type, q->c->source_type);
    const bool is_list = strcmp(path, "/v3/paths/list") == 0;
    if (!is_list) {
        g_assert_cmpstr(path, ==, connection);
        q->n_asked++;
    }
    const char *body = is_list ? list : q->c->answer;
    soup_server_message_set_status(message, is_list ? 200 : q->c->status, NULL);
    soup_server_message_set_response(message, "application/json", SOUP_MEMORY_COPY, body, strlen(body));
}

static void test_query(const void *data)
{
    QueryFixture q = { .c = data };
    q.f.server = dub_http_server_new();
    soup_server_add_handler(q.f.server, NULL, on_request, &q, NULL);
    set_up_client(&q.f, PATIENT_S);
    for (int i = 0; i < 2; i++) { /* the second list asks about nobody again */
        g_clear_pointer(&q.f.paths, g_ptr_array_unref);
        dub_mediamtx_client_list_async(q.f.client, NULL, on_list, &q.f);
        g_main_loop_run(q.f.loop);
        g_assert_no_error(q.f.error);
        g_assert_cmpstr(((DubMediamtxPath *) q.f.paths->pdata[0])->query, ==, q.c->expected);
        g_assert_cmpuint(q.n_asked, ==, q.c->connections ? 1 : 0);
    }
    tear_down(&q.f, NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("list-none", 0, test_list);
    ADD("list-some", 7, test_list);
    ADD("list-pages", 1203, test_list);
    ADD("get", 7, test_get);
    ADD("get-not-found", 7, test_get_not_found);
    ADD("cancel", 7, test_cancel);
    ADD("free-while-under-way", 7, test_free_while_under_way);
    ADD("nobody-there", 7, test_nobody_there);
    g_test_add_func("/mediamtx/client/bad-url", test_bad_url);
    for (gsize i = 0; i < G_N_ELEMENTS(query_cases); i++) {
        g_autofree char *path = g_strconcat("/mediamtx/client/query/", query_cases[i].name, NULL);
        g_test_add_data_func(path, &query_cases[i], test_query);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(raw_cases); i++) {
        g_autofree char *path = g_strconcat("/mediamtx/api/", raw_cases[i].name, NULL);
        g_test_add_data_func(path, &raw_cases[i], test_raw);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(odd_cases); i++) {
        g_autofree char *path = g_strconcat("/mediamtx/client/odd/", odd_cases[i].name, NULL);
        g_test_add_data_func(path, &odd_cases[i], test_odd);
    }
    return g_test_run();
}
