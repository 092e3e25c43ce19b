/* timeline/mixer.c: output = original × gain(t) + the sum of the dubs that sound at t.
 *
 * gain(t) is a polyline: decisions append its corners, rendering drops those it has passed. A voice is one dub with its
 * fades. Both lists and the original are bounded by the playout delay: the worker decides everything in order and in
 * time. */
#include "timeline/mixer.h"

#include "base/clock.h"
#include "timeline/segmenter.h" /* DUB_CROSSFADE_MS */

#include <math.h>
#include <string.h>

#define DUCK_MS 150 /* ramp into and out of the ducked part inside a fragment: gentle, but over before the voice */
#define PASSED_MS \
    1000           /* rendered sound is let go in pieces: moving up all that waits costs more than what it takes up */
#define KNEE 0.95f /* above it peaks are rounded off, so that a sum of two sounds never clips hard */

typedef struct {
    int64_t frame;
    float gain;
} Corner;

typedef struct {
    DubPcm *pcm;
    int64_t first;       /* timeline frame of pcm's first */
    int64_t fade_in;     /* frames; 0: starts at full level (nothing was before it) */
    int64_t fade_out_at; /* frames from first at which the fade-out of the cross-fade's length begins */
} Voice;

struct _DubMixer {
    DubMixerConfig config;
    int64_t fade, duck; /* ramps in frames */
    GArray *original;   /* float: what is not rendered yet, after @passed frames that are */
    gsize passed;
    GArray *corners; /* Corner, rising; the last one's gain holds on */
    GArray *voices;  /* Voice */
    int64_t received, decided, rendered;
    float gain; /* at the end of the last decided fragment */
};

static void clear_voice(void *data)
{
    dub_pcm_unref(((Voice *) data)->pcm);
}

DubMixer *dub_mixer_new(const DubMixerConfig *config)
{
    DubMixer *self = g_new0(DubMixer, 1);
    self->config = *config;
    self->fade = dub_ns_to_samples(DUB_CROSSFADE_MS * DUB_NS_PER_MS, config->rate_hz);
    self->duck = dub_ns_to_samples(DUCK_MS * DUB_NS_PER_MS, config->rate_hz);
    self->original = g_array_new(FALSE, FALSE, sizeof(float));
    self->corners = g_array_new(FALSE, FALSE, sizeof(Corner));
    self->voices = g_array_new(FALSE, FALSE, sizeof(Voice));
    g_array_set_clear_func(self->voices, clear_voice);
    return self;
}

void dub_mixer_free(DubMixer *self)
{
    if (!self)
        return;
    g_array_unref(self->original);
    g_array_unref(self->corners);
    g_array_unref(self->voices);
    g_free(self);
}

int64_t dub_mixer_received(const DubMixer *self)
{
    return self->received;
}

int64_t dub_mixer_decided(const DubMixer *self)
{
    return self->decided;
}

int64_t dub_mixer_rendered(const DubMixer *self)
{
    return self->rendered;
}

void dub_mixer_push_original(DubMixer *self, const float *samples, gsize n_frames)
{
    g_array_append_vals(self->original, samples, (guint) (n_frames * self->config.channels));
    self->received += (int64_t) n_frames;
}

/* From the gain that holds now to @to, over @ramp frames from @frame on. */
static void ramp_to(DubMixer *self, int64_t frame, int64_t ramp, float to)
{
    const Corner corners[] = { { frame, self->gain }, { frame + ramp, to } };
    g_array_append_vals(self->corners, corners, G_N_ELEMENTS(corners));
    self->gain = to;
}

static void enter_fragment(DubMixer *self, float gain)
{
    ramp_to(self, self->decided, self->decided == 0 ? 0 : self->fade, gain);
}

static void duck_part(DubMixer *self, int64_t n_frames, int64_t speech_first, int64_t speech_end)
{
    const float bed = (float) self->config.bed_gain;
    const int64_t start = self->decided, end = start + n_frames;
    const int64_t down_at = start + speech_first - self->duck, up_at = start + speech_end;
    if (down_at <= start + self->fade) {
        enter_fragment(self, bed);
    } else {
        enter_fragment(self, 1.0f);
        ramp_to(self, down_at, self->duck, bed);
    }
    if (up_at + self->duck < end)
        ramp_to(self, up_at, self->duck, 1.0f);
}

