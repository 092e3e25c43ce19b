/* Fragments as bytes: exact in length and place, whatever is not exact or not audio is refused, nothing
 * crashes. */
#include "audio/aac-encoder.h"
#include "audio/convert.h"
#include "audio/fragment-codec.h"
#include "base/error.h"
#include "signals.h"

#include <string.h>

typedef struct {
    const char *name;
    DubFragmentFormat format;
    unsigned rate_hz, channels;
    gsize n_frames;
} RoundTrip;

static const RoundTrip round_trips[] = {
    { "m4a-16000-mono", DUB_FORMAT_M4A, 16000, 1, 16000 * 6 + 1 },
    { "m4a-16000-stereo", DUB_FORMAT_M4A, 16000, 2, 16000 * 2 + 777 },
    { "m4a-22050-mono", DUB_FORMAT_M4A, 22050, 1, 22050 * 6 + 513 },
    { "m4a-22050-stereo", DUB_FORMAT_M4A, 22050, 2, 22050 * 3 + 1023 },
    { "m4a-44100-mono", DUB_FORMAT_M4A, 44100, 1, 44100 * 6 },
    { "m4a-44100-stereo", DUB_FORMAT_M4A, 44100, 2, 44100 * 5 + 11 },
    { "m4a-48000-mono", DUB_FORMAT_M4A, 48000, 1, 48000 * 2 + 1 },
    { "m4a-48000-stereo", DUB_FORMAT_M4A, 48000, 2, 48000 * 6 + 3 },
    { "m4a-8000-mono", DUB_FORMAT_M4A, 8000, 1, 8000 * 3 + 5 },
    { "m4a-whole-units", DUB_FORMAT_M4A, 48000, 2, 1024 * 100 },
    { "m4a-one-unit", DUB_FORMAT_M4A, 48000, 1, 1024 },
    { "m4a-short", DUB_FORMAT_M4A, 48000, 1, 700 },
    { "m4a-one-minute", DUB_FORMAT_M4A, 8000, 1, 8000 * 60 },
    { "raw-16000-mono", DUB_FORMAT_PCM_S16LE, 16000, 1, 16001 },
    { "raw-48000-stereo", DUB_FORMAT_PCM_S16LE, 48000, 2, 4801 },
    { "raw-empty", DUB_FORMAT_PCM_S16LE, 48000, 2, 0 },
};

static void test_round_trip(const void *data)
{
    const RoundTrip *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) pcm = test_chirp(c->rate_hz, c->channels, c->n_frames);
    g_autoptr(GBytes) bytes = dub_fragment_encode(pcm, c->format, &error);
    g_assert_no_error(error);
    const DubFragmentContent content = c->format == DUB_FORMAT_M4A ? DUB_CONTENT_MP4 : DUB_CONTENT_RAW;
    g_assert_cmpint(dub_fragment_sniff(bytes), ==, content);

    /* The declared shape is wrong on purpose where the container knows better. */
    const bool raw = c->format == DUB_FORMAT_PCM_S16LE;
    g_autoptr(DubPcm) decoded = dub_fragment_decode(bytes, raw ? c->rate_hz : 48000, raw ? c->channels : 2, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(decoded->rate_hz, ==, c->rate_hz);
    g_assert_cmpuint(decoded->channels, ==, c->channels);
    g_assert_cmpuint(decoded->n_frames, ==, c->n_frames);
    if (!c->n_frames)
        return;
    /* One frame out of place would leave this chirp under 10 dB. An access unit alone is all attack. */
    g_assert_cmpfloat(test_snr_db(pcm, decoded, 0, c->n_frames), >, raw ? 80 : c->n_frames > 4096 ? 30 : 10);
}

/* Fragments of one sound are joined again: what is heard at their ends must be that sound and no encoder's attack. */
static void check_ends(const DubPcm *whole, gsize first, gsize n, double snr_db)
{
    const gsize edge = whole->rate_hz / 100;
    g_autoptr(DubPcm) pcm = dub_pcm_slice(whole, first, n);
    g_autoptr(GBytes) bytes = dub_fragment_encode(pcm, DUB_FORMAT_M4A, NULL);
    g_autoptr(DubPcm) decoded = dub_fragment_decode(bytes, whole->rate_hz, 2, NULL);
    g_assert_cmpfloat(test_snr_db(pcm, decoded, 0, edge), >, snr_db);
    g_assert_cmpfloat(test_snr_db(pcm, decoded, n - edge, n), >, snr_db);
}

