/* SPDX-License-Identifier: MIT
 * Our server and our client in one process: what passes between them, and how connections end. */
#include "engineio/client.h"
#include "support/listen.h"

#include <glib/gstdio.h>
#include <string.h>

#define WAIT_S 10

typedef struct {
    SoupServer *soup;
    EioServer *server;
    EioClient *client;
    char *url;
    EioSocket *socket; /* the server's end; a reference */
    bool echoes;
    guint n_opened, n_closed; /* the server's */
    EioCloseReason server_reason;
    bool client_open;
    guint n_client_closed;
    EioCloseReason client_reason;
    GError *client_error;
    GPtrArray *received; /* of GBytes, by the client */
    EioFormat last_format;
    EioListener *listener;
} Fixture;

static void on_open(EioSocket *socket, void *user_data)
{
    Fixture *f = user_data;
    f->n_opened++;
    g_clear_pointer(&f->socket, eio_socket_unref);
    f->socket = eio_socket_ref(socket);
}

static void on_message(EioSocket *socket, EioFormat format, GBytes *data, void *user_data)
{
    const Fixture *f = user_data;
    if (f->echoes)
        g_assert_true(eio_socket_send(socket, format, data));
}

static void on_close(EioSocket *socket, EioCloseReason reason, void *user_data)
{
    Fixture *f = user_data;
    g_assert_false(eio_socket_is_open(socket));
    f->n_closed++;
    f->server_reason = reason;
}

static void on_client_open(EioClient *client, void *user_data)
{
    Fixture *f = user_data;
    g_assert_true(eio_client_is_open(client));
    f->client_open = true;
}

static void on_client_message(EioClient *client G_GNUC_UNUSED, EioFormat format, GBytes *data, void *user_data)
{
    Fixture *f = user_data;
    f->last_format = format;
    g_ptr_array_add(f->received, g_bytes_ref(data));
}

static void on_client_close(EioClient *client G_GNUC_UNUSED, EioCloseReason reason, const GError *error,
                            void *user_data)
{
    Fixture *f = user_data;
    f->n_client_closed++;
    f->client_open = false;
    f->client_reason = reason;
    g_clear_error(&f->client_error);
    f->client_error = error ? g_error_copy(error) : NULL;
}

static const EioServerCallbacks server_callbacks = { .on_open = on_open,
                                                     .on_message = on_message,
                                                     .on_close = on_close };
static const EioClientCallbacks client_callbacks = { on_client_open, on_client_message, on_client_close };

static void set_up(Fixture *f, const EioServerOptions *server_options, EioClientOptions *client_options)
{
    static const char *const paths[] = { "/engine.io/", NULL };
    EioServerOptions defaults;
    EioClientOptions client_defaults;
    eio_server_options_init(&defaults);
    eio_client_options_init(&client_defaults);
    *f = (Fixture){ .echoes = true, .received = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref) };
    f->soup = soup_server_new(NULL, NULL);
    f->server = eio_server_new(f->soup, paths, server_options ? server_options : &defaults, &server_callbacks, f);
    f->listener = listen_on_loopback(f->soup, 0, NULL, &f->url);
    if (!client_options)
        client_options = &client_defaults;
    client_options->url = f->url;
    f->client = eio_client_new(client_options, &client_callbacks, f);
}

static void tear_down(Fixture *f)
{
    eio_client_free(f->client);
    eio_server_free(f->server);
    g_clear_pointer(&f->socket, eio_socket_unref);
    eio_listener_free(f->listener);
    soup_server_disconnect(f->soup);
    while (g_main_context_iteration(NULL, FALSE)) /* what closes by itself */
        ;
    g_object_unref(f->soup);
    g_ptr_array_unref(f->received);
    g_clear_error(&f->client_error);
    g_free(f->url);
}

static gboolean on_give_up(void *data G_GNUC_UNUSED)
{
    g_error("not within %d s", WAIT_S);
    return G_SOURCE_REMOVE;
}

