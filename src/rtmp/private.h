/* rtmp/private.h: how the server's files see each other. The server's loop thread only.
 *   server.c      clock tick, the public functions
 *   listener.c    a port
 *   connection.c  one socket: bytes in and out, closing
 *   session.c     one peer: what it says, and the answers
 *   access.c      whether it may publish or play what it asks for
 *   budget.c      what all of it may hold
 *   path.c        one path: a publisher, its players, the cache
 * Nothing is freed while it may be on the stack: a closed connection waits in server->dead for
 * dub_rtmp_server_settle(), which ends every event. */
#pragma once

#include "base/log-limit.h"
#include "rtmp/amf.h"
#include "rtmp/gop-cache.h"
#include "rtmp/handshake.h"
#include "rtmp/send-queue.h"
#include "rtmp/server.h"
#include "rtmp/tls.h"

typedef struct _DubRtmpConnection DubRtmpConnection;
typedef struct _DubRtmpPath DubRtmpPath;

typedef enum {
    DUB_RTMP_HANDSHAKE,  /* setup_ms */
    DUB_RTMP_IDLE,       /* commands, nothing played or published; setup_ms */
    DUB_RTMP_ASKING,     /* the authority has been asked about it; nothing is read meanwhile; setup_ms */
    DUB_RTMP_PUBLISHING, /* idle_ms */
    DUB_RTMP_WAITING,    /* a player without a publisher; wait_ms */
    DUB_RTMP_PLAYING,    /* stall_ms, player_lag_ms */
    DUB_RTMP_ENDING,     /* a player whose publisher has gone; ENDING_NS */
    DUB_RTMP_CLOSING,    /* sends what is queued, then FIN, then waits for the peer's; CLOSING_NS */
    DUB_RTMP_CLOSED,
} DubRtmpState;

typedef enum { DUB_RTMP_DOOR_PUBLISH, DUB_RTMP_DOOR_PLAY } DubRtmpDoor;

typedef struct { /* of a publish or play: all owned; NULL: not given */
    char *key, *user, *password, *token;
} DubRtmpCredentials;

typedef struct { /* what a peer asks for, until it has it or is refused */
    DubRtmpDoor door;
    char *asked;        /* the path as the peer calls it */
    char *path, *query; /* as it is called here; without credentials */
    char *remark;       /* (nullable) what it is to be told */
} DubRtmpWish;

struct _DubRtmpConnection {
    DubRtmpServer *server;
    GSocket *socket;
    DubRtmpTls *tls;                     /* NULL: plain */
    GSource *read_source, *write_source; /* write_source only while the socket is full */
    char *peer;                          /* "127.0.0.1:40000" */
    char *id;                            /* UUID */
    DubRtmpState state;
    int64_t since_ns;            /* of the state */
    int64_t media_ns;            /* the last message of a publisher's that is media, or when it began */
    int64_t sent_ns;             /* the last byte the peer took, or when the queue was last empty */
    DubRtmpHandshake *handshake; /* until it is done */
    DubRtmpReader *reader;
    uint64_t bytes_received, bytes_acknowledged;
    uint32_t window_bytes; /* an acknowledgement is due after so many */
    DubRtmpSendQueue *queue;
    bool dirty;          /* in server->dirty */
    guint64 number;      /* the how manyth of the server's */
    gsize counted_bytes; /* of server->reader_bytes */
    bool fin;            /* our side of the socket is shut down */

    char *app;             /* of its connect */
    char *user, *password; /* of the URL that it names there; nullable */
    DubRtmpWish wish;      /* while ASKING */
    GByteArray *held;      /* likewise: what came behind the question; NULL: nothing */
    bool is_own;           /* it has own_key */
    bool is_proven;        /* it has shown a key, or the authority knows it */
    DubRtmpPath *path;     /* while PUBLISHING, WAITING, PLAYING */

    bool awaits_key; /* PLAYING: nothing but setup until the next key frame */
    guint overflows; /* since the queue was last empty */
    int64_t dropped_ns;
};

struct _DubRtmpPath {
    DubRtmpServer *server;
    char *name, *query;
    char *asked;                  /* what its publisher calls it */
    DubRtmpConnection *publisher; /* NULL: players wait */
    GPtrArray *players;           /* DubRtmpConnection *, WAITING and PLAYING */
    DubGopCache *cache;           /* with a publisher */
    const char *video_codec, *audio_codec;
    bool ready, key_seen;
    int64_t ready_unix_ms;
    uint32_t timestamp_ms; /* the last one that was passed on */
    /* Time never goes back for players that stay while one publisher takes over from another: what the new one sends is
     * moved to where the old one was, and as much later as the clock says. */
    uint32_t offset_ms;
    uint32_t newest_ms; /* the largest timestamp that was passed on */
    int64_t newest_ns;  /* when the last one came; 0: none has */
    bool continues;     /* the next media decides offset_ms */
    uint64_t bytes_received, bytes_sent;
};

typedef struct { /* zeroed: closed */
    DubRtmpServer *server;
    GSocket *socket; /* NULL: closed */
    GSource *accept_source;
    guint port;
    const DubRtmpTlsKeys *keys; /* NULL: plain RTMP */
    int64_t accept_again_ns;    /* out of file descriptors until then */
} DubRtmpListener;

