/* tests/unit/audio/test-resampler.c: a tone in blocks comes out as one tone, at the times that it had. */
#include "audio/resampler.h"
#include "base/clock.h"

#include <math.h>

#define TONE_HZ  440.0
#define N_BLOCKS 200
#define BLOCK_MS 20

typedef struct {
    const char *name;
    unsigned from_hz, from_channels, to_hz, to_channels;
} Case;

static const Case cases[] = {
    { "as-it-is", 44100, 1, 44100, 1 },           { "upwards", 44100, 1, 48000, 1 },
    { "downwards", 48000, 2, 44100, 2 },          { "mono-to-stereo", 48000, 1, 48000, 2 },
    { "stereo-to-mono", 44100, 2, 44100, 1 },     { "both", 48000, 2, 44100, 1 },
    { "telephone-to-stereo", 8000, 1, 48000, 2 },
};

static float tone(double at_s)
{
    return 0.5f * (float) sin(2 * G_PI * TONE_HZ * at_s);
}

static DubPcm *make_block(const Case *c, int64_t first_frame)
{
    DubPcm *pcm = dub_pcm_new(c->from_hz, c->from_channels, c->from_hz * BLOCK_MS / 1000);
    for (gsize i = 0; i < pcm->n_frames * pcm->channels; i++)
        pcm->samples[i] = tone((double) (first_frame + (int64_t) (i / pcm->channels)) / c->from_hz);
    return pcm;
}

/* Each sample is the tone at its time: no join is heard, and nothing is later than it was. */
static void test_tone(const void *data)
{
    const Case *c = data;
    g_autoptr(DubResampler) resampler = dub_resampler_new(c->to_hz, c->to_channels);
    int64_t in_frames = 0, out_frames = 0;
    double worst = 0;
    for (int block = 0; block < N_BLOCKS; block++) {
        g_autoptr(DubPcm) pcm = make_block(c, in_frames);
        int64_t pts_ns = dub_samples_to_ns(in_frames, c->from_hz);
        in_frames += (int64_t) pcm->n_frames;
        g_autoptr(DubPcm) out = dub_resampler_put(resampler, pcm, &pts_ns);
        if (!out)
            continue;
        g_assert_cmpuint(out->rate_hz, ==, c->to_hz);
        g_assert_cmpuint(out->channels, ==, c->to_channels);
        g_assert_cmpint(ABS(pts_ns - dub_samples_to_ns(out_frames, c->to_hz)), <, DUB_NS_PER_S / c->to_hz);
        for (gsize i = 0; i < out->n_frames * out->channels; i++) {
            const int64_t frame = out_frames + (int64_t) (i / out->channels);
            if (frame > c->to_hz / 100) /* the filter begins with silence before the first sample */
                worst = MAX(worst, fabs((double) (out->samples[i] - tone((double) frame / c->to_hz))));
        }
        out_frames += (int64_t) out->n_frames;
    }
    g_assert_cmpfloat(worst, <, 0.002); /* -48 dB below the tone */
    const int64_t missing_ns = dub_samples_to_ns(in_frames, c->from_hz) - dub_samples_to_ns(out_frames, c->to_hz);
    g_assert_cmpint(missing_ns, >=, -DUB_NS_PER_MS);
    g_assert_cmpint(missing_ns, <, 5 * DUB_NS_PER_MS); /* what the filter holds */
}

/* The source's shape changes from block to block. */
static void test_changes(void)
{
    g_autoptr(DubResampler) resampler = dub_resampler_new(48000, 2);
    for (gsize i = 0; i < 3 * G_N_ELEMENTS(cases); i++) {
        const Case *c = &cases[i % G_N_ELEMENTS(cases)];
        g_autoptr(DubPcm) pcm = make_block(c, 0);
        int64_t pts_ns = DUB_NS_PER_S;
        g_autoptr(DubPcm) out = dub_resampler_put(resampler, pcm, &pts_ns);
        g_assert_nonnull(out);
        g_assert_cmpint(ABS(pts_ns - DUB_NS_PER_S), <, 5 * DUB_NS_PER_MS); /* what a filter held is that much earlier */
        g_assert_cmpint(ABS(dub_pcm_duration_ns(out) - BLOCK_MS * DUB_NS_PER_MS), <, 5 * DUB_NS_PER_MS);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/audio/resampler/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_tone);
    }
    g_test_add_func("/audio/resampler/changes", test_changes);
    return g_test_run();
}
