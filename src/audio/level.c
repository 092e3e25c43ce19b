/* audio/level.c: running sums of energy, so that any window costs one subtraction. */
#include "audio/level.h"

#include <math.h>

#define SILENCE_DBFS         (-120.0)
#define NEIGHBOURHOODS_PER_S 100 /* 10 ms */

/* sums[i]: energy of the first i frames, all channels together. Doubles: digital silence stays exactly 0. */
static double *energy_sums(const float *samples, gsize n_frames, unsigned channels)
{
    double *sums = g_new(double, n_frames + 1);
    double sum = 0;
    sums[0] = 0;
    for (gsize i = 0; i < n_frames; i++) {
        for (unsigned c = 0; c < channels; c++)
            sum += (double) samples[i * channels + c] * samples[i * channels + c];
        sums[i + 1] = sum;
    }
    return sums;
}

gsize dub_level_quietest(const float *samples, gsize n_frames, unsigned channels, gsize first, gsize last,
                         gsize window_frames)
{
    last = MIN(last, n_frames);
    first = MIN(first, last);
    const gsize range = last - first;
    if (!window_frames || range <= window_frames)
        return range == window_frames ? first : first + range / 2;

    g_autofree double *sums = energy_sums(samples + first * channels, range, channels);
    const gsize middle = (range - window_frames) / 2;
    gsize best = middle;
    double lowest = sums[middle + window_frames] - sums[middle];
    /* From the middle outwards, so that a tie keeps what is nearer to it. */
    for (gsize step = 1; step <= range - window_frames - middle; step++) {
        const gsize after = middle + step;
        if (step <= middle && sums[middle - step + window_frames] - sums[middle - step] < lowest) {
            best = middle - step;
            lowest = sums[best + window_frames] - sums[best];
        }
        if (sums[after + window_frames] - sums[after] < lowest) {
            best = after;
            lowest = sums[best + window_frames] - sums[best];
        }
    }
    return first + best;
}

/* Is the mean energy within half a neighbourhood of @frame above @mean_square? */
static bool is_loud(const double *sums, gsize n_frames, gsize frame, gsize half, double per_frame)
{
    const gsize begin = frame > half ? frame - half : 0;
    const gsize end = MIN(frame + half + 1, n_frames);
    return sums[end] - sums[begin] > per_frame * (double) (end - begin);
}

bool dub_level_active_span(const DubPcm *pcm, double threshold_dbfs, gsize *first, gsize *end)
{
    const gsize n_frames = pcm->n_frames;
    const gsize half = MAX(pcm->rate_hz / NEIGHBOURHOODS_PER_S / 2, 1);
    const double per_frame = pow(10, threshold_dbfs / 10) * pcm->channels;
    g_autofree double *sums = energy_sums(pcm->samples, n_frames, pcm->channels);

    gsize head = 0;
    while (head < n_frames && !is_loud(sums, n_frames, head, half, per_frame))
        head++;
    if (head == n_frames)
        return false;
    gsize tail = n_frames;
    while (!is_loud(sums, n_frames, tail - 1, half, per_frame))
        tail--;
    *first = head;
    *end = tail;
    return true;
}

double dub_level_rms_dbfs(const DubPcm *pcm, gsize first_frame, gsize n_frames)
{
    const gsize first = MIN(first_frame, pcm->n_frames) * pcm->channels;
    const gsize count = MIN(n_frames, pcm->n_frames - MIN(first_frame, pcm->n_frames)) * pcm->channels;
    double sum = 0;
    for (gsize i = first; i < first + count; i++)
        sum += (double) pcm->samples[i] * pcm->samples[i];
    if (sum <= 0)
        return SILENCE_DBFS;
    return MAX(10 * log10(sum / (double) count), SILENCE_DBFS);
}
