/* audio/loudness.c: libebur128 around one block. */
#include "audio/loudness.h"

#include <ebur128.h>
#include <math.h>

double dub_loudness_lufs(const DubPcm *pcm, gsize first, gsize end)
{
    end = MIN(end, pcm->n_frames);
    if (first >= end)
        return DUB_LOUDNESS_NONE;
    ebur128_state *state = ebur128_init(pcm->channels, pcm->rate_hz, EBUR128_MODE_I);
    double lufs = -HUGE_VAL;
    if (state && ebur128_add_frames_float(state, pcm->samples + first * pcm->channels, end - first) == EBUR128_SUCCESS)
        ebur128_loudness_global(state, &lufs);
    if (state)
        ebur128_destroy(&state);
    return isfinite(lufs) ? lufs : DUB_LOUDNESS_NONE;
}

void dub_loudness_apply(DubPcm *pcm, double gain_db, double ceiling)
{
    const gsize n = pcm->n_frames * pcm->channels;
    float peak = 0;
    for (gsize i = 0; i < n; i++)
        peak = MAX(peak, fabsf(pcm->samples[i]));
    const double wanted = pow(10, gain_db / 20);
    const float gain = (float) (peak * wanted > ceiling ? ceiling / peak : wanted);
    for (gsize i = 0; i < n; i++)
        pcm->samples[i] *= gain;
}