#define WAIT_FOR(condition)                                                    \
    do {                                                                       \
        const guint give_up = g_timeout_add_seconds(WAIT_S, on_give_up, NULL); \
        while (!(condition))                                                   \
            g_main_context_iteration(NULL, TRUE);                              \
        g_source_remove(give_up);                                              \
    } while (0)

static void open_client(Fixture *f)
{
    eio_client_open(f->client);
    WAIT_FOR(f->client_open && f->n_opened == 1);
}

static GBytes *make_bytes(gsize size, guint8 value)
{
    guint8 *bytes = g_malloc(size + 1);
    memset(bytes, value, size);
    return g_bytes_new_take(bytes, size);
}

static void test_echo(void)
{
    static const gsize sizes[] = { 0, 1, 124, 125, 126, 4000, 4096, 65535, 65536, 130000, 5000000 };
    Fixture f;
    set_up(&f, NULL, NULL);
    open_client(&f);
    g_assert_cmpstr(eio_socket_get_transport(f.socket), ==, "websocket");
    g_assert_cmpstr(eio_socket_get_remote_address(f.socket), ==, "127.0.0.1");
    g_assert_cmpstr(eio_socket_get_sid(f.socket), ==, eio_client_get_sid(f.client));
    for (guint i = 0; i < G_N_ELEMENTS(sizes) * 2; i++) {
        const EioFormat format = i % 2 ? EIO_BINARY : EIO_TEXT;
        g_autoptr(GBytes) data = make_bytes(sizes[i / 2], 'x');
        g_assert_true(eio_client_send(f.client, format, data));
        WAIT_FOR(f.received->len == i + 1);
        g_assert_cmpint(f.last_format, ==, format);
        g_assert_true(g_bytes_equal(g_ptr_array_index(f.received, i), data));
    }
    g_assert_cmpuint(eio_socket_get_buffered_bytes(f.socket), ==, 0);
    tear_down(&f);
}

static void test_order(void)
{
    Fixture f;
    set_up(&f, NULL, NULL);
    open_client(&f);
    for (guint i = 0; i < 2000; i++) {
        g_autoptr(GBytes) data = g_bytes_new(&i, sizeof i);
        g_assert_true(eio_client_send(f.client, EIO_BINARY, data));
    }
    WAIT_FOR(f.received->len == 2000);
    for (guint i = 0; i < 2000; i++)
        g_assert_cmpmem(g_bytes_get_data(g_ptr_array_index(f.received, i), NULL), sizeof i, &i, sizeof i);
    tear_down(&f);
}

static void test_client_closes(void)
{
    Fixture f;
    set_up(&f, NULL, NULL);
    open_client(&f);
    eio_client_close(f.client);
    g_assert_cmpuint(f.n_client_closed, ==, 1);
    g_assert_no_error(f.client_error);
    WAIT_FOR(f.n_closed == 1);
    g_assert_cmpint(f.server_reason, ==, EIO_CLOSE_TRANSPORT);
    g_assert_cmpuint(eio_server_count(f.server), ==, 0);
    g_autoptr(GBytes) data = make_bytes(1, 'x');
    g_assert_false(eio_socket_send(f.socket, EIO_TEXT, data));
    g_assert_false(eio_client_send(f.client, EIO_TEXT, data));
    tear_down(&f);
}

static void test_server_closes_after_what_is_queued(void)
{
    Fixture f;
    set_up(&f, NULL, NULL);
    open_client(&f);
    g_autoptr(GBytes) data = make_bytes(3000000, 'x');
    g_assert_true(eio_socket_send(f.socket, EIO_TEXT, data));
    eio_socket_close(f.socket);
    g_assert_cmpuint(f.n_closed, ==, 1);
    g_assert_cmpint(f.server_reason, ==, EIO_CLOSE_SERVER);
    WAIT_FOR(f.n_client_closed == 1);
    g_assert_cmpuint(f.received->len, ==, 1);
    tear_down(&f);
}

