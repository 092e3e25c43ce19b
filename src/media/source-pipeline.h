/* media/source-pipeline.h: the GStreamer half of a source: live streams and FLV files. It finds the streams, links one
 * of video and one of audio, and puts what they yield into the handover. Loop thread; GStreamer's threads hold
 * references while they run. */
#pragma once

#include "media/source-feed.h"
#include "media/source.h"

/* @choice: (nullable): not kept. Fails for an unknown scheme, a missing GStreamer element. */
DubSourceFeed *dub_source_pipeline_new(const char *uri, const DubSourceChoice *choice, DubHandover *handover,
                                       GError **error);
