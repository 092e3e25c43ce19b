/* audio/resampler.c: libswresample for rate and channels. Its filter is centred: what comes out first belongs to what
 * went in first, and what it holds says how much earlier than the newest input its next output lies. */
#include "audio/resampler.h"

#include "audio/layout.h"
#include "base/clock.h"
#include "base/log.h"

#include <libavutil/error.h>
#include <libswresample/swresample.h>

struct _DubResampler {
    unsigned rate_hz, channels;
    unsigned from_hz, from_channels; /* that the filter was made for; 0: none was */
    SwrContext *swr;                 /* NULL: sound passes, or (from_hz differs from rate_hz) cannot be brought over */
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

/* Stereo becomes mono by the mean, as in dub_pcm_convert(): both sides mostly hold the same, and would add up. */
static bool set_mix(const DubResampler *self, const AVChannelLayout *from)
{
    static const double mean[] = { 0.5, 0.5 };
    if (self->from_channels == 2 && self->channels == 1)
        return swr_set_matrix(self->swr, mean, 2) >= 0;
    return dub_layout_set_mix(self->swr, from, self->channels);
}

static int open_filter(DubResampler *self)
{
    AVChannelLayout from, to;
    dub_layout_init(&from, self->from_channels);
    dub_layout_init(&to, self->channels);
    int status = swr_alloc_set_opts2(&self->swr, &to, AV_SAMPLE_FMT_FLT, (int) self->rate_hz, &from, AV_SAMPLE_FMT_FLT,
                                     (int) self->from_hz, 0, NULL);
    if (status >= 0 && !set_mix(self, &from))
        status = AVERROR(EINVAL);
    if (status >= 0)
        status = swr_init(self->swr);
    return status;
}

static void take_shape(DubResampler *self, const DubPcm *pcm)
{
    if (self->from_hz == pcm->rate_hz && self->from_channels == pcm->channels)
        return;
    swr_free(&self->swr);
    self->from_hz = pcm->rate_hz;
    self->from_channels = pcm->channels;
    if (self->from_hz == self->rate_hz && self->from_channels == self->channels)
        return;
    const int status = open_filter(self);
    if (status >= 0)
        return;
    swr_free(&self->swr);
    dub_warning("sound of %u Hz and %u channels cannot be resampled: %s", pcm->rate_hz, pcm->channels,
                av_err2str(status));
}

static bool passes(const DubResampler *self)
{
    return self->from_hz == self->rate_hz && self->from_channels == self->channels;
}

DubPcm *dub_resampler_put(DubResampler *self, const DubPcm *pcm, int64_t *pts_ns)
{
    take_shape(self, pcm);
    if (passes(self))
        return dub_pcm_ref((DubPcm *) pcm);
    const int room = self->swr ? swr_get_out_samples(self->swr, (int) pcm->n_frames) : 0;
    if (room <= 0)
        return NULL;
    *pts_ns -= swr_get_delay(self->swr, DUB_NS_PER_S);
    g_autoptr(DubPcm) fitted = dub_pcm_new(self->rate_hz, self->channels, (gsize) room);
    const uint8_t *in = (const uint8_t *) pcm->samples;
    uint8_t *out = (uint8_t *) fitted->samples;
    const int got = swr_convert(self->swr, &out, room, &in, (int) pcm->n_frames);
    if (got <= 0)
        return NULL;
    fitted->n_frames = (gsize) got;
    return g_steal_pointer(&fitted);
}
