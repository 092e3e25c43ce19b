/* SPDX-License-Identifier: MIT
 * engineio/gate: what a listener's peer reads when libsoup could, or could not, tell where its request ends.
 * Under ASan these tests also say that nothing leaks. */
#include "support/listen.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>

#define OK(lines) "GET / HTTP/1.1\r\nHost: a\r\n" lines "\r\n"
#define WAIT_S    10
#define LONG_PATH 65000

typedef struct {
    const char *name, *request;
    const char *status; /* how the answer begins; NULL: none comes, the connection just ends */
    guint n_seen;       /* requests that reach libsoup's handler */
} Case;

static const Case cases[] = {
    { "no-body", OK(""), "HTTP/1.1 200", 1 },
    { "length", OK("Content-Length: 2\r\n") "ab", "HTTP/1.1 200", 1 },
    { "chunked", OK("Transfer-Encoding: chunked\r\n") "2\r\nab\r\n0\r\n\r\n", "HTTP/1.1 200", 1 },
    { "chunked-in-capitals", OK("TRANSFER-ENCODING: CHUNKED\r\n") "0\r\n\r\n", "HTTP/1.1 200", 1 },
    { "identity", OK("Transfer-Encoding: identity\r\n"), "HTTP/1.1 200", 1 },
    { "unknown", OK("Transfer-Encoding: gzip\r\n"), "HTTP/1.1 501", 0 },
    { "unknown-and-chunked", OK("Transfer-Encoding: gzip, chunked\r\n") "0\r\n\r\n", "HTTP/1.1 501", 0 },
    { "unknown-with-length", OK("Content-Length: 2\r\nTransfer-Encoding: gzip\r\n") "ab", "HTTP/1.1 501", 0 },
    { "unknown-on-two-lines", OK("Transfer-Encoding:\r\n  gzip\r\n"), "HTTP/1.1 501", 0 },
    { "unknown-without-returns", "GET / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip\n\n", "HTTP/1.1 501", 0 },
    { "unknown-behind-empty-lines", "\r\n\r\n" OK("Transfer-Encoding: gzip\r\n"), "HTTP/1.1 501", 0 },
    { "unknown-behind-one-empty-line", "\n" OK("Transfer-Encoding: gzip\r\n"), "HTTP/1.1 501", 0 },
    { "unknown-without-an-end", "GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n", "HTTP/1.1 501", 0 },
    { "unknown-and-no-request", "GET /\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.0 400", 0 },
    { "unknown-in-the-body", OK("Content-Length: 25\r\n") "Transfer-Encoding: gzip\r\n", "HTTP/1.1 200", 1 },
    { "length-with-letters", OK("Content-Length: 2x\r\n") "ab", "HTTP/1.1 400", 0 },
    { "empty-lines-alone", "\r\n\r\n\r\n", "HTTP/1.0 400", 0 },
    { "nothing", "", NULL, 0 },
};

typedef struct {
    SoupServer *soup;
    EioListener *listener;
    char *url;
    guint n_seen;
    GSocketConnection *peer;
    GString *answer;
    char buffer[1000];
    bool is_over;
} Fixture;

/* As every server of ours: libsoup 3.2 is not to see a second request of a connection. */
static void on_started(SoupServer *soup G_GNUC_UNUSED, SoupServerMessage *message, void *data G_GNUC_UNUSED)
{
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Connection", "close");
}

static void on_request(SoupServer *soup G_GNUC_UNUSED, SoupServerMessage *message, const char *path G_GNUC_UNUSED,
                       GHashTable *query G_GNUC_UNUSED, void *data)
{
    ((Fixture *) data)->n_seen++;
    soup_server_message_set_status(message, SOUP_STATUS_OK, NULL);
}

static void set_up(Fixture *f)
{
    *f = (Fixture){ .soup = soup_server_new(NULL, NULL), .answer = g_string_new(NULL) };
    g_signal_connect(f->soup, "request-started", G_CALLBACK(on_started), NULL);
    soup_server_add_handler(f->soup, NULL, on_request, f, NULL);
    f->listener = listen_on_loopback(f->soup, 0, NULL, &f->url);
    g_autoptr(GSocketClient) client = g_socket_client_new();
    f->peer = g_socket_client_connect_to_host(client, f->url + strlen("http://"), 1, NULL, NULL);
    g_assert_nonnull(f->peer);
    g_socket_set_option(g_socket_connection_get_socket(f->peer), IPPROTO_TCP, TCP_NODELAY, 1, NULL);
}