static void test_open_again(void)
{
    Fixture f;
    set_up(&f, NULL, NULL);
    for (guint i = 1; i <= 3; i++) {
        eio_client_open(f.client);
        WAIT_FOR(f.client_open && f.n_opened == i);
        eio_client_close(f.client);
        WAIT_FOR(f.n_closed == i);
    }
    tear_down(&f);
}

static void test_full_server(void)
{
    Fixture f;
    EioServerOptions options;
    eio_server_options_init(&options);
    options.max_connections = 1;
    set_up(&f, &options, NULL);
    open_client(&f);
    EioClientOptions second_options;
    eio_client_options_init(&second_options);
    second_options.url = f.url;
    g_autoptr(EioClient) second = eio_client_new(&second_options, &client_callbacks, &f);
    eio_client_open(second);
    WAIT_FOR(f.n_client_closed == 1);
    g_assert_error(f.client_error, EIO_ERROR, EIO_ERROR_REFUSED);
    g_assert_nonnull(strstr(f.client_error->message, "503"));
    g_assert_nonnull(strstr(f.client_error->message, "Server is full: 1 connections"));
    tear_down(&f);
}

static void test_message_too_large_for_server(void)
{
    Fixture f;
    EioServerOptions options;
    eio_server_options_init(&options);
    options.max_payload_bytes = 1000;
    set_up(&f, &options, NULL);
    open_client(&f);
    g_autoptr(GBytes) most = make_bytes(999, 'x'), over = make_bytes(1000, 'x');
    g_assert_true(eio_client_send(f.client, EIO_TEXT, most));
    WAIT_FOR(f.received->len == 1);
    g_assert_false(eio_client_send(f.client, EIO_TEXT, over)); /* the client knows the server's limit */
    g_assert_true(eio_client_is_open(f.client));
    tear_down(&f);
}

static void test_message_too_large_for_client(void)
{
    Fixture f;
    EioClientOptions options;
    eio_client_options_init(&options);
    options.max_payload_bytes = 1000;
    set_up(&f, NULL, &options);
    open_client(&f);
    g_autoptr(GBytes) over = make_bytes(1000, 'x');
    g_assert_true(eio_socket_send(f.socket, EIO_TEXT, over));
    WAIT_FOR(f.n_client_closed == 1);
    g_assert_cmpint(f.client_reason, ==, EIO_CLOSE_TOO_LARGE);
    g_assert_error(f.client_error, EIO_ERROR, EIO_ERROR_TOO_LARGE);
    WAIT_FOR(f.n_closed == 1);
    tear_down(&f);
}

/* The client's loop does not run while the server sends. */
static void test_peer_that_does_not_read(void)
{
    Fixture f;
    EioServerOptions options;
    eio_server_options_init(&options);
    options.max_buffered_bytes = 20000000;
    set_up(&f, &options, NULL);
    open_client(&f);
    g_autoptr(GBytes) data = make_bytes(1000000, 'x');
    guint n = 0;
    while (eio_socket_send(f.socket, EIO_BINARY, data)) {
        g_assert_cmpuint(eio_socket_get_buffered_bytes(f.socket), <=, options.max_buffered_bytes);
        g_assert_cmpuint(++n, <, 100);
    }
    g_assert_cmpuint(n, >=, 19);
    g_assert_cmpuint(f.n_closed, ==, 0); /* never from inside send */
    WAIT_FOR(f.n_closed == 1);
    g_assert_cmpint(f.server_reason, ==, EIO_CLOSE_OVERFLOW);
    WAIT_FOR(f.n_client_closed == 1);
    tear_down(&f);
}

static void test_heartbeat_keeps_alive(void)
{
    Fixture f;
    EioServerOptions options;
    eio_server_options_init(&options);
    options.ping_interval_ms = 20;
    options.ping_timeout_ms = 500;
    set_up(&f, &options, NULL);
    open_client(&f);
    const gint64 end = g_get_monotonic_time() + 300000; /* many heartbeats */
    WAIT_FOR(g_get_monotonic_time() > end);
    g_assert_cmpuint(f.n_closed + f.n_client_closed, ==, 0);
    tear_down(&f);
}

