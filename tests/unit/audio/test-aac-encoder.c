/* One encoder for a whole stream: what goes in at frame n is heard at frame n, however it was cut into
 * blocks. */
#include "audio/aac-encoder.h"
#include "base/error.h"
#include "signals.h"

#include <libavcodec/avcodec.h>
#include <math.h>
#include <string.h>

typedef struct {
    AVCodecContext *codec;
    unsigned channels;
    int64_t next_position;
    GArray *samples;
} Decoder;

static void decoder_init(Decoder *self, DubAacEncoder *encoder, unsigned channels)
{
    g_autoptr(GBytes) config = dub_aac_encoder_config(encoder);
    self->codec = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_AAC));
    self->codec->extradata = av_mallocz(g_bytes_get_size(config) + AV_INPUT_BUFFER_PADDING_SIZE);
    self->codec->extradata_size = (int) g_bytes_get_size(config);
    memcpy(self->codec->extradata, g_bytes_get_data(config, NULL), g_bytes_get_size(config));
    g_assert_cmpint(avcodec_open2(self->codec, self->codec->codec, NULL), ==, 0);
    self->channels = channels;
}

static void decoder_clear(Decoder *self)
{
    avcodec_free_context(&self->codec);
    g_array_unref(self->samples);
}

static void on_access_unit(const uint8_t *data, gsize size, int64_t position, void *user_data)
{
    Decoder *self = user_data;
    g_assert_cmpint(position, ==, self->next_position);
    self->next_position += DUB_AAC_FRAME;

    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    g_assert_cmpint(av_new_packet(packet, (int) size), ==, 0);
    memcpy(packet->data, data, size);
    g_assert_cmpint(avcodec_send_packet(self->codec, packet), ==, 0);
    g_assert_cmpint(avcodec_receive_frame(self->codec, frame), ==, 0);
    g_assert_cmpint(frame->nb_samples, ==, DUB_AAC_FRAME);
    g_assert_cmpint(frame->ch_layout.nb_channels, ==, (int) self->channels);
    for (int i = 0; i < frame->nb_samples; i++)
        for (unsigned c = 0; c < self->channels; c++)
            g_array_append_val(self->samples, ((float *) frame->extended_data[c])[i]);
    av_frame_free(&frame);
    av_packet_free(&packet);
}

/* Returns: @pcm encoded in blocks of @block_frames (0: lengths by chance) and decoded again. */
static DubPcm *through(const DubPcm *pcm, gsize block_frames, unsigned bitrate_bps)
{
    g_autoptr(GError) error = NULL;
    Decoder decoder = { .samples = g_array_new(FALSE, FALSE, sizeof(float)) };
    g_autoptr(DubAacEncoder) encoder =
        dub_aac_encoder_new(pcm->rate_hz, pcm->channels, bitrate_bps, on_access_unit, &decoder, &error);
    g_assert_no_error(error);
    decoder_init(&decoder, encoder, pcm->channels);
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    for (gsize at = 0; at < pcm->n_frames;) {
        const gsize count = block_frames ? block_frames : (gsize) g_rand_int_range(random, 0, 5000);
        g_autoptr(DubPcm) block = dub_pcm_slice(pcm, at, count);
        g_assert_true(dub_aac_encoder_push(encoder, block, &error));
        at += block->n_frames;
    }
    g_assert_true(dub_aac_encoder_finish(encoder, &error));

    DubPcm *decoded = dub_pcm_new(pcm->rate_hz, pcm->channels, decoder.samples->len / pcm->channels);
    if (decoder.samples->len)
        memcpy(decoded->samples, decoder.samples->data, decoder.samples->len * sizeof(float));
    decoder_clear(&decoder);
    return decoded;
}

typedef struct {
    const char *name;
    unsigned rate_hz, channels, bitrate_bps;
    double seconds;
    gsize block_frames;
} Case;

static const Case cases[] = {
    { "48000-stereo-60s-any-blocks", 48000, 2, 128000, 60, 0 },
    { "44100-stereo-one-at-a-time", 44100, 2, 128000, 0.5, 1 },
    { "44100-mono-10ms", 44100, 1, 64000, 5, 441 },
    { "22050-mono-whole-units", 22050, 1, 48000, 5, 1024 },
    { "16000-mono-all-at-once", 16000, 1, 64000, 5.01, 1000000 },
    { "96000-stereo", 96000, 2, 256000, 2, 4800 },
    { "48000-5.0", 48000, 5, 384000, 5, 1000 },
    { "8000-mono-more-bits-than-allowed", 8000, 1, 128000, 5, 80 },
};

