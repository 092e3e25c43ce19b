/* SPDX-License-Identifier: MIT
 * Our Socket.IO server and client in one process. */
#include "socketio/client.h"
#include "socketio/server.h"
#include "support/listen.h"

#include <string.h>

#define WAIT_S 10

typedef struct {
    SoupServer *soup;
    EioListener *listener;
    SioServer *server;
    SioClient *client;
    char *url;
    SioSocket *socket;                 /* the server's end; a reference */
    guint n_connected, n_disconnected; /* the server's */
    SioDisconnectReason server_reason;
    json_t *auth;
    guint n_client_connected, n_client_disconnected, n_client_errors;
    SioDisconnectReason client_reason;
    guint retry_ms;
    GError *client_error;
    json_t *error_data;
    GPtrArray *events;      /* what the client got: "name args", of char */
    GPtrArray *acks;        /* "args" or the error's message, of char */
    GPtrArray *attachments; /* of the last event or ack */
    bool ends_client;       /* frees it in the next callback */
} Fixture;

static char *to_text(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    char *copy = g_strdup(text);
    free(text);
    return copy;
}

/* ---- the server's side ---- */

static bool on_authorize(SioSocket *socket, const json_t *auth, SioRefusal *refusal, void *user_data G_GNUC_UNUSED)
{
    g_assert_false(sio_socket_is_connected(socket));
    g_assert_false(sio_socket_emit(socket, "too-early", NULL));
    if (g_strcmp0(json_string_value(json_object_get(auth, "token")), "bad") != 0)
        return true;
    refusal->message = g_strdup("AUTH_FAILED");
    refusal->data = json_pack("{ss}", "code", "AUTH_FAILED");
    return false;
}

static void on_connect(SioSocket *socket, const json_t *auth, void *user_data)
{
    Fixture *f = user_data;
    f->n_connected++;
    g_clear_pointer(&f->socket, sio_socket_unref);
    f->socket = sio_socket_ref(socket);
    json_decref(f->auth);
    f->auth = json_incref((json_t *) auth);
    sio_socket_emit(socket, "welcome", json_string(sio_socket_get_namespace(socket)));
}

static void on_event(SioSocket *socket, const SioEvent *event, void *user_data G_GNUC_UNUSED)
{
    if (strcmp(event->name, "ask") == 0)
        sio_socket_ack(socket, event->ack_id, json_incref(event->args), event->attachments);
    else if (strcmp(event->name, "silence") != 0)
        sio_socket_emit_args(socket, event->name, json_incref(event->args), event->attachments);
}

static void on_disconnect(SioSocket *socket, SioDisconnectReason reason, void *user_data)
{
    Fixture *f = user_data;
    g_assert_false(sio_socket_is_connected(socket));
    g_assert_false(sio_socket_emit(socket, "too-late", json_integer(1)));
    f->n_disconnected++;
    f->server_reason = reason;
}

static const SioNamespaceCallbacks callbacks = { on_authorize, on_connect, on_event, on_disconnect };

/* ---- the client's side ---- */

static void end_client(Fixture *f)
{
    if (f->ends_client)
        g_clear_pointer(&f->client, sio_client_free);
}

static void on_client_connect(SioClient *client, void *user_data)
{
    Fixture *f = user_data;
    g_assert_nonnull(sio_client_get_id(client));
    f->n_client_connected++;
    end_client(f);
}

static void on_client_error(SioClient *client G_GNUC_UNUSED, const GError *error, const json_t *data, guint retry_ms,
                            void *user_data)
{
    Fixture *f = user_data;
    f->n_client_errors++;
    f->retry_ms = retry_ms;
    g_clear_error(&f->client_error);
    f->client_error = g_error_copy(error);
    json_decref(f->error_data);
    f->error_data = json_incref((json_t *) data);
}

static void keep_attachments(Fixture *f, GPtrArray *attachments)
{
    g_clear_pointer(&f->attachments, g_ptr_array_unref);
    f->attachments = attachments ? g_ptr_array_ref(attachments) : NULL;
}

static void on_client_event(SioClient *client, const SioEvent *event, void *user_data)
{
    Fixture *f = user_data;
    g_autofree char *args = to_text(event->args);
    g_ptr_array_add(f->events, g_strdup_printf("%s %s", event->name, args));
    keep_attachments(f, event->attachments);
    if (event->ack_id >= 0 && strcmp(event->name, "ask") == 0)
        sio_client_ack(client, event->ack_id, json_incref(event->args), event->attachments);
    end_client(f);
}

