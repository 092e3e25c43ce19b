/* media/sink-pipeline.h: the GStreamer half of a sink: appsrc, muxer, where it goes. */
#pragma once

#include "media/sink-drain.h"

DubSinkDrain *dub_sink_pipeline_new(const DubSinkDrainConfig *config, DubSinkEventFunc on_event, void *user_data,
                                    GError **error);
/* FLV and RTMP: finished tags, instead of push_video and push_audio. */
void dub_sink_pipeline_push_tag(DubSinkDrain *drain, GstBuffer *tag /* (transfer full) */);
