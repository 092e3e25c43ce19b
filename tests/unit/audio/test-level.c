/* Levels: where it is quiet, where it is loud. */
#include "audio/level.h"
#include "signals.h"

#include <math.h>

typedef struct {
    const char *name;
    unsigned channels;
    gsize n_frames, quiet_first, quiet_frames; /* noise of 0.5 with a stretch of 0.001 */
    gsize first, last, window, expected;
} Quietest;

static const Quietest quietest[] = {
    { "exact-fit", 1, 10000, 3000, 500, 0, 10000, 500, 3000 },
    { "exact-fit-stereo", 2, 10000, 3000, 500, 0, 10000, 500, 3000 },
    { "outside-the-range-is-not-seen", 1, 10000, 100, 500, 5000, 5500, 500, 5000 },
    { "range-begins-inside-it", 1, 10000, 1000, 2000, 2500, 9000, 500, 2500 },
    { "range-ends-inside-it", 1, 10000, 5000, 2000, 1000, 5500, 500, 5000 },
    { "beyond-the-end-is-clamped", 1, 10000, 9500, 500, 0, 99999, 500, 9500 },
    { "range-shorter-than-window", 1, 10000, 0, 0, 4000, 4100, 500, 4050 },
    { "empty-range", 1, 10000, 0, 0, 4000, 4000, 500, 4000 },
    { "no-frames", 1, 0, 0, 0, 0, 0, 500, 0 },
};

static void test_quietest(const void *data)
{
    const Quietest *c = data;
    g_autofree float *samples = g_new0(float, c->n_frames * c->channels + 1);
    for (gsize i = 0; i < c->n_frames * c->channels; i++) {
        const gsize frame = i / c->channels;
        const bool quiet = frame >= c->quiet_first && frame < c->quiet_first + c->quiet_frames;
        samples[i] = (i % 2 ? 1 : -1) * (quiet ? 0.001f : 0.5f);
    }
    g_assert_cmpuint(dub_level_quietest(samples, c->n_frames, c->channels, c->first, c->last, c->window), ==,
                     c->expected);
}

/* All windows of silence are alike: the one in the middle is meant. After something loud, too. */
static void test_quietest_tie(void)
{
    g_autofree float *samples = g_new0(float, 10000);
    g_assert_cmpuint(dub_level_quietest(samples, 10000, 1, 2000, 8000, 1000), ==, 4500);
    samples[1000] = samples[4600] = 1;
    const gsize found = dub_level_quietest(samples, 10000, 1, 2000, 8000, 1000);
    g_assert_cmpuint(found, ==, 4601); /* 101 away from the middle; 3600, the other side, is 900 away */
}

typedef struct {
    const char *name;
    gsize loud_first, loud_end; /* of 48000 frames */
    double amplitude, threshold_dbfs;
    bool expected;
} Span;

static const Span spans[] = {
    { "middle", 12000, 30000, 0.5, -40, true },
    { "all", 0, 48000, 0.5, -40, true },
    { "head", 0, 5000, 0.5, -40, true },
    { "tail", 45000, 48000, 0.5, -40, true },
    { "below-threshold", 12000, 30000, 0.005, -40, false },
    { "silence", 0, 0, 0, -90, false },
};

static void test_active_span(const void *data)
{
    const Span *c = data;
    g_autoptr(DubPcm) pcm = test_sine(48000, 2, 48000, 440, c->amplitude);
    for (gsize i = 0; i < 96000; i++)
        if (i / 2 < c->loud_first || i / 2 >= c->loud_end)
            pcm->samples[i] = 0;
    gsize first = 1, end = 2;
    g_assert_cmpint(dub_level_active_span(pcm, c->threshold_dbfs, &first, &end), ==, c->expected);
    if (!c->expected)
        return;
    /* Half a neighbourhood of 10 ms before and after at most. */
    g_assert_cmpuint(first, <=, c->loud_first);
    g_assert_cmpuint(first + 240, >=, c->loud_first);
    g_assert_cmpuint(end, >=, c->loud_end);
    g_assert_cmpuint(end, <=, c->loud_end + 240);
}

static void test_rms(void)
{
    g_autoptr(DubPcm) sine = test_sine(48000, 2, 48000, 1000, 1);
    g_assert_cmpfloat_with_epsilon(dub_level_rms_dbfs(sine, 0, 48000), -3.0103, 0.001);
    g_assert_cmpfloat_with_epsilon(dub_level_rms_dbfs(sine, 24000, 999999), -3.0103, 0.001);
    g_assert_cmpfloat(dub_level_rms_dbfs(sine, 999999, 10), ==, -120);
    g_autoptr(DubPcm) silence = dub_pcm_new(48000, 1, 100);
    g_assert_cmpfloat(dub_level_rms_dbfs(silence, 0, 100), ==, -120);
    silence->samples[0] = 1e-9f;
    g_assert_cmpfloat(dub_level_rms_dbfs(silence, 0, 100), ==, -120);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(quietest); i++) {
        g_autofree char *path = g_strconcat("/audio/level/quietest/", quietest[i].name, NULL);
        g_test_add_data_func(path, &quietest[i], test_quietest);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(spans); i++) {
        g_autofree char *path = g_strconcat("/audio/level/active-span/", spans[i].name, NULL);
        g_test_add_data_func(path, &spans[i], test_active_span);
    }
    g_test_add_func("/audio/level/quietest-tie", test_quietest_tie);
    g_test_add_func("/audio/level/rms", test_rms);
    return g_test_run();
}
