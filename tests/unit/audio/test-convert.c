/* Rate, channels and tempo: lengths exact, nothing moved in time, levels kept. */
#include "audio/convert.h"
#include "audio/level.h"
#include "base/error.h"
#include "signals.h"

#include <math.h>
#include <stdbool.h>

typedef struct {
    const char *name;
    unsigned from_hz, to_hz;
    gsize n_frames, expected;
} Rate;

static const Rate rates[] = {
    { "48000-16000", 48000, 16000, 48000, 16000 },
    { "44100-16000", 44100, 16000, 44100 * 2 + 1, 32000 },
    { "44100-48000", 44100, 48000, 44101, 48001 },
    { "22050-48000", 22050, 48000, 22050 * 2 + 7, 96015 },
    { "16000-48000", 16000, 48000, 16001, 48003 },
    { "48000-44100", 48000, 44100, 47999, 44099 },
    { "24000-22050", 24000, 22050, 12345, 11342 },
    { "8000-96000", 8000, 96000, 8000, 96000 },
    { "nothing", 44100, 48000, 0, 0 },
    { "one-frame", 44100, 48000, 1, 1 },
    { "few-frames", 44100, 16000, 10, 4 },
};

static void test_rate(const void *data)
{
    const Rate *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) sine = test_sine(c->from_hz, 2, c->n_frames, 1000, 0.5);
    g_autoptr(DubPcm) converted = dub_pcm_convert(sine, c->to_hz, 2, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(converted->rate_hz, ==, c->to_hz);
    g_assert_cmpuint(converted->channels, ==, 2);
    g_assert_cmpuint(converted->n_frames, ==, c->expected);
    if (c->n_frames < 1000)
        return;
    /* A sine at the new rate is the same sine: 60 dB leave a thousandth of a radian, 0.16 µs. */
    g_autoptr(DubPcm) expected = test_sine(c->to_hz, 2, c->expected, 1000, 0.5);
    g_assert_cmpfloat(test_snr_db(expected, converted, 100, c->expected - 100), >, 60);
    g_assert_cmpfloat(test_snr_db(expected, converted, 0, c->expected), >, 20); /* the edges too, roughly */
}

static void test_channels(void)
{
    g_autoptr(DubPcm) stereo = dub_pcm_new(48000, 2, 2);
    stereo->samples[0] = 0.5f;
    stereo->samples[1] = -0.25f;
    stereo->samples[3] = 1;
    g_autoptr(DubPcm) mono = dub_pcm_convert(stereo, 48000, 1, NULL);
    g_assert_cmpfloat(mono->samples[0], ==, 0.125f);
    g_assert_cmpfloat(mono->samples[1], ==, 0.5f);
    g_autoptr(DubPcm) wide = dub_pcm_convert(mono, 48000, 2, NULL);
    g_assert_cmpfloat(wide->samples[0], ==, 0.125f);
    g_assert_cmpfloat(wide->samples[1], ==, 0.125f);
}

static void test_channels_and_rate(void)
{
    g_autoptr(DubPcm) mono = test_sine(22050, 1, 22050, 500, 0.5);
    g_autoptr(DubPcm) stereo = dub_pcm_convert(mono, 48000, 2, NULL);
    g_autoptr(DubPcm) expected = test_sine(48000, 2, 48000, 500, 0.5);
    g_assert_cmpfloat(test_snr_db(expected, stereo, 100, 47900), >, 60);
    g_autoptr(DubPcm) back = dub_pcm_convert(stereo, 22050, 1, NULL);
    g_assert_cmpfloat(test_snr_db(mono, back, 100, 21950), >, 55);
}

static void test_unchanged_is_shared(void)
{
    g_autoptr(DubPcm) pcm = test_sine(48000, 2, 100, 440, 1);
    g_autoptr(DubPcm) same = dub_pcm_convert(pcm, 48000, 2, NULL);
    g_assert_true(same == pcm);
    g_autoptr(DubPcm) same_tempo = dub_pcm_stretch(pcm, 1, NULL);
    g_assert_true(same_tempo == pcm);
}

static const double tempos[] = { 0.5, 0.8, 1.01, 1.1, 1.25, 1.4, 2.0 };