static void add_voice(DubMixer *self, int64_t n_frames, DubPcm *dub)
{
    if (dub->n_frames == 0)
        return;
    /* Longer than the fragment: it fades out at its own end, else where the next fragment fades in. */
    const int64_t own_end = (int64_t) dub->n_frames;
    const bool sounds_on = own_end > n_frames + self->fade;
    const Voice voice = { dub_pcm_ref(dub), self->decided, self->decided == 0 ? 0 : self->fade,
                          sounds_on ? own_end - self->fade : n_frames };
    g_array_append_val(self->voices, voice);
}

void dub_mixer_decide_dub(DubMixer *self, int64_t n_frames, DubPcm *dub, int64_t speech_first, int64_t speech_end)
{
    g_return_if_fail(dub->rate_hz == self->config.rate_hz);
    const int64_t reach = MAX(speech_end, 0);
    if (speech_first < 0 || speech_end < 0)
        enter_fragment(self, (float) self->config.bed_gain);
    else if (speech_first >= speech_end)
        enter_fragment(self, 1.0f);
    else
        duck_part(self, n_frames, CLAMP(speech_first, 0, n_frames), MIN(reach, n_frames));
    add_voice(self, n_frames, dub);
    self->decided += n_frames;
}

void dub_mixer_decide_original(DubMixer *self, int64_t n_frames)
{
    enter_fragment(self, 1.0f);
    self->decided += n_frames;
}

static void scale(float *out, const float *in, gsize n, float gain)
{
    for (gsize i = 0; i < n; i++)
        out[i] = in[i] * gain;
}

/* @frame: on the timeline, of the first of @n_frames; their gains lie on the line from @a to @b. */
static void scale_along(float *out, const float *in, gsize n_frames, unsigned channels, const Corner *a,
                        const Corner *b, int64_t frame)
{
    if (a->gain >= b->gain && a->gain <= b->gain) {
        scale(out, in, n_frames * channels, a->gain);
        return;
    }
    for (gsize i = 0; i < n_frames; i++) {
        const int64_t from_a = frame + (int64_t) i - a->frame;
        const float gain = a->gain + (b->gain - a->gain) * (float) from_a / (float) (b->frame - a->frame);
        scale(out + i * channels, in + i * channels, channels, gain);
    }
}

static void render_original(DubMixer *self, DubPcm *out)
{
    const unsigned channels = self->config.channels;
    const float *in = (const float *) (void *) self->original->data + self->passed * channels;
    const Corner *corners = (const Corner *) (void *) self->corners->data;
    guint next = 0;
    for (gsize i = 0; i < out->n_frames;) {
        const int64_t frame = self->rendered + (int64_t) i;
        while (next < self->corners->len && corners[next].frame <= frame)
            next++;
        const Corner *before = next > 0 ? &corners[next - 1] : NULL;
        const Corner *after = next < self->corners->len ? &corners[next] : NULL;
        const gsize end = after ? MIN(out->n_frames, (gsize) (after->frame - self->rendered)) : out->n_frames;
        if (before && after)
            scale_along(out->samples + i * channels, in + i * channels, end - i, channels, before, after, frame);
        else
            scale(out->samples + i * channels, in + i * channels, (end - i) * channels, before ? before->gain : 1.0f);
        i = end;
    }
    if (next > 1) /* one corner before now is kept: the line starts there */
        g_array_remove_range(self->corners, 0, next - 1);
}

static float fade_at(const Voice *voice, int64_t at, int64_t fade)
{
    float gain = 1.0f;
    if (at < voice->fade_in)
        gain = (float) at / (float) voice->fade_in;
    if (at >= voice->fade_out_at)
        gain *= MAX(0.0f, 1.0f - (float) (at - voice->fade_out_at) / (float) fade);
    return gain;
}

