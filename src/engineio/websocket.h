/* SPDX-License-Identifier: MIT
 * engineio/websocket.h: a WebSocket (RFC 6455) on a stream whose HTTP handshake is done, either side. Internal.
 * One thread: that whose thread-default main context was current at eio_ws_new(); callbacks come on it, never from
 * inside a call but eio_ws_poll(). libsoup's own connection does not say how much it holds for a slow peer and reads 1
 * KiB at a time. */
#pragma once

#include "engineio/frame.h"
#include "engineio/server.h" /* EioCloseReason */

typedef struct _EioWs EioWs;

typedef struct {
    void (*on_message)(EioFormat format, GBytes *data, void *user_data); /* text is valid UTF-8 */
    /* Once, the last; not after eio_ws_close() or eio_ws_abort(). The caller still owns its reference. */
    void (*on_closed)(EioCloseReason reason, void *user_data);
} EioWsCallbacks;

EioStatus eio_close_reason_to_status(EioCloseReason reason); /* what our Close frame says */

typedef struct {
    bool is_client;          /* masks what it sends */
    gsize max_payload_bytes; /* of a message that comes */
    gsize max_buffered_bytes;
    guint close_timeout_ms;
} EioWsOptions;

/* @stream: (transfer none), pollable both ways. @early: (nullable): bytes that came with the handshake. */
EioWs *eio_ws_new(GIOStream *stream, GBytes *early, const EioWsOptions *options, const EioWsCallbacks *callbacks,
                  void *user_data);
void eio_ws_set_callbacks(EioWs *self, const EioWsCallbacks *callbacks, void *user_data);
/* @type: a character before the data, 0 for none. Returns: false when not open, or over the limit: on_closed follows */
bool eio_ws_send(EioWs *self, EioFormat format, char type, GBytes *data);
/* No callbacks any more. What is queued goes out, then a Close frame; the connection ends with the peer's answer, or
 * after close_timeout_ms. Drops the caller's reference. */
void eio_ws_close(EioWs *self, EioStatus status);
void eio_ws_abort(EioWs *self); /* at once. Drops the caller's reference. */
/* Reads and delivers what has come by now, ahead of its turn; the one call from which callbacks come. */
void eio_ws_poll(EioWs *self);
gsize eio_ws_get_buffered_bytes(const EioWs *self);
