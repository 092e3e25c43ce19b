/* engines/wav.c: a header around samples. */
#include "engines/wav.h"

#include "audio/convert.h"
#include "audio/fragment-codec.h"
#include "base/error.h"

#include <string.h>

#define HEADER_BYTES 44

static void put16(guint8 *at, unsigned value)
{
    at[0] = (guint8) value;
    at[1] = (guint8) (value >> 8);
}

static void put32(guint8 *at, guint32 value)
{
    put16(at, value & 0xffff);
    put16(at + 2, value >> 16);
}

static guint32 get32(const guint8 *at)
{
    return at[0] | (guint32) at[1] << 8 | (guint32) at[2] << 16 | (guint32) at[3] << 24;
}

/* Returns: where the samples' chunk begins, or 0 */
static gsize find_samples(const guint8 *wav, gsize size)
{
    for (gsize at = 12; at + 8 <= size;) {
        if (memcmp(wav + at, "data", 4) == 0)
            return at;
        at += 8 + (gsize) get32(wav + at + 4) + (get32(wav + at + 4) & 1);
    }
    return 0;
}

/* A server that sends while it still speaks does not know the length: it says 0, or the largest there is.
 * Returns: (transfer full): the same with the length that it has */
static GBytes *mend_length(GBytes *bytes)
{
    gsize size = 0;
    const guint8 *wav = g_bytes_get_data(bytes, &size);
    const gsize at = find_samples(wav, size);
    if (!at || (get32(wav + at + 4) > 0 && get32(wav + at + 4) <= size - at - 8))
        return g_bytes_ref(bytes);
    guint8 *mended = g_memdup2(wav, size);
    put32(mended + 4, (guint32) (size - 8));
    put32(mended + at + 4, (guint32) (size - at - 8));
    return g_bytes_new_take(mended, size);
}

/* @samples: 16 bit, interleaved */
static GBytes *add_header(GBytes *samples, unsigned rate_hz, unsigned channels)
{
    gsize length = 0;
    const void *data = g_bytes_get_data(samples, &length);
    guint8 *wav = g_malloc(HEADER_BYTES + length);
    memcpy(wav, "RIFF", 4);
    put32(wav + 4, (guint32) (HEADER_BYTES - 8 + length));
    memcpy(wav + 8, "WAVEfmt ", 8);
    put32(wav + 16, 16); /* of "fmt " */
    put16(wav + 20, 1);  /* PCM */
    put16(wav + 22, channels);
    put32(wav + 24, rate_hz);
    put32(wav + 28, rate_hz * channels * 2);
    put16(wav + 32, channels * 2);
    put16(wav + 34, 16); /* bits */
    memcpy(wav + 36, "data", 4);
    put32(wav + 40, (guint32) length);
    if (length)
        memcpy(wav + HEADER_BYTES, data, length);
    return g_bytes_new_take(wav, HEADER_BYTES + length);
}

GBytes *dub_wav_write(const DubPcm *pcm, GError **error)
{
    g_autoptr(GBytes) samples = dub_fragment_encode(pcm, DUB_FORMAT_PCM_S16LE, error);
    return samples ? add_header(samples, pcm->rate_hz, pcm->channels) : NULL;
}

DubPcm *dub_wav_read(GBytes *bytes, GError **error)
{
    if (dub_fragment_sniff(bytes) != DUB_CONTENT_WAV) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CORRUPT, "the sound is not a WAV file");
        return NULL;
    }
    g_autoptr(GBytes) mended = mend_length(bytes);
    g_autoptr(DubPcm) pcm = dub_fragment_decode(mended, 16000, 1, error);
    if (!pcm)
        return NULL;
    if (pcm->n_frames == 0) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CORRUPT, "there is no sound in it");
        return NULL;
    }
    return dub_pcm_convert(pcm, pcm->rate_hz, 1, error);
}

DubPcm *dub_wav_read_raw(GBytes *bytes, unsigned rate_hz, GError **error)
{
    /* With a header, nothing has to guess whether the samples are something else */
    g_autoptr(GBytes) even = g_bytes_new_from_bytes(bytes, 0, g_bytes_get_size(bytes) & ~(gsize) 1);
    g_autoptr(GBytes) wav = add_header(even, rate_hz, 1);
    return dub_wav_read(wav, error);
}
