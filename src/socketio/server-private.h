/* SPDX-License-Identifier: MIT
 * socketio/server-private.h: what server.c (engine sessions, packets, namespaces) and socket.c (one client in one
 * namespace, rooms) share. */
#pragma once

#include "socketio/link.h"
#include "socketio/server.h"

/* What a user added: one namespace, or all that match. */
typedef struct {
    char *name; /* NULL: dynamic */
    SioNamespaceMatch matches;
    SioNamespaceCallbacks callbacks;
    void *user_data;
} SioHandler;

/* A namespace that somebody is in. */
typedef struct {
    char *name;
    GHashTable *sockets; /* set of SioSocket, borrowed */
    GHashTable *rooms;   /* name -> set of SioSocket, borrowed */
} SioSpace;

struct _SioServer {
    EioServer *engine;
    SioServerOptions options; /* numbers only */
    GMainContext *context;
    GPtrArray *handlers; /* of SioHandler; freed with the server only, so that sockets may point into it */
    GHashTable *spaces;  /* name -> SioSpace; those without sockets are gone */
    GHashTable *by_id;   /* id -> SioSocket, borrowed */
    GQueue outside;      /* of SioConnection that are in no namespace, the oldest first */
};

/* An engine session: the engine socket's user data. */
typedef struct {
    SioServer *server;
    EioSocket *engine;
    SioReader reader;
    GHashTable *sockets; /* namespace -> SioSocket, a reference each */
    GSource *connect_timer, *attachments_timer;
    bool was_connected; /* a CONNECT has come */
} SioConnection;

struct _SioSocket {
    grefcount refs;
    SioServer *server;         /* NULL once disconnected */
    SioConnection *connection; /* NULL once disconnected */
    SioSpace *space;           /* NULL unless connected */
    EioSocket *engine;         /* a reference: address and headers can be asked for to the end */
    const SioHandler *handler;
    char *id, *nsp;
    GHashTable *rooms; /* set of names that it is in; NULL: none yet */
    SioAcks *acks;
    void *data;
    GDestroyNotify destroy_data;
};

/* socket.c */
SioSocket *sio_socket_new(SioConnection *connection, const SioHandler *handler, const char *nsp);
bool sio_socket_send(SioSocket *self, GBytes *text, GPtrArray *attachments);
void sio_socket_enter(SioSocket *self); /* its namespace; from now on it is connected */
/* Fails its acks, leaves its rooms and namespace, calls on_disconnect. The caller has taken it out of the connection.
 */
void sio_socket_end(SioSocket *self, SioDisconnectReason reason);

/* server.c */
void sio_connection_start_timer(SioConnection *self); /* closes a session that is in no namespace for too long */
