/* engines/wav.h: sound as servers take and give it. Any thread, pure. */
#pragma once

#include "audio/pcm.h"

/* Returns: (transfer full): a WAV file, 16 bit; %DUB_ERROR_INVALID_ARGUMENT: longer than a minute */
GBytes *dub_wav_write(const DubPcm *pcm, GError **error);

/* @bytes: a WAV file; one that was sent before its length was known, with any length in its header, too.
 * Returns: (transfer full): mono, at its own rate; %DUB_ERROR_CORRUPT: no WAV, or one without sound;
 * %DUB_ERROR_INVALID_ARGUMENT: longer than a minute */
DubPcm *dub_wav_read(GBytes *bytes, GError **error);

/* The same of samples without a header: mono, 16 bit, little-endian */
DubPcm *dub_wav_read_raw(GBytes *bytes, unsigned rate_hz, GError **error);
