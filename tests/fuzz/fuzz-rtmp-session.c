/* tests/fuzz/fuzz-rtmp-session.c: a whole server and two peers that say anything. After every 0xff 0x00 the other peer
 * goes on; the handshake is done for both. Whatever they say, the server stays sound and ends with nothing held. */
#include "base/log.h"
#include "rtmp/handshake.h"
#include "rtmp/server.h"

#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static GSocket *open_peer(const DubRtmpServer *server)
{
    static const uint8_t hello[1 + 2 * DUB_RTMP_HANDSHAKE_BYTES] = { 3 };
    GSocket *socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
    g_autoptr(GSocketAddress) address =
        g_inet_socket_address_new_from_string("127.0.0.1", dub_rtmp_server_port(server));
    g_assert_true(g_socket_connect(socket, address, NULL, NULL));
    g_socket_set_blocking(socket, FALSE);
    g_assert_cmpint(g_socket_send(socket, (const char *) hello, sizeof hello, NULL, NULL), ==, sizeof hello);
    return socket;
}

static void turn_server(void)
{
    for (int i = 0; i < 16 && g_main_context_iteration(NULL, FALSE); i++) {
    }
}

/* With a reset, or ports run out after some ten thousand inputs. */
static void close_peer(GSocket *socket)
{
    const struct linger none = { 1, 0 };
    g_assert_cmpint(setsockopt(g_socket_get_fd(socket), SOL_SOCKET, SO_LINGER, &none, sizeof none), ==, 0);
    g_socket_close(socket, NULL);
    g_object_unref(socket);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const DubRtmpServerConfig config = { .host = "127.0.0.1", .player_queue_bytes = 1 << 16, .cache_bytes = 1 << 15 };
    static bool quiet;
    if (!quiet)
        dub_log_setup("fuzz", DUB_LOG_ERROR, DUB_LOG_TEXT);
    quiet = true;
    DubRtmpServer *server = dub_rtmp_server_new(&config, NULL, NULL, NULL);
    g_assert_nonnull(server);
    GSocket *peers[] = { open_peer(server), open_peer(server) };
    unsigned active = 0;
    turn_server();
    while (size > 0) {
        const uint8_t *end = memmem(data, size, "\xff\0", 2);
        const size_t part = end ? (size_t) (end - data) : size;
        g_socket_send(peers[active], (const char *) data, part, NULL, NULL); /* refused: it has been closed */
        turn_server();
        data += MIN(part + 2, size);
        size -= MIN(part + 2, size);
        active ^= 1;
    }
    for (int i = 0; i < 2; i++)
        close_peer(peers[i]);
    dub_rtmp_server_free(server); /* it has not noticed yet */
    turn_server();
    return 0;
}
