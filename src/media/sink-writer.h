/* media/sink-writer.h: the drain of a sink into files, by libavformat's muxers in a thread of its own. What holds no
 * AAC is encoded there too. */
#pragma once

#include "media/sink-drain.h"

bool dub_sink_writer_writes(DubContainer container);
DubSinkDrain *dub_sink_writer_new(const DubSinkDrainConfig *config, DubSinkEventFunc on_event, void *user_data,
                                  GError **error);