static void test_ends(void)
{
    const unsigned rate_hz = 44100;
    const gsize n = rate_hz * 2 + 441;
    g_autoptr(DubPcm) middle = test_sine(rate_hz, 2, n + 500, 205, 0.35);
    g_autoptr(DubPcm) aside = test_sine(rate_hz, 2, n + 500, 205, 0.35);
    for (gsize i = 0; i < aside->n_frames; i++)
        aside->samples[2 * i + 1] *= 0.9f;
    for (gsize i = 0; i < 10; i++) {
        check_ends(aside, i * 37, n, 40);
        check_ends(middle, i * 37, n, 34); /* channels that are the same have the bitrate of one */
    }
}

static void put_le(GByteArray *out, guint32 value, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++)
        g_byte_array_append(out, &(guint8){ (guint8) (value >> 8 * i) }, 1);
}

static GBytes *wav(const DubPcm *pcm)
{
    g_autoptr(GBytes) raw = dub_fragment_encode(pcm, DUB_FORMAT_PCM_S16LE, NULL);
    const guint32 size = (guint32) g_bytes_get_size(raw);
    GByteArray *out = g_byte_array_new();
    g_byte_array_append(out, (const guint8 *) "RIFF", 4);
    put_le(out, 36 + size, 4);
    g_byte_array_append(out, (const guint8 *) "WAVEfmt ", 8);
    put_le(out, 16, 4);
    put_le(out, 1, 2);
    put_le(out, pcm->channels, 2);
    put_le(out, pcm->rate_hz, 4);
    put_le(out, pcm->rate_hz * pcm->channels * 2, 4);
    put_le(out, pcm->channels * 2, 2);
    put_le(out, 16, 2);
    g_byte_array_append(out, (const guint8 *) "data", 4);
    put_le(out, size, 4);
    g_byte_array_append(out, g_bytes_get_data(raw, NULL), size);
    return g_byte_array_free_to_bytes(out);
}

/* ISO/IEC 13818-7, 6.2, for 44100 Hz (index 4). */
static void append_adts(const uint8_t *data, gsize size, G_GNUC_UNUSED int64_t position, void *user_data)
{
    const gsize length = size + 7;
    const guint8 header[7] = { 0xff,
                               0xf1,
                               1 << 6 | 4 << 2,
                               (guint8) (2 << 6 | length >> 11),
                               (guint8) (length >> 3),
                               (guint8) (length << 5 | 0x1f),
                               0xfc };
    g_byte_array_append(user_data, header, sizeof header);
    g_byte_array_append(user_data, data, (guint) size);
}

static GBytes *adts(const DubPcm *pcm)
{
    GByteArray *out = g_byte_array_new();
    g_autoptr(DubAacEncoder) encoder = dub_aac_encoder_new(pcm->rate_hz, pcm->channels, 96000, append_adts, out, NULL);
    g_assert_true(dub_aac_encoder_push(encoder, pcm, NULL));
    g_assert_true(dub_aac_encoder_finish(encoder, NULL));
    return g_byte_array_free_to_bytes(out);
}

/* A voice in the middle stays in the middle, to the bit. */
static void test_dual_mono(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) mono = test_chirp(44100, 1, 44100);
    g_autoptr(DubPcm) pcm = dub_pcm_convert(mono, 44100, 2, &error);
    g_assert_no_error(error);
    g_autoptr(GBytes) bytes = dub_fragment_encode(pcm, DUB_FORMAT_M4A, &error);
    g_assert_no_error(error);
    g_autoptr(DubPcm) decoded = dub_fragment_decode(bytes, 44100, 2, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(decoded->n_frames, ==, pcm->n_frames);
    for (gsize i = 0; i < decoded->n_frames; i++)
        g_assert_true(decoded->samples[2 * i] == decoded->samples[2 * i + 1]);
    g_assert_cmpfloat(test_snr_db(pcm, decoded, 0, pcm->n_frames), >, 20);
}

static void test_wav(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) pcm = test_chirp(22050, 2, 30001);
    g_autoptr(GBytes) bytes = wav(pcm);
    g_assert_cmpint(dub_fragment_sniff(bytes), ==, DUB_CONTENT_WAV);
    g_autoptr(DubPcm) decoded = dub_fragment_decode(bytes, 48000, 1, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(decoded->rate_hz, ==, 22050);
    g_assert_cmpuint(decoded->channels, ==, 2);
    g_assert_cmpuint(decoded->n_frames, ==, pcm->n_frames);
    g_assert_cmpfloat(test_snr_db(pcm, decoded, 0, pcm->n_frames), >, 80);
}

