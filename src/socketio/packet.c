/* SPDX-License-Identifier: MIT
 * socketio/packet.c: see "Packet encoding" in the Socket.IO protocol, revision 5. */
#include "socketio/packet.h"

#include "socketio/json.h"
#include "socketio/link.h"

#include <string.h>

G_DEFINE_QUARK(sio - error - quark, sio_error)

/* What is left to read. */
typedef struct {
    const char *at, *end;
} Cursor;

static bool bad_packet(GError **error, const char *what)
{
    g_set_error_literal(error, SIO_ERROR, SIO_ERROR_BAD_PACKET, what);
    return false;
}

static bool at_digit(const Cursor *cursor)
{
    return cursor->at < cursor->end && g_ascii_isdigit(*cursor->at);
}

/* Digits, at most @max. Returns: false when it is more */
static bool read_number(Cursor *cursor, int64_t max, int64_t *value)
{
    *value = 0;
    while (at_digit(cursor)) {
        *value = *value * 10 + (*cursor->at++ - '0');
        if (*value > max)
            return false;
    }
    return true;
}

static bool is_binary(SioPacketType type)
{
    return type == SIO_PACKET_BINARY_EVENT || type == SIO_PACKET_BINARY_ACK;
}

static bool read_type(Cursor *cursor, SioPacket *packet, GError **error)
{
    int64_t n;
    if (cursor->at == cursor->end || *cursor->at < '0' || *cursor->at > '6')
        return bad_packet(error, "unknown packet type");
    packet->type = (SioPacketType) (*cursor->at++ - '0');
    if (!is_binary(packet->type))
        return true;
    if (!at_digit(cursor) || !read_number(cursor, SIO_MAX_ATTACHMENTS, &n))
        return bad_packet(error, "bad number of attachments");
    if (cursor->at == cursor->end || *cursor->at++ != '-')
        return bad_packet(error, "no - after the number of attachments");
    packet->n_attachments = (guint) n;
    packet->attachments = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
    return true;
}

static bool read_namespace(Cursor *cursor, SioPacket *packet, GError **error)
{
    if (cursor->at == cursor->end || *cursor->at != '/') {
        packet->nsp = g_strdup("/");
        return true;
    }
    const gsize left = (gsize) (cursor->end - cursor->at);
    const char *comma = memchr(cursor->at, ',', left);
    const gsize length = comma ? (gsize) (comma - cursor->at) : left;
    if (length > SIO_MAX_NAMESPACE_BYTES || memchr(cursor->at, '\0', length))
        return bad_packet(error, "bad namespace");
    packet->nsp = g_strndup(cursor->at, length);
    cursor->at += length + (comma ? 1 : 0);
    return true;
}

static bool read_id(Cursor *cursor, SioPacket *packet, GError **error)
{
    packet->id = -1;
    if (at_digit(cursor) && !read_number(cursor, SIO_MAX_ACK_ID, &packet->id))
        return bad_packet(error, "ack id too large");
    return true;
}

static bool check_id(const SioPacket *packet, GError **error)
{
    const bool is_event = packet->type == SIO_PACKET_EVENT || packet->type == SIO_PACKET_BINARY_EVENT;
    const bool is_ack = packet->type == SIO_PACKET_ACK || packet->type == SIO_PACKET_BINARY_ACK;
    if (is_ack && packet->id < 0)
        return bad_packet(error, "ack without id");
    if (!is_ack && !is_event && packet->id >= 0)
        return bad_packet(error, "id where none belongs");
    return true;
}

static bool check_data(const SioPacket *packet, GError **error)
{
    const json_t *data = packet->data;
    switch (packet->type) {
    case SIO_PACKET_CONNECT:
        return !data || json_is_object(data) || bad_packet(error, "CONNECT payload is not an object");
    case SIO_PACKET_DISCONNECT: return !data || bad_packet(error, "DISCONNECT with payload");
    case SIO_PACKET_EVENT:
    case SIO_PACKET_BINARY_EVENT:
        return json_is_string(json_array_get(data, 0)) ||
               bad_packet(error, "EVENT payload is not an array with a name");
    case SIO_PACKET_ACK:
    case SIO_PACKET_BINARY_ACK: return json_is_array(data) || bad_packet(error, "ACK payload is not an array");
    case SIO_PACKET_CONNECT_ERROR:
        return json_is_object(data) || json_is_string(data) || bad_packet(error, "CONNECT_ERROR without object");
    }
    return false;
}

