/* SPDX-License-Identifier: MIT
 * socketio/server.h: a Socket.IO v5 server on a SoupServer.
 * One thread: that of the SoupServer's main context. Callbacks come on it.
 *
 * A SioSocket is one client in one namespace. Sockets are counted references: the server holds one until on_disconnect
 * has returned; whoever keeps a socket longer takes his own, and finds every call on a disconnected socket harmless.
 * Work that other threads do should remember the socket's id and find it again: sio_server_find(). */
#pragma once

#include "engineio/server.h"
#include "socketio/packet.h"

typedef struct _SioServer SioServer;
typedef struct _SioSocket SioSocket;

typedef struct {
    EioServerOptions engine;  /* intervals, sizes, transports, CORS; max_connections, of engine sessions: when they are
                                     open, one more ends the oldest that is in no namespace */
    const char *const *paths; /* [{"/socket.io/", NULL}] each with and without its trailing slash; copied */
    guint connect_timeout_ms; /* [45000] from the handshake to the first CONNECT */
    guint attachments_timeout_ms; /* [30000] from a binary packet to its last attachment */
    guint max_namespaces;         /* [16] that one client may be connected to at once */
    guint max_pending_acks;       /* [1024] of one socket; emitting more fails */
} SioServerOptions;
void sio_server_options_init(SioServerOptions *options); /* the defaults in brackets; eio_server_options_init() too */

typedef enum {
    SIO_DISCONNECT_CLIENT,    /* the client left the namespace */
    SIO_DISCONNECT_SERVER,    /* sio_socket_disconnect(), or the server ends */
    SIO_DISCONNECT_TRANSPORT, /* the connection broke or was closed */
    SIO_DISCONNECT_PING_TIMEOUT,
    SIO_DISCONNECT_PARSE_ERROR, /* a packet that is not Socket.IO v5 */
    SIO_DISCONNECT_TOO_LARGE,   /* a message over max_payload_bytes */
    SIO_DISCONNECT_OVERFLOW,    /* the peer does not read */
} SioDisconnectReason;
const char *sio_disconnect_reason_to_string(SioDisconnectReason reason); /* "client namespace disconnect" … */

/* Why a CONNECT is refused: {"message": …, "data": …}. */
typedef struct {
    char *message; /* g_strdup() it; NULL becomes "Not authorized" */
    json_t *data;  /* (transfer full); NULL is left out */
} SioRefusal;

typedef struct {
    /* (nullable) May this client come in? Nothing can be emitted yet; user data may be set.
     * @auth: CONNECT's payload, NULL when there was none. Return false to refuse, and fill in @refusal. */
    bool (*on_authorize)(SioSocket *socket, const json_t *auth, SioRefusal *refusal, void *user_data);
    void (*on_connect)(SioSocket *socket, const json_t *auth, void *user_data);  /* (nullable) */
    void (*on_event)(SioSocket *socket, const SioEvent *event, void *user_data); /* (nullable) */
    /* (nullable) Once for each on_connect; the last callback of this socket. Acks that are waited for were failed
     * before. */
    void (*on_disconnect)(SioSocket *socket, SioDisconnectReason reason, void *user_data);
} SioNamespaceCallbacks;

/**
 * sio_server_new:
 * @soup: handlers are added to it; (transfer none), a reference is kept
 * @options: (nullable): NULL is the defaults
 */
SioServer *sio_server_new(SoupServer *soup, const SioServerOptions *options);
void sio_server_close(SioServer *self); /* disconnects everybody (on_disconnect comes from here); new ones get 503 */
void sio_server_free(SioServer *self);  /* closes first; removes its handlers */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SioServer, sio_server_free)

/* Serves the namespace @name, "/" or "/sts". @callbacks: copied. One that is never added is refused: "Invalid
 * namespace". */
void sio_server_add_namespace(SioServer *self, const char *name, const SioNamespaceCallbacks *callbacks,
                              void *user_data);
