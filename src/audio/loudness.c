/* audio/loudness.c: libebur128 around one block. */
#include "audio/loudness.h"

#include <ebur128.h>
#include <math.h>
#include <stdbool.h>

#define ENOUGH_HZ    20000
#define BLOCK_FRAMES 2048

/* Loudness is the energy of the samples after a filter that is flat from 3 kHz up: every second sample has the
 * same energy, and what folds down stays where the filter is flat. It costs as much less. */
static bool add_frames(ebur128_state *state, const DubPcm *pcm, gsize first, gsize end, unsigned step)
{
    float block[2 * BLOCK_FRAMES];
    while (first < end) {
        gsize n = 0;
        for (; n < BLOCK_FRAMES && first < end; n++, first += step)
            for (unsigned c = 0; c < pcm->channels; c++)
                block[n * pcm->channels + c] = pcm->samples[first * pcm->channels + c];
        if (ebur128_add_frames_float(state, block, n) != EBUR128_SUCCESS)
            return false;
    }
    return true;
}

double dub_loudness_lufs(const DubPcm *pcm, gsize first, gsize end)
{
    end = MIN(end, pcm->n_frames);
    if (first >= end)
        return DUB_LOUDNESS_NONE;
    const unsigned step = MAX(pcm->rate_hz / ENOUGH_HZ, 1);
    ebur128_state *state = ebur128_init(pcm->channels, pcm->rate_hz / step, EBUR128_MODE_I);
    double lufs = -HUGE_VAL;
    if (state && add_frames(state, pcm, first, end, step))
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
