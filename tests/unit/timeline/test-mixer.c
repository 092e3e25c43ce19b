/* The joins: the same sound through any chain of dubs and fallbacks must come out untouched. */
#include "timeline/mixer.h"

#include "base/clock.h"
#include "timeline/segmenter.h"

#include <math.h>
#include <time.h>

#define RATE 48000u
#define HZ   440.0

typedef struct {
    const char *name;
    const char *decisions; /* per fragment: d = dub that equals the original, o = original */
    double bed_gain;       /* the dub carries the rest */
    unsigned dub_channels;
} Case;

static const Case cases[] = {
    { "all-dubs-bed-off", "dddd", 0.0, 1 },
    { "all-dubs-bed-18-db", "dddd", 0.126, 2 },
    { "dub-and-fallback-in-turn", "dodo", 0.0, 2 },
    { "fallback-first", "oodd", 0.25, 1 },
    { "all-fallback", "oooo", 0.0, 1 },
};

static float sine(int64_t frame)
{
    return 0.5f * (float) sin(2 * G_PI * HZ * (double) frame / RATE);
}

static void push_original(DubMixer *mixer, int64_t n_frames)
{
    g_autofree float *block = g_new(float, (gsize) n_frames * 2);
    const int64_t first = dub_mixer_received(mixer);
    for (int64_t i = 0; i < n_frames; i++)
        block[2 * i] = block[2 * i + 1] = sine(first + i);
    dub_mixer_push_original(mixer, block, (gsize) n_frames);
}

static DubPcm *dub_of(int64_t first, int64_t n_frames, unsigned channels, float gain)
{
    DubPcm *pcm = dub_pcm_new(RATE, channels, (gsize) n_frames);
    for (int64_t i = 0; i < n_frames; i++) {
        for (unsigned c = 0; c < channels; c++)
            pcm->samples[i * channels + c] = gain * sine(first + i);
    }
    return pcm;
}

static void expect_sine(DubMixer *mixer, int64_t step)
{
    for (;;) {
        const int64_t first = dub_mixer_rendered(mixer);
        g_autoptr(DubPcm) out = dub_mixer_render(mixer, first + step);
        if (!out)
            return;
        for (gsize i = 0; i < out->n_frames; i++) {
            g_assert_cmpfloat(fabsf(out->samples[2 * i] - sine(first + (int64_t) i)), <, 2e-6);
            g_assert_cmpfloat(out->samples[2 * i], ==, out->samples[2 * i + 1]);
        }
    }
}

static void test_joins(const void *data)
{
    const Case *c = data;
    const DubMixerConfig config = { RATE, 2, c->bed_gain };
    g_autoptr(DubMixer) mixer = dub_mixer_new(&config);
    const int64_t tail = RATE * DUB_CROSSFADE_MS / 1000;
    const int64_t lengths[] = { 30001, 24000, 47999, 12345 };
    for (const char *d = c->decisions; *d; d++) {
        const int64_t n = lengths[d - c->decisions];
        const int64_t with_tail = d[1] ? n + tail : n;
        push_original(mixer, n);
        if (*d == 'd') {
            g_autoptr(DubPcm) dub =
                dub_of(dub_mixer_decided(mixer), with_tail, c->dub_channels, (float) (1 - c->bed_gain));
            dub_mixer_decide_dub(mixer, n, dub, -1, -1);
        } else {
            dub_mixer_decide_original(mixer, n);
        }
        expect_sine(mixer, 960);
    }
    g_assert_cmpint(dub_mixer_rendered(mixer), ==, dub_mixer_received(mixer));
}

static void test_ducks_only_under_speech(void)
{
    const DubMixerConfig config = { RATE, 1, 0.125 };
    g_autoptr(DubMixer) mixer = dub_mixer_new(&config);
    g_autofree float *ones = g_new(float, RATE * 6);
    for (gsize i = 0; i < RATE * 6; i++)
        ones[i] = 0.5f;
    dub_mixer_push_original(mixer, ones, RATE * 6);
    g_autoptr(DubPcm) silent = dub_pcm_new(RATE, 1, RATE * 6);
    dub_mixer_decide_dub(mixer, RATE * 6, silent, RATE * 2, RATE * 4);
    g_autoptr(DubPcm) out = dub_mixer_render(mixer, RATE * 6);
    g_assert_cmpfloat(out->samples[RATE], ==, 0.5f);
    g_assert_cmpfloat(out->samples[RATE * 2], ==, 0.0625f);
    g_assert_cmpfloat(out->samples[RATE * 4 - 1], ==, 0.0625f);
    g_assert_cmpfloat(out->samples[RATE * 5], ==, 0.5f);
}

