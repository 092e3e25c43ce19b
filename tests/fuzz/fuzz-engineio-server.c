/* SPDX-License-Identifier: MIT
 * The whole server of Engine.IO, several sessions and connections a run. Each line of the input is a step: what is
 * done, by which connection (0 to 3, opened when it is needed), and the rest:
 *
 *   r  bytes of HTTP as they are; ~ is a line break, $0 to $7 are the sessions' ids     h  a handshake for polling
 *   w  a handshake for WebSocket       u  the session's upgrade        g  the session's GET        p  its POST, with a
 * body t  a text frame                    b  a binary frame               x  the connection ends      z  it sends no
 * more s  the server sends text           S  the server sends binary      k  the server closes the session
 *
 * where "the session" is the digit after the connection's. A message that begins with k has its session closed from
 * inside the callback. Whatever comes: a session is told open and closed once each, no message is over the limit or not
 * UTF-8, and in the end every connection and session is gone. */
#include "engineio/frame.h"
#include "engineio/gate.h"
#include "engineio/server.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_PAYLOAD   2000
#define MAX_TURNS     20000
#define N_CONNECTIONS 4
#define N_SESSIONS    8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static SoupServer *soup;
static EioServer *server;
static int fds[N_CONNECTIONS];
static EioSocket *sessions[N_SESSIONS]; /* a reference each */
static guint n_opened, n_closed;

/* ---- the server's callbacks ---- */

static void on_open(EioSocket *socket, void *user_data G_GNUC_UNUSED)
{
    g_assert_true(eio_socket_is_open(socket));
    g_assert_cmpuint(n_opened, <, N_SESSIONS);
    sessions[n_opened++] = eio_socket_ref(socket);
}

static void on_message(EioSocket *socket, EioFormat format, GBytes *data, void *user_data G_GNUC_UNUSED)
{
    gsize size;
    const guint8 *bytes = g_bytes_get_data(data, &size);
    g_assert_true(eio_socket_is_open(socket));
    g_assert_cmpuint(size, <=, MAX_PAYLOAD);
    g_assert_true(format == EIO_BINARY || eio_utf8_is_valid(bytes, size));
    if (size > 0 && bytes[0] == 'k')
        eio_socket_close(socket);
    g_assert_true(eio_socket_send(socket, format, data) || !eio_socket_is_open(socket) ||
                  eio_socket_get_buffered_bytes(socket) > 0);
}

static void on_close(EioSocket *socket, EioCloseReason reason, void *user_data G_GNUC_UNUSED)
{
    g_assert_false(eio_socket_is_open(socket));
    g_assert_nonnull(eio_close_reason_to_string(reason));
    n_closed++;
}

static bool on_handshake(SoupServerMessage *request, const char **reason, void *user_data G_GNUC_UNUSED)
{
    *reason = "Not today";
    return n_opened < N_SESSIONS &&
           !soup_message_headers_get_one(soup_server_message_get_request_headers(request), "X-No");
}

static void start_server(void)
{
    static const char *const paths[] = { "/engine.io/", NULL };
    static const EioServerCallbacks callbacks = { on_handshake, on_open, on_message, on_close };
    EioServerOptions options;
    eio_server_options_init(&options);
    options.max_payload_bytes = MAX_PAYLOAD;
    options.max_buffered_bytes = 3 * MAX_PAYLOAD;
    options.close_timeout_ms = 1;
    n_opened = n_closed = 0;
    soup = soup_server_new(NULL, NULL);
    server = eio_server_new(soup, paths, &options, &callbacks, NULL);
}

/* ---- connections ---- */

