/* rtmp/gop-cache.c */
#include "rtmp/gop-cache.h"

struct _DubGopCache {
    DubGopCacheLimits limits;
    int64_t begun_ns;
    DubRtmpFrame *setups[DUB_GOP_N_SETUPS];
    GPtrArray *frames; /* DubRtmpFrame *, in the order they came */
    gsize bytes;
    uint32_t key_ms; /* of the last key frame, or of the first frame */
    bool complete;   /* nothing was lost since the last key frame, or since the beginning */
    bool video;
};

static void release(void *frame)
{
    dub_rtmp_frame_unref(frame);
}

DubGopCache *dub_gop_cache_new(const DubGopCacheLimits *limits, int64_t now_ns)
{
    DubGopCache *self = g_new0(DubGopCache, 1);
    self->limits = *limits;
    self->begun_ns = now_ns;
    self->frames = g_ptr_array_new_with_free_func(release);
    self->complete = true;
    return self;
}

void dub_gop_cache_free(DubGopCache *self)
{
    if (!self)
        return;
    for (gsize i = 0; i < DUB_GOP_N_SETUPS; i++)
        dub_rtmp_frame_unref(self->setups[i]);
    g_ptr_array_unref(self->frames);
    g_free(self);
}

void dub_gop_cache_set_setup(DubGopCache *self, DubGopSetup which, DubRtmpFrame *frame)
{
    dub_rtmp_frame_unref(self->setups[which]);
    self->setups[which] = dub_rtmp_frame_ref(frame);
    self->video |= which == DUB_GOP_VIDEO_HEADER;
}

static DubRtmpFrame *frame_at(const DubGopCache *self, guint index)
{
    return self->frames->pdata[index];
}

static void forget(DubGopCache *self)
{
    g_ptr_array_set_size(self->frames, 0);
    self->bytes = 0;
}

/* From the first key frame after the head on, only the last group of pictures is of use. */
static void start_group(DubGopCache *self, const DubRtmpFrame *frame, int64_t now_ns)
{
    if (!self->complete || now_ns - self->begun_ns > self->limits.head_ns)
        forget(self);
    self->key_ms = frame->timestamp_ms;
    self->complete = true;
}

static bool within_bounds(const DubGopCache *self, const DubRtmpFrame *frame)
{
    const int32_t span_ms = (int32_t) (frame->timestamp_ms - self->key_ms); /* timestamps wrap */
    return self->bytes + dub_rtmp_frame_memory(frame) <= self->limits.max_bytes &&
           span_ms <= (int32_t) self->limits.max_ms;
}

/* Over the bound: of a stream's head, the last group may still fit. */
static void shrink_for(DubGopCache *self, const DubRtmpFrame *frame)
{
    guint key = frame->kind == DUB_RTMP_FRAME_VIDEO_KEY ? 0 : self->frames->len;
    while (key > 0 && frame_at(self, key - 1)->kind != DUB_RTMP_FRAME_VIDEO_KEY)
        key--;
    if (key == 0) {
        forget(self);
        return;
    }
    for (guint i = 0; i < key - 1; i++)
        self->bytes -= dub_rtmp_frame_memory(frame_at(self, i));
    if (key > 1)
        g_ptr_array_remove_range(self->frames, 0, key - 1);
}

void dub_gop_cache_add(DubGopCache *self, DubRtmpFrame *frame, int64_t now_ns)
{
    self->video |= frame->kind == DUB_RTMP_FRAME_VIDEO || frame->kind == DUB_RTMP_FRAME_VIDEO_KEY;
    if (self->frames->len == 0)
        self->key_ms = frame->timestamp_ms;
    if (frame->kind == DUB_RTMP_FRAME_VIDEO_KEY)
        start_group(self, frame, now_ns);
    if (!self->complete)
        return;
    if (!within_bounds(self, frame))
        shrink_for(self, frame);
    self->complete = within_bounds(self, frame);
    if (!self->complete) {
        forget(self);
        return;
    }
    g_ptr_array_add(self->frames, dub_rtmp_frame_ref(frame));
    self->bytes += dub_rtmp_frame_memory(frame);
}

bool dub_gop_cache_can_join(const DubGopCache *self)
{
    return self->complete || !self->video;
}

bool dub_gop_cache_has_video(const DubGopCache *self)
{
    return self->video;
}

gsize dub_gop_cache_bytes(const DubGopCache *self)
{
    return self->bytes;
}

gsize dub_gop_cache_memory(const DubGopCache *self)
{
    gsize bytes = self->bytes;
    for (gsize i = 0; i < DUB_GOP_N_SETUPS; i++)
        bytes += self->setups[i] ? dub_rtmp_frame_memory(self->setups[i]) : 0;
    return bytes;
}

static void emit_setup(const DubRtmpFrame *setup, uint32_t timestamp_ms, DubGopCacheFunc each, void *user_data)
{
    if (!setup)
        return;
    g_autoptr(DubRtmpFrame) stamped = dub_rtmp_frame_new(setup->kind, setup->type, 1, timestamp_ms, setup->payload);
    if (setup->account) /* it holds the payload longer than @setup may */
        dub_rtmp_frame_charge(stamped, setup->account);
    each(stamped, user_data);
}

void dub_gop_cache_foreach(const DubGopCache *self, uint32_t timestamp_ms, DubGopCacheFunc each, void *user_data)
{
    if (self->frames->len > 0)
        timestamp_ms = frame_at(self, 0)->timestamp_ms;
    for (gsize i = 0; i < DUB_GOP_N_SETUPS; i++)
        emit_setup(self->setups[i], timestamp_ms, each, user_data);
    for (guint i = 0; i < self->frames->len; i++)
        each(frame_at(self, i), user_data);
}
