/* media/source-pipeline.h: the GStreamer half of a source. It finds the streams, links one of video and one of audio, and
 * puts what they yield into the handover. new, start, stop: the loop thread. Reference counted: GStreamer's threads hold
 * references while they run. */
#pragma once

#include "media/handover.h"

typedef struct {
    bool is_complete;          /* no further stream will turn up, and those there are have caps */
    bool has_audio, has_video; /* a stream was found; its caps may be still to come */
    GstCaps *video_caps;       /* owned; NULL until known */
    unsigned rate_hz, channels;/* 0 until known */
    bool is_length_declared;   /* its container states a duration that can be trusted (mp4, mkv) */
} DubSourceStreams;

void dub_source_streams_clear(DubSourceStreams *streams);

typedef struct _DubSourcePipeline DubSourcePipeline;

/* Fails for a missing file, an unknown scheme, a missing GStreamer element. */
DubSourcePipeline *dub_source_pipeline_new(const char *uri, DubHandover *handover, GError **error);
void dub_source_pipeline_unref(DubSourcePipeline *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSourcePipeline, dub_source_pipeline_unref)

void dub_source_pipeline_start(DubSourcePipeline *self); /* returns at once */
void dub_source_pipeline_stop(DubSourcePipeline *self);  /* the handover is closed by then; within 5 s */
void dub_source_pipeline_get_streams(DubSourcePipeline *self, DubSourceStreams *streams /* (out) */);
void dub_source_pipeline_freeze(DubSourcePipeline *self); /* streams that turn up from here on are left alone */
int64_t dub_source_pipeline_duration_ns(DubSourcePipeline *self); /* DUB_TIME_NONE when not known */
