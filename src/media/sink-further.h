/* media/sink-further.h: writes dubs that lie ready in files of their own (media/further-sound.h) into an output, each
 * as a track with its name. Threads as media/sink-carried.h. */
#pragma once

#include "media/sink-drain.h"

typedef struct _DubSinkFurther DubSinkFurther;

/* Adds @config's dubs to @out, which outlives it. Reads their heads from disk. */
DubSinkFurther *dub_sink_further_new(const DubSinkDrainConfig *config, AVFormatContext *out, GError **error);
void dub_sink_further_free(DubSinkFurther *self); /* NULL is fine, as for all of these */
bool dub_sink_further_begin(DubSinkFurther *self, GError **error);
int dub_sink_further_write_until(DubSinkFurther *self, int64_t until_ns);
void dub_sink_further_cancel(DubSinkFurther *self);
