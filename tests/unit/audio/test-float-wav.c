/* Floats in WAV files: what is read is what was written, and a name never holds half. */
#include "audio/float-wav.h"

#include "base/error.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
    char *folder, *path;
} Rig;

static void set_up(Rig *rig, G_GNUC_UNUSED const void *data)
{
    rig->folder = g_dir_make_tmp("float-wav-XXXXXX", NULL);
    rig->path = g_build_filename(rig->folder, "a.wav", NULL);
}

static void tear_down(Rig *rig, G_GNUC_UNUSED const void *data)
{
    g_unlink(rig->path);
    g_assert_cmpint(g_rmdir(rig->folder), ==, 0); /* nothing else was left in it */
    g_free(rig->folder);
    g_free(rig->path);
}

static DubPcm *noise(unsigned rate_hz, unsigned channels, gsize n_frames)
{
    DubPcm *pcm = dub_pcm_new(rate_hz, channels, n_frames);
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    for (gsize i = 0; i < n_frames * channels; i++)
        pcm->samples[i] = (float) g_rand_double_range(rand, -1.3, 1.3);
    return pcm;
}

static void test_exact(Rig *rig, const void *data)
{
    const unsigned channels = GPOINTER_TO_UINT(data);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) pcm = noise(44100, channels, 12345);
    g_assert_true(dub_float_wav_save(rig->path, pcm, &error));
    g_assert_no_error(error);
    g_autoptr(DubPcm) back = dub_float_wav_read(rig->path, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(back->rate_hz, ==, 44100);
    g_assert_cmpuint(back->channels, ==, channels);
    g_assert_cmpmem(back->samples, back->n_frames * channels * sizeof(float), pcm->samples,
                    pcm->n_frames * channels * sizeof(float));
}

static void test_piece_by_piece(Rig *rig, G_GNUC_UNUSED const void *data)
{
    g_autoptr(DubPcm) pcm = noise(48000, 2, 3000);
    g_autoptr(DubFloatWav) file = dub_float_wav_new(rig->path, 48000, 2, NULL);
    for (gsize at = 0; at < pcm->n_frames; at += 1000)
        g_assert_true(dub_float_wav_write(file, pcm->samples + at * 2, 1000, NULL));
    g_assert_false(g_file_test(rig->path, G_FILE_TEST_EXISTS));
    g_assert_true(dub_float_wav_finish(file, NULL));
    g_autoptr(DubPcm) back = dub_float_wav_read(rig->path, NULL);
    g_assert_cmpmem(back->samples, 3000 * 8, pcm->samples, 3000 * 8);
}

static void test_given_up(Rig *rig, G_GNUC_UNUSED const void *data)
{
    DubFloatWav *file = dub_float_wav_new(rig->path, 48000, 1, NULL);
    dub_float_wav_free(file);
    g_assert_false(g_file_test(rig->path, G_FILE_TEST_EXISTS));
}

/* A power cut, or a copy that was cut short. */
static void test_short(Rig *rig, G_GNUC_UNUSED const void *data)
{
    g_autoptr(DubPcm) pcm = noise(16000, 1, 2000);
    g_autofree char *bytes = NULL;
    gsize size;
    g_assert_true(dub_float_wav_save(rig->path, pcm, NULL));
    g_assert_true(g_file_get_contents(rig->path, &bytes, &size, NULL));
    for (gsize length = 0; length < size; length += 37) {
        g_autoptr(GError) error = NULL;
        g_assert_true(g_file_set_contents(rig->path, bytes, (gssize) length, NULL));
        g_assert_null(dub_float_wav_read(rig->path, &error));
        g_assert_error(error, DUB_ERROR, DUB_ERROR_CORRUPT);
    }
}

static void test_missing(Rig *rig, G_GNUC_UNUSED const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *nowhere = g_build_filename(rig->folder, "no", "b.wav", NULL);
    g_assert_null(dub_float_wav_read(rig->path, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_null(dub_float_wav_new(nowhere, 8000, 1, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND);
}

static guint64 get64(const guint8 *at)
{
    guint64 value;
    memcpy(&value, at, sizeof(value));
    return GUINT64_FROM_LE(value);
}

/* Four hours of 48 kHz stereo do not fit into the 32 bits of a RIFF header. */
static void test_long(void)
{
    guint8 header[DUB_FLOAT_WAV_HEADER_BYTES_MOST];
    const guint64 n_frames = 4 * 3600 * G_GUINT64_CONSTANT(48000);
    dub_float_wav_header(header, 48000, 2, n_frames);
    g_assert_cmpmem(header, 4, "RF64", 4);
    g_assert_cmpmem(header + 12, 4, "ds64", 4);
    g_assert_cmpuint(get64(header + 20), ==, n_frames * 8 + DUB_FLOAT_WAV_HEADER_BYTES - 8);
    g_assert_cmpuint(get64(header + 28), ==, n_frames * 8);
    g_assert_cmpuint(get64(header + 36), ==, n_frames);
    dub_float_wav_header(header, 48000, 2, 48000);
    g_assert_cmpmem(header, 4, "RIFF", 4);
    g_assert_cmpmem(header + 12, 4, "JUNK", 4);
    g_assert_cmpuint(dub_float_wav_header(header, 48000, 6, n_frames), ==, DUB_FLOAT_WAV_HEADER_BYTES_MOST);
    g_assert_cmpmem(header, 4, "RF64", 4);
    g_assert_cmpuint(get64(header + 20), ==, n_frames * 24 + DUB_FLOAT_WAV_HEADER_BYTES_MOST - 8);
    g_assert_cmpuint(get64(header + 28), ==, n_frames * 24);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/audio/float-wav/exact/mono", Rig, GUINT_TO_POINTER(1), set_up, test_exact, tear_down);
    g_test_add("/audio/float-wav/exact/stereo", Rig, GUINT_TO_POINTER(2), set_up, test_exact, tear_down);
    g_test_add("/audio/float-wav/piece-by-piece", Rig, NULL, set_up, test_piece_by_piece, tear_down);
    g_test_add("/audio/float-wav/given-up", Rig, NULL, set_up, test_given_up, tear_down);
    g_test_add("/audio/float-wav/short", Rig, NULL, set_up, test_short, tear_down);
    g_test_add("/audio/float-wav/missing", Rig, NULL, set_up, test_missing, tear_down);
    g_test_add_func("/audio/float-wav/long", test_long);
    return g_test_run();
}
