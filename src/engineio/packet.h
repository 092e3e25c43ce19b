/* SPDX-License-Identifier: MIT
 * engineio/packet.h: packets and polling payloads of Engine.IO v4: bytes in, values out, no I/O. Any thread. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#define EIO_PROTOCOL            "4"
#define EIO_RECORD_SEPARATOR    '\x1e' /* between the packets of a polling payload */
#define EIO_PAYLOAD_MAX_PACKETS 65536

#define EIO_ERROR (eio_error_quark())
GQuark eio_error_quark(void);

typedef enum {
    EIO_ERROR_BAD_PACKET, /* not Engine.IO v4 */
    EIO_ERROR_TOO_LARGE,  /* over the negotiated maxPayload */
    EIO_ERROR_HANDSHAKE,  /* the server's answer is not that of an Engine.IO v4 server; the message says what came */
    EIO_ERROR_REFUSED,    /* the server said no: HTTP status and reason are in the message */
    EIO_ERROR_TIMEOUT,    /* no answer in time */
    EIO_ERROR_TRANSPORT,  /* the connection broke or could not be made */
    EIO_ERROR_CLOSED,     /* already closed */
    EIO_ERROR_OVERFLOW,   /* the peer does not read: the send buffer's limit is reached */
} EioErrorCode;

typedef enum {
    EIO_PACKET_OPEN,
    EIO_PACKET_CLOSE,
    EIO_PACKET_PING,
    EIO_PACKET_PONG,
    EIO_PACKET_MESSAGE,
    EIO_PACKET_UPGRADE,
    EIO_PACKET_NOOP,
} EioPacketType;

typedef enum { EIO_TEXT, EIO_BINARY } EioFormat;

typedef struct {
    EioPacketType type;
    EioFormat format; /* EIO_BINARY only with EIO_PACKET_MESSAGE */
    GBytes *data;     /* without the type character, never NULL; valid UTF-8 when EIO_TEXT; not NUL-terminated */
} EioPacket;

/* @data: (transfer none) (nullable): NULL is empty */
EioPacket *eio_packet_new(EioPacketType type, EioFormat format, GBytes *data);
void eio_packet_free(EioPacket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EioPacket, eio_packet_free)

/**
 * eio_packet_decode:
 * @frame: one WebSocket message; the packet's data is a slice of it, not a copy
 * @format: how it came; a binary frame is a message as it stands
 * The caller has checked text for UTF-8 (RFC 6455, 8.1, asks it of the WebSocket layer).
 * Returns: (transfer full): NULL with %EIO_ERROR_BAD_PACKET
 */
EioPacket *eio_packet_decode(GBytes *frame, EioFormat format, GError **error);

/**
 * eio_payload_decode:
 * @body: of a polling POST (or of a GET's response)
 * Returns: (transfer full) (element-type EioPacket): in order, at least one; NULL with %EIO_ERROR_BAD_PACKET for
 * an empty body, an unknown type, bad base64, invalid UTF-8, or more than %EIO_PAYLOAD_MAX_PACKETS packets
 */
GPtrArray *eio_payload_decode(GBytes *body, GError **error);

/* Appends @packet (base64 when binary) to @payload, after a separator when something stands there already. */
void eio_payload_append(GByteArray *payload, const EioPacket *packet);
/* The bytes that eio_payload_append() would add to a payload that is not empty. */
gsize eio_payload_size(const EioPacket *packet);

/* What the server tells a client in its OPEN packet. */
typedef struct {
    char *sid;
    bool can_upgrade; /* "websocket" is among the upgrades */
    guint ping_interval_ms;
    guint ping_timeout_ms;
    gsize max_payload_bytes; /* 0: the server did not say */
} EioHandshake;

char *eio_handshake_to_text(const EioHandshake *self); /* (transfer full) JSON, without the type character */
/* Returns: (transfer full): NULL with %EIO_ERROR_HANDSHAKE, naming the member */
EioHandshake *eio_handshake_parse(GBytes *text, GError **error);
void eio_handshake_free(EioHandshake *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EioHandshake, eio_handshake_free)
