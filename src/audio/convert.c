/* audio/convert.c: libswresample for the rate, Rubber Band for the tempo, our own loops for the channels
 * (libswresample scales mono by 3 dB on its way to stereo). */
#include "audio/convert.h"

#include "base/error.h"

#include <libavutil/channel_layout.h>
#include <libavutil/error.h>
#include <libswresample/swresample.h>
#include <math.h>
#include <rubberband/rubberband-c.h>
#include <string.h>

#define STRETCH_BLOCK  4096 /* frames handed to Rubber Band at a time */
#define RESAMPLE_BLOCK 4096 /* … to libswresample */
/* The finer engine with its short window: it keeps pitch and onset exact, where the faster engine is off by 2
 * % and 6 ms, and costs no more (7 ms a second of 22050 Hz mono). */
#define STRETCH_OPTIONS                                                                                   \
    (RubberBandOptionProcessOffline | RubberBandOptionThreadingNever | RubberBandOptionChannelsTogether | \
     RubberBandOptionEngineFiner | RubberBandOptionWindowShort)

static void mix(const float *in, unsigned in_channels, float *out, unsigned out_channels, gsize n_frames)
{
    if (in_channels == out_channels) {
        memcpy(out, in, n_frames * in_channels * sizeof(float));
        return;
    }
    for (gsize i = 0; i < n_frames; i++) {
        if (out_channels == 1)
            out[i] = 0.5f * (in[2 * i] + in[2 * i + 1]);
        else
            out[2 * i] = out[2 * i + 1] = in[i];
    }
}

static SwrContext *open_resampler(unsigned from_hz, unsigned to_hz, unsigned channels, GError **error)
{
    AVChannelLayout layout;
    av_channel_layout_default(&layout, (int) channels);
    SwrContext *swr = NULL;
    int status = swr_alloc_set_opts2(&swr, &layout, AV_SAMPLE_FMT_FLT, (int) to_hz, &layout, AV_SAMPLE_FMT_FLT,
                                     (int) from_hz, 0, NULL);
    if (status >= 0)
        status = swr_init(swr);
    if (status >= 0)
        return swr;
    swr_free(&swr);
    g_set_error(error, DUB_ERROR, DUB_ERROR_FAILED, "cannot resample %u Hz to %u Hz: %s", from_hz, to_hz,
                av_err2str(status));
    return NULL;
}

/* Block by block, so that nothing but the result is as long as the sound. */
typedef struct {
    SwrContext *swr;
    unsigned channels; /* through the filter: the fewer, the cheaper */
    float *in, *out;   /* a block each */
    int out_frames;
    DubPcm *to;
    gsize filled;
} Resampling;

/* @n_frames of in, or what the filter still holds: 0. Frames beyond the end of the result are dropped. Returns: as
 * swr_convert() */
static int resample_block(Resampling *self, gsize n_frames)
{
    const uint8_t *in = (const uint8_t *) self->in;
    uint8_t *out = (uint8_t *) self->out;
    const int got = swr_convert(self->swr, &out, self->out_frames, n_frames ? &in : NULL, (int) n_frames);
    if (got <= 0)
        return got;
    const gsize kept = MIN((gsize) got, self->to->n_frames - self->filled);
    mix(self->out, self->channels, self->to->samples + self->filled * self->to->channels, self->to->channels, kept);
    self->filled += kept;
    return got;
}

static int resample_all(Resampling *self, const DubPcm *pcm)
{
    self->out_frames = swr_get_out_samples(self->swr, RESAMPLE_BLOCK);
    if (self->out_frames < 0)
        return self->out_frames;
    self->in = g_new(float, RESAMPLE_BLOCK * self->channels);
    self->out = g_new(float, (gsize) self->out_frames * self->channels);
    for (gsize at = 0; at < pcm->n_frames; at += RESAMPLE_BLOCK) {
        const gsize count = MIN(RESAMPLE_BLOCK, pcm->n_frames - at);
        mix(pcm->samples + at * pcm->channels, pcm->channels, self->in, self->channels, count);
        const int status = resample_block(self, count);
        if (status < 0)
            return status;
    }
    int status;
    while ((status = resample_block(self, 0)) > 0)
        ;
    return status;
}

/* libswresample's filter is centred: its first output frame lies at the first input frame, so only the length
 * needs care. What the filter gives too little at the end (at most a frame or two) stays silent. */
