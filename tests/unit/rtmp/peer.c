/* tests/unit/rtmp/peer.c */
#include "peer.h"

#include <string.h>

static void on_publish(const char *path, const char *query, const char *source_id, void *user_data)
{
    Fixture *f = user_data;
    g_assert_true(g_uuid_string_is_valid(source_id));
    g_string_append_printf(f->events, "+%s?%s ", path, query);
    if (f->kicks)
        g_assert_true(dub_rtmp_server_kick(f->server, path));
}

static void on_unpublish(const char *path, const char *source_id, void *user_data)
{
    Fixture *f = user_data;
    g_assert_true(g_uuid_string_is_valid(source_id));
    g_string_append_printf(f->events, "-%s ", path);
}

void start(Fixture *f, const DubRtmpServerConfig *base)
{
    DubRtmpServerConfig config = base ? *base : (DubRtmpServerConfig){ 0 };
    config.host = "127.0.0.1";
    g_autoptr(GError) error = NULL;
    f->events = g_string_new(NULL);
    f->asked = g_ptr_array_new_with_free_func(g_free);
    f->callbacks.on_publish = on_publish;
    f->callbacks.on_unpublish = on_unpublish;
    f->server = dub_rtmp_server_new(&config, &f->callbacks, f, &error);
    g_assert_no_error(error);
}

void finish(Fixture *f)
{
    dub_rtmp_server_free(f->server);
    g_string_free(f->events, TRUE);
    g_ptr_array_unref(f->asked);
}

static void note_message(Peer *peer, const DubRtmpMessage *message)
{
    gsize size;
    const guint8 *data = g_bytes_get_data(message->payload, &size);
    if (message->type != DUB_RTMP_COMMAND) {
        g_string_append_printf(peer->log, "[%u@%u:%zu:%02x%02x] ", message->type, message->timestamp_ms, size,
                               size > 0 ? data[0] : 0, size > 1 ? data[1] : 0);
        return;
    }
    g_autoptr(DubAmf) list = dub_amf_decode(data, size, NULL);
    g_assert_nonnull(list);
    const char *code = dub_amf_string(dub_amf_member(dub_amf_item(list, 3), "code"), "");
    const char *description = dub_amf_string(dub_amf_member(dub_amf_item(list, 3), "description"), "");
    g_string_append_printf(peer->told, "%s\n", description);
    const double value = dub_amf_number(dub_amf_item(list, 3), 0);
    g_string_append_printf(peer->log, "[%s %g %s", dub_amf_string(dub_amf_item(list, 0), "?"),
                           dub_amf_number(dub_amf_item(list, 1), -1), code);
    if (value != 0)
        g_string_append_printf(peer->log, "%g", value);
    g_string_append(peer->log, "] ");
}

static void digest(Peer *peer, const guint8 *data, gsize size)
{
    const gsize skip = MIN(peer->handshake_left, size);
    peer->bytes += size;
    peer->handshake_left -= skip;
    data += skip;
    size -= skip;
    for (;;) {
        g_auto(DubRtmpMessage) message = { 0 };
        g_autoptr(GError) error = NULL;
        if (dub_rtmp_reader_read(peer->reader, &data, &size, &message, &error) != DUB_RTMP_READ_MESSAGE) {
            g_assert_no_error(error);
            return;
        }
        note_message(peer, &message);
    }
}

void peer_poll(Peer *peer)
{
    static guint8 buffer[1 << 16];
    while (!peer->closed) {
        g_autoptr(GError) error = NULL;
        const gssize size = g_socket_receive(peer->socket, (char *) buffer, sizeof buffer, NULL, &error);
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
            return;
        if (size <= 0)
            peer->closed = true;
        else
            digest(peer, buffer, (gsize) size);
    }
}

static gboolean on_wake(gpointer user_data G_GNUC_UNUSED)
{
    return G_SOURCE_CONTINUE;
}

void turn(void)
{
    const guint wake = g_timeout_add(5, on_wake, NULL);
    g_main_context_iteration(NULL, TRUE);
    g_source_remove(wake);
}

bool said(Peer *peer, const char *text)
{
    peer_poll(peer);
    return strstr(peer->log->str, text) != NULL;
}

bool is_closed(Peer *peer)
{
    peer_poll(peer);
    return peer->closed;
}

void peer_send(Peer *peer, const guint8 *data, gsize size)
{
    while (size > 0) {
        g_autoptr(GError) error = NULL;
        const gssize sent = g_socket_send(peer->socket, (const char *) data, size, NULL, &error);
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
            turn();
            continue;
        }
        if (sent < 0)
            return; /* the server has closed: what it said is looked at */
        data += sent;
        size -= (gsize) sent;
    }
}

