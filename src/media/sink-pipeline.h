/* media/sink-pipeline.h: the GStreamer half of a sink: appsrc, muxer, where it goes. Loop thread only; what happens in
 * GStreamer's threads comes back through on_event on the context that was thread-default at creation, never from inside a
 * call and never after dub_sink_pipeline_free(). */
#pragma once

#include "media/bounded-stop.h"
#include "media/container.h"

#include <stdint.h>

typedef struct {
    DubContainer container;
    const char *location;  /* the file to write now, or the URL */
    const char *name;      /* what errors call it */
    GstCaps *video_caps;   /* (transfer none); NULL: audio alone */
    GBytes *audio_config;  /* (transfer none) AudioSpecificConfig; NULL: audio is pushed as float32 PCM */
    unsigned rate_hz, channels, audio_bitrate_bps;
    bool live;
} DubSinkPipelineConfig;

typedef enum {
    DUB_SINK_EVENT_ROOM,  /* after dub_sink_pipeline_is_full() said true */
    DUB_SINK_EVENT_EOS,   /* everything is out */
    DUB_SINK_EVENT_ERROR, /* nothing follows */
} DubSinkEvent;

typedef void (*DubSinkEventFunc)(DubSinkEvent event, const GError *error, void *user_data);

typedef struct _DubSinkPipeline DubSinkPipeline;

DubSinkPipeline *dub_sink_pipeline_new(const DubSinkPipelineConfig *config, DubSinkEventFunc on_event, void *user_data,
                                       GError **error);
/* A file: stops it, within DUB_PIPELINE_STOP_MAX_MS; network: a thread does, and nobody waits. */
void dub_sink_pipeline_free(DubSinkPipeline *self);
/* As free, and @closed tells when it has stopped and its file is closed, at the latest after
 * DUB_PIPELINE_STOP_MAX_MS. */
DubGstStop *dub_sink_pipeline_close(DubSinkPipeline *self, DubGstStoppedFunc closed, void *user_data);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSinkPipeline, dub_sink_pipeline_free)

/* @buffer: (transfer full). Times are ns on the output timeline; @dts_ns may be negative. FLV and RTMP: finished tags,
 * all through dub_sink_pipeline_push_tag(). */
void dub_sink_pipeline_push_video(DubSinkPipeline *self, GstBuffer *buffer, int64_t pts_ns, int64_t dts_ns);
void dub_sink_pipeline_push_audio(DubSinkPipeline *self, GstBuffer *buffer, int64_t pts_ns, int64_t duration_ns);
void dub_sink_pipeline_push_tag(DubSinkPipeline *self, GstBuffer *tag);
/* The video that follows has these. Returns: false where the muxer cannot change them: it keeps the first. */
bool dub_sink_pipeline_set_video_caps(DubSinkPipeline *self, GstCaps *caps);
bool dub_sink_pipeline_is_full(DubSinkPipeline *self);
void dub_sink_pipeline_end(DubSinkPipeline *self); /* DUB_SINK_EVENT_EOS follows */
void dub_sink_pipeline_fail(DubSinkPipeline *self, GError *error /* (transfer full) */); /* DUB_SINK_EVENT_ERROR follows */