static DubPcm *resample(const DubPcm *pcm, unsigned rate_hz, unsigned channels, GError **error)
{
    const gsize n_frames = (gsize) (((guint64) pcm->n_frames * rate_hz + pcm->rate_hz / 2) / pcm->rate_hz);
    const unsigned fewer = MIN(pcm->channels, channels);
    SwrContext *swr = open_resampler(pcm->rate_hz, rate_hz, fewer, error);
    if (!swr)
        return NULL;
    g_autoptr(DubPcm) converted = dub_pcm_new(rate_hz, channels, n_frames);
    Resampling work = { .swr = swr, .channels = fewer, .to = converted };
    const int status = resample_all(&work, pcm);
    g_free(work.in);
    g_free(work.out);
    swr_free(&swr);
    if (status >= 0)
        return g_steal_pointer(&converted);
    g_set_error(error, DUB_ERROR, DUB_ERROR_FAILED, "cannot resample: %s", av_err2str(status));
    return NULL;
}

DubPcm *dub_pcm_convert(DubPcm *pcm, unsigned rate_hz, unsigned channels, GError **error)
{
    g_return_val_if_fail(rate_hz > 0 && (channels == 1 || channels == 2), NULL);

    if (pcm->rate_hz != rate_hz)
        return resample(pcm, rate_hz, channels, error);
    if (pcm->channels == channels)
        return dub_pcm_ref(pcm);
    DubPcm *mixed = dub_pcm_new(rate_hz, channels, pcm->n_frames);
    mix(pcm->samples, pcm->channels, mixed->samples, channels, pcm->n_frames);
    return mixed;
}

static void deinterleave(const DubPcm *pcm, gsize first, gsize count, float *planes[2])
{
    for (gsize i = 0; i < count; i++)
        for (unsigned c = 0; c < pcm->channels; c++)
            planes[c][i] = pcm->samples[(first + i) * pcm->channels + c];
}

/* Takes what is ready; frames beyond the end of @to are dropped. Returns the new fill. */
static gsize drain(RubberBandState band, float *planes[2], DubPcm *to, gsize filled)
{
    int available;
    while ((available = rubberband_available(band)) > 0) {
        const gsize got = rubberband_retrieve(band, planes, MIN((unsigned) available, STRETCH_BLOCK));
        const gsize kept = MIN(got, to->n_frames - filled);
        for (gsize i = 0; i < kept; i++)
            for (unsigned c = 0; c < to->channels; c++)
                to->samples[(filled + i) * to->channels + c] = planes[c][i];
        filled += kept;
    }
    return filled;
}

DubPcm *dub_pcm_stretch(DubPcm *pcm, double tempo, GError **error)
{
    if (!(tempo >= 0.5 && tempo <= 2.0)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "tempo: %g is not within 0.5 and 2", tempo);
        return NULL;
    }
    if (tempo == 1.0 || pcm->n_frames == 0)
        return dub_pcm_ref(pcm);

    g_autofree float *buffer = g_new(float, 2 * STRETCH_BLOCK);
    float *planes[2] = { buffer, buffer + STRETCH_BLOCK };
    RubberBandState band = rubberband_new(pcm->rate_hz, pcm->channels, STRETCH_OPTIONS, 1.0 / tempo, 1.0);
    rubberband_set_expected_input_duration(band, (unsigned) pcm->n_frames);
    rubberband_set_max_process_size(band, STRETCH_BLOCK);
    for (gsize at = 0; at < pcm->n_frames; at += STRETCH_BLOCK) {
        const gsize count = MIN(STRETCH_BLOCK, pcm->n_frames - at);
        deinterleave(pcm, at, count, planes);
        rubberband_study(band, (const float *const *) planes, (unsigned) count, at + count == pcm->n_frames);
    }

    DubPcm *stretched = dub_pcm_new(pcm->rate_hz, pcm->channels, (gsize) llround((double) pcm->n_frames / tempo));
    gsize filled = 0;
    for (gsize at = 0; at < pcm->n_frames; at += STRETCH_BLOCK) {
        const gsize count = MIN(STRETCH_BLOCK, pcm->n_frames - at);
        deinterleave(pcm, at, count, planes);
        rubberband_process(band, (const float *const *) planes, (unsigned) count, at + count == pcm->n_frames);
        filled = drain(band, planes, stretched, filled);
    }
    rubberband_delete(band);
    return stretched;
}