Peer *peer_open_from(const Fixture *f, const char *from)
{
    Peer *peer = g_new0(Peer, 1);
    g_autoptr(GError) error = NULL;
    peer->socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);
    g_assert_no_error(error);
    g_autoptr(GSocketAddress) own = g_inet_socket_address_new_from_string(from, 0);
    g_socket_bind(peer->socket, own, TRUE, &error);
    g_assert_no_error(error);
    g_autoptr(GSocketAddress) address =
        g_inet_socket_address_new_from_string("127.0.0.1", dub_rtmp_server_port(f->server));
    g_socket_connect(peer->socket, address, NULL, &error); /* into the backlog: no turn of the server is needed */
    g_assert_no_error(error);
    g_socket_set_blocking(peer->socket, FALSE);
    peer->reader = dub_rtmp_reader_new(DUB_RTMP_MAX_MESSAGE_BYTES);
    peer->handshake_left = 1 + 2 * DUB_RTMP_HANDSHAKE_BYTES;
    peer->log = g_string_new(NULL);
    peer->told = g_string_new(NULL);
    return peer;
}

Peer *peer_open(const Fixture *f)
{
    return peer_open_from(f, "127.0.0.1");
}

void peer_free(Peer *peer)
{
    g_socket_close(peer->socket, NULL);
    g_object_unref(peer->socket);
    dub_rtmp_reader_free(peer->reader);
    g_string_free(peer->log, TRUE);
    g_string_free(peer->told, TRUE);
    g_free(peer);
}

void peer_message(Peer *peer, guint8 type, guint32 timestamp_ms, const guint8 *payload, gsize size)
{
    g_autoptr(GByteArray) wire = g_byte_array_new();
    DubRtmpHeaders headers;
    dub_rtmp_headers_init(&headers, type == DUB_RTMP_VIDEO ? 6 : 4, type, 1, timestamp_ms, size);
    dub_rtmp_message_encode(wire, &headers, payload, size, 128);
    peer_send(peer, wire->data, wire->len);
}

void peer_command(Peer *peer, const char *name, double transaction, const char *key)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    dub_amf_write_string(payload, name);
    dub_amf_write_number(payload, transaction);
    dub_amf_write_null(payload);
    if (key)
        dub_amf_write_string(payload, key);
    peer_message(peer, DUB_RTMP_COMMAND, 0, payload->data, payload->len);
}

void peer_connect_to(Peer *peer, const char *app, const char *url)
{
    static const guint8 hello[1 + 2 * DUB_RTMP_HANDSHAKE_BYTES] = { 3 };
    peer_send(peer, hello, sizeof hello);
    g_autoptr(GByteArray) payload = g_byte_array_new();
    dub_amf_write_string(payload, "connect");
    dub_amf_write_number(payload, 1);
    dub_amf_begin_object(payload);
    dub_amf_write_name(payload, "app");
    dub_amf_write_string(payload, app);
    dub_amf_write_name(payload, "tcUrl");
    dub_amf_write_string(payload, url);
    dub_amf_end_object(payload);
    peer_message(peer, DUB_RTMP_COMMAND, 0, payload->data, payload->len);
}

void peer_connect(Peer *peer, const char *app)
{
    peer_connect_to(peer, app, "");
}

void video(Peer *peer, guint32 timestamp_ms, const char *start, gsize size)
{
    g_autofree guint8 *payload = g_malloc0(MAX(size, 5));
    memcpy(payload, start, 2);
    peer_message(peer, DUB_RTMP_VIDEO, timestamp_ms, payload, MAX(size, 5));
}

void audio(Peer *peer, guint32 timestamp_ms, const char *start)
{
    const guint8 payload[4] = { (guint8) start[0], (guint8) start[1], 1, 2 };
    peer_message(peer, DUB_RTMP_AUDIO, timestamp_ms, payload, sizeof payload);
}

Peer *publish(const Fixture *f, const char *app, const char *key)
{
    Peer *peer = peer_open(f);
    peer_connect(peer, app);
    peer_command(peer, "publish", 5, key);
    UNTIL(said(peer, "[onStatus 0 NetStream.Publish."));
    return peer;
}

Peer *play(const Fixture *f, const char *app, const char *key)
{
    Peer *peer = peer_open(f);
    peer_connect(peer, app);
    peer_command(peer, "play", 5, key);
    return peer;
}

guint64 received(const Fixture *f, const char *path)
{
    g_autoptr(DubRtmpPathInfo) info = dub_rtmp_server_path(f->server, path);
    return info ? info->bytes_received : 0;
}

void send_head(Peer *publisher)
{
    static const guint8 metadata[] = "\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData\x05";
    peer_message(publisher, DUB_RTMP_DATA, 0, metadata, sizeof metadata - 1);
    video(publisher, 0, "\x17\x00", 40);
    audio(publisher, 0, "\xaf\x00");
}
