/* rtmp/path.c: one path of the server: from its publisher to its players. */
#include "rtmp/private.h"

#include "base/clock.h"
#include "base/log.h"
#include "rtmp/flv.h"

#define MEDIA_STREAM 1u /* the message stream id that every player gets */

DubRtmpPath *dub_rtmp_path_get(DubRtmpServer *server, const char *name)
{
    DubRtmpPath *self = g_hash_table_lookup(server->paths, name);
    if (self)
        return self;
    self = g_new0(DubRtmpPath, 1);
    self->server = server;
    self->name = g_strdup(name);
    self->players = g_ptr_array_new();
    g_hash_table_insert(server->paths, self->name, self);
    return self;
}

void dub_rtmp_path_free(DubRtmpPath *self)
{
    g_free(self->name);
    g_free(self->query);
    g_free(self->asked);
    g_ptr_array_unref(self->players);
    dub_gop_cache_free(self->cache);
    g_free(self);
}

static void free_if_unused(DubRtmpPath *self)
{
    if (!self->publisher && self->players->len == 0)
        g_hash_table_remove(self->server->paths, self->name);
}

typedef struct {
    DubRtmpPath *path;
    DubRtmpConnection *player;
} Join;

static void send_to_player(DubRtmpPath *self, DubRtmpConnection *player, DubRtmpFrame *frame)
{
    const bool media = frame->kind >= DUB_RTMP_FRAME_AUDIO;
    if (player->awaits_key && frame->kind == DUB_RTMP_FRAME_VIDEO_KEY)
        player->awaits_key = false;
    if (player->awaits_key && media)
        return;
    self->bytes_sent += g_bytes_get_size(frame->payload);
    dub_rtmp_connection_push(player, frame);
}

static void send_cached(DubRtmpFrame *frame, void *user_data)
{
    const Join *join = user_data;
    send_to_player(join->path, join->player, frame);
}

static void start_player(DubRtmpPath *self, DubRtmpConnection *player)
{
    Join join = { self, player };
    dub_rtmp_session_play_started(player);
    player->awaits_key = !dub_gop_cache_can_join(self->cache);
    dub_gop_cache_foreach(self->cache, self->timestamp_ms, send_cached, &join);
}

void dub_rtmp_path_add_player(DubRtmpPath *self, DubRtmpConnection *player)
{
    g_ptr_array_add(self->players, player);
    player->path = self;
    if (self->publisher)
        start_player(self, player);
    else
        dub_rtmp_connection_set_state(player, DUB_RTMP_WAITING);
}

void dub_rtmp_path_remove_player(DubRtmpPath *self, DubRtmpConnection *player)
{
    g_ptr_array_remove_fast(self->players, player);
    player->path = NULL;
    free_if_unused(self);
}

static void set_publisher(DubRtmpPath *self, DubRtmpConnection *publisher, const DubRtmpWish *wish)
{
    const DubRtmpServerConfig *config = &self->server->config;
    const DubGopCacheLimits limits = { config->cache_bytes, config->cache_ms, config->head_ms * DUB_NS_PER_MS };
    self->publisher = publisher;
    publisher->path = self;
    self->query = g_strdup(wish->query);
    self->asked = g_strdup(wish->asked);
    self->cache = dub_gop_cache_new(&limits, dub_clock_now());
}

void dub_rtmp_path_publish(DubRtmpPath *self, DubRtmpConnection *publisher, const DubRtmpWish *wish)
{
    set_publisher(self, publisher, wish);
    self->offset_ms = 0;
    self->newest_ns = 0;
    self->continues = false;
    for (guint i = self->players->len; i > 0; i--) /* backwards: one that fails leaves the array */
        start_player(self, self->players->pdata[i - 1]);
}

