/* tests/unit/rtmp/peer.h: a server and plain peers on real sockets, in one process and one loop. */
#pragma once

#include "base/clock.h"
#include "rtmp/amf.h"
#include "rtmp/chunk.h"
#include "rtmp/handshake.h"
#include "rtmp/server.h"

#define PATIENCE_NS (10 * DUB_NS_PER_S)

typedef struct {
    GSocket *socket;
    DubRtmpReader *reader;
    gsize handshake_left;
    GString *log;  /* what the server said: "[_result 1] [9@40:5:17] " */
    GString *told; /* the descriptions of its statuses, one a line */
    guint64 bytes;
    bool closed;
} Peer;

typedef struct {
    DubRtmpServer *server;
    DubRtmpServerCallbacks callbacks; /* on_publish and on_unpublish are filled in */
    GString *events;                  /* of the callbacks */
    GPtrArray *asked;                 /* char *: ids of the requests that a test's on_ask has seen */
    bool kicks;                       /* whoever publishes, at once */
} Fixture;

void start(Fixture *f, const DubRtmpServerConfig *base);
void finish(Fixture *f);
void turn(void); /* of the server; bounded, so that a condition that depends on time is looked at again */

#define UNTIL(condition)                                       \
    do {                                                       \
        const gint64 limit_ns = dub_clock_now() + PATIENCE_NS; \
        while (!(condition)) {                                 \
            g_assert_cmpint(dub_clock_now(), <, limit_ns);     \
            turn();                                            \
        }                                                      \
    } while (0)

void peer_poll(Peer *peer);
bool said(Peer *peer, const char *text);
bool is_closed(Peer *peer);
void peer_send(Peer *peer, const guint8 *data, gsize size);
Peer *peer_open(const Fixture *f);
Peer *peer_open_from(const Fixture *f, const char *address); /* of this machine: "127.0.0.2" */
void peer_free(Peer *peer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Peer, peer_free)
void peer_message(Peer *peer, guint8 type, guint32 timestamp_ms, const guint8 *payload, gsize size);
void peer_command(Peer *peer, const char *name, double transaction, const char *key); /* @key: NULL: no fourth item */
void peer_connect(Peer *peer, const char *app);
void peer_connect_to(Peer *peer, const char *app, const char *url);
void video(Peer *peer, guint32 timestamp_ms, const char *start, gsize size);
void audio(Peer *peer, guint32 timestamp_ms, const char *start);
#define KEY   "\x17\x01"
#define INTER "\x27\x01"
Peer *publish(const Fixture *f, const char *app, const char *key);
Peer *play(const Fixture *f, const char *app, const char *key);
guint64 received(const Fixture *f, const char *path);
void send_head(Peer *publisher);