/* A listener that accepts, and never says a word. */
static void test_connect_timeout(void)
{
    Fixture f;
    EioClientOptions options;
    eio_client_options_init(&options);
    options.connect_timeout_ms = 50;
    g_autoptr(GSocketListener) listener = g_socket_listener_new();
    const guint16 port = g_socket_listener_add_any_inet_port(listener, NULL, NULL);
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", port);
    set_up(&f, NULL, NULL);
    options.url = url;
    g_autoptr(EioClient) client = eio_client_new(&options, &client_callbacks, &f);
    eio_client_open(client);
    WAIT_FOR(f.n_client_closed == 1);
    g_assert_error(f.client_error, EIO_ERROR, EIO_ERROR_TIMEOUT);
    tear_down(&f);
}

typedef struct {
    const char *name, *url, *path;
    EioErrorCode code;
    const char *text;
} FailCase;

static const FailCase fail_cases[] = {
    { "no-url", NULL, NULL, EIO_ERROR_TRANSPORT, "is not an http, https, ws or wss URL" },
    { "other-scheme", "ftp://127.0.0.1", NULL, EIO_ERROR_TRANSPORT, "is not an http, https, ws or wss URL" },
    { "nobody-listens", "http://127.0.0.1:1", NULL, EIO_ERROR_TRANSPORT, "127.0.0.1:1" },
    { "wrong-path", "", "/nowhere/", EIO_ERROR_REFUSED, "404" },
};

static void test_fail(const void *data)
{
    const FailCase *c = data;
    Fixture f;
    EioClientOptions options;
    eio_client_options_init(&options);
    set_up(&f, NULL, NULL);
    options.url = c->url && !*c->url ? f.url : c->url;
    options.path = c->path;
    g_autoptr(EioClient) client = eio_client_new(&options, &client_callbacks, &f);
    eio_client_open(client);
    g_assert_cmpuint(f.n_client_closed, ==, 0); /* never from inside open */
    WAIT_FOR(f.n_client_closed == 1);
    g_assert_error(f.client_error, EIO_ERROR, (int) c->code);
    g_assert_nonnull(strstr(f.client_error->message, c->text));
    tear_down(&f);
}

static void test_free_while_connecting(void)
{
    Fixture f;
    set_up(&f, NULL, NULL);
    for (guint i = 0; i < 5; i++) {
        EioClientOptions options;
        eio_client_options_init(&options);
        options.url = f.url;
        EioClient *client = eio_client_new(&options, &client_callbacks, &f);
        eio_client_open(client);
        for (guint j = 0; j < i; j++)
            g_main_context_iteration(NULL, FALSE);
        eio_client_free(client);
    }
    WAIT_FOR(f.n_opened == f.n_closed);
    g_assert_cmpuint(f.n_client_closed, ==, 0);
    tear_down(&f);
}

static void test_headers_and_query(void)
{
    static const char *const headers[] = { "X-Stream-ID", "stream-1", "X-Evil", "a\r\nX-Injected: 1", NULL };
    static const char *const query[] = { "who", "a b&c", NULL };
    Fixture f;
    EioClientOptions options;
    eio_client_options_init(&options);
    options.headers = headers;
    options.query = query;
    set_up(&f, NULL, &options);
    open_client(&f);
    SoupMessageHeaders *got = eio_socket_get_request_headers(f.socket);
    g_assert_cmpstr(soup_message_headers_get_one(got, "x-stream-id"), ==, "stream-1");
    g_assert_null(soup_message_headers_get_one(got, "X-Injected"));
    g_assert_cmpstr(eio_socket_get_query(f.socket, "who"), ==, "a b&c");
    g_assert_cmpstr(eio_socket_get_path(f.socket), ==, "/engine.io/");
    tear_down(&f);
}