static void on_client_disconnect(SioClient *client, SioDisconnectReason reason, guint retry_ms, void *user_data)
{
    Fixture *f = user_data;
    g_assert_false(sio_client_is_connected(client));
    f->n_client_disconnected++;
    f->client_reason = reason;
    f->retry_ms = retry_ms;
    end_client(f);
}

static void on_ack(json_t *args, GPtrArray *attachments, const GError *error, void *user_data)
{
    Fixture *f = user_data;
    g_assert_true(!args == (error != NULL));
    g_ptr_array_add(f->acks, error ? g_strdup(error->message) : to_text(args));
    keep_attachments(f, attachments);
    end_client(f);
}

static const SioClientCallbacks client_callbacks = { on_client_connect, on_client_error, on_client_event,
                                                     on_client_disconnect };

/* ---- the stage ---- */

static bool is_room_name(const char *name, void *user_data G_GNUC_UNUSED)
{
    return g_str_has_prefix(name, "/room-");
}

static void listen_local(Fixture *f, guint port)
{
    g_free(f->url);
    f->listener = listen_on_loopback(f->soup, port, NULL, &f->url);
}

static void set_up_server(Fixture *f, const SioServerOptions *options)
{
    *f = (Fixture){ .events = g_ptr_array_new_with_free_func(g_free), .acks = g_ptr_array_new_with_free_func(g_free) };
    f->soup = soup_server_new(NULL, NULL);
    f->server = sio_server_new(f->soup, options);
    sio_server_add_namespace(f->server, "/", &callbacks, f);
    sio_server_add_namespace(f->server, "/sts", &callbacks, f);
    sio_server_add_dynamic_namespace(f->server, is_room_name, &callbacks, f);
    listen_local(f, 0);
}

static SioClient *make_client(Fixture *f, const char *nsp, json_t *auth, const SioReconnectPolicy *reconnect)
{
    SioClientOptions options;
    sio_client_options_init(&options);
    options.engine.url = f->url;
    options.nsp = nsp;
    options.auth = auth;
    if (reconnect)
        options.reconnect = *reconnect;
    SioClient *client = sio_client_new(&options, &client_callbacks, f);
    json_decref(auth);
    return client;
}

