/* audio/pcm.c: blocks of PCM. Counted by the inline atomics, which ThreadSanitizer sees; GLib's reference
 * counts it does not. */
#include "audio/pcm.h"

#include "base/clock.h"

#include <string.h>

DubPcm *dub_pcm_new(unsigned rate_hz, unsigned channels, gsize n_frames)
{
    g_return_val_if_fail(rate_hz > 0 && channels >= 1 && channels <= DUB_MAX_CHANNELS, NULL);

    DubPcm *self = g_new0(DubPcm, 1);
    self->rate_hz = rate_hz;
    self->channels = channels;
    self->n_frames = n_frames;
    self->samples = g_new0(float, n_frames *channels);
    self->refs = 1;
    return self;
}

DubPcm *dub_pcm_ref(DubPcm *self)
{
    g_atomic_int_inc(&self->refs);
    return self;
}

void dub_pcm_unref(DubPcm *self)
{
    if (!self || !g_atomic_int_dec_and_test(&self->refs))
        return;
    g_free(self->samples);
    g_free(self);
}

DubPcm *dub_pcm_slice(const DubPcm *self, gsize first_frame, gsize n_frames)
{
    const gsize first = MIN(first_frame, self->n_frames);
    const gsize count = MIN(n_frames, self->n_frames - first);
    DubPcm *slice = dub_pcm_new(self->rate_hz, self->channels, count);
    if (count)
        memcpy(slice->samples, self->samples + first * self->channels, count * self->channels * sizeof(float));
    return slice;
}

int64_t dub_pcm_duration_ns(const DubPcm *self)
{
    return dub_samples_to_ns((int64_t) self->n_frames, self->rate_hz);
}