static void test_longer_dub_sounds_on(void)
{
    const DubMixerConfig config = { RATE, 1, 0.0 };
    g_autoptr(DubMixer) mixer = dub_mixer_new(&config);
    g_autofree float *zeros = g_new0(float, RATE * 2);
    dub_mixer_push_original(mixer, zeros, RATE * 2);
    g_autoptr(DubPcm) dub = dub_pcm_new(RATE, 1, RATE + RATE / 5);
    for (gsize i = 0; i < dub->n_frames; i++)
        dub->samples[i] = 0.5f;
    dub_mixer_decide_dub(mixer, RATE, dub, -1, -1);
    g_autoptr(DubPcm) none = dub_pcm_new(RATE, 1, 0);
    dub_mixer_decide_dub(mixer, RATE, none, -1, -1);
    g_autoptr(DubPcm) out = dub_mixer_render(mixer, RATE * 2);
    g_assert_cmpfloat(out->samples[RATE + RATE / 10], ==, 0.5f);
    g_assert_cmpfloat(out->samples[RATE + RATE / 5], ==, 0.0f);
}

static void test_never_clips_hard(void)
{
    const DubMixerConfig config = { RATE, 1, 1.0 };
    g_autoptr(DubMixer) mixer = dub_mixer_new(&config);
    const float loud[] = { 0.9f, 1.0f, -1.0f, 0.94f };
    dub_mixer_push_original(mixer, loud, G_N_ELEMENTS(loud));
    g_autoptr(DubPcm) dub = dub_pcm_new(RATE, 1, G_N_ELEMENTS(loud));
    for (gsize i = 0; i < 3; i++)
        dub->samples[i] = loud[i];
    dub_mixer_decide_dub(mixer, G_N_ELEMENTS(loud), dub, -1, -1);
    g_autoptr(DubPcm) out = dub_mixer_render(mixer, G_N_ELEMENTS(loud));
    g_assert_cmpfloat(out->samples[1], <=, 1.0f);
    g_assert_cmpfloat(out->samples[2], >=, -1.0f);
    g_assert_cmpfloat(out->samples[3], ==, 0.94f);
}

/* 5.1 with a voice in the centre, and some of it at the left, over tones of their own. */
static DubMixer *surround_mixer(double bed_gain, float voice_at_left)
{
    const DubMixerConfig config = { RATE, 6, bed_gain };
    DubMixer *mixer = dub_mixer_new(&config);
    g_autofree float *block = g_new0(float, RATE * 2 * 6);
    for (int64_t i = 0; i < RATE * 2; i++)
        for (unsigned c = 0; c < 6; c++) {
            const float tone = 0.1f * (float) sin(2 * G_PI * (100.0 + 10 * c) * (double) i / RATE);
            block[i * 6 + c] = c == 2 ? sine(i) : c == 0 ? tone + voice_at_left * sine(i) : tone;
        }
    dub_mixer_push_original(mixer, block, RATE * 2);
    return mixer;
}

typedef struct {
    const char *name;
    double bed_gain;
    float voice_at_left;
    float rest_gain; /* wanted of all but the centre, under the speech */
} SurroundCase;

static const SurroundCase surround_cases[] = {
    { "voice-in-centre", 0.125, 0.0f, 1.0f },
    { "voice-at-left-too", 0.125, 0.5f, 0.125f },
    { "hardly-at-left", 0.125, 0.01f, 1.0f },
    { "bed-off", 0.0, 0.0f, 0.0f },
};

static void test_surround(const void *data)
{
    const SurroundCase *c = data;
    g_autoptr(DubMixer) mixer = surround_mixer(c->bed_gain, c->voice_at_left);
    g_autoptr(DubMixer) untouched = surround_mixer(c->bed_gain, c->voice_at_left);
    g_autoptr(DubPcm) dub = dub_pcm_new(RATE, 2, RATE * 2);
    for (gsize i = 0; i < dub->n_frames * 2; i++)
        dub->samples[i] = 0.25f;
    dub_mixer_decide_dub(mixer, RATE * 2, dub, RATE / 2, RATE * 3 / 2);
    dub_mixer_decide_original(untouched, RATE * 2);
    g_autoptr(DubPcm) out = dub_mixer_render(mixer, RATE * 2);
    g_autoptr(DubPcm) in = dub_mixer_render(untouched, RATE * 2);
    for (gsize i = RATE; i < RATE + 500; i++)
        for (unsigned k = 0; k < 6; k++) {
            const float wanted = in->samples[i * 6 + k] * (k == 2 ? (float) c->bed_gain : c->rest_gain);
            g_assert_cmpfloat_with_epsilon(out->samples[i * 6 + k], wanted + (k == 2 ? 0.25f : 0.0f), 1e-6);
        }
}