static void tear_down(Fixture *f)
{
    g_object_unref(f->peer);
    eio_listener_free(f->listener);
    soup_server_disconnect(f->soup);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_object_unref(f->soup);
    g_string_free(f->answer, TRUE);
    g_free(f->url);
}

static void on_read(GObject *stream, GAsyncResult *result, void *data)
{
    Fixture *f = data;
    const gssize n = g_input_stream_read_finish(G_INPUT_STREAM(stream), result, NULL);
    f->is_over = n <= 0; /* a peer that is refused before its body is read may be reset */
    if (f->is_over)
        return;
    g_string_append_len(f->answer, f->buffer, n);
    g_input_stream_read_async(G_INPUT_STREAM(stream), f->buffer, sizeof f->buffer, 0, NULL, on_read, f);
}

static gboolean on_give_up(void *data G_GNUC_UNUSED)
{
    g_error("not within %d s", WAIT_S);
    return G_SOURCE_REMOVE;
}

/* The peer sends @step bytes at a time, each once the server has had its turn. */
static void talk(Fixture *f, const char *request, gsize size, gsize step)
{
    GSocket *socket = g_socket_connection_get_socket(f->peer);
    const guint give_up = g_timeout_add_seconds(WAIT_S, on_give_up, NULL);
    g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(f->peer)), f->buffer, sizeof f->buffer, 0, NULL,
                              on_read, f);
    for (gsize sent = 0; sent < size && !f->is_over; sent += step) {
        const gssize n = g_socket_send(socket, request + sent, MIN(step, size - sent), NULL, NULL);
        g_assert_true(n == (gssize) MIN(step, size - sent) || n < 0); /* refused by now */
        while (g_main_context_iteration(NULL, FALSE))
            ;
    }
    g_socket_shutdown(socket, FALSE, TRUE, NULL);
    while (!f->is_over)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(give_up);
}

static void run_case(const Case *c, gsize step)
{
    Fixture f;
    set_up(&f);
    talk(&f, c->request, strlen(c->request), step);
    if (!c->status)
        g_assert_cmpstr(f.answer->str, ==, "");
    else if (!g_str_has_prefix(f.answer->str, c->status))
        g_error("%s is not answered by %s but by: %s", c->name, c->status, f.answer->str);
    g_assert_cmpuint(f.n_seen, ==, c->n_seen);
    tear_down(&f);
}

static void test_at_once(const void *data)
{
    run_case(data, G_MAXUINT16);
}

static void test_byte_by_byte(const void *data)
{
    run_case(data, 1);
}

static void test_names_the_cure(void)
{
    Fixture f;
    set_up(&f);
    talk(&f, cases[5].request, strlen(cases[5].request), G_MAXUINT16);
    g_assert_true(
        g_str_has_suffix(f.answer->str, "\r\n\r\nthe only Transfer-Encoding that is understood is chunked\n"));
    tear_down(&f);
}

/* The longest path there can be, which libsoup would leak; and a head that is longer than any, which it
 * refuses. */
static void test_long_head(const void *data)
{
    Fixture f;
    const gsize length = GPOINTER_TO_SIZE(data);
    g_autofree char *path = g_strnfill(length, 'x');
    g_autofree char *request = g_strdup_printf("GET /%s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", path);
    set_up(&f);
    talk(&f, request, strlen(request), 4096);
    g_assert_true(length > LONG_PATH || g_str_has_prefix(f.answer->str, "HTTP/1.1 501"));
    g_assert_cmpuint(f.n_seen, ==, 0);
    tear_down(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *at_once = g_strconcat("/engineio/gate/at-once/", cases[i].name, NULL);
        g_autofree char *byte_by_byte = g_strconcat("/engineio/gate/byte-by-byte/", cases[i].name, NULL);
        g_test_add_data_func(at_once, &cases[i], test_at_once);
        g_test_add_data_func(byte_by_byte, &cases[i], test_byte_by_byte);
    }
    g_test_add_func("/engineio/gate/names-the-cure", test_names_the_cure);
    g_test_add_data_func("/engineio/gate/long-head", GSIZE_TO_POINTER(LONG_PATH), test_long_head);
    g_test_add_data_func("/engineio/gate/endless-head", GSIZE_TO_POINTER(1000000), test_long_head);
    return g_test_run();
}
