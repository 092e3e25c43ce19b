/* rtmp/session.c: what one peer asks for, and the answers: §7.2. */
#include "rtmp/private.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "rtmp/path-name.h"

#include <string.h>

#define MEDIA_STREAM 1u /* one message stream a connection, as every client uses it */
#define WINDOW_BYTES 2500000u
enum { TAG_HEADER_BYTES = 11, TAG_TRAILER_BYTES = 4 }; /* of an FLV tag */

static void send_message(DubRtmpConnection *self, uint8_t type, uint32_t stream_id, GByteArray *payload)
{
    DubRtmpHeaders headers;
    const uint8_t chunk_stream =
        type == DUB_RTMP_COMMAND ? DUB_RTMP_CHUNK_STREAM_COMMAND : DUB_RTMP_CHUNK_STREAM_CONTROL;
    dub_rtmp_headers_init(&headers, chunk_stream, type, stream_id, 0, payload->len);
    GByteArray *wire = g_byte_array_sized_new(payload->len + DUB_RTMP_MAX_FIRST_HEADER_BYTES);
    dub_rtmp_message_encode(wire, &headers, payload->data, payload->len, DUB_RTMP_OUT_CHUNK_BYTES);
    dub_rtmp_connection_push_bytes(self, wire);
    g_byte_array_unref(payload);
}

static void append_uint(GByteArray *out, guint n_bytes, uint32_t value)
{
    const uint32_t big = GUINT32_TO_BE(value);
    g_byte_array_append(out, (const uint8_t *) &big + sizeof big - n_bytes, n_bytes);
}

static void send_control(DubRtmpConnection *self, DubRtmpType type, uint32_t value)
{
    GByteArray *payload = g_byte_array_new();
    append_uint(payload, 4, value);
    if (type == DUB_RTMP_SET_PEER_BANDWIDTH)
        append_uint(payload, 1, 2); /* limit type: dynamic */
    send_message(self, type, 0, payload);
}

static void send_event(DubRtmpConnection *self, DubRtmpEvent event, uint32_t value)
{
    GByteArray *payload = g_byte_array_new();
    append_uint(payload, 2, event);
    append_uint(payload, 4, value);
    send_message(self, DUB_RTMP_USER_CONTROL, 0, payload);
}

/* "_result", transaction, null: what follows is up to the caller, who then sends it. */
static GByteArray *begin_command(const char *name, double transaction)
{
    GByteArray *payload = g_byte_array_new();
    dub_amf_write_string(payload, name);
    dub_amf_write_number(payload, transaction);
    return payload;
}

static void write_member(GByteArray *out, const char *name, const char *value)
{
    dub_amf_write_name(out, name);
    dub_amf_write_string(out, value);
}

static void write_info(GByteArray *out, const char *level, const char *code, const char *description)
{
    dub_amf_begin_object(out);
    write_member(out, "level", level);
    write_member(out, "code", code);
    write_member(out, "description", description);
}

static void send_status(DubRtmpConnection *self, const char *level, const char *code, const char *description)
{
    GByteArray *payload = begin_command("onStatus", 0);
    dub_amf_write_null(payload);
    write_info(payload, level, code, description);
    dub_amf_end_object(payload);
    send_message(self, DUB_RTMP_COMMAND, MEDIA_STREAM, payload);
}

static void send_result(DubRtmpConnection *self, double transaction, double value)
{
    GByteArray *payload = begin_command("_result", transaction);
    dub_amf_write_null(payload);
    dub_amf_write_number(payload, value);
    send_message(self, DUB_RTMP_COMMAND, 0, payload);
}

static void send_connected(DubRtmpConnection *self, double transaction)
{
    GByteArray *payload = begin_command("_result", transaction);
    dub_amf_begin_object(payload);
    write_member(payload, "fmsVer", "FMS/3,0,1,123"); /* clients look at the shape only */
    dub_amf_write_name(payload, "capabilities");
    dub_amf_write_number(payload, 31);
    dub_amf_end_object(payload);
    write_info(payload, "status", "NetConnection.Connect.Success", "Connection succeeded.");
    dub_amf_write_name(payload, "objectEncoding");
    dub_amf_write_number(payload, 0);
    dub_amf_end_object(payload);
    send_message(self, DUB_RTMP_COMMAND, 0, payload);
}

