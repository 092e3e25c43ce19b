/* Against the values that EBU Tech 3341 gives: a 1 kHz sine at -23 dBFS in both channels is -23 LUFS. */
#include "audio/loudness.h"
#include "signals.h"

#include <math.h>

static void test_reference(void)
{
    g_autoptr(DubPcm) pcm = test_sine(48000, 2, 48000 * 3, 1000, pow(10, -23.0 / 20));
    g_assert_cmpfloat(fabs(dub_loudness_lufs(pcm, 0, pcm->n_frames) + 23.0), <, 0.1);
    dub_loudness_apply(pcm, 6.0, 1.0);
    g_assert_cmpfloat(fabs(dub_loudness_lufs(pcm, 0, pcm->n_frames) + 17.0), <, 0.1);
}

/* What ffmpeg's ebur128 says of them at the full rate, against 1 kHz. Not every sample is looked at here: 15 kHz folds.
 */
static void test_bands(void)
{
    static const struct {
        double hz, weight_db;
    } bands[] = { { 100, -1.8 }, { 1000, 0 }, { 3000, 3.1 }, { 9000, 3.3 }, { 15000, 3.3 } };
    for (gsize i = 0; i < G_N_ELEMENTS(bands); i++)
        for (unsigned rate_hz = 44100; rate_hz <= 48000; rate_hz += 3900) {
            g_autoptr(DubPcm) pcm = test_sine(rate_hz, 2, rate_hz * 3, bands[i].hz, pow(10, -23.0 / 20));
            const double lufs = dub_loudness_lufs(pcm, 0, pcm->n_frames);
            g_test_message("%g Hz at %u Hz: %.2f LUFS", bands[i].hz, rate_hz, lufs);
            g_assert_cmpfloat(fabs(lufs + 23.0 - bands[i].weight_db), <, 0.3);
        }
}

static void test_nothing_to_measure(void)
{
    g_autoptr(DubPcm) silent = dub_pcm_new(48000, 1, 48000);
    g_assert_cmpfloat(dub_loudness_lufs(silent, 0, 48000), ==, DUB_LOUDNESS_NONE);
    g_autoptr(DubPcm) sine = test_sine(48000, 1, 48000, 1000, 0.5);
    g_assert_cmpfloat(dub_loudness_lufs(sine, 0, 4800), ==, DUB_LOUDNESS_NONE); /* 100 ms */
    g_assert_cmpfloat(dub_loudness_lufs(sine, 48000, 100), ==, DUB_LOUDNESS_NONE);
}

static void test_ceiling(void)
{
    g_autoptr(DubPcm) pcm = test_sine(48000, 1, 48000, 1000, 0.5);
    dub_loudness_apply(pcm, 40.0, 0.9);
    float peak = 0;
    for (gsize i = 0; i < pcm->n_frames; i++)
        peak = MAX(peak, fabsf(pcm->samples[i]));
    g_assert_cmpfloat(fabsf(peak - 0.9f), <, 0.001f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/audio/loudness/reference", test_reference);
    g_test_add_func("/audio/loudness/bands", test_bands);
    g_test_add_func("/audio/loudness/nothing-to-measure", test_nothing_to_measure);
    g_test_add_func("/audio/loudness/ceiling", test_ceiling);
    return g_test_run();
}
