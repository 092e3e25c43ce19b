/* SPDX-License-Identifier: MIT
 * The whole server, one session a run: the HTTP handshake, then each line of the input as a message ('B' before
 * binary ones). The handlers answer, join rooms, wait for acks, broadcast and disconnect, as the events' names tell
 * them. Whatever comes, the session ends and takes all that it had with it. */
#include "engineio/frame.h"
#include "socketio/server.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_TURNS 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char handshake[] =
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

static SioServer *server;
static SoupServer *soup;
static int n_connected, n_acks;

static void on_ack(json_t *args, GPtrArray *attachments G_GNUC_UNUSED, const GError *error,
                   void *user_data G_GNUC_UNUSED)
{
    g_assert_true(!args == (error != NULL));
    n_acks--;
}

static bool on_authorize(SioSocket *socket G_GNUC_UNUSED, const json_t *auth, SioRefusal *refusal,
                         void *user_data G_GNUC_UNUSED)
{
    if (!json_object_get(auth, "no"))
        return true;
    refusal->data = json_incref(json_object_get(auth, "no"));
    return false;
}

static void on_connect(SioSocket *socket, const json_t *auth, void *user_data G_GNUC_UNUSED)
{
    n_connected++;
    sio_socket_emit(socket, "auth", json_incref((json_t *) auth));
}

static void on_event(SioSocket *socket, const SioEvent *event, void *user_data G_GNUC_UNUSED)
{
    const char *name = event->name;
    g_assert_true(sio_socket_is_connected(socket));
    g_assert_true(json_is_array(event->args));
    if (name[0] == 'a' &&
        sio_socket_emit_with_ack(socket, name, json_incref(event->args), event->attachments, 0, on_ack, NULL))
        n_acks++;
    if (name[0] == 'd')
        sio_socket_disconnect(socket);
    if (name[0] == 'c')
        sio_socket_close_connection(socket);
    if (name[0] == 'j')
        sio_socket_join(socket, name);
    if (name[0] == 'l')
        sio_socket_leave(socket, name);
    if (name[0] == 'b')
        sio_server_broadcast(server, sio_socket_get_namespace(socket), NULL, NULL, name, json_incref(event->args));
    if (event->ack_id >= 0)
        sio_socket_ack(socket, event->ack_id, json_incref(event->args), event->attachments);
}

static void on_disconnect(SioSocket *socket, SioDisconnectReason reason, void *user_data G_GNUC_UNUSED)
{
    g_assert_false(sio_socket_emit(socket, "late", NULL));
    g_assert_nonnull(sio_disconnect_reason_to_string(reason));
    n_connected--;
}

static bool matches(const char *name, void *user_data G_GNUC_UNUSED)
{
    return name[1] == 'd';
}

static void start_server(void)
{
    static const SioNamespaceCallbacks callbacks = { on_authorize, on_connect, on_event, on_disconnect };
    SioServerOptions options;
    sio_server_options_init(&options);
    options.engine.max_payload_bytes = 20000;
    options.engine.max_buffered_bytes = 100000;
    options.engine.close_timeout_ms = 1;
    options.max_namespaces = 3;
    soup = soup_server_new(NULL, NULL);
    server = sio_server_new(soup, &options);
    sio_server_add_namespace(server, "/", &callbacks, NULL);
    sio_server_add_namespace(server, "/sts", &callbacks, NULL);
    sio_server_add_dynamic_namespace(server, matches, &callbacks, NULL);
}

static void append_frame(GByteArray *out, const uint8_t *bytes, size_t size)
{
    static const guint8 mask[4] = { 0 };
    guint8 head[EIO_FRAME_MAX_HEADER];
    const bool binary = size > 0 && bytes[0] == 'B';
    const guint n = eio_frame_write_header(head, binary ? EIO_OPCODE_BINARY : EIO_OPCODE_TEXT, size - binary, mask);
    g_byte_array_append(out, head, n);
    g_byte_array_append(out, bytes + binary, (guint) (size - binary));
}

static GByteArray *make_input(const uint8_t *data, size_t size)
{
    GByteArray *out = g_byte_array_new();
    g_byte_array_append(out, (const guint8 *) handshake, sizeof handshake - 1);
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        const size_t n = end ? (size_t) (end - data) : size;
        append_frame(out, data, n);
        data += n + (end ? 1 : 0);
        size -= n + (end ? 1 : 0);
    }
    return out;
}

static bool read_answers(int fd)
{
    char answer[65536];
    ssize_t n;
    while ((n = recv(fd, answer, sizeof answer, MSG_DONTWAIT)) > 0)
        ;
    return n != 0;
}

static void talk(int fd, const GByteArray *input)
{
    gsize at = 0;
    bool is_open = true;
    for (guint i = 0; is_open && i < MAX_TURNS; i++) {
        const ssize_t n = send(fd, input->data + at, input->len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        at += n > 0 ? (gsize) n : 0;
        if (at == input->len)
            shutdown(fd, SHUT_WR);
        g_main_context_iteration(NULL, FALSE);
        is_open = read_answers(fd);
    }
    g_assert_false(is_open);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!server)
        start_server();
    int fds[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fds[0], NULL);
    g_autoptr(GSocketConnection) connection = g_socket_connection_factory_create_connection(socket);
    g_autoptr(GByteArray) input = make_input(data, size);
    g_autoptr(GSocketAddress) address = g_inet_socket_address_new_from_string("127.0.0.1", 1); /* libsoup wants one */
    g_assert_true(soup_server_accept_iostream(soup, G_IO_STREAM(connection), address, address, NULL));
    talk(fds[1], input);
    close(fds[1]);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(sio_server_count_connections(server), ==, 0);
    g_assert_cmpuint(sio_server_count_sockets(server, NULL), ==, 0);
    g_assert_cmpint(n_connected, ==, 0);
    g_assert_cmpint(n_acks, ==, 0);
    return 0;
}
