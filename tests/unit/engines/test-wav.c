/* Unit tests of engines/wav: there and back, and what servers make of it. */
#include "engines/wav.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

static DubPcm *tone(unsigned rate_hz, unsigned channels, gsize n_frames)
{
    DubPcm *pcm = dub_pcm_new(rate_hz, channels, n_frames);
    for (gsize i = 0; i < n_frames * channels; i++)
        pcm->samples[i] = 0.5f * sinf((float) (i / channels) * 0.05f);
    return pcm;
}

static void assert_same(const DubPcm *pcm, const DubPcm *wanted)
{
    g_assert_cmpuint(pcm->rate_hz, ==, wanted->rate_hz);
    g_assert_cmpuint(pcm->channels, ==, 1);
    g_assert_cmpuint(pcm->n_frames, ==, wanted->n_frames);
    for (gsize i = 0; i < pcm->n_frames; i++)
        g_assert_cmpfloat_with_epsilon(pcm->samples[i], wanted->samples[i * wanted->channels], 1.0 / 16384);
}

static void test_round_trip(void)
{
    static const struct {
        unsigned rate_hz, channels;
    } shapes[] = { { 16000, 1 }, { 24000, 1 }, { 48000, 2 } };
    for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autoptr(DubPcm) pcm = tone(shapes[i].rate_hz, shapes[i].channels, 5000);
        g_autoptr(GBytes) wav = dub_wav_write(pcm, NULL);
        g_autoptr(DubPcm) again = dub_wav_read(wav, NULL);
        g_assert_nonnull(again);
        assert_same(again, pcm);
    }
}

static void test_header(void)
{
    g_autoptr(DubPcm) pcm = tone(16000, 1, 1000);
    g_autoptr(GBytes) wav = dub_wav_write(pcm, NULL);
    static const guint8 wanted[44] = "RIFF\xf4\x07\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0"
                                     "data\xd0\x07\0";
    g_assert_cmpmem(g_bytes_get_data(wav, NULL), 44, wanted, 44);
    g_assert_cmpuint(g_bytes_get_size(wav), ==, 44 + 2000);
}

/* A server that sends while it still speaks writes a length that it does not know: none, or the largest there
 * is. */
static void test_unknown_length(const void *data)
{
    const guint32 length = (guint32) GPOINTER_TO_SIZE(data);
    g_autoptr(DubPcm) pcm = tone(24000, 1, 5000);
    g_autoptr(GBytes) wav = dub_wav_write(pcm, NULL);
    gsize size = 0;
    guint8 *copy = g_bytes_unref_to_data(g_steal_pointer(&wav), &size);
    memcpy(copy + 4, &length, 4);
    memcpy(copy + 40, &length, 4);
    g_autoptr(GBytes) changed = g_bytes_new_take(copy, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) again = dub_wav_read(changed, &error);
    g_assert_no_error(error);
    assert_same(again, pcm);
}

static void test_raw(void)
{
    /* Samples that look like an AAC frame, then one half of a sample */
    static const guint8 raw[] = { 0xff, 0xf1, 0x50, 0x80, 0x00, 0x40, 0x7f };
    g_autoptr(GBytes) bytes = g_bytes_new_static(raw, sizeof raw);
    g_autoptr(DubPcm) pcm = dub_wav_read_raw(bytes, 22050, NULL);
    g_assert_cmpuint(pcm->rate_hz, ==, 22050);
    g_assert_cmpuint(pcm->n_frames, ==, 3);
    g_assert_cmpfloat_with_epsilon(pcm->samples[2], 0.5, 1.0 / 16384);
}

typedef struct {
    const char *name, *bytes;
    gsize length;
} BadCase;

static const BadCase bad_cases[] = {
    { "empty", "", 0 },
    { "json", "{\"error\":\"no\"}", 14 },
    { "mp3", "ID3\x04\0\0\0\0\0\0", 10 },
    { "half-header", "RIFF\xf4\x07\0\0WAVEfmt \x10\0\0\0", 20 },
    { "no-samples", "RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\0\0\0\0", 44 },
};

static void test_bad(const void *data)
{
    const BadCase *c = data;
    g_autoptr(GBytes) bytes = g_bytes_new_static(c->bytes, c->length);
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_wav_read(bytes, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_CORRUPT);
}

static void test_too_long(void)
{
    g_autoptr(DubPcm) pcm = dub_pcm_new(8000, 1, 8000 * 61);
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_wav_write(pcm, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    g_autofree guint8 *zeros = g_malloc0(8000 * 61 * 2);
    g_autoptr(GBytes) raw = g_bytes_new_static(zeros, 8000 * 61 * 2);
    g_autoptr(GError) read_error = NULL;
    g_assert_null(dub_wav_read_raw(raw, 8000, &read_error));
    g_assert_error(read_error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engines/wav/round-trip", test_round_trip);
    g_test_add_func("/engines/wav/header", test_header);
    g_test_add_data_func("/engines/wav/unknown-length/largest", GSIZE_TO_POINTER(0xffffffff), test_unknown_length);
    g_test_add_data_func("/engines/wav/unknown-length/zero", GSIZE_TO_POINTER(0), test_unknown_length);
    g_test_add_data_func("/engines/wav/unknown-length/signed", GSIZE_TO_POINTER(0x7fffffff), test_unknown_length);
    g_test_add_func("/engines/wav/raw", test_raw);
    for (gsize i = 0; i < G_N_ELEMENTS(bad_cases); i++) {
        g_autofree char *path = g_strconcat("/engines/wav/bad/", bad_cases[i].name, NULL);
        g_test_add_data_func(path, &bad_cases[i], test_bad);
    }
    g_test_add_func("/engines/wav/too-long", test_too_long);
    return g_test_run();
}
