/* audio/float-wav.h: PCM as it is, in WAV files of 32-bit floats: what is read is what was written, sample by sample.
 * Any thread, one object one thread; blocks on the disk. A file grows under the hidden name ".NAME.part" and gets its
 * own at the end, so that a name never holds half. One of more than 4 GiB becomes an RF64, which players take as well.
 */
#pragma once

#include "audio/pcm.h"

#include <stdbool.h>

#define DUB_FLOAT_WAV_HEADER_BYTES      94  /* of mono and stereo */
#define DUB_FLOAT_WAV_HEADER_BYTES_MOST 116 /* of more channels, which have to say whose they are */

/* @n_frames: of the whole file. Returns: the header's length. Any thread, pure. */
gsize dub_float_wav_header(guint8 header[DUB_FLOAT_WAV_HEADER_BYTES_MOST], unsigned rate_hz, unsigned channels,
                           guint64 n_frames);

typedef struct _DubFloatWav DubFloatWav;
/* @channels: as audio/layout.h lists them. All: %DUB_ERROR_NO_SPACE, _NOT_FOUND (the folder), _IO … */
DubFloatWav *dub_float_wav_new(const char *path, unsigned rate_hz, unsigned channels, GError **error);
bool dub_float_wav_write(DubFloatWav *self, const float *samples, gsize n_frames, GError **error);
bool dub_float_wav_finish(DubFloatWav *self, GError **error); /* on the disk, under its name; then only free */
void dub_float_wav_free(DubFloatWav *self);                   /* what was not finished is removed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubFloatWav, dub_float_wav_free)

bool dub_float_wav_save(const char *path, const DubPcm *pcm, GError **error); /* the whole at once */

/* Returns: (transfer full): a file of one or two channels that dub_float_wav_save() wrote exactly, and any other WAV
 * file of up to a minute as what it holds. %DUB_ERROR_NOT_FOUND, _IO, _CORRUPT; also _CORRUPT where it is shorter than
 * its header says. */
DubPcm *dub_float_wav_read(const char *path, GError **error);
