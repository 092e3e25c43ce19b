/* SPDX-License-Identifier: MIT
 * The whole client, one connection a run, against a server that says anything: each line of the input is a message of
 * it ('B' before binary ones). The client emits, asks for acks, answers and leaves, as the events' names tell it.
 * Whatever comes, it ends once, and every ack that it waits for is told its end. */
#include "engineio/frame.h"
#include "socketio/client.h"

#include <string.h>
#include <sys/socket.h>

#define MAX_TURNS 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    SioClient *client;
    bool connected, ended;
    int n_acks;
} Rig;

static void on_ack(json_t *args, GPtrArray *attachments G_GNUC_UNUSED, const GError *error, void *user_data)
{
    g_assert_true(!args == (error != NULL));
    ((Rig *) user_data)->n_acks--;
}

static void on_connect(SioClient *client, void *user_data)
{
    Rig *rig = user_data;
    g_assert_false(rig->connected);
    rig->connected = true;
    g_assert_nonnull(sio_client_get_id(client));
    sio_client_emit(client, "hello", json_true());
}

static void on_connect_error(SioClient *client G_GNUC_UNUSED, const GError *error, const json_t *data G_GNUC_UNUSED,
                             guint retry_ms, void *user_data)
{
    Rig *rig = user_data;
    g_assert_nonnull(error);
    g_assert_cmpuint(retry_ms, ==, 0);
    g_assert_false(rig->connected || rig->ended);
    rig->ended = true;
}

static void on_event(SioClient *client, const SioEvent *event, void *user_data)
{
    Rig *rig = user_data;
    g_assert_true(rig->connected && json_is_array(event->args));
    if (event->name[0] == 'a' &&
        sio_client_emit_with_ack(client, "ask", json_incref(event->args), event->attachments, 0, on_ack, rig))
        rig->n_acks++;
    if (event->ack_id >= 0)
        sio_client_ack(client, event->ack_id, json_incref(event->args), event->attachments);
    if (event->name[0] == 'd')
        sio_client_disconnect(client);
}

static void on_disconnect(SioClient *client G_GNUC_UNUSED, SioDisconnectReason reason, guint retry_ms, void *user_data)
{
    Rig *rig = user_data;
    g_assert_nonnull(sio_disconnect_reason_to_string(reason));
    g_assert_cmpuint(retry_ms, ==, 0);
    g_assert_true(rig->connected && !rig->ended);
    g_assert_cmpint(rig->n_acks, ==, 0);
    rig->ended = true;
}

/* ---- the server ---- */

static GSocket *listen_anywhere(guint16 *port)
{
    GSocket *socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new_from_string("127.0.0.1", 0);
    g_assert_true(g_socket_bind(socket, any, TRUE, NULL) && g_socket_listen(socket, NULL));
    g_socket_set_blocking(socket, FALSE);
    g_autoptr(GSocketAddress) address = g_socket_get_local_address(socket, NULL);
    *port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address));
    return socket;
}

static GSocket *accept_client(GSocket *listener)
{
    GSocket *peer = NULL;
    for (int i = 0; !peer && i < MAX_TURNS; i++) {
        g_main_context_iteration(NULL, FALSE);
        peer = g_socket_accept(listener, NULL, NULL);
    }
    g_assert_nonnull(peer);
    g_socket_set_blocking(peer, FALSE);
    return peer;
}

static void read_request(GSocket *peer, GString *request)
{
    char text[4096];
    for (int i = 0; !strstr(request->str, "\r\n\r\n") && i < MAX_TURNS; i++) {
        g_main_context_iteration(NULL, FALSE);
        const gssize n = g_socket_receive(peer, text, sizeof text, NULL, NULL);
        g_string_append_len(request, text, MAX(n, 0));
    }
}

static char *make_answer(const char *request)
{
    static const char name[] = "Sec-WebSocket-Key: ";
    const char *key = strstr(request, name);
    g_assert_nonnull(key);
    key += strlen(name);
    g_autofree char *both = g_strdup_printf("%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int) strcspn(key, "\r"), key);
    g_autoptr(GChecksum) sha1 = g_checksum_new(G_CHECKSUM_SHA1);
    guint8 digest[20];
    gsize length = sizeof digest;
    g_checksum_update(sha1, (const guchar *) both, -1);
    g_checksum_get_digest(sha1, digest, &length);
    g_autofree char *accept = g_base64_encode(digest, length);
    return g_strdup_printf("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Accept: %s\r\n\r\n",
                           accept);
}

static void turn(GSocket *peer)
{
    char answer[65536];
    for (int i = 0; i < 8 && g_main_context_iteration(NULL, FALSE); i++) {
    }
    while (g_socket_receive(peer, answer, sizeof answer, NULL, NULL) > 0) {
    }
}

static void say(GSocket *peer, const uint8_t *line, size_t size)
{
    guint8 head[EIO_FRAME_MAX_HEADER];
    const bool binary = size > 0 && line[0] == 'B';
    const guint n = eio_frame_write_header(head, binary ? EIO_OPCODE_BINARY : EIO_OPCODE_TEXT, size - binary, NULL);
    g_socket_send(peer, (const char *) head, n, NULL, NULL); /* refused: the client has left */
    g_socket_send(peer, (const char *) line + binary, size - binary, NULL, NULL);
    turn(peer);
}

static void talk(GSocket *peer, const uint8_t *data, size_t size)
{
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        const size_t n = end ? (size_t) (end - data) : size;
        say(peer, data, n);
        data += n + (end ? 1 : 0);
        size -= n + (end ? 1 : 0);
    }
}

/* With a reset, or ports run out after some ten thousand inputs. */
static void close_peer(GSocket *peer)
{
    const struct linger none = { 1, 0 };
    g_assert_cmpint(setsockopt(g_socket_get_fd(peer), SOL_SOCKET, SO_LINGER, &none, sizeof none), ==, 0);
    g_socket_close(peer, NULL);
    g_object_unref(peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const SioClientCallbacks callbacks = { on_connect, on_connect_error, on_event, on_disconnect };
    static GSocket *listener;
    static guint16 port;
    if (!listener)
        listener = listen_anywhere(&port);
    Rig rig = { 0 };
    SioClientOptions options;
    sio_client_options_init(&options);
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", port);
    g_autoptr(GProxyResolver) direct = g_simple_proxy_resolver_new(NULL, NULL); /* the system's asks in a thread */
    options.engine.url = url;
    options.engine.proxy = direct;
    options.engine.max_payload_bytes = 20000;
    options.engine.max_buffered_bytes = 100000;
    rig.client = sio_client_new(&options, &callbacks, &rig);
    sio_client_connect(rig.client);
    GSocket *peer = accept_client(listener);
    g_autoptr(GString) request = g_string_new(NULL);
    read_request(peer, request);
    g_autofree char *answer = make_answer(request->str);
    g_socket_send(peer, answer, strlen(answer), NULL, NULL);
    talk(peer, data, size);
    close_peer(peer);
    for (int i = 0; !rig.ended && i < MAX_TURNS; i++)
        g_main_context_iteration(NULL, FALSE);
    g_assert_true(rig.ended);
    sio_client_free(rig.client);
    turn(listener);
    return 0;
}