/* Self-signed, for 127.0.0.1, until 2126; it protects nothing. */
static const char certificate_pem[] = "-----BEGIN CERTIFICATE-----\n"
                                      "MIIBmzCCAUGgAwIBAgIUBWdyCcJqaRh+Oas5oNoj8ejuXOYwCgYIKoZIzj0EAwIw\n"
                                      "FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTAzMTc0MFoYDzIxMjYxMDI4\n"
                                      "MDMxNzQwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
                                      "PQMBBwNCAAQzA4eU+ypAHb2usFeCTqUn2BcEBQLOBqdL3ZNZha9Ce3gzL4Wqz0bk\n"
                                      "8xJZjhXLyBTW/xjhrxJvpzQLMDWLFgUmo28wbTAdBgNVHQ4EFgQUXiFrFX1CzL0P\n"
                                      "gH2zARbGfenb2pcwHwYDVR0jBBgwFoAUXiFrFX1CzL0PgH2zARbGfenb2pcwDwYD\n"
                                      "VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwCgYIKoZI\n"
                                      "zj0EAwIDSAAwRQIgFPj+Cn+N6s/ybWhS65eCYRfW9v5Xkg+sOewbMcg9mlkCIQDe\n"
                                      "qlZ/TyldtzNkvsjtsMkmMFr5oIN5J1d6MMfUIYUQwQ==\n"
                                      "-----END CERTIFICATE-----\n"
                                      "-----BEGIN PRIVATE KEY-----\n"
                                      "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgOaInd6D7laBhgAQK\n"
                                      "dqzb2KqlRecobSQqvWT1adVd3YihRANCAAQzA4eU+ypAHb2usFeCTqUn2BcEBQLO\n"
                                      "BqdL3ZNZha9Ce3gzL4Wqz0bk8xJZjhXLyBTW/xjhrxJvpzQLMDWLFgUm\n"
                                      "-----END PRIVATE KEY-----\n";

static char *write_certificate(void)
{
    char *path = NULL;
    const int fd = g_file_open_tmp("eio-XXXXXX.pem", &path, NULL);
    g_assert_cmpint(fd, >=, 0);
    g_assert_true(g_close(fd, NULL));
    g_assert_true(g_file_set_contents(path, certificate_pem, -1, NULL));
    return path;
}

/* Over TLS; with the system's authorities instead of ours the certificate is refused. */
static void test_tls(void)
{
    Fixture f;
    EioClientOptions options;
    g_autoptr(GError) error = NULL;
    g_autofree char *path = write_certificate();
    g_autoptr(GTlsCertificate) certificate = g_tls_certificate_new_from_pem(certificate_pem, -1, &error);
    g_assert_no_error(error);
    g_autoptr(GTlsDatabase) database = g_tls_file_database_new(path, &error);
    g_assert_no_error(error);
    set_up(&f, NULL, NULL);
    soup_server_set_tls_certificate(f.soup, certificate);
    g_assert_true(soup_server_listen_local(f.soup, 0, SOUP_SERVER_LISTEN_HTTPS | SOUP_SERVER_LISTEN_IPV4_ONLY, NULL));
    GSList *uris = soup_server_get_uris(f.soup);
    g_autofree char *url = NULL;
    for (GSList *l = uris; l; l = l->next)
        if (strcmp(g_uri_get_scheme(l->data), "https") == 0)
            url = g_strdup_printf("wss://127.0.0.1:%d", g_uri_get_port(l->data));
    g_slist_free_full(uris, (GDestroyNotify) g_uri_unref);
    eio_client_options_init(&options);
    options.url = url;
    g_autoptr(EioClient) distrustful = eio_client_new(&options, &client_callbacks, &f);
    eio_client_open(distrustful);
    WAIT_FOR(f.n_client_closed == 1);
    g_assert_error(f.client_error, EIO_ERROR, EIO_ERROR_TRANSPORT);
    options.tls_database = database;
    g_autoptr(EioClient) client = eio_client_new(&options, &client_callbacks, &f);
    eio_client_open(client);
    WAIT_FOR(f.client_open);
    g_autoptr(GBytes) data = make_bytes(1000000, 'x');
    for (guint i = 0; i < 5; i++)
        g_assert_true(eio_client_send(client, EIO_TEXT, data));
    WAIT_FOR(f.received->len == 5);
    g_assert_true(g_bytes_equal(g_ptr_array_index(f.received, 4), data));
    eio_client_close(client);
    WAIT_FOR(f.n_closed == 1);
    g_unlink(path);
    tear_down(&f);
}

