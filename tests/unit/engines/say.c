/* tests/unit/engines/say.c: flite as a process, noise from a fixed seed. */
#include "say.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define RATE_HZ          16000
#define WAV_HEADER_BYTES 44

static DubPcm *read_wav(const char *path)
{
    g_autofree char *bytes = NULL;
    gsize length = 0;
    g_autoptr(GError) error = NULL;
    g_file_get_contents(path, &bytes, &length, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(length, >, WAV_HEADER_BYTES);
    const gsize n_frames = (length - WAV_HEADER_BYTES) / 2;
    DubPcm *pcm = dub_pcm_new(RATE_HZ, 1, n_frames);
    for (gsize i = 0; i < n_frames; i++) {
        gint16 sample;
        memcpy(&sample, bytes + WAV_HEADER_BYTES + 2 * i, 2);
        pcm->samples[i] = (float) GINT16_FROM_LE(sample) / 32768.0f;
    }
    return pcm;
}

DubPcm *say(const char *voice, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("airdub-say-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(folder, "speech.wav", NULL);
    g_autoptr(GSubprocess) flite =
        g_subprocess_new(G_SUBPROCESS_FLAGS_NONE, &error, "flite", "-voice", voice, "-t", text, "-o", path, NULL);
    g_assert_no_error(error);
    g_subprocess_wait_check(flite, NULL, &error);
    g_assert_no_error(error);
    DubPcm *pcm = read_wav(path);
    g_remove(path);
    g_rmdir(folder);
    return pcm;
}

DubPcm *say_silence(double seconds)
{
    return dub_pcm_new(RATE_HZ, 1, (gsize) (seconds * RATE_HZ));
}

/* White noise through a filter that falls by 3 dB an octave (three poles, three zeros; Kellet's coefficients). */
DubPcm *say_pink_noise(double seconds, double level_dbfs)
{
    DubPcm *pcm = say_silence(seconds);
    g_autoptr(GRand) random = g_rand_new_with_seed(20);
    double b0 = 0, b1 = 0, b2 = 0, energy = 0;
    for (gsize i = 0; i < pcm->n_frames; i++) {
        const double white = g_rand_double_range(random, -1, 1);
        b0 = 0.99765 * b0 + white * 0.0990460;
        b1 = 0.96300 * b1 + white * 0.2965164;
        b2 = 0.57000 * b2 + white * 1.0526913;
        pcm->samples[i] = (float) (b0 + b1 + b2 + white * 0.1848);
        energy += pcm->samples[i] * pcm->samples[i];
    }
    const double gain = pow(10, level_dbfs / 20) / sqrt(energy / (double) pcm->n_frames);
    for (gsize i = 0; i < pcm->n_frames; i++)
        pcm->samples[i] = (float) (pcm->samples[i] * gain);
    return pcm;
}

DubPcm *say_joined(DubPcm *first, ...)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func((GDestroyNotify) dub_pcm_unref);
    gsize n_frames = 0;
    va_list more;
    va_start(more, first);
    for (DubPcm *part = first; part; part = va_arg(more, DubPcm *)) {
        g_ptr_array_add(parts, part);
        n_frames += part->n_frames;
    }
    va_end(more);

    DubPcm *joined = dub_pcm_new(RATE_HZ, 1, n_frames);
    gsize at = 0;
    for (guint i = 0; i < parts->len; i++) {
        const DubPcm *part = g_ptr_array_index(parts, i);
        memcpy(joined->samples + at, part->samples, part->n_frames * sizeof(float));
        at += part->n_frames;
    }
    return joined;
}

void say_mix(DubPcm *pcm, const DubPcm *bed)
{
    for (gsize i = 0; i < MIN(pcm->n_frames, bed->n_frames); i++)
        pcm->samples[i] += bed->samples[i];
}

unsigned say_word_errors(const char *reference, const char *heard)
{
    g_auto(GStrv) r = g_strsplit(reference, " ", -1);
    g_auto(GStrv) h = g_strsplit(heard, " ", -1);
    const guint n = g_strv_length(h);
    g_autofree unsigned *row = g_new(unsigned, n + 1);
    for (guint j = 0; j <= n; j++)
        row[j] = j;
    for (guint i = 0; r[i]; i++) {
        unsigned diagonal = row[0];
        row[0] = i + 1;
        for (guint j = 0; j < n; j++) {
            const unsigned substituted = diagonal + !g_str_equal(r[i], h[j]);
            diagonal = row[j + 1];
            row[j + 1] = MIN(substituted, MIN(row[j + 1], row[j]) + 1);
        }
    }
    return row[n];
}