/* Each placeholder must mean one of the attachments. Depth is bounded by the parser. */
static bool check_placeholders(const json_t *value, guint n_attachments, GError **error)
{
    if (json_is_object(value) && json_is_true(json_object_get(value, "_placeholder"))) {
        const int index = sio_placeholder_get(value);
        return (index >= 0 && (guint) index < n_attachments) || bad_packet(error, "placeholder without attachment");
    }
    bool ok = true;
    size_t i;
    const char *key;
    json_t *item;
    if (json_is_array(value))
        for (i = 0; ok && i < json_array_size(value); i++)
            ok = check_placeholders(json_array_get(value, i), n_attachments, error);
    else
        json_object_foreach((json_t *) value, key, item) ok = ok && check_placeholders(item, n_attachments, error);
    return ok;
}

static bool read_payload(Cursor *cursor, SioPacket *packet, GError **error)
{
    if (cursor->at < cursor->end) {
        packet->data = sio_json_parse(cursor->at, (gsize) (cursor->end - cursor->at), error);
        if (!packet->data)
            return false;
    }
    return check_id(packet, error) && check_data(packet, error) &&
           (!is_binary(packet->type) || check_placeholders(packet->data, packet->n_attachments, error));
}

SioPacket *sio_packet_decode(const char *text, gsize length, GError **error)
{
    g_autoptr(SioPacket) packet = g_new0(SioPacket, 1);
    Cursor cursor = { text, text + length };
    if (!read_type(&cursor, packet, error) || !read_namespace(&cursor, packet, error) ||
        !read_id(&cursor, packet, error) || !read_payload(&cursor, packet, error))
        return NULL;
    return g_steal_pointer(&packet);
}

bool sio_packet_is_complete(const SioPacket *self)
{
    return !self->attachments || self->attachments->len == self->n_attachments;
}

void sio_packet_add_attachment(SioPacket *self, GBytes *data)
{
    g_return_if_fail(!sio_packet_is_complete(self));
    g_ptr_array_add(self->attachments, g_bytes_ref(data));
}

void sio_packet_free(SioPacket *self)
{
    if (!self)
        return;
    g_free(self->nsp);
    json_decref(self->data);
    g_clear_pointer(&self->attachments, g_ptr_array_unref);
    g_free(self);
}

/* ---- encoding ---- */

static GString *begin(SioPacketType type, guint n_attachments, const char *nsp, int64_t id)
{
    GString *text = g_string_sized_new(512);
    g_string_append_c(text, (char) ('0' + type));
    if (is_binary(type))
        g_string_append_printf(text, "%u-", n_attachments);
    if (strcmp(nsp, "/") != 0)
        g_string_append_printf(text, "%s,", nsp);
    if (id >= 0)
        g_string_append_printf(text, "%" G_GINT64_FORMAT, id);
    return text;
}

GBytes *sio_packet_encode(const SioPacket *self)
{
    GString *text = begin(self->type, self->n_attachments, self->nsp, self->id);
    if (self->data)
        sio_json_append(text, self->data);
    return g_string_free_to_bytes(text);
}

/* Written without making the array [name, args…] first. */
GBytes *sio_encode_event(const char *nsp, int64_t id, const char *event, const json_t *args, guint n_attachments)
{
    GString *text = begin(n_attachments ? SIO_PACKET_BINARY_EVENT : SIO_PACKET_EVENT, n_attachments, nsp, id);
    g_string_append_c(text, '[');
    sio_json_append_string(text, event, strlen(event));
    for (gsize i = 0; i < json_array_size(args); i++) {
        g_string_append_c(text, ',');
        sio_json_append(text, json_array_get(args, i));
    }
    g_string_append_c(text, ']');
    return g_string_free_to_bytes(text);
}

GBytes *sio_encode_ack(const char *nsp, int64_t id, const json_t *args, guint n_attachments)
{
    GString *text = begin(n_attachments ? SIO_PACKET_BINARY_ACK : SIO_PACKET_ACK, n_attachments, nsp, id);
    sio_json_append(text, args);
    return g_string_free_to_bytes(text);
}

/* ---- small things ---- */

json_t *sio_placeholder_new(guint index)
{
    json_t *value = json_object();
    json_object_set_new_nocheck(value, "_placeholder", json_true());
    json_object_set_new_nocheck(value, "num", json_integer(index));
    return value;
}

int sio_placeholder_get(const json_t *value)
{
    const json_t *num = json_object_get(value, "num");
    if (!json_is_true(json_object_get(value, "_placeholder")) || !json_is_integer(num))
        return -1;
    const json_int_t index = json_integer_value(num);
    return index >= 0 && index < SIO_MAX_ATTACHMENTS ? (int) index : -1;
}

json_t *sio_event_get_arg(const SioEvent *self, guint index)
{
    return json_array_get(self->args, index);
}