static void drain_loop(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void end_connection(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void read_answers(void)
{
    char answer[65536];
    for (int i = 0; i < N_CONNECTIONS; i++) {
        ssize_t n = 1;
        while (fds[i] >= 0 && (n = recv(fds[i], answer, sizeof answer, MSG_DONTWAIT)) > 0)
            ;
        if (n == 0)
            end_connection(&fds[i]);
    }
}

static int open_connection(void)
{
    int pair[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    g_autoptr(GSocket) socket = g_socket_new_from_fd(pair[0], NULL);
    g_autoptr(GSocketConnection) connection = g_socket_connection_factory_create_connection(socket);
    g_autoptr(GSocketAddress) address = g_inet_socket_address_new_from_string("127.0.0.1", 1); /* libsoup wants one */
    g_autoptr(GIOStream) gate = eio_gate_new(G_IO_STREAM(connection)); /* as an EioListener does */
    g_assert_true(soup_server_accept_iostream(soup, gate, address, address, NULL));
    return pair[1];
}

static void send_bytes(int *fd, const GString *bytes)
{
    if (*fd < 0)
        *fd = open_connection();
    (void) !send(*fd, bytes->str, bytes->len, MSG_NOSIGNAL | MSG_DONTWAIT); /* what does not fit breaks off */
}

/* ---- steps ---- */

static const char *sid_of(uint8_t digit)
{
    const guint i = (guint) digit - '0';
    return i < N_SESSIONS && sessions[i] ? eio_socket_get_sid(sessions[i]) : "nobody";
}

static EioSocket *session_of(uint8_t digit)
{
    const guint i = (guint) digit - '0';
    return i < N_SESSIONS ? sessions[i] : NULL;
}

static void append_raw(GString *out, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '~')
            g_string_append(out, "\r\n");
        else if (bytes[i] == '$' && i + 1 < size)
            g_string_append(out, sid_of(bytes[++i]));
        else
            g_string_append_c(out, (char) bytes[i]);
    }
}

static void append_upgrade(GString *out, const char *sid)
{
    g_string_append_printf(out,
                           "GET /engine.io/?EIO=4&transport=websocket%s%s HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                           "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                           sid ? "&sid=" : "", sid ? sid : "");
}

static void append_poll(GString *out, const char *method, const char *sid, const uint8_t *body, size_t size)
{
    g_string_append_printf(out, "%s /engine.io/?EIO=4&transport=polling%s%s HTTP/1.1\r\nHost: a\r\n", method,
                           sid ? "&sid=" : "", sid ? sid : "");
    if (body)
        g_string_append_printf(out, "Content-Length: %zu\r\n", size);
    g_string_append(out, "\r\n");
    g_string_append_len(out, (const char *) body, (gssize) size);
}

static void append_frame(GString *out, EioOpcode opcode, const uint8_t *bytes, size_t size)
{
    static const guint8 mask[4] = { 0 };
    guint8 head[EIO_FRAME_MAX_HEADER];
    const guint n = eio_frame_write_header(head, opcode, size, mask);
    g_string_append_len(out, (const char *) head, n);
    g_string_append_len(out, (const char *) bytes, (gssize) size);
}

static void do_server_step(uint8_t step, uint8_t digit, const uint8_t *rest, size_t size)
{
    EioSocket *session = session_of(digit);
    g_autoptr(GBytes) data = g_bytes_new(rest, size);
    if (session && step == 'k')
        eio_socket_close(session);
    else if (session && (step == 'S' || eio_utf8_is_valid(rest, size)))
        eio_socket_send(session, step == 'S' ? EIO_BINARY : EIO_TEXT, data);
}

/* Some steps have a session's digit before their rest. */
static void append_step(GString *out, uint8_t step, const uint8_t *rest, size_t size)
{
    const char *session = sid_of(size > 0 ? rest[0] : 0);
    const size_t n = size > 0 ? size - 1 : 0;
    switch (step) {
    case 'r': append_raw(out, rest, size); break;
    case 'h': append_poll(out, "GET", NULL, NULL, 0); break;
    case 'w': append_upgrade(out, NULL); break;
    case 'u': append_upgrade(out, session); break;
    case 'g': append_poll(out, "GET", session, NULL, 0); break;
    case 'p': append_poll(out, "POST", session, rest + (size - n), n); break;
    case 't': append_frame(out, EIO_OPCODE_TEXT, rest, size); break;
    case 'b': append_frame(out, EIO_OPCODE_BINARY, rest, size); break;
    default: break;
    }
}

static void do_step(const uint8_t *line, size_t size)
{
    if (size < 2)
        return;
    int *fd = &fds[line[1] % N_CONNECTIONS]; /* '0' is a multiple */
    g_autoptr(GString) out = g_string_new(NULL);
    if (memchr("sSk", line[0], 3)) {
        do_server_step(line[0], line[1], line + 2, size - 2);
    } else if (line[0] == 'x') {
        end_connection(fd);
    } else if (line[0] == 'z' && *fd >= 0) {
        shutdown(*fd, SHUT_WR);
    } else {
        append_step(out, line[0], line + 2, size - 2);
        send_bytes(fd, out);
    }
}

static void do_steps(const uint8_t *data, size_t size)
{
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        const size_t n = end ? (size_t) (end - data) : size;
        do_step(data, n);
        drain_loop();
        read_answers();
        data += n + (end ? 1 : 0);
        size -= n + (end ? 1 : 0);
    }
}

/* ---- the end ---- */

static bool is_any_open(void)
{
    for (int i = 0; i < N_CONNECTIONS; i++)
        if (fds[i] >= 0)
            return true;
    return false;
}

/* With requests under way; what is left of the connections ends with the server, or answers our end. */
static void end_server(void)
{
    eio_server_free(server);
    soup_server_disconnect(soup);
    for (int i = 0; i < N_CONNECTIONS; i++)
        if (fds[i] >= 0)
            shutdown(fds[i], SHUT_WR);
    for (int i = 0; i < MAX_TURNS && is_any_open(); i++) {
        g_main_context_iteration(NULL, FALSE);
        read_answers();
    }
    g_assert_false(is_any_open());
    drain_loop();
    g_object_unref(soup);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int i = 0; i < N_CONNECTIONS; i++)
        fds[i] = -1;
    start_server();
    do_steps(data, size);
    g_assert_cmpuint(eio_server_count(server), ==, n_opened - n_closed);
    end_server();
    g_assert_cmpuint(n_closed, ==, n_opened);
    for (guint i = 0; i < N_SESSIONS; i++)
        g_clear_pointer(&sessions[i], eio_socket_unref);
    return 0;
}
