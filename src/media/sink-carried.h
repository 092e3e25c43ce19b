/* media/sink-carried.h: writes into an output what its source's file holds beside picture and dub
 * (media/carried-tracks.h). The packets are read from the file a second time, never further than the output has come:
 * so nothing has to be kept for tracks that run ahead of the dub, or that have a packet an hour. Creation: the loop
 * thread, before the header; cancel: any thread; the rest: the muxer's. */
#pragma once

#include "media/sink-drain.h"

typedef struct _DubSinkCarried DubSinkCarried;

/* Adds streams, tags and chapters to @out, which outlives it. @video: of @out; NULL: none */
DubSinkCarried *dub_sink_carried_new(const DubSinkDrainConfig *config, AVFormatContext *out, AVStream *video,
                                     GError **error);
/* The tracks alone: tags and chapters of @out are another's. */
DubSinkCarried *dub_sink_carried_new_tracks(const DubSinkDrainConfig *config, AVFormatContext *out, GError **error);
void dub_sink_carried_free(DubSinkCarried *self); /* NULL is fine, as for all of these */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSinkCarried, dub_sink_carried_free)

/* After the header. Returns: false with NOT_FOUND, CORRUPT, IO…: the file has gone meanwhile */
bool dub_sink_carried_begin(DubSinkCarried *self, GError **error);
/* Writes all that comes before @until_ns, output time; G_MAXINT64: all. Returns: 0 or an AVERROR of writing */
int dub_sink_carried_write_until(DubSinkCarried *self, int64_t until_ns);
/* The clock of the file jumped: where a track jumps too, that time of it is output time 0 from there on. */
void dub_sink_carried_set_origin(DubSinkCarried *self, int64_t origin_ns);
void dub_sink_carried_cancel(DubSinkCarried *self); /* it reads no further */
