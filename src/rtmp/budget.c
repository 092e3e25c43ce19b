/* rtmp/budget.c: what all connections hold together is bounded: messages that have not come whole, what paths keep for
 * players that join, and what players have not taken yet. A frame counts once, whoever holds it. */
#include "rtmp/private.h"

#include "base/log.h"

#define NOTEWORTHY_BYTES (64u * 1024) /* to close who holds less would free nothing */

void dub_rtmp_budget_charge(DubRtmpServer *server, DubRtmpFrame *frame)
{
    dub_rtmp_frame_charge(frame, &server->frame_bytes);
}

void dub_rtmp_budget_count(DubRtmpConnection *self)
{
    const gsize bytes = dub_rtmp_reader_memory(self->reader) + (self->held ? self->held->len : 0);
    self->server->reader_bytes += bytes - self->counted_bytes;
    self->counted_bytes = bytes;
}

/* What would become free, at most, if it were closed: others may hold some of the frames, too. */
static gsize held_by(const DubRtmpConnection *connection)
{
    const bool publishes = connection->path && connection->path->publisher == connection;
    return connection->counted_bytes + dub_rtmp_send_queue_memory(connection->queue) +
           (publishes ? dub_gop_cache_memory(connection->path->cache) : 0);
}

typedef struct {
    DubRtmpConnection *connection;
    bool is_proven, is_small;
} Candidate;

/* Who has shown a key stays before who has not; who has little before who has more than its share; then who came
 * first: many newcomers do not end what ran well without them. */
static bool goes_before(const Candidate *one, const Candidate *other)
{
    if (one->is_proven != other->is_proven)
        return other->is_proven;
    if (one->is_small != other->is_small)
        return other->is_small;
    return one->connection->number > other->connection->number;
}

static DubRtmpConnection *find_victim(const DubRtmpServer *server)
{
    const gsize share = server->config.memory_bytes / MAX(g_hash_table_size(server->connections), 1);
    const gsize least = MIN(NOTEWORTHY_BYTES, share / 2);
    Candidate found = { 0 };
    GHashTableIter iter;
    void *key;
    g_hash_table_iter_init(&iter, server->connections);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        DubRtmpConnection *connection = key;
        const gsize held = held_by(connection);
        const Candidate candidate = { connection, connection->is_proven, held < share };
        if (held >= least && !connection->is_own && (!found.connection || goes_before(&candidate, &found)))
            found = candidate;
    }
    return found.connection;
}

bool dub_rtmp_budget_relieve(DubRtmpServer *server)
{
    if (server->frame_bytes + server->reader_bytes <= server->config.memory_bytes)
        return false;
    DubRtmpConnection *victim = find_victim(server);
    if (!victim)
        return false;
    if (dub_rtmp_server_may_log(server, "connections closed: the memory is full"))
        dub_warning("rtmp: %s: closed: the memory for RTMP is full: RTMP_MEMORY_MB", victim->peer);
    dub_rtmp_connection_close(victim, NULL);
    return true;
}
