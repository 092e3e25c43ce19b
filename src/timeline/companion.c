/* timeline/companion.c: a row of frames that begins where the last ones were taken. */
#include "timeline/companion.h"

#include "audio/resampler.h"
#include "base/clock.h"

#include <string.h>

#define JITTER_MS 60 /* as worker/intake.c has it for the first sound */

struct _DubCompanion {
    unsigned rate_hz, channels;
    DubResampler *resampler;
    GArray *samples; /* of float: from `taken` on */
    int64_t taken;
};

DubCompanion *dub_companion_new(unsigned rate_hz, unsigned channels)
{
    DubCompanion *self = g_new0(DubCompanion, 1);
    self->rate_hz = rate_hz;
    self->channels = channels;
    self->resampler = dub_resampler_new(rate_hz, channels);
    self->samples = g_array_new(FALSE, TRUE, sizeof(float));
    return self;
}

void dub_companion_free(DubCompanion *self)
{
    if (!self)
        return;
    dub_resampler_free(self->resampler);
    g_array_unref(self->samples);
    g_free(self);
}

int64_t dub_companion_taken(const DubCompanion *self)
{
    return self->taken;
}

int64_t dub_companion_received(const DubCompanion *self)
{
    return self->taken + (int64_t) (self->samples->len / self->channels);
}

bool dub_companion_push(DubCompanion *self, const DubPcm *pcm, int64_t at_ns)
{
    const int64_t most = self->taken + (int64_t) self->rate_hz * DUB_COMPANION_AHEAD_S;
    g_autoptr(DubPcm) shaped = dub_resampler_put(self->resampler, pcm, &at_ns);
    if (!shaped)
        return true;
    int64_t off = dub_ns_to_samples(at_ns, self->rate_hz) - dub_companion_received(self);
    if (ABS(off) <= (int64_t) self->rate_hz * JITTER_MS / 1000)
        off = 0;
    if (dub_companion_received(self) + MAX(off, 0) + (int64_t) shaped->n_frames > most)
        return false;
    if (off > 0)
        g_array_set_size(self->samples, self->samples->len + (guint) off * self->channels); /* zeros */
    const gsize skip = off < 0 ? MIN((gsize) -off, shaped->n_frames) : 0;
    g_array_append_vals(self->samples, shaped->samples + skip * self->channels,
                        (guint) ((shaped->n_frames - skip) * self->channels));
    return true;
}

DubPcm *dub_companion_take(DubCompanion *self, int64_t until)
{
    if (until <= self->taken)
        return NULL;
    DubPcm *pcm = dub_pcm_new(self->rate_hz, self->channels, (gsize) (until - self->taken));
    const guint n = MIN(self->samples->len, (guint) (pcm->n_frames * self->channels));
    memcpy(pcm->samples, self->samples->data, n * sizeof(float));
    g_array_remove_range(self->samples, 0, n);
    self->taken = until;
    return pcm;
}
