/* tests/unit/audio/test-sound-encoder.c: every frame that goes in comes out, at a rate that the encoder has. */
#include "audio/sound-encoder.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

typedef struct {
    const char *name, *codec;
    unsigned rate_hz, channels;
    int out_hz;
    gsize block; /* frames a push */
} Case;

static const Case cases[] = {
    { "opus-44100", "libopus", 44100, 2, 48000, 1000 },   { "opus-22050", "libopus", 22050, 1, 24000, 441 },
    { "opus-5.1", "libopus", 48000, 6, 48000, 5000 },     { "opus-7.1", "libopus", 96000, 8, 48000, 1 },
    { "mp3-96000", "libmp3lame", 96000, 2, 48000, 4096 }, { "mp3-11025", "libmp3lame", 11025, 1, 11025, 77 },
    { "flac-37800", "flac", 37800, 2, 37800, 100000 },    { "flac-6.1", "flac", 48000, 7, 48000, 4608 },
    { "pcm-192000", "pcm_s16le", 192000, 2, 192000, 1 },
};

static int64_t take_all(DubSoundEncoder *encoder, AVPacket *packet, int status)
{
    int64_t frames = 0;
    g_assert_cmpint(status, >=, 0);
    while ((status = dub_sound_encoder_take(encoder, packet)) >= 0) {
        frames += packet->duration;
        av_packet_unref(packet);
    }
    g_assert_true(status == AVERROR(EAGAIN) || status == AVERROR_EOF);
    return frames;
}

static void test_all_of_it(const void *data)
{
    const Case *c = data;
    const gsize n_frames = c->rate_hz / 2 + 7;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubSoundEncoder) encoder = dub_sound_encoder_new(c->codec, c->rate_hz, c->channels, 96000, &error);
    g_assert_no_error(error);
    g_assert_cmpint(dub_sound_encoder_time_base(encoder).den, ==, c->out_hz);
    g_autofree float *block = g_new0(float, c->block * c->channels);
    AVPacket *packet = av_packet_alloc();
    int64_t frames = 0;
    for (gsize at = 0; at < n_frames; at += c->block) {
        const gsize count = MIN(c->block, n_frames - at);
        frames += take_all(encoder, packet, dub_sound_encoder_push(encoder, block, count));
    }
    frames += take_all(encoder, packet, dub_sound_encoder_push(encoder, NULL, 0));
    AVCodecParameters *parameters = avcodec_parameters_alloc();
    g_assert_true(dub_sound_encoder_describe(encoder, parameters));
    g_assert_cmpint(parameters->ch_layout.nb_channels, ==, (int) c->channels);
    const double wanted = (double) n_frames * c->out_hz / c->rate_hz;
    g_assert_cmpfloat((double) frames, >=, floor(wanted));
    g_assert_cmpfloat((double) frames, <, wanted + 2 * 1920 + parameters->initial_padding);
    avcodec_parameters_free(&parameters);
    av_packet_free(&packet);
}

static void test_refused(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_sound_encoder_new("libmp3lame", 48000, 6, 128000, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED);
    g_assert_nonnull(strstr(error->message, "use .mkv or .wav"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/audio/sound-encoder/all-of-it/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_all_of_it);
    }
    g_test_add_func("/audio/sound-encoder/refused", test_refused);
    return g_test_run();
}
