/* media/track-format.h: all that a container says about one encoded track beyond what GstCaps hold: rotation, aspect,
 * colour, HDR metadata, stereo mode, codec configuration. Immutable once made, reference counted, any thread. */
#pragma once

#include <glib.h>
#include <gst/gst.h>
#include <libavformat/avformat.h>
#include <stdbool.h>

typedef struct _DubTrackFormat DubTrackFormat;

DubTrackFormat *dub_track_format_new(const AVStream *stream); /* copies what it needs */
/* What is known of a track that GStreamer read. Returns: NULL for a codec that libavformat has no name for. */
DubTrackFormat *dub_track_format_from_caps(const GstCaps *caps);
DubTrackFormat *dub_track_format_ref(DubTrackFormat *self);
void dub_track_format_unref(DubTrackFormat *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubTrackFormat, dub_track_format_unref)

/* Gives a new stream of a muxer all of it, with the codec data and size of @caps (nullable) where they state them.
 * Returns: false where memory ends. */
bool dub_track_format_apply(const DubTrackFormat *self, const GstCaps *caps, AVStream *stream);

/* Returns: (transfer full): caps of the encoded video as it stands in the container; NULL for a codec without any. */
GstCaps *dub_track_format_caps(const DubTrackFormat *self);