static void render_voice(const DubMixer *self, const Voice *voice, DubPcm *out)
{
    const unsigned channels = self->config.channels, dub_channels = voice->pcm->channels;
    const int64_t first = MAX(voice->first, self->rendered);
    const int64_t sounding = MIN((int64_t) voice->pcm->n_frames, voice->fade_out_at + self->fade);
    const int64_t end = MIN(voice->first + sounding, self->rendered + (int64_t) out->n_frames);
    for (int64_t frame = first; frame < end; frame++) {
        const int64_t at = frame - voice->first;
        const float gain = fade_at(voice, at, self->fade);
        const float *in = voice->pcm->samples + at * dub_channels;
        float *to = out->samples + (frame - self->rendered) * channels;
        const float mean = channels < dub_channels ? (in[0] + in[1]) * 0.5f : 0.0f;
        for (unsigned c = 0; c < channels; c++)
            to[c] += gain * (channels < dub_channels ? mean : in[dub_channels == 1 ? 0 : c]);
    }
}

/* Identity up to the knee, then a tanh that reaches full scale at infinity; its slope is continuous. */
static void round_peaks(DubPcm *pcm)
{
    const gsize n = pcm->n_frames * pcm->channels;
    for (gsize i = 0; i < n; i++) {
        const float level = fabsf(pcm->samples[i]);
        if (level > KNEE)
            pcm->samples[i] = copysignf(KNEE + (1.0f - KNEE) * tanhf((level - KNEE) / (1.0f - KNEE)), pcm->samples[i]);
    }
}

/* @bed: what @mix was before the voices came in, and @rounded what it is with its peaks rounded off: both parts get the
 * share of the rounding. Returns: (transfer full): the voices' part; @bed gets its own */
static DubPcm *split(const DubPcm *mix, const DubPcm *rounded, DubPcm *bed)
{
    DubPcm *dub = dub_pcm_new(mix->rate_hz, mix->channels, mix->n_frames);
    const gsize n = mix->n_frames * mix->channels;
    for (gsize i = 0; i < n; i++) {
        const float share = mix->samples[i] == rounded->samples[i] ? 1.0f : rounded->samples[i] / mix->samples[i];
        bed->samples[i] *= share;
        dub->samples[i] = rounded->samples[i] - bed->samples[i];
    }
    return dub;
}

static void drop_finished_voices(DubMixer *self)
{
    for (guint i = self->voices->len; i > 0; i--) {
        const Voice *voice = &g_array_index(self->voices, Voice, i - 1);
        if (voice->first + (int64_t) voice->pcm->n_frames <= self->rendered)
            g_array_remove_index(self->voices, i - 1);
    }
}

static void let_pass(DubMixer *self, gsize n_frames)
{
    const unsigned channels = self->config.channels;
    self->passed += n_frames;
    if (self->passed * channels < self->original->len &&
        (int64_t) self->passed < dub_ns_to_samples(PASSED_MS * DUB_NS_PER_MS, self->config.rate_hz))
        return;
    g_array_remove_range(self->original, 0, (guint) (self->passed * channels));
    self->passed = 0;
}

DubPcm *dub_mixer_render(DubMixer *self, int64_t end)
{
    return dub_mixer_render_parts(self, end, NULL, NULL);
}

DubPcm *dub_mixer_render_parts(DubMixer *self, int64_t end, DubPcm **bed, DubPcm **dub)
{
    end = MIN(end, MIN(self->decided, self->received));
    if (end <= self->rendered)
        return NULL;
    DubPcm *out = dub_pcm_new(self->config.rate_hz, self->config.channels, (gsize) (end - self->rendered));
    render_original(self, out);
    if (bed)
        *bed = dub_pcm_slice(out, 0, out->n_frames);
    for (guint i = 0; i < self->voices->len; i++)
        render_voice(self, &g_array_index(self->voices, Voice, i), out);
    g_autoptr(DubPcm) mix = bed ? dub_pcm_slice(out, 0, out->n_frames) : NULL;
    round_peaks(out);
    if (bed)
        *dub = split(mix, out, *bed);
    let_pass(self, out->n_frames);
    self->rendered = end;
    drop_finished_voices(self);
    return out;
}