/* Without a centre, left and right have it. */
static void test_quadrophony(void)
{
    const DubMixerConfig config = { RATE, 4, 0.5 };
    g_autoptr(DubMixer) mixer = dub_mixer_new(&config);
    g_autofree float *block = g_new(float, 4800 * 4);
    for (gsize i = 0; i < 4800 * 4; i++)
        block[i] = 0.5f;
    dub_mixer_push_original(mixer, block, 4800);
    g_autoptr(DubPcm) dub = dub_pcm_new(RATE, 1, 4800);
    for (gsize i = 0; i < 4800; i++)
        dub->samples[i] = 0.25f;
    dub_mixer_decide_dub(mixer, 4800, dub, -1, -1);
    g_autoptr(DubPcm) out = dub_mixer_render(mixer, 4800);
    const float wanted[] = { 0.5f, 0.5f, 0.25f, 0.25f };
    for (unsigned c = 0; c < 4; c++)
        g_assert_cmpfloat(out->samples[100 * 4 + c], ==, wanted[c]);
}

/* Returns: CPU seconds for five seconds of sound, in pieces of 20 ms, while more waits behind it. */
static double render_before(int64_t waiting_s)
{
    const DubMixerConfig config = { RATE, 2, 0.0 };
    g_autoptr(DubMixer) mixer = dub_mixer_new(&config);
    push_original(mixer, 5 * RATE);
    dub_mixer_decide_original(mixer, 5 * RATE);
    push_original(mixer, waiting_s * RATE);
    const clock_t begin = clock();
    expect_sine(mixer, RATE / 50);
    g_assert_cmpint(dub_mixer_rendered(mixer), ==, 5 * RATE);
    return (double) (clock() - begin) / CLOCKS_PER_SEC;
}

static void test_what_waits_costs_nothing(void)
{
    const double alone_s = render_before(0);
    g_assert_cmpfloat(render_before(60), <, 10 * alone_s); /* 30 times, were all that waits moved up at each piece */
}

/* Loud enough that peaks are rounded off: the parts still add up, and without a voice all is bed. */
static void test_parts(void)
{
    const DubMixerConfig config = { RATE, 2, 0.5 };
    g_autoptr(DubMixer) whole = dub_mixer_new(&config);
    g_autoptr(DubMixer) parts = dub_mixer_new(&config);
    g_autoptr(DubPcm) loud = dub_of(0, RATE, 1, 1.9f);
    DubMixer *const both[] = { whole, parts };
    for (gsize i = 0; i < G_N_ELEMENTS(both); i++) {
        push_original(both[i], 2 * RATE);
        dub_mixer_decide_dub(both[i], RATE, loud, -1, -1);
        dub_mixer_decide_original(both[i], RATE);
    }
    g_autoptr(DubPcm) bed = NULL;
    g_autoptr(DubPcm) dub = NULL;
    g_autoptr(DubPcm) expected = dub_mixer_render(whole, 2 * RATE);
    g_autoptr(DubPcm) mix = dub_mixer_render_parts(parts, 2 * RATE, &bed, &dub);
    float highest = 0;
    g_assert_cmpmem(mix->samples, mix->n_frames * 2 * sizeof(float), expected->samples,
                    expected->n_frames * 2 * sizeof(float));
    for (gsize i = 0; i < mix->n_frames * 2; i++) {
        g_assert_cmpfloat(fabsf(bed->samples[i] + dub->samples[i] - mix->samples[i]), <=, 1e-7f);
        if (i >= 2 * (RATE + RATE / 50))
            g_assert_true(dub->samples[i] == 0 && bed->samples[i] == mix->samples[i]);
        highest = MAX(highest, fabsf(mix->samples[i]));
    }
    g_assert_cmpfloat(highest, >, 0.96f);
    g_assert_cmpfloat(fabsf(bed->samples[2 * (RATE / 2 + 27)]), >, 0.1f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/timeline/mixer/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_joins);
    }
    g_test_add_func("/timeline/mixer/ducks-only-under-speech", test_ducks_only_under_speech);
    g_test_add_func("/timeline/mixer/longer-dub-sounds-on", test_longer_dub_sounds_on);
    g_test_add_func("/timeline/mixer/parts", test_parts);
    g_test_add_func("/timeline/mixer/never-clips-hard", test_never_clips_hard);
    g_test_add_func("/timeline/mixer/what-waits-costs-nothing", test_what_waits_costs_nothing);
    g_test_add_func("/timeline/mixer/quadrophony", test_quadrophony);
    for (gsize i = 0; i < G_N_ELEMENTS(surround_cases); i++) {
        g_autofree char *path = g_strconcat("/timeline/mixer/surround/", surround_cases[i].name, NULL);
        g_test_add_data_func(path, &surround_cases[i], test_surround);
    }
    return g_test_run();
}
