/* SPDX-License-Identifier: MIT
 * socketio/link.h: what server and client do alike: put messages together to packets, keep the acks that are waited
 * for, write events and answers. Internal. One thread; the reader calls nothing back. */
#pragma once

#include "engineio/packet.h"
#include "socketio/packet.h"
#include "socketio/server.h" /* SioAckCallback */

/* Messages in, packets out. */
typedef struct {
    SioPacket *pending; /* waits for attachments */
    gsize pending_bytes;
} SioReader;
/**
 * sio_reader_feed:
 * @max_bytes: of all attachments of one packet together
 * Returns: false with @error when the connection has to be closed (%SIO_ERROR_BAD_PACKET, %SIO_ERROR_BAD_JSON;
 * %EIO_ERROR_TOO_LARGE). @packet: (transfer full): a complete one, or NULL when more has to come
 */
bool sio_reader_feed(SioReader *self, EioFormat format, GBytes *data, gsize max_bytes, SioPacket **packet,
                     GError **error);
void sio_reader_clear(SioReader *self);

/* Takes the name off an EVENT's array. @event points into @packet. */
void sio_event_from_packet(SioEvent *event, SioPacket *packet, json_t **name);

/* Acks that are waited for. */
typedef struct _SioAcks SioAcks;
SioAcks *sio_acks_new(guint max_pending);
void sio_acks_free(SioAcks *self); /* without callbacks */
/* Returns: the id, -1 when too many are waited for */
int64_t sio_acks_add(SioAcks *self, guint timeout_ms, SioAckCallback callback, void *user_data);
void sio_acks_cancel(SioAcks *self, int64_t id);                                        /* without callback */
void sio_acks_resolve(SioAcks *self, int64_t id, json_t *args, GPtrArray *attachments); /* unknown ids are ignored */
void sio_acks_fail_all(SioAcks *self);                                                  /* %SIO_ERROR_CLOSED to each */

/* Sends a packet's text, then its attachments. false: nothing more goes out */
typedef bool (*SioSendFunc)(void *end, GBytes *text, GPtrArray *attachments);
/* How one end of a namespace sends; made anew for each call, so that it cannot be out of date. */
typedef struct {
    const char *nsp;
    SioAcks *acks;
    SioSendFunc send;
    void *end; /* @send's; NULL: not connected, nothing is sent */
} SioEmitter;
/* @args: (transfer full): array. @id: -1: no ack is wanted */
bool sio_emitter_event(const SioEmitter *self, int64_t id, const char *event, json_t *args, GPtrArray *attachments);
bool sio_emitter_event_with_ack(const SioEmitter *self, const char *event, json_t *args, GPtrArray *attachments,
                                guint timeout_ms, SioAckCallback callback, void *user_data);
bool sio_emitter_ack(const SioEmitter *self, int64_t id, json_t *args, GPtrArray *attachments);

GBytes *sio_encode_event(const char *nsp, int64_t id, const char *event, const json_t *args, guint n_attachments);
GBytes *sio_encode_ack(const char *nsp, int64_t id, const json_t *args, guint n_attachments);

/* (transfer full) array of @arg: (transfer full) (nullable) */
json_t *sio_wrap_arg(json_t *arg);
