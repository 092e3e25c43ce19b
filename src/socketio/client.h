/* SPDX-License-Identifier: MIT
 * socketio/client.h: a Socket.IO v5 client, one namespace a client, over WebSocket only.
 * One thread: that whose thread-default main context was current at sio_client_connect(). Callbacks come on it, never
 * from inside sio_client_connect(). */
#pragma once

#include "engineio/client.h"
#include "socketio/packet.h"
#include "socketio/server.h" /* SioDisconnectReason, SioAckCallback */

typedef struct _SioClient SioClient;

/* How long to wait before attempt 1, 2, … : first_ms × factor^(n-1), at most max_ms, ± jitter of itself. */
typedef struct {
    guint attempts; /* [0] after this many failures in a row it is given up; 0: no reconnecting at all */
    guint first_ms; /* [2000] */
    guint max_ms;   /* [32000] */
    double factor;  /* [2] */
    double jitter;  /* [0.1] 0…1 */
} SioReconnectPolicy;
/* @attempt: 1… @random: 0…1, from the caller so that tests are exact */
guint sio_reconnect_policy_delay_ms(const SioReconnectPolicy *self, guint attempt, double random);

typedef struct {
    EioClientOptions engine;      /* url, path ["/socket.io/"], headers, query, sizes, proxy, connect_timeout_ms */
    const char *nsp;              /* ["/"] copied */
    const json_t *auth;           /* [NULL] object sent with CONNECT; a reference is kept */
    SioReconnectPolicy reconnect; /* [no reconnecting] */
    guint max_pending_acks;       /* [1024] */
} SioClientOptions;
void sio_client_options_init(SioClientOptions *options);

typedef struct {
    void (*on_connect)(SioClient *client, void *user_data); /* also after a reconnect */
    /* It did not come to a connection. %SIO_ERROR_REFUSED: @error's message is the server's, @data (nullable) its data;
     * %SIO_ERROR_TRANSPORT, %SIO_ERROR_TIMEOUT otherwise. @retry_ms: wait before the policy's next attempt; 0: none
     * comes. */
    void (*on_connect_error)(SioClient *client, const GError *error, const json_t *data, guint retry_ms,
                             void *user_data);
    void (*on_event)(SioClient *client, const SioEvent *event, void *user_data);
    /* It was connected. Acks that are waited for were failed before. @retry_ms: as above; also 0 after
     * sio_client_disconnect() and after the server's DISCONNECT. */
    void (*on_disconnect)(SioClient *client, SioDisconnectReason reason, guint retry_ms, void *user_data);
} SioClientCallbacks; /* each may be NULL */

SioClient *sio_client_new(const SioClientOptions *options, const SioClientCallbacks *callbacks, void *user_data);
void sio_client_free(SioClient *self); /* at any time, also inside a callback; none comes any more, acks included */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SioClient, sio_client_free)

/* on_connect or on_connect_error follows. Again after on_connect_error or on_disconnect, also from inside them. */
void sio_client_connect(SioClient *self);
void sio_client_disconnect(SioClient *self); /* on_disconnect comes from here if it was connected; ends reconnecting */

/* As the server's: sio_socket_emit() and so on. */
bool sio_client_emit(SioClient *self, const char *event, json_t *arg);
bool sio_client_emit_args(SioClient *self, const char *event, json_t *args, GPtrArray *attachments);
bool sio_client_emit_with_ack(SioClient *self, const char *event, json_t *args, GPtrArray *attachments,
                              guint timeout_ms, SioAckCallback callback, void *user_data);
bool sio_client_ack(SioClient *self, int64_t ack_id, json_t *args, GPtrArray *attachments);

bool sio_client_is_connected(const SioClient *self);
const char *sio_client_get_id(const SioClient *self); /* (nullable) the socket's id in its namespace */
gsize sio_client_buffered_bytes(const SioClient *self);
