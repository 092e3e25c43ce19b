/* SPDX-License-Identifier: MIT
 * What a peer may send on a WebSocket: frames of any kind, cut anywhere. The first byte chooses the side and how the
 * rest is split into writes. Every text that is delivered is valid UTF-8, no message is over the limit, the end is told
 * once. */
#include "engineio/websocket.h"

#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_PAYLOAD 3000
#define MAX_TURNS   10000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_message(EioFormat format, GBytes *data, void *user_data)
{
    const guint *n_closed = user_data;
    gsize size;
    const guint8 *bytes = g_bytes_get_data(data, &size);
    g_assert_cmpuint(*n_closed, ==, 0);
    g_assert_cmpuint(size, <=, MAX_PAYLOAD);
    g_assert_true(format == EIO_BINARY || eio_utf8_is_valid(bytes, size));
}

static void on_closed(EioCloseReason reason G_GNUC_UNUSED, void *user_data)
{
    ++*(guint *) user_data;
}

static GIOStream *make_stream(int fd)
{
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, NULL);
    return G_IO_STREAM(g_socket_connection_factory_create_connection(socket));
}

static void drain(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void feed(int fd, const uint8_t *data, size_t size, size_t step)
{
    char answer[4096];
    for (size_t at = 0; at < size; at += step) {
        if (send(fd, data + at, MIN(step, size - at), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            return;
        drain();
        while (recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0)
            ;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const EioWsCallbacks callbacks = { on_message, on_closed };
    if (size == 0)
        return 0;
    const EioWsOptions options = {
        .is_client = data[0] & 1,
        .max_payload_bytes = MAX_PAYLOAD,
        .max_buffered_bytes = 100000,
        .close_timeout_ms = 1,
    };
    guint n_closed = 0;
    int fds[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    g_autoptr(GIOStream) stream = make_stream(fds[0]);
    EioWs *ws = eio_ws_new(stream, NULL, &options, &callbacks, &n_closed);
    feed(fds[1], data + 1, size - 1, data[0] & 2 ? 1 + (data[0] >> 2) : 65536);
    shutdown(fds[1], SHUT_WR);
    for (guint i = 0; n_closed == 0 && i < MAX_TURNS; i++)
        g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(n_closed, ==, 1);
    eio_ws_abort(ws);
    close(fds[1]);
    drain();
    return 0;
}
