/* media/source-pipeline.h: the GStreamer half of a source: live streams and FLV files. It finds the streams, links one
 * of video and one of audio, and puts what they yield into the handover. Loop thread; GStreamer's threads hold
 * references while they run. */
#pragma once

#include "media/source-feed.h"

/* Fails for an unknown scheme, a missing GStreamer element. @allowed_channels: as of media/source.h */
DubSourceFeed *dub_source_pipeline_new(const char *uri, unsigned allowed_channels, DubHandover *handover,
                                       GError **error);
