/* SPDX-License-Identifier: MIT
 * engineio/server.h: an Engine.IO v4 server on a SoupServer: polling, WebSocket, and the upgrade between them.
 * One thread: that of the SoupServer's main context. Callbacks come on it.
 *
 * Sockets are counted references. The server holds one until on_close has returned; whoever keeps a socket longer takes
 * his own, and finds every call on a closed socket harmless. */
#pragma once

#include "engineio/packet.h"

#include <libsoup/soup.h>

typedef struct _EioServer EioServer;
typedef struct _EioSocket EioSocket;

typedef enum {
    EIO_CLOSE_CLIENT,       /* the client said so */
    EIO_CLOSE_SERVER,       /* we did: eio_socket_close(), or the server ends */
    EIO_CLOSE_TRANSPORT,    /* the connection broke */
    EIO_CLOSE_PING_TIMEOUT, /* no pong, or nobody polls any more */
    EIO_CLOSE_PARSE_ERROR,  /* the peer broke the protocol */
    EIO_CLOSE_TOO_LARGE,    /* a message over max_payload_bytes */
    EIO_CLOSE_OVERFLOW,     /* the peer does not read: over max_buffered_bytes were waiting for it */
} EioCloseReason;
const char *eio_close_reason_to_string(EioCloseReason reason); /* "ping timeout" */

typedef struct {
    guint ping_interval_ms;   /* [25000] */
    guint ping_timeout_ms;    /* [20000] */
    guint upgrade_timeout_ms; /* [10000] from the probe to the upgrade */
    guint
        request_timeout_ms; /* [30000] for a request's header and body to arrive, and for its answer to be read; 0 waits
                                  for ever. Holds for all of the SoupServer: a slow request has not yet told its path */
    guint close_timeout_ms; /* [5000] for the peer to answer a WebSocket close */
    gsize max_payload_bytes;  /* [50 MiB] largest message that is taken, and largest polling body */
    gsize max_buffered_bytes; /* [64 MiB] waiting to be read by one peer; more closes its socket */
    guint max_connections;    /* [0] no limit; beyond it a handshake is answered 503 with the reason in JSON */
    bool polling;             /* [true] */
    bool websocket;           /* [true] */
    const char *cors_origin;  /* ["*"] one origin; NULL sends no CORS headers. Copied. */
} EioServerOptions;
void eio_server_options_init(EioServerOptions *options); /* the defaults in brackets */

typedef struct {
    /* (nullable) Return false to refuse the handshake: 403, with @reason (static string) in its JSON. */
    bool (*on_handshake)(SoupServerMessage *request, const char **reason, void *user_data);
    void (*on_open)(EioSocket *socket, void *user_data);
    /* @data: (transfer none); text is valid UTF-8, not NUL-terminated */
    void (*on_message)(EioSocket *socket, EioFormat format, GBytes *data, void *user_data);
    void (*on_close)(EioSocket *socket, EioCloseReason reason, void *user_data); /* once a socket; the last callback */
    void (*on_full)(
        void *user_data); /* (nullable) max_connections are open and one more comes: one may be closed now */
} EioServerCallbacks;

/**
 * eio_server_new:
 * @soup: handlers are added to it; (transfer none), a reference is kept
 * @paths: NULL-terminated, "/engine.io/"; each is served with and without its trailing slash
 * @callbacks: copied
 */
EioServer *eio_server_new(SoupServer *soup, const char *const *paths, const EioServerOptions *options,
                          const EioServerCallbacks *callbacks, void *user_data);
/* Closes all sockets (their on_close comes from here) and refuses new ones with 503 from now on. */
void eio_server_close(EioServer *self);
void eio_server_free(EioServer *self); /* closes first; removes its handlers. Not from inside a callback. */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EioServer, eio_server_free)

guint eio_server_count(const EioServer *self);                      /* open sockets */
EioSocket *eio_server_find(const EioServer *self, const char *sid); /* (transfer none) (nullable) */

EioSocket *eio_socket_ref(EioSocket *self);
void eio_socket_unref(EioSocket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EioSocket, eio_socket_unref)

/**
 * eio_socket_send:
 * @data: (transfer none): kept, not copied; must be UTF-8 when %EIO_TEXT
 * Never blocks, never calls back. Returns: false when the socket is closed, or will be because of its
 * max_buffered_bytes
 */
bool eio_socket_send(EioSocket *self, EioFormat format, GBytes *data);
/* What is queued still goes out (within close_timeout_ms). on_close comes from here. */
void eio_socket_close(EioSocket *self);
void eio_socket_close_for(EioSocket *self, EioCloseReason reason); /* the same, with the reason that on_close gets */

gsize eio_socket_get_buffered_bytes(const EioSocket *self); /* accepted by send, not yet by the kernel */
bool eio_socket_is_open(const EioSocket *self);
const char *eio_socket_get_sid(const EioSocket *self);
const char *eio_socket_get_path(const EioSocket *self);                    /* the request's, "/ws/sts/" */
const char *eio_socket_get_transport(const EioSocket *self);               /* "polling", "websocket" */
const char *eio_socket_get_remote_address(const EioSocket *self);          /* "127.0.0.1", "" when not known */
SoupMessageHeaders *eio_socket_get_request_headers(const EioSocket *self); /* (transfer none) of the handshake */
const char *eio_socket_get_query(const EioSocket *self, const char *name); /* (nullable) of the handshake */

/* One pointer for the user. @destroy may be NULL; runs when it is replaced and with the last reference. */
void eio_socket_set_data(EioSocket *self, void *data, GDestroyNotify destroy);
void *eio_socket_get_data(const EioSocket *self);