/* Serves every other namespace that @matches. Asked in the order they were added. */
typedef bool (*SioNamespaceMatch)(const char *name, void *user_data);
void sio_server_add_dynamic_namespace(SioServer *self, SioNamespaceMatch matches,
                                      const SioNamespaceCallbacks *callbacks, void *user_data);

guint sio_server_count_connections(const SioServer *self);              /* engine sessions */
guint sio_server_count_sockets(const SioServer *self, const char *nsp); /* connected to @nsp; NULL: to any */
SioSocket *sio_server_find(const SioServer *self, const char *id);      /* (transfer none) (nullable) connected one */

SioSocket *sio_socket_ref(SioSocket *self);
void sio_socket_unref(SioSocket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SioSocket, sio_socket_unref)

/**
 * sio_socket_emit:
 * @arg: (transfer full) (nullable): the one argument; NULL emits the event without any
 * Never blocks. Returns: false when disconnected (it does too when its send buffer's limit is passed)
 */
bool sio_socket_emit(SioSocket *self, const char *event, json_t *arg);
/* @args: (transfer full): array of all arguments. @attachments: (transfer none) (nullable) (element-type GBytes): for
 * each sio_placeholder_new(i) in @args its bytes. */
bool sio_socket_emit_args(SioSocket *self, const char *event, json_t *args, GPtrArray *attachments);

/* @args: array of what the peer acked with, NULL with @error: %SIO_ERROR_TIMEOUT, %SIO_ERROR_CLOSED.
 * @attachments: (nullable). All (transfer none). */
typedef void (*SioAckCallback)(json_t *args, GPtrArray *attachments, const GError *error, void *user_data);
/* As sio_socket_emit_args(). @callback comes exactly once: never from inside this call unless it returns false, then
 * not at all. @timeout_ms: 0 waits until the disconnect. */
bool sio_socket_emit_with_ack(SioSocket *self, const char *event, json_t *args, GPtrArray *attachments,
                              guint timeout_ms, SioAckCallback callback, void *user_data);
/* Answers an event's @ack_id, once, now or later. @args: (transfer full) array. */
bool sio_socket_ack(SioSocket *self, int64_t ack_id, json_t *args, GPtrArray *attachments);

void sio_socket_disconnect(SioSocket *self); /* from this namespace; on_disconnect comes from here */
void sio_socket_close_connection(
    SioSocket *self); /* the engine session with all its namespaces; what is queued goes out first */

gsize sio_socket_buffered_bytes(
    const SioSocket *self); /* accepted, not yet taken by the kernel; of the whole connection */
bool sio_socket_is_connected(const SioSocket *self);
const char *sio_socket_get_id(const SioSocket *self); /* unique, random */
const char *sio_socket_get_namespace(const SioSocket *self);
EioSocket *sio_socket_get_engine(const SioSocket *self); /* (transfer none): address, path, query, transport */
/* (transfer none) (nullable): a header of the handshake request, any case: "X-Stream-ID" */
const char *sio_socket_get_header(const SioSocket *self, const char *name);

/* One pointer for the user. @destroy may be NULL; runs when it is replaced and with the last reference. */
void sio_socket_set_data(SioSocket *self, void *data, GDestroyNotify destroy);
void *sio_socket_get_data(const SioSocket *self);

/* Rooms of the socket's namespace. They exist while somebody is in them; a disconnect leaves all. At most 64 a socket.
 */
bool sio_socket_join(SioSocket *self, const char *room); /* false: the limit is reached, or disconnected */
void sio_socket_leave(SioSocket *self, const char *room);
/* To all in @room of @nsp (NULL: everybody in @nsp) but @except (nullable). Encoded once. @arg: (transfer full)
 * (nullable). Returns: how many got it */
guint sio_server_broadcast(SioServer *self, const char *nsp, const char *room, SioSocket *except, const char *event,
                           json_t *arg);