static void refuse_call(DubRtmpConnection *self, double transaction, const char *text)
{
    GByteArray *payload = begin_command("_error", transaction);
    dub_amf_write_null(payload);
    write_info(payload, "error", "NetConnection.Call.Failed", text);
    dub_amf_end_object(payload);
    send_message(self, DUB_RTMP_COMMAND, 0, payload);
}

/* Of "rtmp://user:password@host/app" */
static void read_credentials(DubRtmpConnection *self, const char *url)
{
    g_clear_pointer(&self->user, g_free);
    g_clear_pointer(&self->password, g_free);
    if (strlen(url) <= DUB_RTMP_MAX_QUERY_BYTES)
        g_uri_split_with_user(url, G_URI_FLAGS_HAS_PASSWORD, NULL, &self->user, &self->password, NULL, NULL, NULL, NULL,
                              NULL, NULL, NULL);
}

static bool on_connect(DubRtmpConnection *self, const DubAmf *args, double transaction, GError **error G_GNUC_UNUSED)
{
    const DubAmf *app = dub_amf_member(dub_amf_item(args, 2), "app");
    g_free(self->app);
    self->app = g_strdup(dub_amf_string(app, ""));
    read_credentials(self, dub_amf_string(dub_amf_member(dub_amf_item(args, 2), "tcUrl"), ""));
    send_control(self, DUB_RTMP_WINDOW_ACK_SIZE, WINDOW_BYTES);
    send_control(self, DUB_RTMP_SET_PEER_BANDWIDTH, WINDOW_BYTES);
    send_control(self, DUB_RTMP_SET_CHUNK_SIZE, DUB_RTMP_OUT_CHUNK_BYTES); /* before anything longer than 128 bytes */
    send_connected(self, transaction);
    return true;
}

static bool on_create_stream(DubRtmpConnection *self, const DubAmf *args G_GNUC_UNUSED, double transaction,
                             GError **error G_GNUC_UNUSED)
{
    send_result(self, transaction, MEDIA_STREAM);
    return true;
}

static bool on_stream_length(DubRtmpConnection *self, const DubAmf *args G_GNUC_UNUSED, double transaction,
                             GError **error G_GNUC_UNUSED)
{
    send_result(self, transaction, 0); /* live has none */
    return true;
}

/* Announcements that come before publish: an answer is all they want. */
static bool on_announcement(DubRtmpConnection *self, const DubAmf *args G_GNUC_UNUSED, double transaction,
                            GError **error G_GNUC_UNUSED)
{
    if (transaction == 0)
        return true;
    GByteArray *payload = begin_command("_result", transaction);
    dub_amf_write_null(payload);
    send_message(self, DUB_RTMP_COMMAND, 0, payload);
    return true;
}

static bool check_idle(DubRtmpConnection *self, GError **error)
{
    if (self->state == DUB_RTMP_IDLE)
        return true;
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "it publishes or plays already on this connection");
    return false;
}

static bool request(DubRtmpConnection *self, DubRtmpDoor door, const DubAmf *args, GError **error)
{
    if (!check_idle(self, error))
        return false;
    dub_rtmp_access_request(self, door, dub_amf_string(dub_amf_item(args, 3), ""));
    return true;
}

static bool on_publish(DubRtmpConnection *self, const DubAmf *args, double transaction G_GNUC_UNUSED, GError **error)
{
    return request(self, DUB_RTMP_DOOR_PUBLISH, args, error);
}

static bool on_play(DubRtmpConnection *self, const DubAmf *args, double transaction G_GNUC_UNUSED, GError **error)
{
    return request(self, DUB_RTMP_DOOR_PLAY, args, error);
}

void dub_rtmp_session_publish_started(DubRtmpConnection *self, const char *description)
{
    send_event(self, DUB_RTMP_EVENT_STREAM_BEGIN, MEDIA_STREAM);
    send_status(self, "status", "NetStream.Publish.Start", description);
    dub_rtmp_connection_set_state(self, DUB_RTMP_PUBLISHING);
}

