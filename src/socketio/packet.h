/* SPDX-License-Identifier: MIT
 * socketio/packet.h: packets of Socket.IO v5: text in, values out, no I/O. Any thread, one packet one thread. */
#pragma once

#include <gio/gio.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define SIO_MAX_ATTACHMENTS     1024 /* of one packet */
#define SIO_MAX_DEPTH           128  /* arrays and objects inside one another */
#define SIO_MAX_NAMESPACE_BYTES 256
#define SIO_MAX_ACK_ID          INT64_C(9007199254740991) /* the largest that a JavaScript peer counts exactly */

#define SIO_ERROR (sio_error_quark())
GQuark sio_error_quark(void);

typedef enum {
    SIO_ERROR_BAD_PACKET, /* not Socket.IO v5 */
    SIO_ERROR_BAD_JSON,   /* its payload is not JSON, or too deep */
    SIO_ERROR_REFUSED,    /* CONNECT_ERROR: the message is the server's; its data comes beside the error */
    SIO_ERROR_TIMEOUT,    /* no CONNECT or no ack in time */
    SIO_ERROR_TRANSPORT,  /* the connection broke or could not be made */
    SIO_ERROR_CLOSED,     /* not connected (any more) */
} SioErrorCode;

typedef enum {
    SIO_PACKET_CONNECT,
    SIO_PACKET_DISCONNECT,
    SIO_PACKET_EVENT,
    SIO_PACKET_ACK,
    SIO_PACKET_CONNECT_ERROR,
    SIO_PACKET_BINARY_EVENT,
    SIO_PACKET_BINARY_ACK,
} SioPacketType;

/* Where binary stands in JSON there is {"_placeholder": true, "num": i}, meaning attachments[i]. */
typedef struct {
    SioPacketType type;
    char *nsp;              /* "/" when the packet names none */
    int64_t id;             /* of the ack; -1: none */
    json_t *data;           /* CONNECT: object or NULL; CONNECT_ERROR: object; EVENT: array [name, args…]; ACK: array;
                               DISCONNECT: NULL */
    guint n_attachments;    /* that the packet promises */
    GPtrArray *attachments; /* (element-type GBytes) that have come; NULL when none is promised */
} SioPacket;

/**
 * sio_packet_decode:
 * @text: @length bytes of valid UTF-8, need not be NUL-terminated
 * Returns: (transfer full): NULL with %SIO_ERROR_BAD_PACKET or %SIO_ERROR_BAD_JSON. A binary packet still lacks
 * its attachments; give them to sio_packet_add_attachment()
 */
SioPacket *sio_packet_decode(const char *text, gsize length, GError **error);
bool sio_packet_is_complete(const SioPacket *self);
void sio_packet_add_attachment(SioPacket *self, GBytes *data); /* (transfer none); only while not complete */
void sio_packet_free(SioPacket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SioPacket, sio_packet_free)

/* The text of @self; its attachments follow as binary messages. Returns: (transfer full) */
GBytes *sio_packet_encode(const SioPacket *self);

/* A value to put where binary shall stand. Returns: (transfer full) {"_placeholder": true, "num": index} */
json_t *sio_placeholder_new(guint index);
int sio_placeholder_get(const json_t *value); /* the index, -1 when @value is no placeholder */

/* What an event brought. Valid during the callback; json_incref() or g_bytes_ref() what is kept. */
typedef struct {
    const char *name;
    json_t *args;           /* array: the arguments after the name */
    GPtrArray *attachments; /* (element-type GBytes) (nullable) */
    int64_t ack_id;         /* -1: the peer wants no ack */
} SioEvent;
/* Returns: (transfer none) (nullable): argument @index, NULL when there are fewer */
json_t *sio_event_get_arg(const SioEvent *self, guint index);
