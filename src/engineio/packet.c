/* SPDX-License-Identifier: MIT
 * engineio/packet.c: see "Packet encoding" in the Engine.IO protocol, revision 4. */
#include "engineio/packet.h"

#include "engineio/frame.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

G_DEFINE_QUARK(eio - error - quark, eio_error)

EioPacket *eio_packet_new(EioPacketType type, EioFormat format, GBytes *data)
{
    EioPacket *self = g_new(EioPacket, 1);
    self->type = type;
    self->format = format;
    self->data = data ? g_bytes_ref(data) : g_bytes_new_static("", 0);
    return self;
}

void eio_packet_free(EioPacket *self)
{
    if (!self)
        return;
    g_bytes_unref(self->data);
    g_free(self);
}

static bool bad_packet(GError **error, const char *what)
{
    g_set_error_literal(error, EIO_ERROR, EIO_ERROR_BAD_PACKET, what);
    return false;
}

static bool read_type(guint8 c, EioPacketType *type, GError **error)
{
    if (c < '0' || c > '6')
        return bad_packet(error, "unknown packet type");
    *type = (EioPacketType) (c - '0');
    return true;
}

EioPacket *eio_packet_decode(GBytes *frame, EioFormat format, GError **error)
{
    if (format == EIO_BINARY)
        return eio_packet_new(EIO_PACKET_MESSAGE, EIO_BINARY, frame);
    gsize size;
    const guint8 *bytes = g_bytes_get_data(frame, &size);
    EioPacketType type;
    if (size == 0) {
        bad_packet(error, "empty packet");
        return NULL;
    }
    if (!read_type(bytes[0], &type, error))
        return NULL;
    g_autoptr(GBytes) data = g_bytes_new_from_bytes(frame, 1, size - 1);
    return eio_packet_new(type, EIO_TEXT, data);
}

static bool is_base64(const guint8 *text, gsize size)
{
    if (size % 4 != 0)
        return false;
    gsize n_padding = 0;
    while (n_padding < 2 && n_padding < size && text[size - 1 - n_padding] == '=')
        n_padding++;
    for (gsize i = 0; i < size - n_padding; i++)
        if (!g_ascii_isalnum(text[i]) && text[i] != '+' && text[i] != '/')
            return false;
    return true;
}

static EioPacket *decode_base64(const guint8 *text, gsize size, GError **error)
{
    if (!is_base64(text, size)) {
        bad_packet(error, "binary that is not base64");
        return NULL;
    }
    if (size == 0)
        return eio_packet_new(EIO_PACKET_MESSAGE, EIO_BINARY, NULL);
    g_autofree char *copy = g_strndup((const char *) text, size);
    gsize length;
    g_base64_decode_inplace(copy, &length);
    g_autoptr(GBytes) data = g_bytes_new_take(g_steal_pointer(&copy), length);
    return eio_packet_new(EIO_PACKET_MESSAGE, EIO_BINARY, data);
}

/* One packet of a payload: bytes @from to @to of @body, whose text is valid UTF-8. */
static EioPacket *decode_record(GBytes *body, gsize from, gsize to, GError **error)
{
    const guint8 *bytes = g_bytes_get_data(body, NULL);
    if (from < to && bytes[from] == 'b')
        return decode_base64(bytes + from + 1, to - from - 1, error);
    g_autoptr(GBytes) record = g_bytes_new_from_bytes(body, from, to - from);
    return eio_packet_decode(record, EIO_TEXT, error);
}

GPtrArray *eio_payload_decode(GBytes *body, GError **error)
{
    gsize size;
    const guint8 *bytes = g_bytes_get_data(body, &size);
    if (!eio_utf8_is_valid(bytes, size)) {
        bad_packet(error, "payload that is not UTF-8");
        return NULL;
    }
    g_autoptr(GPtrArray) packets = g_ptr_array_new_with_free_func((GDestroyNotify) eio_packet_free);
    for (gsize from = 0; from <= size;) {
        const guint8 *end = from < size ? memchr(bytes + from, EIO_RECORD_SEPARATOR, size - from) : NULL;
        const gsize to = end ? (gsize) (end - bytes) : size;
        if (packets->len == EIO_PAYLOAD_MAX_PACKETS) {
            bad_packet(error, "too many packets in one payload");
            return NULL;
        }
        EioPacket *packet = decode_record(body, from, to, error);
        if (!packet)
            return NULL;
        g_ptr_array_add(packets, packet);
        from = to + 1;
    }
    return g_steal_pointer(&packets);
}