void dub_rtmp_session_send_error(DubRtmpConnection *self, const char *code, const char *description)
{
    send_status(self, "error", code, description);
}

void dub_rtmp_session_play_started(DubRtmpConnection *self)
{
    if (dub_rtmp_server_may_log(self->server, "players that came"))
        dub_info("rtmp: %s plays %s", self->peer, self->path->name);
    dub_rtmp_connection_set_state(self, DUB_RTMP_PLAYING);
    send_event(self, DUB_RTMP_EVENT_STREAM_BEGIN, MEDIA_STREAM);
    send_status(self, "status", "NetStream.Play.Reset", "Playing and resetting.");
    send_status(self, "status", "NetStream.Play.Start", "Started playing.");
}

/* Clients differ in which of these they take for the end; all of them take the FIN that follows. */
void dub_rtmp_session_play_ended(DubRtmpConnection *self)
{
    send_status(self, "status", "NetStream.Play.UnpublishNotify", "The publisher has ended.");
    send_event(self, DUB_RTMP_EVENT_STREAM_EOF, MEDIA_STREAM);
    send_status(self, "status", "NetStream.Play.Stop", "Stopped playing.");
    dub_rtmp_connection_close_gently(self);
}

void dub_rtmp_session_play_not_found(DubRtmpConnection *self)
{
    if (dub_rtmp_server_may_log(self->server, "players of what nobody publishes"))
        dub_info("rtmp: %s: nobody publishes %s", self->peer, self->path->name);
    send_status(self, "error", "NetStream.Play.StreamNotFound", "Nobody publishes this path.");
    dub_rtmp_connection_close_gently(self);
}

void dub_rtmp_session_leave_path(DubRtmpConnection *self)
{
    if (!self->path)
        return;
    if (self->path->publisher == self)
        dub_rtmp_path_unpublish(self->path);
    else
        dub_rtmp_path_remove_player(self->path, self);
}

static bool on_end_of_stream(DubRtmpConnection *self, const DubAmf *args, double transaction, GError **error)
{
    const bool published = self->state == DUB_RTMP_PUBLISHING;
    if (self->path) {
        dub_rtmp_session_leave_path(self);
        dub_rtmp_connection_set_state(self, DUB_RTMP_IDLE);
    }
    if (published)
        send_status(self, "status", "NetStream.Unpublish.Success", "No longer published.");
    return on_announcement(self, args, transaction, error);
}

static bool on_nothing(DubRtmpConnection *self G_GNUC_UNUSED, const DubAmf *args G_GNUC_UNUSED,
                       double transaction G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    return true;
}

static const struct {
    const char *name;
    bool (*run)(DubRtmpConnection *self, const DubAmf *args, double transaction, GError **error);
} commands[] = {
    { "connect", on_connect },
    { "createStream", on_create_stream },
    { "releaseStream", on_announcement },
    { "FCPublish", on_announcement },
    { "FCSubscribe", on_announcement },
    { "_checkbw", on_announcement },
    { "getStreamLength", on_stream_length },
    { "publish", on_publish },
    { "play", on_play },
    { "FCUnpublish", on_end_of_stream },
    { "closeStream", on_end_of_stream },
    { "deleteStream", on_end_of_stream },
    { "_result", on_nothing },
    { "_error", on_nothing },
    { "onStatus", on_nothing },
    { "pause", on_nothing }, /* live goes on */
    { "receiveAudio", on_nothing },
    { "receiveVideo", on_nothing },
};

static bool on_command(DubRtmpConnection *self, const uint8_t *data, gsize size, GError **error)
{
    g_autoptr(DubAmf) args = dub_amf_decode(data, size, error);
    if (!args)
        return false;
    const char *name = dub_amf_string(dub_amf_item(args, 0), NULL);
    const double transaction = dub_amf_number(dub_amf_item(args, 1), 0);
    if (!name) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "a command without a name");
        return false;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(self, args, transaction, error);
    }
    if (transaction != 0)
        refuse_call(self, transaction, "This call is not known here.");
    return true;
}