#define TONE_HZ 997.0

static void test_sine_stays_whole(const void *data)
{
    const Case *c = data;
    const gsize n_frames = (gsize) (c->seconds * c->rate_hz);
    g_autoptr(DubPcm) sine = test_sine(c->rate_hz, c->channels, n_frames, TONE_HZ, 0.5);
    g_autoptr(DubPcm) decoded = through(sine, c->block_frames, c->bitrate_bps);
    g_assert_cmpuint(decoded->n_frames, ==, (n_frames + DUB_AAC_FRAME - 1) / DUB_AAC_FRAME * DUB_AAC_FRAME);

    const double limit_rad = 0.0002 * 2 * G_PI * TONE_HZ / 10; /* a tenth of 0.2 ms */
    unsigned n_units = 0, n_clean = 0;
    for (gsize at = 2 * DUB_AAC_FRAME; at + 2 * DUB_AAC_FRAME < n_frames; at += DUB_AAC_FRAME) {
        g_assert_cmpfloat(fabs(test_phase(decoded, TONE_HZ, at, DUB_AAC_FRAME)), <, limit_rad);
        const double snr_db = test_snr_db(sine, decoded, at, at + DUB_AAC_FRAME);
        g_assert_cmpfloat(snr_db, >, 20); /* no click: a jump by one frame of the highest rate leaves less */
        n_clean += snr_db > 40;
        n_units++;
    }
    g_test_message("%u of %u access units are above 40 dB", n_clean, n_units);
    g_assert_cmpuint(n_clean * 10, >=, n_units * 4);
}

static void test_chirp_lag(void)
{
    g_autoptr(DubPcm) chirp = test_chirp(48000, 2, 48000 * 2);
    g_autoptr(DubPcm) decoded = through(chirp, 480, 128000);
    g_assert_cmpint(test_lag(chirp, decoded, 48000, 4096, 1100), ==, 0);
    g_assert_cmpfloat(test_snr_db(chirp, decoded, 2 * DUB_AAC_FRAME, chirp->n_frames), >, 30);
}

static void test_nothing_pushed(void)
{
    g_autoptr(DubPcm) nothing = dub_pcm_new(48000, 2, 0);
    g_autoptr(DubPcm) decoded = through(nothing, 0, 128000);
    g_assert_cmpuint(decoded->n_frames, ==, 0);
}

/* NaN, infinity and absurd values from a broken producer neither stop the stream nor spread in it. */
static void test_not_numbers(void)
{
    g_autoptr(DubPcm) sine = test_sine(48000, 2, 48000, TONE_HZ, 0.5);
    g_autoptr(DubPcm) broken = dub_pcm_slice(sine, 0, sine->n_frames);
    broken->samples[20000] = NAN;
    broken->samples[20002] = INFINITY;
    broken->samples[20005] = -1e30f;
    g_autoptr(DubPcm) decoded = through(broken, 480, 128000);
    g_assert_cmpfloat(test_snr_db(sine, decoded, 15000, 40000), >, 25);
}

typedef struct {
    const char *name;
    unsigned rate_hz, channels;
} Refused;

static const Refused refused[] = {
    { "rate-192000", 192000, 2 }, { "rate-9000", 9000, 1 },   { "rate-0", 0, 1 },
    { "no-channels", 48000, 0 },  { "7-channels", 48000, 7 },
};

static void test_refused(const void *data)
{
    const Refused *c = data;
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_aac_encoder_new(c->rate_hz, c->channels, 128000, on_access_unit, NULL, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/audio/aac-encoder/sine/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_sine_stays_whole);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *path = g_strconcat("/audio/aac-encoder/refused/", refused[i].name, NULL);
        g_test_add_data_func(path, &refused[i], test_refused);
    }
    g_test_add_func("/audio/aac-encoder/chirp-lag", test_chirp_lag);
    g_test_add_func("/audio/aac-encoder/nothing-pushed", test_nothing_pushed);
    g_test_add_func("/audio/aac-encoder/not-numbers", test_not_numbers);
    return g_test_run();
}