static void append_base64(GByteArray *payload, GBytes *data)
{
    gsize size;
    const guint8 *bytes = g_bytes_get_data(data, &size);
    const guint at = payload->len;
    const guint8 prefix = 'b';
    g_byte_array_append(payload, &prefix, 1);
    if (size == 0)
        return;
    int state = 0, save = 0;
    g_byte_array_set_size(payload, at + 1 + (guint) (size / 3 + 1) * 4 + 4);
    char *out = (char *) payload->data + at + 1;
    gsize n = g_base64_encode_step(bytes, size, FALSE, out, &state, &save);
    n += g_base64_encode_close(FALSE, out + n, &state, &save);
    g_byte_array_set_size(payload, at + 1 + (guint) n);
}

void eio_payload_append(GByteArray *payload, const EioPacket *packet)
{
    const guint8 separator = EIO_RECORD_SEPARATOR;
    if (payload->len > 0)
        g_byte_array_append(payload, &separator, 1);
    if (packet->format == EIO_BINARY) {
        append_base64(payload, packet->data);
        return;
    }
    gsize size;
    const guint8 *bytes = g_bytes_get_data(packet->data, &size);
    const guint8 type = (guint8) ('0' + packet->type);
    g_byte_array_append(payload, &type, 1);
    if (size > 0)
        g_byte_array_append(payload, bytes, (guint) size);
}

gsize eio_payload_size(const EioPacket *packet)
{
    const gsize size = g_bytes_get_size(packet->data);
    return 2 + (packet->format == EIO_BINARY ? (size + 2) / 3 * 4 : size);
}

char *eio_handshake_to_text(const EioHandshake *self)
{
    return g_strdup_printf("{\"sid\":\"%s\",\"upgrades\":[%s],\"pingInterval\":%u,\"pingTimeout\":%u,"
                           "\"maxPayload\":%" G_GSIZE_FORMAT "}",
                           self->sid, self->can_upgrade ? "\"websocket\"" : "", self->ping_interval_ms,
                           self->ping_timeout_ms, self->max_payload_bytes);
}

void eio_handshake_free(EioHandshake *self)
{
    if (!self)
        return;
    g_free(self->sid);
    g_free(self);
}

static bool bad_handshake(GError **error, const char *what)
{
    g_set_error(error, EIO_ERROR, EIO_ERROR_HANDSHAKE, "handshake: %s", what);
    return false;
}

static bool read_ms(const json_t *root, const char *name, guint *value, GError **error)
{
    const double ms = json_number_value(json_object_get(root, name));
    if (!(ms >= 1 && ms <= G_MAXINT)) {
        g_autofree char *what = g_strdup_printf("%s: not a positive number of milliseconds", name);
        return bad_handshake(error, what);
    }
    *value = (guint) ms;
    return true;
}

static bool has_websocket(const json_t *upgrades)
{
    size_t i;
    const json_t *name;
    json_array_foreach(upgrades, i, name) if (g_strcmp0(json_string_value(name), "websocket") == 0) return true;
    return false;
}

static bool read_handshake(const json_t *root, EioHandshake *handshake, GError **error)
{
    const char *sid = json_string_value(json_object_get(root, "sid"));
    if (!sid || !*sid || strlen(sid) > 256)
        return bad_handshake(error, "sid: not a string of 1 to 256 bytes");
    handshake->sid = g_strdup(sid);
    handshake->can_upgrade = has_websocket(json_object_get(root, "upgrades"));
    const double max = json_number_value(json_object_get(root, "maxPayload")); /* older servers leave it out */
    handshake->max_payload_bytes = max >= 1 && max < 1e15 ? (gsize) max : 0;
    return read_ms(root, "pingInterval", &handshake->ping_interval_ms, error) &&
           read_ms(root, "pingTimeout", &handshake->ping_timeout_ms, error);
}

EioHandshake *eio_handshake_parse(GBytes *text, GError **error)
{
    gsize size;
    const char *bytes = g_bytes_get_data(text, &size);
    json_t *root = size > 0 ? json_loadb(bytes, size, 0, NULL) : NULL;
    if (!json_is_object(root)) {
        json_decref(root);
        bad_handshake(error, "not a JSON object");
        return NULL;
    }
    g_autoptr(EioHandshake) handshake = g_new0(EioHandshake, 1);
    const bool ok = read_handshake(root, handshake, error);
    json_decref(root);
    return ok ? g_steal_pointer(&handshake) : NULL;
}
