/* media/sink-writer.h: the drain of a sink into .mp4, .mov, .m4a and .mkv files, by libavformat's muxers in a thread of
 * its own. */
#pragma once

#include "media/sink-drain.h"

bool dub_sink_writer_writes(DubContainer container);
DubSinkDrain *dub_sink_writer_new(const DubSinkDrainConfig *config, DubSinkEventFunc on_event, void *user_data,
                                  GError **error);