static void test_adts(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) pcm = test_chirp(44100, 2, 1024 * 20);
    g_autoptr(GBytes) bytes = adts(pcm);
    g_assert_cmpint(dub_fragment_sniff(bytes), ==, DUB_CONTENT_ADTS);
    g_autoptr(DubPcm) decoded = dub_fragment_decode(bytes, 48000, 1, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(decoded->rate_hz, ==, 44100);
    g_assert_cmpuint(decoded->channels, ==, 2);
    g_assert_cmpuint(decoded->n_frames, ==, pcm->n_frames);
    g_assert_cmpint(test_lag(pcm, decoded, 8192, 8192, 1200), ==, 0);
}

/* Raw PCM that begins like an ADTS header is still PCM. */
static void test_raw_like_adts(void)
{
    static const guint8 data[64] = { 0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc };
    g_autoptr(GBytes) bytes = g_bytes_new_static(data, sizeof data);
    g_assert_cmpint(dub_fragment_sniff(bytes), ==, DUB_CONTENT_RAW);
}

typedef struct {
    const char *name;
    gsize n_bytes; /* of zeros, after @head */
    const char *head;
    gsize head_bytes;
    unsigned rate_hz, channels;
    DubErrorCode error;
} Refused;

static const Refused refused[] = {
    { "odd-raw", 1001, "", 0, 16000, 1, DUB_ERROR_CORRUPT },
    { "half-frame-raw", 1002, "", 0, 16000, 2, DUB_ERROR_CORRUPT },
    { "raw-too-long", 8000 * 2 * 60 + 2, "", 0, 8000, 1, DUB_ERROR_INVALID_ARGUMENT },
    { "too-many-bytes", DUB_FRAGMENT_MAX_BYTES + 2, "", 0, 48000, 2, DUB_ERROR_INVALID_ARGUMENT },
    { "raw-bad-shape", 1000, "", 0, 0, 0, DUB_ERROR_INVALID_ARGUMENT },
    { "mp4-header-only", 100,
      "\0\0\0\x10"
      "ftypM4A \0\0\0\0",
      16, 48000, 2, DUB_ERROR_CORRUPT },
    { "mp4-eight-bytes", 0,
      "\0\0\0\x10"
      "ftyp",
      8, 48000, 2, DUB_ERROR_CORRUPT },
    { "wav-header-only", 0, "RIFF\0\0\0\0WAVE", 12, 48000, 2, DUB_ERROR_CORRUPT },
    { "wav-no-format", 64, "RIFF\0\0\0\0WAVEfmt ", 16, 48000, 2, DUB_ERROR_CORRUPT },
};

static void test_refused(const void *data)
{
    const Refused *c = data;
    guint8 *content = g_malloc0(c->head_bytes + c->n_bytes);
    memcpy(content, c->head, c->head_bytes);
    g_autoptr(GBytes) bytes = g_bytes_new_take(content, c->head_bytes + c->n_bytes);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) pcm = dub_fragment_decode(bytes, c->rate_hz, c->channels, &error);
    g_assert_null(pcm);
    g_assert_error(error, DUB_ERROR, (int) c->error);
}