static void reset(DubRtmpPath *self)
{
    self->publisher->path = NULL;
    self->publisher = NULL;
    g_clear_pointer(&self->query, g_free);
    g_clear_pointer(&self->asked, g_free);
    g_clear_pointer(&self->cache, dub_gop_cache_free);
    self->video_codec = self->audio_codec = NULL;
    self->ready = self->key_seen = false;
    self->ready_unix_ms = 0;
    self->bytes_received = self->bytes_sent = 0;
}

static void end_player(DubRtmpConnection *player)
{
    player->path = NULL;
    dub_rtmp_connection_set_state(player, DUB_RTMP_ENDING);
}

void dub_rtmp_path_unpublish(DubRtmpPath *self)
{
    DubRtmpServer *server = self->server;
    g_autofree char *name = g_strdup(self->name);
    g_autofree char *source_id = g_strdup(self->publisher->id);
    const bool was_ready = self->ready;
    if (dub_rtmp_server_may_log(server, "publishers that went"))
        dub_info("rtmp: %s: no longer published", name);
    reset(self);
    g_autoptr(GPtrArray) players = g_steal_pointer(&self->players);
    self->players = g_ptr_array_new();
    for (guint i = 0; i < players->len; i++)
        end_player(players->pdata[i]);
    free_if_unused(self);
    if (was_ready && server->callbacks.on_unpublish)
        server->callbacks.on_unpublish(name, source_id, server->user_data);
}

static void release_own_players(DubRtmpPath *self)
{
    for (guint i = self->players->len; i > 0; i--) {
        DubRtmpConnection *player = self->players->pdata[i - 1];
        player->awaits_key = false; /* nothing is passed on before the new publisher's first key frame */
        if (!player->is_own)
            continue;
        g_ptr_array_remove_index_fast(self->players, i - 1);
        end_player(player);
    }
}

void dub_rtmp_path_take_over(DubRtmpPath *self, DubRtmpConnection *publisher, const DubRtmpWish *wish)
{
    DubRtmpServer *server = self->server;
    DubRtmpConnection *old = self->publisher;
    g_autofree char *name = g_strdup(self->name);
    const bool was_ready = self->ready;
    reset(self);
    release_own_players(self);
    set_publisher(self, publisher, wish);
    self->continues = self->newest_ns != 0;
    dub_rtmp_session_send_error(old, "NetStream.Publish.BadName", "Another publisher has taken this path over.");
    dub_rtmp_connection_close_gently(old);
    if (was_ready && server->callbacks.on_unpublish)
        server->callbacks.on_unpublish(name, old->id, server->user_data);
}

static void broadcast(DubRtmpPath *self, DubRtmpFrame *frame)
{
    for (guint i = self->players->len; i > 0; i--)
        send_to_player(self, self->players->pdata[i - 1], frame);
}

static void set_ready(DubRtmpPath *self)
{
    if (self->ready)
        return;
    self->ready = true;
    self->ready_unix_ms = dub_clock_unix_ms();
    if (dub_rtmp_server_may_log(self->server, "publishers that came"))
        dub_info("rtmp: %s: published by %s", self->name, self->publisher->peer);
    if (self->server->callbacks.on_publish)
        self->server->callbacks.on_publish(self->name, self->query, self->publisher->id, self->server->user_data);
}

static uint32_t stamp_setup(DubRtmpPath *self, uint32_t timestamp_ms)
{
    self->timestamp_ms = self->continues ? self->newest_ms : timestamp_ms + self->offset_ms;
    return self->timestamp_ms;
}

static uint32_t stamp_media(DubRtmpPath *self, uint32_t timestamp_ms)
{
    const int64_t now_ns = dub_clock_now();
    if (self->continues)
        self->offset_ms = self->newest_ms + (uint32_t) ((now_ns - self->newest_ns) / DUB_NS_PER_MS) + 1 - timestamp_ms;
    self->continues = false;
    self->timestamp_ms = timestamp_ms + self->offset_ms;
    if (self->newest_ns == 0 || (int32_t) (self->timestamp_ms - self->newest_ms) > 0) /* timestamps wrap */
        self->newest_ms = self->timestamp_ms;
    self->newest_ns = now_ns;
    return self->timestamp_ms;
}

