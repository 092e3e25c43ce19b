/* timeline/speech-mix.c: one gain for all but the centre, which follows whether the centre speaks at all. */
#include "timeline/speech-mix.h"

#include "audio/layout.h"
#include "base/clock.h"

#include <math.h>

#define REST     0.25f /* of the sides beside a centre that speaks: a voice in them is understood, music is no bother */
#define WHOLE    0.7071f /* of the sides, each, where they are all there is: as loud as they are together */
#define SURROUND 0.7071f /* of what is behind, against the sides */
#define MEMORY_S 60      /* a centre that was silent for so long is not where they speak */
#define RAMP_MS  50

struct _DubSpeechMix {
    unsigned rate_hz, channels, out_channels;
    int centre, lfe;
    int64_t silent_frames; /* of the centre, in a row */
    float rest;            /* the gain now */
    GArray *out;           /* float */
};

DubSpeechMix *dub_speech_mix_new(unsigned rate_hz, unsigned channels)
{
    DubSpeechMix *self = g_new0(DubSpeechMix, 1);
    self->rate_hz = rate_hz;
    self->channels = channels;
    self->out_channels = dub_speech_mix_channels(channels);
    self->centre = dub_layout_centre(channels);
    self->lfe = dub_layout_lfe(channels);
    self->silent_frames = G_MAXINT64 / 2; /* it has not spoken yet */
    self->rest = WHOLE;
    self->out = g_array_new(FALSE, FALSE, sizeof(float));
    return self;
}

void dub_speech_mix_free(DubSpeechMix *self)
{
    if (!self)
        return;
    g_array_unref(self->out);
    g_free(self);
}

unsigned dub_speech_mix_channels(unsigned channels)
{
    if (channels <= 2)
        return channels;
    return dub_layout_centre(channels) >= 0 ? 1 : 2;
}

static float rest_for(DubSpeechMix *self, const float *samples, gsize n_frames)
{
    double energy = 0;
    for (gsize i = 0; i < n_frames; i++)
        energy += (double) samples[i * self->channels + (gsize) self->centre] *
                  samples[i * self->channels + (gsize) self->centre];
    const bool is_silent = energy < (double) n_frames * DUB_LAYOUT_SILENT * DUB_LAYOUT_SILENT;
    self->silent_frames = is_silent ? self->silent_frames + (int64_t) n_frames : 0;
    return self->silent_frames < (int64_t) self->rate_hz * MEMORY_S ? REST : WHOLE;
}

static void mix_to_mono(DubSpeechMix *self, const float *samples, gsize n_frames, float *out)
{
    const float wanted = rest_for(self, samples, n_frames);
    const float step = 1000.0f / (RAMP_MS * (float) self->rate_hz);
    for (gsize i = 0; i < n_frames; i++) {
        const float *in = samples + i * self->channels;
        float sides = in[0] + in[1];
        for (int c = 2; c < (int) self->channels; c++)
            if (c != self->centre && c != self->lfe)
                sides += in[c] * SURROUND;
        self->rest += CLAMP(wanted - self->rest, -step, step);
        out[i] = in[self->centre] + self->rest * sides;
    }
}

/* Without a centre: as a player with two loudspeakers would. */
static void mix_to_stereo(const DubSpeechMix *self, const float *samples, gsize n_frames, float *out)
{
    for (gsize i = 0; i < n_frames; i++)
        for (unsigned c = 0; c < 2; c++)
            out[i * 2 + c] = samples[i * self->channels + c] + SURROUND * samples[i * self->channels + 2 + c];
}

const float *dub_speech_mix_push(DubSpeechMix *self, const float *samples, gsize n_frames)
{
    if (self->channels <= 2)
        return samples;
    g_array_set_size(self->out, (guint) (n_frames * self->out_channels));
    float *out = (float *) (void *) self->out->data;
    if (self->out_channels == 1)
        mix_to_mono(self, samples, n_frames, out);
    else
        mix_to_stereo(self, samples, n_frames, out);
    return out;
}
