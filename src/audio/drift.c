/* audio/drift.c: libswresample with compensation. Its filter is centred, and is begun with the sound that was before,
 * so that the first sample through it joins the last one that passed without. */
#include "audio/drift.h"

#include "audio/layout.h"

#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <string.h>

#define BEFORE    256 /* frames: more than the filter is long */
#define MAKE_UP_S 10

struct _DubDrift {
    unsigned rate_hz, channels;
    SwrContext *swr; /* NULL: it has not begun */
    float before[BEFORE * DUB_MAX_CHANNELS];
    gsize n_before;
    int64_t already_out; /* frames that come out of the filter next, and have passed before it began */
    GArray *out;         /* float */
};

DubDrift *dub_drift_new(unsigned rate_hz, unsigned channels)
{
    g_return_val_if_fail(channels >= 1 && channels <= DUB_MAX_CHANNELS, NULL);
    DubDrift *self = g_new0(DubDrift, 1);
    self->rate_hz = rate_hz;
    self->channels = channels;
    self->out = g_array_new(FALSE, FALSE, sizeof(float));
    return self;
}

void dub_drift_free(DubDrift *self)
{
    if (!self)
        return;
    swr_free(&self->swr);
    g_array_unref(self->out);
    g_free(self);
}

gboolean dub_drift_has_begun(const DubDrift *self)
{
    return self->swr != NULL;
}

static SwrContext *open_swr(const DubDrift *self)
{
    AVChannelLayout layout;
    dub_layout_init(&layout, self->channels);
    SwrContext *swr = NULL;
    const int rate = (int) self->rate_hz;
    if (swr_alloc_set_opts2(&swr, &layout, AV_SAMPLE_FMT_FLT, rate, &layout, AV_SAMPLE_FMT_FLT, rate, 0, NULL) < 0)
        return NULL;
    av_opt_set_int(swr, "flags", SWR_FLAG_RESAMPLE, 0); /* also while both rates are the same */
    av_opt_set_int(swr, "linear_interp", 1, 0); /* between the filter's phases: no steps of a 1024th of a sample */
    if (swr_init(swr) < 0)
        swr_free(&swr);
    return swr;
}

/* @in: NULL: what the filter holds */
static void convert(DubDrift *self, const float *in, gsize n_frames)
{
    const int room = swr_get_out_samples(self->swr, (int) n_frames);
    g_array_set_size(self->out, (guint) MAX(room, 0) * self->channels);
    uint8_t *to = (uint8_t *) self->out->data;
    const uint8_t *from = (const uint8_t *) in;
    const int got = swr_convert(self->swr, &to, room, in ? &from : NULL, (int) n_frames);
    g_array_set_size(self->out, (guint) MAX(got, 0) * self->channels);
}

void dub_drift_begin(DubDrift *self)
{
    if (self->swr)
        return;
    self->swr = open_swr(self);
    if (!self->swr)
        return; /* no memory for it: then it stays as it is */
    convert(self, self->before, self->n_before);
    self->already_out = (int64_t) self->n_before - (int64_t) (self->out->len / self->channels);
}

static void remember(DubDrift *self, const float *in, gsize n_frames)
{
    const gsize kept = MIN(n_frames, BEFORE), older = MIN(self->n_before, BEFORE - kept);
    memmove(self->before, self->before + (self->n_before - older) * self->channels,
            older * self->channels * sizeof(float));
    memcpy(self->before + older * self->channels, in + (n_frames - kept) * self->channels,
           kept * self->channels * sizeof(float));
    self->n_before = older + kept;
}

/* What the filter was begun with has passed already: it is not given again. */
static const float *skip_what_passed(DubDrift *self, gsize *n_out)
{
    const int64_t n = self->out->len / self->channels, skipped = CLAMP(self->already_out, 0, n);
    self->already_out -= skipped;
    *n_out = (gsize) (n - skipped);
    return (const float *) (void *) self->out->data + skipped * self->channels;
}

const float *dub_drift_put(DubDrift *self, const float *in, gsize n_frames, int64_t more, gsize *n_out)
{
    remember(self, in, n_frames);
    if (!self->swr) {
        *n_out = n_frames;
        return in;
    }
    /* What has passed comes at its own rate, or the first sample after it would lie a hundredth of one elsewhere. */
    if (self->already_out == 0)
        swr_set_compensation(self->swr, (int) more, (int) (self->rate_hz * MAKE_UP_S));
    convert(self, in, n_frames);
    return skip_what_passed(self, n_out);
}

const float *dub_drift_end(DubDrift *self, gsize *n_out)
{
    *n_out = 0;
    self->n_before = 0;
    if (!self->swr)
        return NULL;
    convert(self, NULL, 0);
    swr_free(&self->swr);
    return skip_what_passed(self, n_out);
}

int64_t dub_drift_held(const DubDrift *self)
{
    return self->swr ? swr_get_delay(self->swr, self->rate_hz) - self->already_out : 0;
}
