/* tests/unit/audio/test-layout.c: into how many channels a layout goes, and with which gains. */
#include "audio/remix.h"

#include <math.h>

typedef struct {
    const char *name;
    uint64_t mask; /* 0: none is known, of @channels */
    unsigned channels, all, aac, adts, stereo;
} Case;

static const Case cases[] = {
    { "mono", AV_CH_LAYOUT_MONO, 1, 1, 1, 1, 1 },
    { "stereo", AV_CH_LAYOUT_STEREO, 2, 2, 2, 2, 2 },
    { "2.1", AV_CH_LAYOUT_2POINT1, 3, 6, 6, 6, 2 },
    { "3.0", AV_CH_LAYOUT_SURROUND, 3, 3, 3, 3, 2 },
    { "quad", AV_CH_LAYOUT_QUAD, 4, 4, 4, 5, 2 },
    { "quad-side", AV_CH_LAYOUT_2_2, 4, 4, 4, 5, 2 },
    { "4.0", AV_CH_LAYOUT_4POINT0, 4, 5, 5, 5, 2 },
    { "5.0-side", AV_CH_LAYOUT_5POINT0, 5, 5, 5, 5, 2 },
    { "5.1", AV_CH_LAYOUT_5POINT1_BACK, 6, 6, 6, 6, 2 },
    { "5.1-side", AV_CH_LAYOUT_5POINT1, 6, 6, 6, 6, 2 },
    { "6.1", AV_CH_LAYOUT_6POINT1, 7, 7, 6, 6, 2 },
    { "7.1", AV_CH_LAYOUT_7POINT1, 8, 8, 6, 6, 2 },
    { "7.1-wide", AV_CH_LAYOUT_7POINT1_WIDE, 8, 6, 6, 6, 2 },
    { "six-unplaced", 0, 6, 6, 6, 6, 2 },
    { "nine-unplaced", 0, 9, 2, 2, 2, 2 },
    { "sixty-four-unplaced", 0, 64, 2, 2, 2, 2 },
};

static AVChannelLayout layout_of(const Case *c)
{
    AVChannelLayout layout = { .order = AV_CHANNEL_ORDER_UNSPEC, .nb_channels = (int) c->channels };
    if (c->mask)
        av_channel_layout_from_mask(&layout, c->mask);
    return layout;
}

static void test_fit(const void *data)
{
    const Case *c = data;
    const AVChannelLayout layout = layout_of(c);
    g_assert_cmpuint(dub_layout_fit(&layout, DUB_CHANNELS_ALL), ==, c->all);
    g_assert_cmpuint(dub_layout_fit(&layout, DUB_CHANNELS_AAC), ==, c->aac);
    g_assert_cmpuint(dub_layout_fit(&layout, DUB_CHANNELS_ADTS), ==, c->adts);
    g_assert_cmpuint(dub_layout_fit(&layout, DUB_CHANNELS_STEREO), ==, c->stereo);
}

/* Something is heard of each channel, but of LFE where there is none any more. */
static void test_nothing_is_lost(const void *data)
{
    const Case *c = data;
    const AVChannelLayout layout = layout_of(c);
    const unsigned sets[] = { DUB_CHANNELS_ALL, DUB_CHANNELS_AAC, DUB_CHANNELS_ADTS, DUB_CHANNELS_STEREO };
    for (gsize i = 0; i < G_N_ELEMENTS(sets); i++) {
        const unsigned to = dub_layout_fit(&layout, sets[i]);
        g_autoptr(DubRemix) remix = dub_remix_new(48000, &layout, to);
        g_assert_nonnull(remix);
        for (unsigned from = 0; from < c->channels; from++) {
            float in[64] = { 0 }, energy = 0;
            in[from] = 0.5f;
            g_autoptr(DubPcm) out = dub_remix_push(remix, in, 1);
            for (unsigned k = 0; k < to; k++)
                energy += out->samples[k] * out->samples[k];
            const bool is_lfe =
                c->mask && av_channel_layout_channel_from_index(&layout, from) == AV_CHAN_LOW_FREQUENCY && to == 2;
            g_assert_cmpint(is_lfe || (!c->mask && c->channels <= 8 && from == 3 && to == 2) || energy > 0.05f, ==, 1);
        }
    }
}

static void test_speech_keeps_its_level(void)
{
    AVChannelLayout layout;
    dub_layout_init(&layout, 6);
    g_autoptr(DubRemix) remix = dub_remix_new(48000, &layout, 2);
    const float centre[6] = { 0, 0, 0.5f, 0, 0, 0 }, left[6] = { 0.5f, 0, 0, 0, 0, 0 };
    g_autoptr(DubPcm) mixed = dub_remix_push(remix, centre, 1);
    g_assert_cmpfloat_with_epsilon(mixed->samples[0], 0.5 * M_SQRT1_2, 1e-4);
    g_assert_cmpfloat_with_epsilon(mixed->samples[1], 0.5 * M_SQRT1_2, 1e-4);
    g_autoptr(DubPcm) unmixed = dub_remix_push(remix, left, 1);
    g_assert_cmpfloat_with_epsilon(unmixed->samples[0], 0.5, 1e-4);
}

static void test_too_many_are_refused(void)
{
    const AVChannelLayout layout = { .order = AV_CHANNEL_ORDER_UNSPEC, .nb_channels = 65 };
    g_assert_null(dub_remix_new(48000, &layout, 2));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *fit = g_strconcat("/audio/layout/fit/", cases[i].name, NULL);
        g_autofree char *whole = g_strconcat("/audio/layout/nothing-is-lost/", cases[i].name, NULL);
        g_test_add_data_func(fit, &cases[i], test_fit);
        g_test_add_data_func(whole, &cases[i], test_nothing_is_lost);
    }
    g_test_add_func("/audio/layout/speech-keeps-its-level", test_speech_keeps_its_level);
    g_test_add_func("/audio/layout/too-many-are-refused", test_too_many_are_refused);
    return g_test_run();
}
