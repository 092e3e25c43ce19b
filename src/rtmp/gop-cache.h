/* rtmp/gop-cache.h: what a player that joins is given first: metadata, decoder configurations, and the media from
 * the last key frame on; of a stream that has just begun, all of it, so that whoever is told of a new stream and then
 * comes misses nothing.
 * No I/O. The server's loop thread only. Times are ns on dub_clock_now(). */
#pragma once

#include "rtmp/frame.h"

typedef struct {
    gsize max_bytes; /* of memory, see dub_rtmp_frame_memory() */
    uint32_t max_ms; /* from the key frame on, by timestamps */
    int64_t head_ns; /* how long a stream counts as just begun */
} DubGopCacheLimits;

typedef struct _DubGopCache DubGopCache;
DubGopCache *dub_gop_cache_new(const DubGopCacheLimits *limits, int64_t now_ns);
void dub_gop_cache_free(DubGopCache *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubGopCache, dub_gop_cache_free)

typedef enum { DUB_GOP_METADATA, DUB_GOP_VIDEO_HEADER, DUB_GOP_AUDIO_HEADER, DUB_GOP_N_SETUPS } DubGopSetup;

void dub_gop_cache_set_setup(DubGopCache *self, DubGopSetup which, DubRtmpFrame *frame); /* takes a reference */
/* Takes a reference; may forget everything before @frame, or everything when a bound is passed. */
void dub_gop_cache_add(DubGopCache *self, DubRtmpFrame *frame, int64_t now_ns);

/* False when a player has to wait for the next key frame: a bound was passed. Without video there is nothing to wait
 * for. */
bool dub_gop_cache_can_join(const DubGopCache *self);
bool dub_gop_cache_has_video(const DubGopCache *self);
gsize dub_gop_cache_bytes(const DubGopCache *self);  /* of the media, which max_bytes bounds */
gsize dub_gop_cache_memory(const DubGopCache *self); /* of all that it holds */

typedef void (*DubGopCacheFunc)(DubRtmpFrame *frame, void *user_data); /* @frame: (transfer none) */
/* The setup frames, stamped as the first media frame so that time never goes backwards, or as @timestamp_ms when the
 * cache holds no media; then the media. */
void dub_gop_cache_foreach(const DubGopCache *self, uint32_t timestamp_ms, DubGopCacheFunc each, void *user_data);
