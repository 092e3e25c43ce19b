/* audio/resampler.h: a stream of PCM blocks at another rate and number of channels, without seams between the blocks.
 * What comes out is late by the filter's half length, under a millisecond. One thread. */
#pragma once

#include "audio/pcm.h"

typedef struct _DubResampler DubResampler;
DubResampler *dub_resampler_new(unsigned rate_hz, unsigned channels); /* of what comes out */
void dub_resampler_free(DubResampler *self);                          /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubResampler, dub_resampler_free)

/* @pcm: (transfer none): of any rate, which may change. Returns: (transfer full) (nullable): what is ready */
DubPcm *dub_resampler_put(DubResampler *self, DubPcm *pcm);