static uint32_t read_uint32(const uint8_t *data)
{
    return (uint32_t) data[0] << 24 | (uint32_t) data[1] << 16 | (uint32_t) data[2] << 8 | data[3];
}

static void on_user_control(DubRtmpConnection *self, const uint8_t *data, gsize size)
{
    if (size >= 6 && data[0] == 0 && data[1] == DUB_RTMP_EVENT_PING_REQUEST)
        send_event(self, DUB_RTMP_EVENT_PING_RESPONSE, read_uint32(data + 2));
}

static bool on_amf3_command(DubRtmpConnection *self, const uint8_t *data, gsize size, GError **error)
{
    if (size > 0 && data[0] == 0)
        return on_command(self, data + 1, size - 1, error);
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "a command in AMF3");
    return false;
}

/* §7.1.6: FLV tags, each with its size behind it. Their times count from the first one's, which is the message's own.
 */
static bool on_aggregate(DubRtmpConnection *self, const DubRtmpMessage *message, GError **error)
{
    gsize left;
    const uint8_t *const data = g_bytes_get_data(message->payload, &left), *at = data;
    uint32_t first_ms = 0;
    while (left > 0 && self->state == DUB_RTMP_PUBLISHING) { /* a callback may have ended it */
        const gsize size = left >= TAG_HEADER_BYTES ? read_uint32(at) & 0xffffff : 0;
        if (left < TAG_HEADER_BYTES + size) {
            g_set_error_literal(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "an aggregate message is cut short");
            return false;
        }
        const uint32_t tag_ms = read_uint32(at + 4) >> 8 | (uint32_t) at[7] << 24; /* 24 bits, then the upper 8 */
        first_ms = at == data ? tag_ms : first_ms;
        /* A copy: what is kept of a small tag must not keep the whole message, 16 MiB of it, which nobody counts. */
        g_autoptr(GBytes) payload = g_bytes_new(at + TAG_HEADER_BYTES, size);
        const DubRtmpMessage part = { at[0], message->stream_id, message->timestamp_ms + (tag_ms - first_ms), payload };
        if (part.type == DUB_RTMP_AUDIO || part.type == DUB_RTMP_VIDEO || part.type == DUB_RTMP_DATA)
            dub_rtmp_path_message(self->path, &part);
        const gsize step = MIN(TAG_HEADER_BYTES + size + TAG_TRAILER_BYTES, left); /* some leave out the last trailer */
        at += step;
        left -= step;
    }
    return true;
}

bool dub_rtmp_session_message(DubRtmpConnection *self, const DubRtmpMessage *message, GError **error)
{
    gsize size;
    const uint8_t *data = g_bytes_get_data(message->payload, &size);
    switch (message->type) {
    case DUB_RTMP_COMMAND: return on_command(self, data, size, error);
    case DUB_RTMP_COMMAND_AMF3: return on_amf3_command(self, data, size, error);
    case DUB_RTMP_USER_CONTROL: on_user_control(self, data, size); return true;
    case DUB_RTMP_WINDOW_ACK_SIZE:
        if (size >= 4)
            self->window_bytes = CLAMP(read_uint32(data), 4096u, WINDOW_BYTES);
        return true;
    case DUB_RTMP_AUDIO:
    case DUB_RTMP_VIDEO:
    case DUB_RTMP_DATA:
        if (self->state == DUB_RTMP_PUBLISHING)
            dub_rtmp_path_message(self->path, message);
        return true;
    case DUB_RTMP_AGGREGATE: return on_aggregate(self, message, error);
    default: /* Set Chunk Size and Abort are done by the reader; acknowledgements need nothing */ return true;
    }
}

void dub_rtmp_session_acknowledge(DubRtmpConnection *self)
{
    if (self->bytes_received - self->bytes_acknowledged < self->window_bytes)
        return;
    self->bytes_acknowledged = self->bytes_received;
    send_control(self, DUB_RTMP_ACKNOWLEDGEMENT, (uint32_t) self->bytes_received); /* wraps, as everywhere */
}
