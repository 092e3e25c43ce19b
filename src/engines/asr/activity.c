/* engines/asr/activity.c: energy over the block's own noise floor, then a test of voicing.
 * Energy alone takes a roaring crowd for speech; voicing (a period between 60 and 400 Hz) tells them apart. */
#include "engines/asr/activity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE_HZ            16000
#define HOP                (RATE_HZ / DUB_ACTIVITY_FRAMES_PER_S)
#define FLOOR_PERCENTILE   10
#define FLOOR_LEAST_DB     (-68.0) /* digital silence would make any click stand out */
#define OVER_FLOOR_DB      5.0     /* a frame of speech */
#define PEAK_OVER_FLOOR_DB 10.0    /* the loudest frame of a region */
#define JOIN_FRAMES        30      /* pauses up to 300 ms are within a region */
#define LEAST_FRAMES       6       /* active frames in a region */
#define LEAST_VOICED       4
#define LEAST_SWING_DB     4.0 /* between the louder and the quieter fifth of a region: a tone has none */
#define PAD_FRAMES         20

#define PITCH_RATE_HZ 4000 /* voicing is judged on a quarter of the rate */
#define DECIMATION    (RATE_HZ / PITCH_RATE_HZ)
#define PITCH_HOP     (PITCH_RATE_HZ / DUB_ACTIVITY_FRAMES_PER_S)
#define PITCH_WINDOW  160 /* 40 ms */
#define LAG_MIN       (PITCH_RATE_HZ / 400)
#define LAG_MAX       (PITCH_RATE_HZ / 60)
#define VOICED        0.55 /* normalised autocorrelation */

/* Mean of each DECIMATION samples, then the difference: what is left between 200 and 1500 Hz is where a voice stands
 * out most from a crowd. */
static float *decimate(const float *samples, gsize n_samples, gsize *n_out)
{
    *n_out = n_samples / DECIMATION;
    float *out = g_new(float, *n_out + 1);
    float before = 0;
    for (gsize i = 0; i < *n_out; i++) {
        float sum = 0;
        for (gsize k = 0; k < DECIMATION; k++)
            sum += samples[i * DECIMATION + k];
        const float mean = sum / DECIMATION;
        out[i] = mean - 0.9f * before;
        before = mean;
    }
    return out;
}

static double *frame_levels(const float *slow, gsize n_frames)
{
    double *levels = g_new(double, n_frames);
    for (gsize i = 0; i < n_frames; i++) {
        double sum = 0;
        for (gsize k = i * PITCH_HOP; k < (i + 1) * PITCH_HOP; k++)
            sum += (double) slow[k] * slow[k];
        levels[i] = 10 * log10(sum / PITCH_HOP + 1e-12);
    }
    return levels;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

static double noise_floor(const double *levels, gsize n_frames)
{
    g_autofree double *sorted = g_memdup2(levels, n_frames * sizeof(double));
    qsort(sorted, n_frames, sizeof(double), compare_doubles);
    return MAX(sorted[n_frames * FLOOR_PERCENTILE / 100], FLOOR_LEAST_DB);
}

static double correlation(const float *a, const float *b)
{
    double ab = 0, aa = 1e-9, bb = 1e-9;
    for (gsize i = 0; i < PITCH_WINDOW; i++) {
        ab += (double) a[i] * b[i];
        aa += (double) a[i] * a[i];
        bb += (double) b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

static bool is_voiced(const float *slow, gsize n_slow, gsize frame)
{
    const gsize first = frame * PITCH_HOP;
    if (first + PITCH_WINDOW + LAG_MAX > n_slow)
        return false;
    for (gsize lag = LAG_MIN; lag <= LAG_MAX; lag++)
        if (correlation(slow + first, slow + first + lag) > VOICED)
            return true;
    return false;
}

typedef struct {
    const double *levels;
    gsize n_frames;
    double floor_db;
    const float *slow;
    gsize n_slow;
} Block;

static bool is_active(const Block *self, gsize frame)
{
    return self->levels[frame] > self->floor_db + OVER_FLOOR_DB;
}

/* Returns: one past the last active frame of the region that begins at @first. */
static gsize region_end(const Block *self, gsize first)
{
    gsize end = first + 1;
    for (gsize i = end; i < self->n_frames && i < end + JOIN_FRAMES; i++)
        if (is_active(self, i))
            end = i + 1;
    return end;
}

static bool has_voiced(const Block *self, gsize first, gsize end)
{
    gsize voiced = 0;
    for (gsize i = first; i < end && voiced < LEAST_VOICED; i++)
        if (is_active(self, i) && is_voiced(self->slow, self->n_slow, i))
            voiced++;
    return voiced == LEAST_VOICED;
}

static bool is_speech(const Block *self, gsize first, gsize end)
{
    g_autofree double *active = g_new(double, end - first);
    gsize n = 0;
    for (gsize i = first; i < end; i++)
        if (is_active(self, i))
            active[n++] = self->levels[i];
    if (n < LEAST_FRAMES)
        return false;
    qsort(active, n, sizeof(double), compare_doubles);
    return active[n - 1] > self->floor_db + PEAK_OVER_FLOOR_DB && active[n * 4 / 5] - active[n / 5] > LEAST_SWING_DB &&
           has_voiced(self, first, end);
}

static bool mark_regions(const Block *self, bool *speech)
{
    bool any = false;
    for (gsize i = 0; i < self->n_frames; i++) {
        if (!is_active(self, i))
            continue;
        const gsize end = region_end(self, i);
        if (is_speech(self, i, end)) {
            const gsize from = i > PAD_FRAMES ? i - PAD_FRAMES : 0;
            const gsize to = MIN(end + PAD_FRAMES, self->n_frames);
            memset(speech + from, true, to - from);
            any = true;
        }
        i = end - 1;
    }
    return any;
}

bool *dub_activity_find(const DubPcm *pcm, gsize *n_frames)
{
    g_return_val_if_fail(pcm->rate_hz == RATE_HZ && pcm->channels == 1, NULL);

    *n_frames = pcm->n_frames / HOP;
    if (*n_frames == 0)
        return NULL;
    gsize n_slow = 0;
    g_autofree float *slow = decimate(pcm->samples, pcm->n_frames, &n_slow);
    g_autofree double *levels = frame_levels(slow, *n_frames);
    const Block block = { levels, *n_frames, noise_floor(levels, *n_frames), slow, n_slow };
    g_autofree bool *speech = g_new0(bool, *n_frames);
    return mark_regions(&block, speech) ? g_steal_pointer(&speech) : NULL;
}
