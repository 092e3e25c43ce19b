/* timeline/segmenter.h: cuts one stream's PCM into segments near each multiple of the nominal length.
 * Worker's loop thread only; no clock, no I/O. Positions are frames on the output timeline, 0 = the stream's first.
 *
 * Every segment carries a tail: the first DUB_CROSSFADE_MS of what follows it, so that the mixer can cross-fade two
 * neighbours over sound that both really have. The last segment has none. */
#pragma once

#include "audio/pcm.h"

#include <stdbool.h>

#define DUB_CROSSFADE_MS 10 /* long enough to hide a join, too short to hear as an echo */

typedef enum {
    DUB_SEGMENT_PAUSE, /* at the quietest 100 ms within ±1.5 s of the mark, or else at a clear pause up to 2 s before
                          that: words stay whole. Never so early that the next segment, at its longest, would not reach
                          its mark: a stream has as many segments as its length gives */
    DUB_SEGMENT_FIXED, /* exactly at the mark */
} DubSegmentMode;

typedef struct {
    unsigned rate_hz, channels;
    int64_t nominal_ns; /* distance of the marks: 6 s */
    int64_t longest_ns; /* bound on a segment, for its deadline: >= nominal_ns; pause mode looks no further than this */
    DubSegmentMode mode;
    bool eager; /* pause mode, live: once the mark is past, take the first clear pause, do not wait for the search's
                   end: what is saved is time for the engines */
} DubSegmenterConfig;

typedef struct {
    uint64_t index;      /* 0, 1, 2, … */
    int64_t first_frame; /* on the output timeline */
    int64_t n_frames;    /* without the tail: the next segment starts at first_frame + n_frames */
    DubPcm *pcm;         /* n_frames and the tail */
} DubSegment;
void dub_segment_free(DubSegment *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSegment, dub_segment_free)

typedef struct _DubSegmenter DubSegmenter;
DubSegmenter *dub_segmenter_new(const DubSegmenterConfig *config);
void dub_segmenter_free(DubSegmenter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSegmenter, dub_segmenter_free)

/* @samples: @n_frames × channels, continuing where the last call stopped. */
void dub_segmenter_push(DubSegmenter *self, const float *samples, gsize n_frames);
void dub_segmenter_finish(DubSegmenter *self); /* no more input: the rest becomes the last segment */
void dub_segmenter_resume(DubSegmenter *self); /* there is more after all */
/* So much of the timeline lies between what was taken and what comes next. Nothing is buffered: it was finished. */
void dub_segmenter_skip(DubSegmenter *self, int64_t n_frames);
/* Cuts here, however short: the playout deadline of what is buffered has come. Without a tail. */
void dub_segmenter_force(DubSegmenter *self);
/* Returns: (transfer full): the next whole segment, or NULL until more was pushed. */
DubSegment *dub_segmenter_take(DubSegmenter *self);
