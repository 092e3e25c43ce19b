/* The bytes of a fragment, whatever they are: refused, or PCM within its limits. The first two bytes are what the
 * worker declared. */
#include "audio/fragment-codec.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned rates_hz[] = { 8000, 16000, 44100, 192000 };
    if (size < 2)
        return 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = g_bytes_new(data + 2, size - 2);
    g_autoptr(DubPcm) pcm = dub_fragment_decode(bytes, rates_hz[data[0] % 4], 1 + data[1] % 8, &error);
    g_assert_true(!pcm == (error != NULL));
    if (!pcm)
        return 0;
    g_assert_true(pcm->channels == 1 || pcm->channels == 2);
    g_assert_cmpuint(pcm->n_frames, <=, (gsize) pcm->rate_hz * DUB_FRAGMENT_MAX_SECONDS);
    return 0;
}