static void tear_down(Fixture *f)
{
    sio_client_free(f->client);
    sio_server_free(f->server);
    g_clear_pointer(&f->socket, sio_socket_unref);
    eio_listener_free(f->listener);
    soup_server_disconnect(f->soup);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_object_unref(f->soup);
    g_ptr_array_unref(f->events);
    g_ptr_array_unref(f->acks);
    g_clear_pointer(&f->attachments, g_ptr_array_unref);
    g_clear_error(&f->client_error);
    json_decref(f->auth);
    json_decref(f->error_data);
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

#define EVENT(f, i) ((const char *) g_ptr_array_index((f)->events, i))
#define ACK(f, i)   ((const char *) g_ptr_array_index((f)->acks, i))

static void set_up(Fixture *f, const char *nsp, json_t *auth)
{
    set_up_server(f, NULL);
    f->client = make_client(f, nsp, auth, NULL);
    sio_client_connect(f->client);
    g_assert_cmpuint(f->n_client_connected, ==, 0); /* never from inside connect */
    WAIT_FOR(f->n_client_connected == 1 && f->events->len == 1);
}

/* ---- tests ---- */

typedef struct {
    const char *name, *nsp, *welcome;
} NamespaceCase;

static const NamespaceCase namespace_cases[] = {
    { "main", "/", "welcome [\"/\"]" },
    { "custom", "/sts", "welcome [\"/sts\"]" },
    { "dynamic", "/room-12", "welcome [\"/room-12\"]" },
};

static void test_namespace(const void *data)
{
    const NamespaceCase *c = data;
    Fixture f;
    set_up(&f, c->nsp, json_pack("{ss}", "token", "good"));
    g_assert_cmpstr(EVENT(&f, 0), ==, c->welcome);
    g_assert_cmpstr(json_string_value(json_object_get(f.auth, "token")), ==, "good");
    g_assert_cmpstr(sio_client_get_id(f.client), ==, sio_socket_get_id(f.socket));
    g_assert_true(sio_server_find(f.server, sio_client_get_id(f.client)) == f.socket);
    g_assert_cmpuint(sio_server_count_sockets(f.server, c->nsp), ==, 1);
    g_assert_cmpuint(sio_server_count_sockets(f.server, NULL), ==, 1);
    g_assert_cmpuint(sio_server_count_connections(f.server), ==, 1);
    sio_client_emit(f.client, "hello", json_pack("{si}", "a", 1));
    WAIT_FOR(f.events->len == 2);
    g_assert_cmpstr(EVENT(&f, 1), ==, "hello [{\"a\":1}]");
    sio_client_disconnect(f.client);
    g_assert_cmpuint(f.n_client_disconnected, ==, 1);
    WAIT_FOR(f.n_disconnected == 1 && sio_server_count_connections(f.server) == 0);
    g_assert_cmpint(f.server_reason, ==, SIO_DISCONNECT_CLIENT);
    g_assert_cmpuint(sio_server_count_sockets(f.server, NULL), ==, 0);
    tear_down(&f);
}

typedef struct {
    const char *name, *nsp, *token, *message;
    bool has_data;
} RefusalCase;

static const RefusalCase refusal_cases[] = {
    { "by-authorize", "/", "bad", "AUTH_FAILED", true },
    { "unknown-namespace", "/nowhere", "good", "Invalid namespace", false },
};

static void test_refusal(const void *data)
{
    const RefusalCase *c = data;
    Fixture f;
    set_up_server(&f, NULL);
    f.client = make_client(&f, c->nsp, json_pack("{ss}", "token", c->token), &(SioReconnectPolicy){ .attempts = 5 });
    sio_client_connect(f.client);
    WAIT_FOR(f.n_client_errors == 1);
    g_assert_error(f.client_error, SIO_ERROR, SIO_ERROR_REFUSED);
    g_assert_cmpstr(f.client_error->message, ==, c->message);
    g_assert_true((f.error_data != NULL) == c->has_data);
    g_assert_cmpuint(f.retry_ms, ==, 0); /* a refusal is final */
    g_assert_cmpuint(f.n_connected + f.n_disconnected, ==, 0);
    tear_down(&f);
}

static GPtrArray *two_attachments(void)
{
    GPtrArray *attachments = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
    g_ptr_array_add(attachments, g_bytes_new_static("\0\1\2", 3));
    g_ptr_array_add(attachments, g_bytes_new_static("", 0));
    return attachments;
}

static void assert_attachments(const Fixture *f)
{
    g_autoptr(GPtrArray) expected = two_attachments();
    g_assert_cmpuint(f->attachments->len, ==, expected->len);
    for (guint i = 0; i < expected->len; i++)
        g_assert_true(g_bytes_equal(g_ptr_array_index(f->attachments, i), g_ptr_array_index(expected, i)));
}

static json_t *binary_args(void)
{
    return json_pack("[{s:[o]},o]", "deep", sio_placeholder_new(1), sio_placeholder_new(0));
}

#define BINARY_TEXT "[{\"deep\":[{\"_placeholder\":true,\"num\":1}]},{\"_placeholder\":true,\"num\":0}]"

static void test_binary(void)
{
    Fixture f;
    set_up(&f, "/sts", NULL);
    g_autoptr(GPtrArray) attachments = two_attachments();
    g_assert_true(sio_client_emit_args(f.client, "bin", binary_args(), attachments));
    WAIT_FOR(f.events->len == 2);
    g_assert_cmpstr(EVENT(&f, 1), ==, "bin " BINARY_TEXT);
    assert_attachments(&f);
    g_assert_true(sio_client_emit_with_ack(f.client, "ask", binary_args(), attachments, 5000, on_ack, &f));
    WAIT_FOR(f.acks->len == 1);
    g_assert_cmpstr(ACK(&f, 0), ==, BINARY_TEXT);
    assert_attachments(&f);
    tear_down(&f);
}

static void test_acks_both_ways(void)
{
    Fixture f;
    set_up(&f, "/", NULL);
    g_assert_true(sio_client_emit_with_ack(f.client, "ask", json_pack("[i]", 1), NULL, 0, on_ack, &f));
    WAIT_FOR(f.acks->len == 1);
    g_assert_cmpstr(ACK(&f, 0), ==, "[1]");
    g_assert_true(sio_socket_emit_with_ack(f.socket, "ask", json_array(), NULL, 5000, on_ack, &f));
    WAIT_FOR(f.acks->len == 2);
    g_assert_cmpstr(ACK(&f, 1), ==, "[]");
    tear_down(&f);
}

static void test_acks_that_never_come(void)
{
    Fixture f;
    set_up(&f, "/", NULL);
    g_assert_true(sio_client_emit_with_ack(f.client, "silence", json_array(), NULL, 20, on_ack, &f));
    WAIT_FOR(f.acks->len == 1);
    g_assert_cmpstr(ACK(&f, 0), ==, "no ack in time");
    g_assert_true(sio_client_emit_with_ack(f.client, "silence", json_array(), NULL, 0, on_ack, &f));
    g_assert_true(sio_socket_emit_with_ack(f.socket, "silence", json_array(), NULL, 0, on_ack, &f));
    g_assert_cmpuint(f.acks->len, ==, 1);
    sio_client_disconnect(f.client);
    g_assert_cmpuint(f.acks->len, ==, 2);
    WAIT_FOR(f.acks->len == 3);
    g_assert_cmpstr(ACK(&f, 2), ==, "disconnected before the ack");
    g_assert_false(sio_client_emit_with_ack(f.client, "ask", json_array(), NULL, 0, on_ack, &f));
    tear_down(&f);
}

static void test_too_many_acks(void)
{
    Fixture f;
    SioServerOptions options;
    sio_server_options_init(&options);
    options.max_pending_acks = 2;
    set_up_server(&f, &options);
    f.client = make_client(&f, "/", NULL, NULL);
    sio_client_connect(f.client);
    WAIT_FOR(f.n_client_connected == 1);
    g_assert_true(sio_socket_emit_with_ack(f.socket, "silence", json_array(), NULL, 0, on_ack, &f));
    g_assert_true(sio_socket_emit_with_ack(f.socket, "silence", json_array(), NULL, 0, on_ack, &f));
    g_assert_false(sio_socket_emit_with_ack(f.socket, "silence", json_array(), NULL, 0, on_ack, &f));
    tear_down(&f);
}

static void test_server_disconnects(void)
{
    Fixture f;
    set_up(&f, "/", NULL);
    sio_socket_disconnect(f.socket);
    g_assert_cmpuint(f.n_disconnected, ==, 1);
    g_assert_cmpint(f.server_reason, ==, SIO_DISCONNECT_SERVER);
    WAIT_FOR(f.n_client_disconnected == 1);
    g_assert_cmpint(f.client_reason, ==, SIO_DISCONNECT_SERVER);
    g_assert_false(sio_client_emit(f.client, "hello", NULL));
    tear_down(&f);
}

static void test_reconnects(void)
{
    Fixture f;
    const SioReconnectPolicy policy = { .attempts = 50, .first_ms = 10, .max_ms = 20, .factor = 2, .jitter = 0.5 };
    set_up_server(&f, NULL);
    f.client = make_client(&f, "/", NULL, &policy);
    sio_client_connect(f.client);
    WAIT_FOR(f.n_client_connected == 1);
    const guint port = (guint) g_ascii_strtoull(strrchr(f.url, ':') + 1, NULL, 10);
    g_clear_pointer(&f.listener, eio_listener_free);
    sio_socket_close_connection(f.socket);
    WAIT_FOR(f.n_client_disconnected == 1);
    g_assert_cmpint(f.client_reason, ==, SIO_DISCONNECT_TRANSPORT);
    g_assert_cmpuint(f.retry_ms, >, 0);
    WAIT_FOR(f.n_client_errors >= 2);
    g_assert_error(f.client_error, SIO_ERROR, SIO_ERROR_TRANSPORT);
    listen_local(&f, port);
    WAIT_FOR(f.n_client_connected == 2);
    sio_client_emit(f.client, "hello", NULL);
    WAIT_FOR(f.events->len >= 2 && strcmp(EVENT(&f, f.events->len - 1), "hello []") == 0);
    tear_down(&f);
}

static void test_gives_up(void)
{
    Fixture f;
    const SioReconnectPolicy policy = { .attempts = 2, .first_ms = 5, .max_ms = 5, .factor = 1 };
    set_up_server(&f, NULL);
    g_clear_pointer(&f.listener, eio_listener_free);
    f.client = make_client(&f, "/", NULL, &policy);
    sio_client_connect(f.client);
    WAIT_FOR(f.n_client_errors == 3);
    g_assert_cmpuint(f.retry_ms, ==, 0);
    tear_down(&f);
}

static void test_policy(void)
{
    const SioReconnectPolicy exact = { .attempts = 5, .first_ms = 2000, .max_ms = 32000, .factor = 2 };
    const SioReconnectPolicy jittery = { .attempts = 5, .first_ms = 2000, .max_ms = 32000, .factor = 2, .jitter = 0.1 };
    static const guint expected[] = { 2000, 4000, 8000, 16000, 32000, 32000 };
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
        g_assert_cmpuint(sio_reconnect_policy_delay_ms(&exact, i + 1, 0.9), ==, expected[i]);
    g_assert_cmpuint(sio_reconnect_policy_delay_ms(&exact, 100000, 0), ==, 32000);
    g_assert_cmpuint(sio_reconnect_policy_delay_ms(&jittery, 1, 0), ==, 1800);
    g_assert_cmpuint(sio_reconnect_policy_delay_ms(&jittery, 1, 1), ==, 2200);
}

static void test_rooms(void)
{
    Fixture f;
    set_up(&f, "/", NULL);
    g_assert_true(sio_socket_join(f.socket, "monitor"));
    g_assert_true(sio_socket_join(f.socket, "monitor"));
    g_assert_cmpuint(sio_server_broadcast(f.server, "/", "monitor", NULL, "news", json_integer(1)), ==, 1);
    g_assert_cmpuint(sio_server_broadcast(f.server, "/", NULL, NULL, "news", json_integer(2)), ==, 1);
    g_assert_cmpuint(sio_server_broadcast(f.server, "/", NULL, f.socket, "news", json_integer(3)), ==, 0);
    g_assert_cmpuint(sio_server_broadcast(f.server, "/", "other", NULL, "news", NULL), ==, 0);
    g_assert_cmpuint(sio_server_broadcast(f.server, "/sts", NULL, NULL, "news", NULL), ==, 0);
    sio_socket_leave(f.socket, "monitor");
    g_assert_cmpuint(sio_server_broadcast(f.server, "/", "monitor", NULL, "news", NULL), ==, 0);
    WAIT_FOR(f.events->len == 3);
    g_assert_cmpstr(EVENT(&f, 1), ==, "news [1]");
    g_assert_cmpstr(EVENT(&f, 2), ==, "news [2]");
    for (guint i = 0; i < 64; i++) {
        g_autofree char *room = g_strdup_printf("room %u", i);
        g_assert_true(sio_socket_join(f.socket, room));
    }
    g_assert_false(sio_socket_join(f.socket, "one more"));
    sio_socket_disconnect(f.socket);
    g_assert_cmpuint(sio_server_broadcast(f.server, "/", "room 5", NULL, "news", NULL), ==, 0);
    tear_down(&f);
}

/* An engine's connection without Socket.IO's client on it, to a server with these options. */
static EioClient *open_bare_engine(Fixture *f, const SioServerOptions *options)
{
    static const EioClientCallbacks silent = { NULL, NULL, NULL };
    EioClientOptions engine_options;
    set_up_server(f, options);
    eio_client_options_init(&engine_options);
    engine_options.url = f->url;
    engine_options.path = "/socket.io/";
    EioClient *engine = eio_client_new(&engine_options, &silent, NULL);
    eio_client_open(engine);
    WAIT_FOR(eio_client_is_open(engine));
    return engine;
}

static void send_bare(EioClient *engine, EioFormat format, const char *text)
{
    g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
    g_assert_true(eio_client_send(engine, format, bytes));
}

static void test_connect_timeout(void)
{
    Fixture f;
    SioServerOptions options;
    sio_server_options_init(&options);
    options.connect_timeout_ms = 30;
    g_autoptr(EioClient) engine = open_bare_engine(&f, &options);
    WAIT_FOR(!eio_client_is_open(engine));
    g_assert_cmpuint(sio_server_count_connections(f.server), ==, 0);
    tear_down(&f);
}

/* Two attachments are promised, one comes; the heartbeat goes on, and yet the connection ends. */
static void test_attachments_timeout(void)
{
    Fixture f;
    SioServerOptions options;
    sio_server_options_init(&options);
    options.attachments_timeout_ms = 30;
    g_autoptr(EioClient) engine = open_bare_engine(&f, &options);
    send_bare(engine, EIO_TEXT, "0");
    send_bare(engine, EIO_TEXT, "52-[\"x\"]");
    send_bare(engine, EIO_BINARY, "one");
    WAIT_FOR(!eio_client_is_open(engine));
    g_assert_cmpuint(sio_server_count_connections(f.server), ==, 0);
    tear_down(&f);
}

typedef enum { IN_CONNECT, IN_EVENT, IN_ACK, IN_DISCONNECT, IN_FAILED_ACK } Moment;

static void test_free_in_callback(const void *data)
{
    Fixture f;
    set_up(&f, "/", NULL);
    switch ((Moment) GPOINTER_TO_INT(data)) {
    case IN_CONNECT:
        sio_client_disconnect(f.client);
        f.ends_client = true;
        sio_client_connect(f.client);
        break;
    case IN_EVENT:
        f.ends_client = true;
        sio_client_emit(f.client, "hello", NULL);
        break;
    case IN_ACK:
        f.ends_client = true;
        sio_client_emit_with_ack(f.client, "ask", json_array(), NULL, 0, on_ack, &f);
        break;
    case IN_DISCONNECT:
        f.ends_client = true;
        sio_socket_close_connection(f.socket);
        break;
    case IN_FAILED_ACK:
        sio_client_emit_with_ack(f.client, "silence", json_array(), NULL, 0, on_ack, &f);
        f.ends_client = true;
        sio_socket_close_connection(f.socket);
        break;
    }
    WAIT_FOR(!f.client);
    WAIT_FOR(sio_server_count_connections(f.server) == 0);
    tear_down(&f);
}

static void count_free(void *count)
{
    ++*(guint *) count;
}

static void test_user_data(void)
{
    Fixture f;
    guint n_freed = 0;
    set_up(&f, "/", NULL);
    sio_socket_set_data(f.socket, &n_freed, count_free);
    g_assert_true(sio_socket_get_data(f.socket) == &n_freed);
    sio_client_disconnect(f.client);
    WAIT_FOR(f.n_disconnected == 1);
    g_assert_cmpuint(n_freed, ==, 0);
    g_clear_pointer(&f.socket, sio_socket_unref);
    g_assert_cmpuint(n_freed, ==, 1);
    tear_down(&f);
}

static void test_large_message(void)
{
    Fixture f;
    set_up(&f, "/sts", NULL);
    g_autofree char *base64 = g_strnfill(10000000, 'A');
    sio_client_emit(f.client, "fragment:data", json_pack("{ss}", "data_base64", base64));
    WAIT_FOR(f.events->len == 2);
    g_assert_cmpuint(strlen(EVENT(&f, 1)), ==, 10000000 + strlen("fragment:data [{\"data_base64\":\"\"}]"));
    tear_down(&f);
}

int main(int argc, char **argv)
{
    static const char *const moments[] = { "connect", "event", "ack", "disconnect", "failed-ack" };
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(namespace_cases); i++) {
        g_autofree char *path = g_strconcat("/socketio/pair/namespace/", namespace_cases[i].name, NULL);
        g_test_add_data_func(path, &namespace_cases[i], test_namespace);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(refusal_cases); i++) {
        g_autofree char *path = g_strconcat("/socketio/pair/refusal/", refusal_cases[i].name, NULL);
        g_test_add_data_func(path, &refusal_cases[i], test_refusal);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(moments); i++) {
        g_autofree char *path = g_strconcat("/socketio/pair/free-in/", moments[i], NULL);
        g_test_add_data_func(path, GINT_TO_POINTER((int) i), test_free_in_callback);
    }
    g_test_add_func("/socketio/pair/binary", test_binary);
    g_test_add_func("/socketio/pair/acks-both-ways", test_acks_both_ways);
    g_test_add_func("/socketio/pair/acks-that-never-come", test_acks_that_never_come);
    g_test_add_func("/socketio/pair/too-many-acks", test_too_many_acks);
    g_test_add_func("/socketio/pair/server-disconnects", test_server_disconnects);
    g_test_add_func("/socketio/pair/reconnects", test_reconnects);
    g_test_add_func("/socketio/pair/gives-up", test_gives_up);
    g_test_add_func("/socketio/pair/policy", test_policy);
    g_test_add_func("/socketio/pair/rooms", test_rooms);
    g_test_add_func("/socketio/pair/connect-timeout", test_connect_timeout);
    g_test_add_func("/socketio/pair/attachments-timeout", test_attachments_timeout);
    g_test_add_func("/socketio/pair/user-data", test_user_data);
    g_test_add_func("/socketio/pair/large-message", test_large_message);
    return g_test_run();
}
