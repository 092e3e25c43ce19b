/* audio/remix.c: libswresample without a change of the rate, which keeps nothing from one call to the next. */
#include "audio/remix.h"

#include <libswresample/swresample.h>

struct _DubRemix {
    SwrContext *swr;
    unsigned rate_hz, channels;
};

DubRemix *dub_remix_new(unsigned rate_hz, const AVChannelLayout *from, unsigned channels)
{
    g_autoptr(DubRemix) self = g_new0(DubRemix, 1);
    AVChannelLayout to, *copied = (AVChannelLayout *) from; /* not changed */
    dub_layout_init(&to, channels);
    self->rate_hz = rate_hz;
    self->channels = channels;
    if (swr_alloc_set_opts2(&self->swr, &to, AV_SAMPLE_FMT_FLT, (int) rate_hz, copied, AV_SAMPLE_FMT_FLT, (int) rate_hz,
                            0, NULL) < 0 ||
        !dub_layout_set_mix(self->swr, from, channels) || swr_init(self->swr) < 0)
        return NULL;
    return g_steal_pointer(&self);
}

void dub_remix_free(DubRemix *self)
{
    if (self)
        swr_free(&self->swr);
    g_free(self);
}

DubPcm *dub_remix_push(DubRemix *self, const float *samples, gsize n_frames)
{
    g_autoptr(DubPcm) pcm = dub_pcm_new(self->rate_hz, self->channels, n_frames);
    const uint8_t *in = (const uint8_t *) samples;
    uint8_t *out = (uint8_t *) pcm->samples;
    const int got = swr_convert(self->swr, &out, (int) n_frames, &in, (int) n_frames);
    return got == (int) n_frames ? g_steal_pointer(&pcm) : NULL;
}
