/* audio/level.c: the energy of sliding windows, each at the cost of a frame. Where windows are compared, none is the
 * last one less what it left: rounding would make digital silence something. Sums start anew at each block of a
 * window's length instead. */
#include "audio/level.h"

#include <math.h>

#define SILENCE_DBFS         (-120.0)
#define NEIGHBOURHOODS_PER_S 100 /* 10 ms */

static double frame_energy(const float *samples, gsize frame, unsigned channels)
{
    double energy = 0;
    for (unsigned c = 0; c < channels; c++)
        energy += (double) samples[frame * channels + c] * samples[frame * channels + c];
    return energy;
}

static gsize distance(gsize a, gsize b)
{
    return a > b ? a - b : b - a;
}

gsize dub_level_quietest(const float *samples, gsize n_frames, unsigned channels, gsize first, gsize last,
                         gsize window_frames)
{
    last = MIN(last, n_frames);
    first = MIN(first, last);
    const gsize range = last - first;
    if (!window_frames || range <= window_frames)
        return range == window_frames ? first : first + range / 2;

    samples += first * channels;
    const gsize middle = (range - window_frames) / 2;
    gsize best = middle;
    double lowest = INFINITY;
    g_autofree double *tails = g_new(double, window_frames);
    for (gsize block = 0; block + window_frames <= range; block += window_frames) {
        double sum = 0; /* tails[i]: energy from the block's frame i to its end */
        for (gsize i = window_frames; i-- > 0;)
            tails[i] = sum += frame_energy(samples, block + i, channels);
        sum = 0; /* of the next block's frames within the window */
        for (gsize i = 0; i < window_frames && block + i + window_frames <= range; i++) {
            const double energy = tails[i] + sum;
            if (energy < lowest || (energy <= lowest && distance(block + i, middle) < distance(best, middle))) {
                best = block + i;
                lowest = energy;
            }
            if (block + i + window_frames < range)
                sum += frame_energy(samples, block + i + window_frames, channels);
        }
    }
    return first + best;
}

/* Returns: how many frames at the beginning, or counted from the end, have a mean energy within @half a neighbourhood
 * of them that is at most @per_frame. */
static gsize quiet_frames(const DubPcm *pcm, bool at_end, gsize half, double per_frame)
{
    const gsize n = pcm->n_frames;
    double sum = 0;
    for (gsize next = 0, frame = 0; frame < n; frame++) {
        for (; next < MIN(frame + half + 1, n); next++)
            sum += frame_energy(pcm->samples, at_end ? n - 1 - next : next, pcm->channels);
        const gsize passed = frame > half ? frame - half : 0;
        if (passed > 0)
            sum -= frame_energy(pcm->samples, at_end ? n - passed : passed - 1, pcm->channels);
        if (sum > per_frame * (double) (next - passed))
            return frame;
    }
    return n;
}

bool dub_level_active_span(const DubPcm *pcm, double threshold_dbfs, gsize *first, gsize *end)
{
    const gsize half = MAX(pcm->rate_hz / NEIGHBOURHOODS_PER_S / 2, 1);
    const double per_frame = pow(10, threshold_dbfs / 10) * pcm->channels;
    const gsize head = quiet_frames(pcm, false, half, per_frame);
    if (head == pcm->n_frames)
        return false;
    *first = head;
    *end = pcm->n_frames - quiet_frames(pcm, true, half, per_frame);
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
