/* tests/unit/timeline/test-speech-mix.c: what recognition hears of more than two channels. */
#include "timeline/speech-mix.h"

#define RATE  8000u
#define BLOCK 800u

/* Level @levels[c] in each channel, for @n_blocks. Returns: the last frame that comes out */
static const float *push(DubSpeechMix *mix, unsigned channels, const float *levels, unsigned n_blocks)
{
    g_autofree float *block = g_new(float, BLOCK *channels);
    const float *out = NULL;
    for (unsigned i = 0; i < BLOCK * channels; i++)
        block[i] = levels[i % channels];
    for (unsigned i = 0; i < n_blocks; i++)
        out = dub_speech_mix_push(mix, block, BLOCK);
    return out + (BLOCK - 1) * dub_speech_mix_channels(channels);
}

static void test_few_channels_stay(void)
{
    const float stereo[] = { 0.1f, 0.2f };
    g_autoptr(DubSpeechMix) mix = dub_speech_mix_new(RATE, 2);
    g_assert_true(dub_speech_mix_push(mix, stereo, 1) == stereo);
}

static void test_the_centre_counts_once_it_speaks(void)
{
    const float silent[] = { 0.1f, 0.1f, 0, 0.5f, 0, 0 }, speaks[] = { 0.1f, 0.1f, 0.3f, 0.5f, 0, 0 };
    g_autoptr(DubSpeechMix) mix = dub_speech_mix_new(RATE, 6);
    g_assert_cmpuint(dub_speech_mix_channels(6), ==, 1);
    g_assert_cmpfloat_with_epsilon(push(mix, 6, silent, 2)[0], 0.14142, 1e-4); /* all but LFE, as loud as it is */
    g_assert_cmpfloat_with_epsilon(push(mix, 6, speaks, 2)[0], 0.35, 1e-4);    /* a quarter of the rest */
    g_assert_cmpfloat_with_epsilon(push(mix, 6, silent, 599)[0], 0.05, 1e-4);  /* a pause of a minute */
    g_assert_cmpfloat_with_epsilon(push(mix, 6, silent, 3)[0], 0.14142, 1e-4); /* it does not speak any more */
}

static void test_without_a_centre_it_is_stereo(void)
{
    const float levels[] = { 0.1f, 0.2f, 0.1f, 0.1f };
    g_autoptr(DubSpeechMix) mix = dub_speech_mix_new(RATE, 4);
    const float *out = push(mix, 4, levels, 1);
    g_assert_cmpuint(dub_speech_mix_channels(4), ==, 2);
    g_assert_cmpfloat_with_epsilon(out[0], 0.17071, 1e-4);
    g_assert_cmpfloat_with_epsilon(out[1], 0.27071, 1e-4);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timeline/speech-mix/few-channels-stay", test_few_channels_stay);
    g_test_add_func("/timeline/speech-mix/the-centre-counts-once-it-speaks", test_the_centre_counts_once_it_speaks);
    g_test_add_func("/timeline/speech-mix/without-a-centre-it-is-stereo", test_without_a_centre_it_is_stereo);
    return g_test_run();
}