/* The tone with the most energy, to 1 Hz, in the middle fifth. */
static double pitch_hz(const DubPcm *pcm, double low_hz, double high_hz)
{
    double best = 0, most = -1;
    for (double hz = low_hz; hz <= high_hz; hz += 1) {
        double in_phase = 0, quadrature = 0;
        for (gsize i = pcm->n_frames * 2 / 5; i < pcm->n_frames * 3 / 5; i++) {
            in_phase += pcm->samples[i * pcm->channels] * sin(2 * G_PI * hz * (double) i / pcm->rate_hz);
            quadrature += pcm->samples[i * pcm->channels] * cos(2 * G_PI * hz * (double) i / pcm->rate_hz);
        }
        const double energy = in_phase * in_phase + quadrature * quadrature;
        if (energy > most) {
            most = energy;
            best = hz;
        }
    }
    return best;
}

static void test_tempo(const void *data)
{
    const double tempo = *(const double *) data;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) pcm = dub_pcm_new(22050, 1, 22050 * 2);
    g_autoptr(DubPcm) tone = test_sine(22050, 1, 22050, 400, 0.5);
    for (gsize i = 0; i < tone->n_frames; i++) /* a second of tone, half a second of silence around it */
        pcm->samples[11025 + i] = tone->samples[i];
    g_autoptr(DubPcm) fast = dub_pcm_stretch(pcm, tempo, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(fast->n_frames, ==, (gsize) llround((double) pcm->n_frames / tempo));
    g_assert_cmpfloat_with_epsilon(pitch_hz(fast, 380, 420), 400, 2);

    gsize first, end;
    g_assert_true(dub_level_active_span(fast, -30, &first, &end));
    g_assert_cmpfloat_with_epsilon((double) first, 11025 / tempo, 22050 * 0.03);
    g_assert_cmpfloat_with_epsilon((double) end, 33075 / tempo, 22050 * 0.03);
    const gsize middle = fast->n_frames * 2 / 5;
    g_assert_cmpfloat_with_epsilon(dub_level_rms_dbfs(fast, middle, fast->n_frames / 5),
                                   dub_level_rms_dbfs(tone, 0, 22050), 1);
}

static void test_tempo_edges(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) pcm = test_sine(48000, 2, 10, 440, 1);
    g_autoptr(DubPcm) tiny = dub_pcm_stretch(pcm, 2, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(tiny->n_frames, ==, 5);
    g_assert_null(dub_pcm_stretch(pcm, 2.01, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    g_assert_null(dub_pcm_stretch(pcm, NAN, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
}

static void test_slice(void)
{
    g_autoptr(DubPcm) pcm = test_sine(48000, 2, 100, 440, 1);
    g_autoptr(DubPcm) middle = dub_pcm_slice(pcm, 10, 20);
    g_assert_cmpuint(middle->n_frames, ==, 20);
    g_assert_cmpfloat(middle->samples[3], ==, pcm->samples[23]);
    g_autoptr(DubPcm) tail = dub_pcm_slice(pcm, 90, 20);
    g_assert_cmpuint(tail->n_frames, ==, 10);
    g_autoptr(DubPcm) beyond = dub_pcm_slice(pcm, 200, 20);
    g_assert_cmpuint(beyond->n_frames, ==, 0);
    g_assert_cmpint(dub_pcm_duration_ns(pcm), ==, 2083333);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rates); i++) {
        g_autofree char *path = g_strconcat("/audio/convert/rate/", rates[i].name, NULL);
        g_test_add_data_func(path, &rates[i], test_rate);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(tempos); i++) {
        g_autofree char *path = g_strdup_printf("/audio/convert/tempo/%g", tempos[i]);
        g_test_add_data_func(path, &tempos[i], test_tempo);
    }
    g_test_add_func("/audio/convert/channels", test_channels);
    g_test_add_func("/audio/convert/channels-and-rate", test_channels_and_rate);
    g_test_add_func("/audio/convert/unchanged-is-shared", test_unchanged_is_shared);
    g_test_add_func("/audio/convert/tempo-edges", test_tempo_edges);
    g_test_add_func("/audio/pcm/slice", test_slice);
    return g_test_run();
}
