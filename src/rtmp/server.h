/* rtmp/server.h: the built-in media server: RTMP publish and play for any path.
 * One GLib main context: the one that is the thread's default in dub_rtmp_server_new(). Everything here, callbacks
 * too, on its thread. Times are ns on dub_clock_now().
 *
 * A path is what client and server agree on as app plus stream key, wherever the client cuts it:
 * rtmp://HOST/live/x/in is "live/x/in" (and "live" + "x/in", and "live/x" + "in"). Letters, digits and "_-.~/:",
 * at most 255 bytes, no empty, "." or ".." segment: MediaMTX's rule. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {              /* a zero or NULL takes the default in brackets */
    const char *host;         /* ["0.0.0.0"] "::" (both families), an address, a name */
    guint port;               /* 0 chooses a free one; see dub_rtmp_server_port() */
    const char *port_setting; /* ["RTMP_PORT"] what sets the port, for the message when it is in use */
    const char *tls_cert;     /* [none: no RTMPS] PEM file: the certificate, and those that vouch for it */
    const char *tls_key;      /* with tls_cert: PEM file of its private key */
    guint tls_port;           /* of RTMPS; 0 chooses a free one */
    const char *publish_key;  /* [none] that publishers give: ?key=… in their URL, or its password; copied */
    const char *play_key;     /* [none] that players give, likewise */
    const char *own_key;      /* [none] that opens both: this program's own connections; copied */
    bool keeps_publishers;    /* a second publisher of a path is refused; else the newer one takes over */
    guint max_connections;    /* [512] one more ends the oldest that neither publishes nor plays, or is refused */
    gsize memory_bytes;       /* [256 MiB] all connections together; beyond it those end that hold much */
    gsize max_message_bytes;  /* [16 MiB - 1] of a publisher, all its unfinished messages together */
    gsize cache_bytes;        /* [8 MiB] a path: what a player that joins is given */
    guint cache_ms;           /* [12000] from the last key frame on */
    guint head_ms;            /* [5000] a player that comes this soon after the publisher gets all from the start */
    gsize player_queue_bytes; /* [24 MiB] more than cache_bytes; payloads are shared between players */
    guint player_lag_ms;      /* [15000] behind live by more: dropped to the next key frame */
    guint stall_ms;           /* [10000] a player that takes nothing for this long is closed */
    guint setup_ms;           /* [10000] from the connection to publish or play */
    guint wait_ms;            /* [10000] a player waits this long for a publisher */
    guint idle_ms;            /* [30000] a publisher that sends no media for this long is closed */
} DubRtmpServerConfig;

typedef struct {    /* a peer that wants to publish or play: what an authority is asked; valid during the call */
    const char *id; /* of its connection, a UUID, for the answer */
    const char *ip; /* "127.0.0.1" */
    const char *user, *password;       /* "": none. Of ?user=…&pass=…, or of the URL; secret */
    const char *token;                 /* likewise, of ?token= or ?jwt=; secret */
    const char *action, *path, *query; /* action: "publish" or "read"; query: as the peer gave it, secrets and all */
} DubRtmpRequest;

typedef struct { /* each may be NULL. They may call everything below but dub_rtmp_server_free(). */
    /* What @path is called here. @note: (out) (nullable) (transfer full): what a publisher is told and the log says.
     * Returns: (transfer full) (nullable): NULL refuses the peer with @note as the reason */
    char *(*on_name)(const char *path, bool publishes, char **note, void *user_data);
    /* Whoever publishes @path keeps it against every newer publisher. */
    bool (*is_owned)(const char *path, void *user_data);
    /* A peer without own_key that has the key, if one is set, waits for dub_rtmp_server_answer(). */
    void (*on_ask)(const DubRtmpRequest *request, void *user_data);
    /* Media is flowing. @query: "" or "a=b&c=d" as the client gave it, without its key; @source_id: a UUID */
    void (*on_publish)(const char *path, const char *query, const char *source_id, void *user_data);
    void (*on_unpublish)(const char *path, const char *source_id, void *user_data); /* after an on_publish */
} DubRtmpServerCallbacks;

typedef struct _DubRtmpServer DubRtmpServer;

/**
 * dub_rtmp_server_new:
 * @callbacks: copied; may be NULL
 * Returns: listening; NULL with %DUB_ERROR_BUSY ("port 1935 is in use…"), %DUB_ERROR_NETWORK, or what
 * dub_rtmp_tls_keys_new() says of the files
 */
DubRtmpServer *dub_rtmp_server_new(const DubRtmpServerConfig *config, const DubRtmpServerCallbacks *callbacks,
                                   void *user_data, GError **error);
void dub_rtmp_server_free(DubRtmpServer *self); /* closes everything at once; no callback is called any more */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubRtmpServer, dub_rtmp_server_free)

guint dub_rtmp_server_port(const DubRtmpServer *self);
guint dub_rtmp_server_tls_port(const DubRtmpServer *self); /* 0: no RTMPS */
guint dub_rtmp_server_connections(const DubRtmpServer *self);

/* @id: of the request; one that has gone meanwhile is nobody's. @refusal: (nullable): told to the peer and the log;
 * NULL: it may. Also from inside on_ask. */
void dub_rtmp_server_answer(DubRtmpServer *self, const char *id, const char *refusal);

/* For a clean end: no new connections, publishers are closed, players get the end of stream and what is queued.
 * Done when dub_rtmp_server_connections() is 0: after 3 s without progress, or player_lag_ms, at the latest. */
void dub_rtmp_server_stop(DubRtmpServer *self);

typedef struct {
    char *name;
    bool ready;              /* media is flowing; false: a publisher that has sent none yet */
    int64_t ready_unix_ms;   /* 0 when not ready */
    uint64_t bytes_received; /* payload, from the publisher */
    uint64_t bytes_sent;     /* payload, to all players */
    guint readers;
    char **reader_ids;       /* of their connections, UUIDs */
    char **tracks;           /* "H264", "MPEG-4 Audio"; may grow after the path is ready */
    const char *source_type; /* static: "rtmpConn" or "rtmpsConn", MediaMTX's words */
    char *source_id;
    char *query;
    char *asked; /* the name that the publisher gave; see on_name */
} DubRtmpPathInfo;

/* Returns: (transfer full): DubRtmpPathInfo * of each path with a publisher, sorted by name; frees its items. */
GPtrArray *dub_rtmp_server_paths(const DubRtmpServer *self);
/* Returns: (transfer full): NULL when nobody publishes there */
DubRtmpPathInfo *dub_rtmp_server_path(const DubRtmpServer *self, const char *name);
void dub_rtmp_path_info_free(DubRtmpPathInfo *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubRtmpPathInfo, dub_rtmp_path_info_free)

/* Ends the publisher of a path; its players get the end of stream. Returns: false when nobody publishes there. */
bool dub_rtmp_server_kick(DubRtmpServer *self, const char *name);