static void relay_setup(DubRtmpPath *self, const DubRtmpMessage *message, DubGopSetup which, GBytes *payload)
{
    g_autoptr(DubRtmpFrame) frame = dub_rtmp_frame_new(DUB_RTMP_FRAME_SETUP, message->type, MEDIA_STREAM,
                                                       stamp_setup(self, message->timestamp_ms), payload);
    dub_rtmp_budget_charge(self->server, frame);
    dub_gop_cache_set_setup(self->cache, which, frame);
    broadcast(self, frame);
}

static void relay_media(DubRtmpPath *self, const DubRtmpMessage *message, DubRtmpFrameKind kind)
{
    g_autoptr(DubRtmpFrame) frame = dub_rtmp_frame_new(kind, message->type, MEDIA_STREAM,
                                                       stamp_media(self, message->timestamp_ms), message->payload);
    dub_rtmp_budget_charge(self->server, frame);
    dub_gop_cache_add(self->cache, frame, dub_clock_now());
    broadcast(self, frame);
    if (kind != DUB_RTMP_FRAME_DATA)
        set_ready(self);
}

static void relay_video(DubRtmpPath *self, const DubRtmpMessage *message, const DubFlvTag *tag)
{
    if (tag->codec)
        self->video_codec = tag->codec;
    if (tag->header) {
        relay_setup(self, message, DUB_GOP_VIDEO_HEADER, message->payload);
        return;
    }
    if (tag->end) {
        relay_media(self, message, DUB_RTMP_FRAME_DATA);
        return;
    }
    self->key_seen |= tag->key;
    if (self->key_seen) /* what comes before the first key frame nobody can decode */
        relay_media(self, message, tag->key ? DUB_RTMP_FRAME_VIDEO_KEY : DUB_RTMP_FRAME_VIDEO);
}

static void relay_audio(DubRtmpPath *self, const DubRtmpMessage *message, const DubFlvTag *tag)
{
    if (tag->codec)
        self->audio_codec = tag->codec;
    if (tag->header)
        relay_setup(self, message, DUB_GOP_AUDIO_HEADER, message->payload);
    else
        relay_media(self, message, tag->end ? DUB_RTMP_FRAME_DATA : DUB_RTMP_FRAME_AUDIO);
}

static void relay_data(DubRtmpPath *self, const DubRtmpMessage *message, const uint8_t *data, gsize size)
{
    bool is_metadata;
    const gsize start = dub_flv_metadata(data, size, &is_metadata);
    g_autoptr(GBytes) payload = g_bytes_new_from_bytes(message->payload, start, size - start);
    if (is_metadata) {
        relay_setup(self, message, DUB_GOP_METADATA, payload);
        return;
    }
    const DubRtmpMessage unwrapped = { message->type, message->stream_id, message->timestamp_ms, payload };
    relay_media(self, &unwrapped, DUB_RTMP_FRAME_DATA);
}

void dub_rtmp_path_message(DubRtmpPath *self, const DubRtmpMessage *message)
{
    gsize size;
    const uint8_t *data = g_bytes_get_data(message->payload, &size);
    self->bytes_received += size;
    self->publisher->media_ns = dub_clock_now();
    if (size == 0)
        return; /* some encoders send empty messages to keep time; there is nothing to pass on */
    if (message->type == DUB_RTMP_VIDEO) {
        const DubFlvTag tag = dub_flv_read_video(data, size);
        relay_video(self, message, &tag);
    } else if (message->type == DUB_RTMP_AUDIO) {
        const DubFlvTag tag = dub_flv_read_audio(data, size);
        relay_audio(self, message, &tag);
    } else {
        relay_data(self, message, data, size);
    }
}