static void test_encode_too_long(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) pcm = dub_pcm_new(8000, 1, 8000 * 60 + 1);
    g_assert_null(dub_fragment_encode(pcm, DUB_FORMAT_M4A, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
}

static void test_encode_no_aac_rate(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) pcm = dub_pcm_new(9000, 1, 100);
    g_assert_null(dub_fragment_encode(pcm, DUB_FORMAT_M4A, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED);
}

/* The index stands in front of the sound: a reader of a pipe needs no seeking. */
static void test_index_first(void)
{
    g_autoptr(DubPcm) pcm = test_chirp(16000, 1, 16000 * 60);
    g_autoptr(GBytes) bytes = dub_fragment_encode(pcm, DUB_FORMAT_M4A, NULL);
    gsize size;
    const guint8 *data = g_bytes_get_data(bytes, &size);
    const guint8 *moov = memmem(data, size, "moov", 4);
    g_assert_nonnull(moov);
    g_assert_true(moov < (const guint8 *) memmem(data, size, "mdat", 4));
}

static GBytes *sample_of(const char *kind)
{
    g_autoptr(DubPcm) pcm = test_chirp(44100, 2, 44100 / 4 + 123);
    if (g_str_equal(kind, "m4a"))
        return dub_fragment_encode(pcm, DUB_FORMAT_M4A, NULL);
    return g_str_equal(kind, "wav") ? wav(pcm) : adts(pcm);
}

static void decode_or_refuse(const guint8 *data, gsize size)
{
    g_autoptr(GBytes) bytes = g_bytes_new(data, size); /* its own allocation: an overrun is seen */
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) pcm = dub_fragment_decode(bytes, 48000, 2, &error);
    g_assert_true(!pcm == !!error);
    if (pcm)
        g_assert_cmpuint(pcm->n_frames, <=, (gsize) pcm->rate_hz * DUB_FRAGMENT_MAX_SECONDS);
    else
        g_assert_true(error->domain == DUB_ERROR &&
                      (error->code == DUB_ERROR_CORRUPT || error->code == DUB_ERROR_INVALID_ARGUMENT));
}

static void test_truncated(const void *kind)
{
    g_autoptr(GBytes) bytes = sample_of(kind);
    gsize size;
    const guint8 *data = g_bytes_get_data(bytes, &size);
    for (gsize length = 0; length < size; length += length < 64 ? 1 : 1 + size / 150)
        decode_or_refuse(data, length);
}

static void test_flipped(const void *kind)
{
    g_autoptr(GBytes) bytes = sample_of(kind);
    gsize size;
    g_autofree guint8 *data = g_memdup2(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    size = g_bytes_get_size(bytes);
    g_autoptr(GRand) random = g_rand_new_with_seed(3);
    for (int round = 0; round < 400; round++) {
        /* Half of them in the first kilobyte, where the headers are. */
        const gsize at = (gsize) g_rand_int_range(random, 0, (gint32) (round % 2 ? size : MIN(size, 1024)));
        const guint8 old = data[at];
        data[at] =
            (guint8) (round % 4 < 2 ? old ^ 1 << g_rand_int_range(random, 0, 8) : g_rand_int_range(random, 0, 256));
        decode_or_refuse(data, size);
        if (round % 10) /* faults pile up to ten, then it is whole again */
            continue;
        memcpy(data, g_bytes_get_data(bytes, NULL), size);
    }
}

/* A file whose index is there but whose sound is cut off is not taken for a short fragment. */
static void test_truncated_sound(void)
{
    g_autoptr(GBytes) bytes = sample_of("m4a");
    g_autoptr(GBytes) half = g_bytes_new_from_bytes(bytes, 0, g_bytes_get_size(bytes) * 2 / 3);
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_fragment_decode(half, 48000, 2, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_CORRUPT);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(round_trips); i++) {
        g_autofree char *path = g_strconcat("/audio/fragment-codec/round-trip/", round_trips[i].name, NULL);
        g_test_add_data_func(path, &round_trips[i], test_round_trip);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *path = g_strconcat("/audio/fragment-codec/refused/", refused[i].name, NULL);
        g_test_add_data_func(path, &refused[i], test_refused);
    }
    g_test_add_func("/audio/fragment-codec/ends", test_ends);
    g_test_add_func("/audio/fragment-codec/dual-mono", test_dual_mono);
    g_test_add_func("/audio/fragment-codec/wav", test_wav);
    g_test_add_func("/audio/fragment-codec/adts", test_adts);
    g_test_add_func("/audio/fragment-codec/raw-like-adts", test_raw_like_adts);
    g_test_add_func("/audio/fragment-codec/index-first", test_index_first);
    g_test_add_func("/audio/fragment-codec/encode-too-long", test_encode_too_long);
    g_test_add_func("/audio/fragment-codec/encode-no-aac-rate", test_encode_no_aac_rate);
    g_test_add_func("/audio/fragment-codec/truncated-sound", test_truncated_sound);
    static const char *const kinds[] = { "m4a", "wav", "adts" };
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *truncated = g_strconcat("/audio/fragment-codec/truncated/", kinds[i], NULL);
        g_autofree char *flipped = g_strconcat("/audio/fragment-codec/flipped/", kinds[i], NULL);
        g_test_add_data_func(truncated, kinds[i], test_truncated);
        g_test_add_data_func(flipped, kinds[i], test_flipped);
    }
    return g_test_run();
}
