/* audio/loudness.h: how loud people hear it, after EBU R 128 (libebur128). Any thread; no state between calls. */
#pragma once

#include "audio/pcm.h"

#define DUB_LOUDNESS_NONE (-200.0) /* silence, or shorter than R 128's block of 400 ms */

/* Integrated loudness in LUFS of the frames [@first, @end): pauses are gated out. */
double dub_loudness_lufs(const DubPcm *pcm, gsize first, gsize end);

/* Changes @pcm in place by @gain_db, less where a sample would pass @ceiling (linear). */
void dub_loudness_apply(DubPcm *pcm, double gain_db, double ceiling);
