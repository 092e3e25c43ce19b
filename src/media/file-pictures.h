/* media/file-pictures.h: packets of one video track -> access units, with sound times, as muxers want them. No packet
 * is dropped but those behind the end of an edit list. One thread. */
#pragma once

#include "media/access-unit.h"
#include "media/track-format.h"

typedef struct _DubFilePictures DubFilePictures;

/* @unit: (transfer full), @caps: (transfer none). Returns: false to stop */
typedef bool (*DubFilePictureFunc)(DubAccessUnit *unit, GstCaps *caps, void *user_data);

/* @has_dts: whether the container stores decoding times */
DubFilePictures *dub_file_pictures_new(const AVStream *stream, const DubTrackFormat *format, bool has_dts,
                                       DubFilePictureFunc emit, void *user_data, GError **error);
void dub_file_pictures_free(DubFilePictures *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubFilePictures, dub_file_pictures_free)

GstCaps *dub_file_pictures_caps(
    const DubFilePictures *self); /* (transfer none) NULL: not known before the first unit */
/* @packet: (transfer none) NULL at the end. Returns: false once emit said so */
bool dub_file_pictures_push(DubFilePictures *self, const AVPacket *packet);
unsigned dub_file_pictures_n_untimed(
    const DubFilePictures *self); /* packets without any timestamp, placed by their order */