typedef struct {
    const char *name, *text;
    bool by_stream; /* the server is given connections that somebody else has accepted */
} SlowCase;

static const SlowCase slow_cases[] = {
    { "half-a-line", "GET /engi" },
    { "half-the-headers", "GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nX-Slow:" },
    { "half-a-body", "POST /elsewhere HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345" },
    { "half-the-headers-by-stream", "GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nX-Slow:", true },
    { "half-a-body-by-stream", "POST /elsewhere HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345", true },
};

static gboolean on_incoming(G_GNUC_UNUSED GSocketService *service, GSocketConnection *connection,
                            G_GNUC_UNUSED GObject *source, void *soup)
{
    g_autoptr(GSocketAddress) local = g_socket_connection_get_local_address(connection, NULL);
    g_autoptr(GSocketAddress) remote = g_socket_connection_get_remote_address(connection, NULL);
    g_assert_true(soup_server_accept_iostream(soup, G_IO_STREAM(connection), local, remote, NULL));
    return TRUE;
}

static void on_read(GObject *stream, GAsyncResult *result, void *n)
{
    *(gssize *) n = g_input_stream_read_finish(G_INPUT_STREAM(stream), result, NULL);
}

/* A request that never ends is cut off, whatever its path. */
/* ---- peers that say nothing ---- */

static GSocketConnection *connect_silently(const Fixture *f)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    GSocketConnection *connection = g_socket_client_connect_to_host(client, f->url + strlen("http://"), 1, NULL, NULL);
    g_assert_nonnull(connection);
    return connection;
}

static void assert_ended(GSocketConnection *connection)
{
    char byte;
    g_assert_cmpint(g_input_stream_read(g_io_stream_get_input_stream(G_IO_STREAM(connection)), &byte, 1, NULL, NULL),
                    <=, 0);
    g_object_unref(connection);
}

static void set_up_listener(Fixture *f, guint silence_timeout_ms, guint max_pending)
{
    const EioListenerOptions options = { silence_timeout_ms, max_pending };
    set_up(f, NULL, NULL);
    eio_listener_free(f->listener);
    g_free(f->url);
    f->listener = listen_on_loopback(f->soup, 0, &options, &f->url);
}

static void test_silent_peer(void)
{
    Fixture f;
    set_up_listener(&f, 50, 10);
    GSocketConnection *silent = connect_silently(&f);
    WAIT_FOR(eio_listener_count_pending(f.listener) == 1);
    WAIT_FOR(eio_listener_count_pending(f.listener) == 0);
    assert_ended(silent);
    tear_down(&f);
}

static void test_many_silent_peers(void)
{
    Fixture f;
    set_up_listener(&f, 60000, 2);
    GSocketConnection *first = connect_silently(&f);
    WAIT_FOR(eio_listener_count_pending(f.listener) == 1);
    GSocketConnection *others[] = { connect_silently(&f), connect_silently(&f) };
    WAIT_FOR(g_socket_condition_check(g_socket_connection_get_socket(first), G_IO_IN));
    assert_ended(first); /* the oldest goes; the others stay till the end */
    g_assert_cmpuint(eio_listener_count_pending(f.listener), ==, 2);
    eio_listener_free(g_steal_pointer(&f.listener));
    assert_ended(others[0]);
    assert_ended(others[1]);
    tear_down(&f);
}

