/* SPDX-License-Identifier: MIT
 * engineio/server-private.h: what server.c (HTTP: who may talk to which session) and socket.c (a session: heartbeat,
 * queue, transports) share. */
#pragma once

#include "engineio/server.h"
#include "engineio/websocket.h"

struct _EioServer {
    grefcount refs; /* the owner, and each request that is under way */
    SoupServer *soup;
    GMainContext *context;
    char **paths; /* without trailing slash */
    EioServerOptions options;
    EioServerCallbacks callbacks;
    void *user_data;
    GHashTable *sockets; /* sid -> EioSocket, a reference each; also closed ones that a GET still may fetch from */
    guint n_open;
    gulong started_id;
    bool closed;
    int dispatching; /* callbacks under way: freeing is a mistake then */
};

struct _EioSocket {
    grefcount refs;
    EioServer *server; /* NULL once it is out of the server's table */
    char *sid, *path, *remote_address;
    SoupMessageHeaders *headers;
    GHashTable *query; /* (nullable) */
    void *data;
    GDestroyNotify destroy_data;
    bool is_open;

    EioWs *ws;                    /* the transport, NULL: polling */
    EioWs *probe;                 /* wants to become it */
    bool probed;                  /* our pong for the probe is out: GETs are answered at once */
    SoupServerMessage *get;       /* paused until there is something to send */
    SoupServerMessage *post;      /* its body is still coming */
    SoupServerMessage *last_post; /* said CLOSE; answered once a GET that crossed it has come, or shortly after */
    GSource *last_post_timer;
    GQueue queue; /* of EioPacket, for the next GET */
    gsize queued_bytes;
    gsize inflight_bytes;  /* in responses that are not yet written */
    GSource *flush_source; /* answers the GET once this turn of the loop is over, so that emits share a payload */
    GSource *timer;        /* heartbeat; when closed, the last chance to fetch what is queued */
    gint64 due_us;         /* of the timer, g_get_monotonic_time() */
    bool waits_for_pong;
    GSource *probe_timer;
    GSource *overflow_source;
};

/* socket.c */
EioSocket *eio_socket_new(EioServer *server, SoupServerMessage *request, GHashTable *query);
GBytes *eio_socket_make_open_packet(const EioSocket *self, bool can_upgrade); /* without the type */
void eio_socket_start(EioSocket *self, EioWs *ws); /* (transfer full) (nullable); calls on_open */
void eio_socket_check_time(EioSocket *self);       /* does what is due, also when the loop is late */
/* A client may upgrade and ask by HTTP in one breath: what came on the WebSocket came first. */
void eio_socket_poll_probe(EioSocket *self);
void eio_socket_begin_get(EioSocket *self, SoupServerMessage *request);
bool eio_socket_begin_post(EioSocket *self, SoupServerMessage *request); /* false: the second at once; it closes */
void eio_socket_finish_post(EioSocket *self, SoupServerMessage *request);
void eio_socket_begin_probe(EioSocket *self, EioWs *ws); /* (transfer full) */
void eio_socket_drop(EioSocket *self);                   /* out of the table, without callbacks */
extern const EioWsCallbacks eio_socket_ws_callbacks;

EioServer *eio_server_ref(EioServer *self);
void eio_server_unref(EioServer *self);

/* server.c: a session answers requests that the server's handlers gave to it */
typedef enum {
    EIO_REFUSE_TRANSPORT, /* the numbers are on the wire */
    EIO_REFUSE_SID,
    EIO_REFUSE_METHOD,
    EIO_REFUSE_REQUEST,
    EIO_REFUSE_FORBIDDEN,
    EIO_REFUSE_VERSION,
} EioRefusal;
void eio_server_refuse(EioServer *self, SoupServerMessage *request, guint status, EioRefusal code, const char *message);
/* @body: (transfer full) */
void eio_server_answer(EioServer *self, SoupServerMessage *request, GBytes *body);
