/* Unit tests of base/http: a real server and a real client in one loop. */
#include "base/error.h"
#include "base/http-poll.h"
#include "base/http.h"
#include "engineio/listener.h" /* as our programs listen */

#include <string.h>

static const DubMetricSpec specs[] = { { "test_things", DUB_METRIC_GAUGE, "Things.", NULL, NULL } };

typedef struct {
    SoupServer *server;
    EioListener *listener;
    DubMetrics *metrics;
    char *base_url;
} Fixture;

static void on_error_page(G_GNUC_UNUSED SoupServer *server, SoupServerMessage *message, G_GNUC_UNUSED const char *path,
                          G_GNUC_UNUSED GHashTable *query, G_GNUC_UNUSED gpointer user_data)
{
    dub_http_reply_error(message, SOUP_STATUS_UNPROCESSABLE_ENTITY, "BAD", "path: \"x\" is \xff");
}

static void set_up(Fixture *f, gconstpointer host)
{
    g_autoptr(GError) error = NULL;
    f->server = dub_http_server_new();
    f->metrics = dub_metrics_new(specs, G_N_ELEMENTS(specs));
    dub_http_add_metrics(f->server, f->metrics);
    soup_server_add_handler(f->server, "/error", on_error_page, NULL, NULL);
    guint port;
    g_autoptr(GSocket) socket = dub_http_bind(host, 0, "PORT", &port, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(port, >, 0);
    f->listener = eio_listener_new(f->server, socket, NULL);
    f->base_url = g_strdup_printf("http://127.0.0.1:%u", port);
}

static void tear_down(Fixture *f, G_GNUC_UNUSED gconstpointer host)
{
    eio_listener_free(f->listener);
    g_clear_object(&f->server);
    dub_metrics_free(f->metrics);
    g_free(f->base_url);
}

typedef struct {
    GBytes *body;
    GError *error;
    bool done;
} Reply;

static void on_reply(GObject *session, GAsyncResult *result, gpointer user_data)
{
    Reply *reply = user_data;
    reply->body = soup_session_send_and_read_finish(SOUP_SESSION(session), result, &reply->error);
    reply->done = true;
}

static char *request(Fixture *f, const char *method, const char *path, guint *status, char **type)
{
    g_autofree char *url = g_strconcat(f->base_url, path, NULL);
    g_autoptr(SoupSession) session = soup_session_new();
    g_autoptr(SoupMessage) message = soup_message_new(method, url);
    Reply reply = { 0 };
    soup_session_send_and_read_async(session, message, G_PRIORITY_DEFAULT, NULL, on_reply, &reply);
    while (!reply.done)
        g_main_context_iteration(NULL, TRUE);
    g_assert_no_error(reply.error);
    g_autoptr(GBytes) body = reply.body;
    *status = soup_message_get_status(message);
    if (type)
        *type = g_strdup(soup_message_headers_get_one(soup_message_get_response_headers(message), "Content-Type"));
    return g_strndup(g_bytes_get_data(body, NULL), g_bytes_get_size(body));
}

static void test_metrics(Fixture *f, G_GNUC_UNUSED gconstpointer host)
{
    guint status;
    g_autofree char *type = NULL;
    dub_metrics_set(f->metrics, 0, 7, NULL);
    g_autofree char *body = request(f, "GET", "/metrics", &status, &type);
    g_assert_cmpuint(status, ==, 200);
    g_assert_cmpstr(type, ==, "text/plain; version=0.0.4; charset=utf-8");
    g_assert_nonnull(strstr(body, "\ntest_things 7\n"));
}

static void test_metrics_refusals(Fixture *f, G_GNUC_UNUSED gconstpointer host)
{
    guint status;
    g_autofree char *posted = request(f, "POST", "/metrics", &status, NULL);
    g_assert_cmpuint(status, ==, 405);
    g_assert_nonnull(strstr(posted, "METHOD_NOT_ALLOWED"));
    g_autofree char *below = request(f, "GET", "/metrics/x", &status, NULL);
    g_assert_cmpuint(status, ==, 404);
    g_assert_nonnull(strstr(below, "NOT_FOUND"));
}

static void test_error_page(Fixture *f, G_GNUC_UNUSED gconstpointer host)
{
    guint status;
    g_autofree char *type = NULL;
    g_autofree char *body = request(f, "GET", "/error", &status, &type);
    g_assert_cmpuint(status, ==, 422);
    g_assert_cmpstr(type, ==, "application/json");
    g_assert_cmpstr(body, ==, "{\"error\":{\"code\":\"BAD\",\"message\":\"path: \\\"x\\\" is \xef\xbf\xbd\"}}");
}

static void test_port_in_use(Fixture *f, G_GNUC_UNUSED gconstpointer host)
{
    g_autoptr(GError) error = NULL;
    guint port = (guint) g_ascii_strtoull(strrchr(f->base_url, ':') + 1, NULL, 10);
    g_autofree char *expected =
        g_strdup_printf("port %u is in use by another program; choose another with STS_PORT", port);
    g_assert_null(dub_http_bind("127.0.0.1", port, "STS_PORT", &port, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_BUSY);
    g_assert_cmpstr(error->message, ==, expected);
}

static void test_bad_host(void)
{
    g_autoptr(GError) error = NULL;
    guint port;
    g_assert_null(dub_http_bind("203.0.113.1", 0, "PORT", &port, &error)); /* TEST-NET-3: not ours */
    g_assert_error(error, DUB_ERROR, DUB_ERROR_NETWORK);
    g_assert_nonnull(strstr(error->message, "203.0.113.1"));
}

/* ── Asking again and again ── */

typedef struct {
    guint status;
    unsigned n_answers;
} Polled;

static void on_polled(guint status, void *data)
{
    Polled *polled = data;
    polled->status = status;
    polled->n_answers++;
}

static void wait_answers(const Polled *polled, unsigned n_answers)
{
    while (polled->n_answers < n_answers)
        g_main_context_iteration(NULL, TRUE);
}

static void test_poll(Fixture *f, G_GNUC_UNUSED gconstpointer host)
{
    Polled polled = { .status = 1 };
    g_autofree char *url = g_strconcat(f->base_url, "/error", NULL);
    DubHttpPoll *poll = dub_http_poll_new(url, 10, 2, on_polled, &polled);
    dub_http_poll_ask(poll);
    dub_http_poll_ask(poll); /* one at a time */
    wait_answers(&polled, 1);
    g_assert_cmpuint(polled.status, ==, SOUP_STATUS_UNPROCESSABLE_ENTITY);
    dub_http_poll_run(poll, true);
    wait_answers(&polled, 3);
    g_clear_pointer(&f->listener, eio_listener_free); /* from here on nobody answers */
    while (polled.status != 0)
        g_main_context_iteration(NULL, TRUE);
    dub_http_poll_ask(poll);
    dub_http_poll_free(poll); /* with a request under way */
    const unsigned n_answers = polled.n_answers;
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(polled.n_answers, ==, n_answers);
}

static void test_printable(void)
{
    static const char *const cases[][2] = {
        { "rtmp://anna:secret@host:1935/live/x?key=secret#part", "rtmp://host:1935/live/x" },
        { "http://[::1]:3000", "http://[::1]:3000" },
        { "/home/anna/talk:secret.mp4", "/home/anna/talk:secret.mp4" },
        { "http://anna:secret@[host", "(malformed URL)" },
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *printable = dub_url_printable(cases[i][0]);
        g_assert_cmpstr(printable, ==, cases[i][1]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/base/http/metrics", Fixture, "127.0.0.1", set_up, test_metrics, tear_down);
    g_test_add("/base/http/both-families", Fixture, "::", set_up, test_metrics, tear_down);
    g_test_add("/base/http/by-name", Fixture, "localhost", set_up, test_metrics, tear_down);
    g_test_add("/base/http/metrics-refusals", Fixture, "0.0.0.0", set_up, test_metrics_refusals, tear_down);
    g_test_add("/base/http/error-page", Fixture, "127.0.0.1", set_up, test_error_page, tear_down);
    g_test_add("/base/http/port-in-use", Fixture, "127.0.0.1", set_up, test_port_in_use, tear_down);
    g_test_add_func("/base/http/bad-host", test_bad_host);
    g_test_add("/base/http/poll", Fixture, "127.0.0.1", set_up, test_poll, tear_down);
    g_test_add_func("/base/http/printable", test_printable);
    return g_test_run();
}
