/* audio/convert.h: rate, channels and tempo of whole blocks. Any thread; no state between calls. */
#pragma once

#include "audio/pcm.h"

/* Returns: (transfer full): @pcm at @rate_hz with @channels (libswresample; mono to stereo at unity, stereo to mono
 * by the mean), exactly round(n_frames × rate_hz / pcm->rate_hz) frames with the filter's delay taken out; a new
 * reference where nothing changes. NULL with %DUB_ERROR_FAILED only when libswresample refuses. */
DubPcm *dub_pcm_convert(DubPcm *pcm, unsigned rate_hz, unsigned channels, GError **error);

/* Returns: (transfer full): @pcm played @tempo times as fast (1.25 = a fifth shorter), same pitch (Rubber Band,
 * offline, study first), exactly round(n_frames / tempo) frames. @tempo: 0.5…2.0. */
DubPcm *dub_pcm_stretch(DubPcm *pcm, double tempo, GError **error);
