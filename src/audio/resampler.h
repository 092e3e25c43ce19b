/* audio/resampler.h: a stream's PCM at one rate and with one number of channels, whatever those of its source become.
 * The filter's state is kept from block to block, so that no join is heard. One thread. */
#pragma once

#include "audio/pcm.h"

typedef struct _DubResampler DubResampler;
DubResampler *dub_resampler_new(unsigned rate_hz, unsigned channels); /* what comes out */
void dub_resampler_free(DubResampler *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubResampler, dub_resampler_free)

/**
 * dub_resampler_put:
 * @pcm: of any rate and number of channels; another than before begins a new filter
 * @pts_ns: (inout): of its first frame; that of the result's first frame
 * Returns: (transfer full) (nullable): a new reference to @pcm where nothing is to be changed; NULL: the filter holds
 * it all so far, or libswresample refuses
 */
DubPcm *dub_resampler_put(DubResampler *self, const DubPcm *pcm, int64_t *pts_ns);
