/* audio/resampler.c: libswresample for the rate; channels are mapped before. */
#include "audio/resampler.h"

#include "audio/convert.h"

#include <libavutil/channel_layout.h>
#include <libswresample/swresample.h>
#include <stdbool.h>

struct _DubResampler {
    unsigned rate_hz, channels;
    unsigned from_rate_hz; /* what swr is set up for */
    SwrContext *swr;       /* NULL: nothing needs it */
};

DubResampler *dub_resampler_new(unsigned rate_hz, unsigned channels)
{
    DubResampler *self = g_new0(DubResampler, 1);
    self->rate_hz = rate_hz;
    self->channels = channels;
    return self;
}

void dub_resampler_free(DubResampler *self)
{
    if (!self)
        return;
    swr_free(&self->swr);
    g_free(self);
}

static bool set_up(DubResampler *self, unsigned from_rate_hz)
{
    if (self->swr && self->from_rate_hz == from_rate_hz)
        return true;
    AVChannelLayout layout;
    av_channel_layout_default(&layout, (int) self->channels);
    swr_free(&self->swr);
    self->from_rate_hz = from_rate_hz;
    if (swr_alloc_set_opts2(&self->swr, &layout, AV_SAMPLE_FMT_FLT, (int) self->rate_hz, &layout, AV_SAMPLE_FMT_FLT,
                            (int) from_rate_hz, 0, NULL) >= 0 &&
        swr_init(self->swr) >= 0)
        return true;
    swr_free(&self->swr);
    return false;
}

DubPcm *dub_resampler_put(DubResampler *self, DubPcm *pcm)
{
    g_autoptr(DubPcm) mapped = dub_pcm_convert(pcm, pcm->rate_hz, self->channels, NULL);
    if (!mapped || mapped->rate_hz == self->rate_hz)
        return g_steal_pointer(&mapped);
    if (!set_up(self, mapped->rate_hz))
        return NULL;
    const int room = swr_get_out_samples(self->swr, (int) mapped->n_frames);
    g_autoptr(DubPcm) out = dub_pcm_new(self->rate_hz, self->channels, (gsize) MAX(room, 1));
    uint8_t *to = (uint8_t *) out->samples;
    const uint8_t *from = (const uint8_t *) mapped->samples;
    const int got = swr_convert(self->swr, &to, MAX(room, 0), &from, (int) mapped->n_frames);
    return got > 0 ? dub_pcm_slice(out, 0, (gsize) got) : NULL;
}