/* As many as may be pending, each with half a request: one more ends the oldest, though libsoup has it. */
static void test_many_half_requests(void)
{
    Fixture f;
    set_up_listener(&f, 60000, 2);
    GSocketConnection *halves[3];
    for (gsize i = 0; i < G_N_ELEMENTS(halves); i++) {
        halves[i] = connect_silently(&f);
        GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(halves[i]));
        g_assert_true(g_output_stream_write_all(out, "GET / HT", 8, NULL, NULL, NULL));
        WAIT_FOR(eio_listener_count_pending(f.listener) == MIN(i + 1, 2));
    }
    WAIT_FOR(g_socket_condition_check(g_socket_connection_get_socket(halves[0]), G_IO_IN));
    assert_ended(halves[0]);
    GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(halves[1]));
    static const char rest[] = "TP/1.1\r\nHost: a\r\n\r\n";
    g_assert_true(g_output_stream_write_all(out, rest, strlen(rest), NULL, NULL, NULL));
    WAIT_FOR(eio_listener_count_pending(f.listener) == 1); /* that one has come whole */
    g_object_unref(halves[1]);
    g_object_unref(halves[2]);
    tear_down(&f);
}

static void test_slow_request(const void *data)
{
    const SlowCase *c = data;
    Fixture f;
    EioServerOptions options;
    char answer[1000];
    gssize n = 1;
    eio_server_options_init(&options);
    options.request_timeout_ms = 50;
    set_up(&f, &options, NULL);
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketService) service = g_socket_service_new();
    const guint16 port = g_socket_listener_add_any_inet_port(G_SOCKET_LISTENER(service), NULL, NULL);
    g_autofree char *by_stream = g_strdup_printf("127.0.0.1:%u", port);
    g_signal_connect(service, "incoming", G_CALLBACK(on_incoming), f.soup);
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect_to_host(client, c->by_stream ? by_stream : f.url + strlen("http://"), 1, NULL, NULL);
    GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection));
    g_assert_true(g_output_stream_write_all(out, c->text, strlen(c->text), NULL, NULL, NULL));
    while (n > 0) { /* an error page may come first */
        gssize got = -2;
        g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(connection)), answer, sizeof answer, 0, NULL,
                                  on_read, &got);
        WAIT_FOR(got != -2);
        n = got;
    }
    tear_down(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engineio/pair/tls", test_tls);
    for (gsize i = 0; i < G_N_ELEMENTS(slow_cases); i++) {
        g_autofree char *path = g_strconcat("/engineio/pair/slow-request/", slow_cases[i].name, NULL);
        g_test_add_data_func(path, &slow_cases[i], test_slow_request);
    }
    g_test_add_func("/engineio/pair/echo", test_echo);
    g_test_add_func("/engineio/pair/silent-peer", test_silent_peer);
    g_test_add_func("/engineio/pair/many-silent-peers", test_many_silent_peers);
    g_test_add_func("/engineio/pair/many-half-requests", test_many_half_requests);
    g_test_add_func("/engineio/pair/order", test_order);
    g_test_add_func("/engineio/pair/client-closes", test_client_closes);
    g_test_add_func("/engineio/pair/server-closes-after-what-is-queued", test_server_closes_after_what_is_queued);
    g_test_add_func("/engineio/pair/open-again", test_open_again);
    g_test_add_func("/engineio/pair/full-server", test_full_server);
    g_test_add_func("/engineio/pair/message-too-large-for-server", test_message_too_large_for_server);
    g_test_add_func("/engineio/pair/message-too-large-for-client", test_message_too_large_for_client);
    g_test_add_func("/engineio/pair/peer-that-does-not-read", test_peer_that_does_not_read);
    g_test_add_func("/engineio/pair/heartbeat-keeps-alive", test_heartbeat_keeps_alive);
    g_test_add_func("/engineio/pair/connect-timeout", test_connect_timeout);
    g_test_add_func("/engineio/pair/free-while-connecting", test_free_while_connecting);
    g_test_add_func("/engineio/pair/headers-and-query", test_headers_and_query);
    for (gsize i = 0; i < G_N_ELEMENTS(fail_cases); i++) {
        g_autofree char *path = g_strconcat("/engineio/pair/fail/", fail_cases[i].name, NULL);
        g_test_add_data_func(path, &fail_cases[i], test_fail);
    }
    return g_test_run();
}
