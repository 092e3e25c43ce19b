/* media/picture-shaper.h: access units of a byte stream (MPEG-TS) -> the same with lengths in front and headers out of
 * band, as muxers want them. A GStreamer parser without a pipeline around it. One thread. */
#pragma once

#include "media/access-unit.h"

typedef struct _DubPictureShaper DubPictureShaper;

/* @unit: (transfer full), @caps: (transfer none) of this unit */
typedef void (*DubPictureFunc)(DubAccessUnit *unit, GstCaps *caps, void *user_data);

/* Returns: whether pictures with these caps need shaping. */
bool dub_picture_shaper_is_needed(const GstCaps *caps);
DubPictureShaper *dub_picture_shaper_new(GstCaps *caps, DubPictureFunc emit, void *user_data, GError **error);
void dub_picture_shaper_free(DubPictureShaper *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubPictureShaper, dub_picture_shaper_free)

/* @unit: (transfer full). What comes out of it comes before this returns, or with a later unit. */
void dub_picture_shaper_push(DubPictureShaper *self, DubAccessUnit *unit);
void dub_picture_shaper_flush(DubPictureShaper *self); /* the end: whatever waits goes out */