struct _DubRtmpServer {
    DubRtmpServerConfig config;
    DubRtmpServerCallbacks callbacks;
    void *user_data;
    GMainContext *context;
    DubRtmpListener plain, secure; /* secure: closed unless there is a certificate */
    DubRtmpTlsKeys *keys;          /* of secure */
    GSource *tick_source, *settle_source;
    GHashTable *connections; /* set of DubRtmpConnection * */
    GHashTable *paths;       /* name -> DubRtmpPath * */
    GPtrArray *dirty, *dead; /* DubRtmpConnection *; dead ones are owned */
    gsize frame_bytes;       /* of all frames */
    gsize reader_bytes;      /* of all messages that have not come whole */
    guint64 n_accepted;
    DubLogLimit *log_limit;
    bool in_event;          /* until settle(): a callback that runs the main loop must not get us called again */
    uint8_t scratch[65536]; /* every socket is read into it: a connection without data costs no buffer */
};

void dub_rtmp_server_settle(DubRtmpServer *self);                    /* clears in_event */
bool dub_rtmp_server_may_log(DubRtmpServer *self, const char *kind); /* as dub_log_limit_allows() */

/* access.c */
void dub_rtmp_access_request(DubRtmpConnection *self, DubRtmpDoor door, const char *key); /* answers the peer */
void dub_rtmp_access_answer(DubRtmpConnection *self, const char *refusal);                /* while ASKING */
void dub_rtmp_wish_clear(DubRtmpWish *self);

void dub_rtmp_server_accept(DubRtmpServer *self, GSocket *socket, const DubRtmpTlsKeys *keys);

/* listener.c */
bool dub_rtmp_listener_open(DubRtmpListener *self, DubRtmpServer *server, guint port, const char *port_setting,
                            const DubRtmpTlsKeys *keys, GError **error);
void dub_rtmp_listener_close(DubRtmpListener *self);
void dub_rtmp_listener_tick(DubRtmpListener *self, int64_t now_ns);

/* budget.c */
void dub_rtmp_budget_charge(DubRtmpServer *server, DubRtmpFrame *frame); /* until its last reference has gone */
void dub_rtmp_budget_count(DubRtmpConnection *self);                     /* what it has read may have changed */
/* Closes one connection if all hold too much. Returns: whether there was one to close; the closed one must be freed */
bool dub_rtmp_budget_relieve(DubRtmpServer *server);

/* connection.c */
/* Owned by server->connections. @keys: (nullable): plain RTMP */
void dub_rtmp_connection_new(DubRtmpServer *server, GSocket *socket, const DubRtmpTlsKeys *keys);
void dub_rtmp_connection_free(DubRtmpConnection *self);
void dub_rtmp_connection_push(DubRtmpConnection *self, DubRtmpFrame *frame);     /* takes a reference */
void dub_rtmp_connection_push_bytes(DubRtmpConnection *self, GByteArray *bytes); /* (transfer full) */
void dub_rtmp_connection_flush(DubRtmpConnection *self);
void dub_rtmp_connection_set_state(DubRtmpConnection *self, DubRtmpState state);
void dub_rtmp_connection_close(DubRtmpConnection *self, const char *reason); /* at once; NULL: the peer is done */
void dub_rtmp_connection_close_gently(DubRtmpConnection *self);              /* after what is queued */
void dub_rtmp_connection_go_on(DubRtmpConnection *self);          /* it is ASKING no more: what it said since is read */
char *dub_rtmp_connection_address(const DubRtmpConnection *self); /* (transfer full): of the peer, without its port */
void dub_rtmp_connection_tick(DubRtmpConnection *self, int64_t now_ns);

/* session.c. false: the peer broke the protocol */
bool dub_rtmp_session_message(DubRtmpConnection *self, const DubRtmpMessage *message, GError **error);
void dub_rtmp_session_acknowledge(DubRtmpConnection *self);
void dub_rtmp_session_leave_path(DubRtmpConnection *self);
void dub_rtmp_session_send_error(DubRtmpConnection *self, const char *code, const char *description);
void dub_rtmp_session_publish_started(DubRtmpConnection *self, const char *description);
void dub_rtmp_session_play_started(DubRtmpConnection *self);
void dub_rtmp_session_play_ended(DubRtmpConnection *self);
void dub_rtmp_session_play_not_found(DubRtmpConnection *self);

/* path.c */
DubRtmpPath *dub_rtmp_path_get(DubRtmpServer *server, const char *name); /* made if need be */
void dub_rtmp_path_free(DubRtmpPath *self);
void dub_rtmp_path_publish(DubRtmpPath *self, DubRtmpConnection *publisher, const DubRtmpWish *wish);
void dub_rtmp_path_unpublish(DubRtmpPath *self); /* may free @self */
/* The publisher is told and closed; players stay, but for our own, which see an end and come again: what they read goes
 * on with other tracks. */
void dub_rtmp_path_take_over(DubRtmpPath *self, DubRtmpConnection *publisher, const DubRtmpWish *wish);
void dub_rtmp_path_add_player(DubRtmpPath *self, DubRtmpConnection *player);
void dub_rtmp_path_remove_player(DubRtmpPath *self, DubRtmpConnection *player); /* may free @self */
void dub_rtmp_path_message(DubRtmpPath *self, const DubRtmpMessage *message);
