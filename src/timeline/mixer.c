/* timeline/mixer.c: output = original × gain(t) + the sum of the dubs that sound at t.
 *
 * gain(t) is a polyline: decisions append its corners, rendering drops those it has passed. Where there is a centre, it
 * has one of its own. A voice is one dub with its
 * fades. Both lists and the original are bounded by the playout delay: the worker decides everything in order and in
 * time. */
#include "timeline/mixer.h"

#include "audio/layout.h"
#include "base/clock.h"
#include "timeline/segmenter.h" /* DUB_CROSSFADE_MS */

#include <math.h>
#include <string.h>

#define DUCK_MS 150 /* ramp into and out of the ducked part inside a fragment: gentle, but over before the voice */
#define PASSED_MS \
    1000           /* rendered sound is let go in pieces: moving up all that waits costs more than what it takes up */
#define KNEE 0.95f /* above it peaks are rounded off, so that a sum of two sounds never clips hard */

#define BLEED      0.05f /* -26 dB: what is left of a voice at the sides and need not be ducked */
#define RESEMBLE_2 0.1   /* … unless it is drowned: the square of their correlation */

typedef struct {
    int64_t frame;
    float gain;
} Corner;

typedef struct {
    GArray *corners; /* Corner, rising; the last one's gain holds on */
    float gain;      /* at the end of the last decided fragment */
} Level;

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
    int centre;         /* -1: none */
    Level dubbed, rest; /* of the centre and of what is beside it; without one, the first is of all */
    GArray *voices;     /* Voice */
    int64_t received, decided, rendered;
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
    self->centre = dub_layout_centre(config->channels);
    self->dubbed.corners = g_array_new(FALSE, FALSE, sizeof(Corner));
    self->rest.corners = g_array_new(FALSE, FALSE, sizeof(Corner));
    self->voices = g_array_new(FALSE, FALSE, sizeof(Voice));
    g_array_set_clear_func(self->voices, clear_voice);
    return self;
}

void dub_mixer_free(DubMixer *self)
{
    if (!self)
        return;
    g_array_unref(self->original);
    g_array_unref(self->dubbed.corners);
    g_array_unref(self->rest.corners);
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
static void ramp_to(Level *level, int64_t frame, int64_t ramp, float to)
{
    const Corner corners[] = { { frame, level->gain }, { frame + ramp, to } };
    g_array_append_vals(level->corners, corners, G_N_ELEMENTS(corners));
    level->gain = to;
}

static void enter_fragment(DubMixer *self, Level *level, float gain)
{
    ramp_to(level, self->decided, self->decided == 0 ? 0 : self->fade, gain);
}

static void duck_part(DubMixer *self, Level *level, int64_t n_frames, int64_t speech_first, int64_t speech_end)
{
    const float bed = (float) self->config.bed_gain;
    const int64_t start = self->decided, end = start + n_frames;
    const int64_t down_at = start + speech_first - self->duck, up_at = start + speech_end;
    if (down_at <= start + self->fade) {
        enter_fragment(self, level, bed);
    } else {
        enter_fragment(self, level, 1.0f);
        ramp_to(level, down_at, self->duck, bed);
    }
    if (up_at + self->duck < end)
        ramp_to(level, up_at, self->duck, 1.0f);
}

static void duck(DubMixer *self, Level *level, int64_t n_frames, int64_t speech_first, int64_t speech_end)
{
    const int64_t reach = MAX(speech_end, 0);
    if (speech_first < 0 || speech_end < 0)
        enter_fragment(self, level, (float) self->config.bed_gain);
    else if (speech_first >= speech_end)
        enter_fragment(self, level, 1.0f);
    else
        duck_part(self, level, n_frames, CLAMP(speech_first, 0, n_frames), MIN(reach, n_frames));
}

/* How much of the centre is in another channel is the projection of the one on the other. */
static bool is_voice_in_centre(const DubMixer *self, int64_t first, int64_t end)
{
    const unsigned channels = self->config.channels;
    const int lfe = dub_layout_lfe(channels);
    double of_centre = 0, of_other[DUB_MAX_CHANNELS] = { 0 }, of_both[DUB_MAX_CHANNELS] = { 0 };
    first = MAX(first, self->rendered);
    end = MIN(end, self->received);
    const float *original = (const float *) (void *) self->original->data;
    for (int64_t frame = first; frame < end; frame++) {
        const float *in = original + ((int64_t) self->passed + frame - self->rendered) * channels;
        const double centre = in[self->centre];
        of_centre += centre * centre;
        for (unsigned c = 0; c < channels; c++) {
            of_other[c] += (double) in[c] * in[c];
            of_both[c] += centre * in[c];
        }
    }
    if (first >= end || of_centre < (double) (end - first) * DUB_LAYOUT_SILENT * DUB_LAYOUT_SILENT)
        return false;
    for (int c = 0; c < (int) channels; c++)
        if (c != self->centre && c != lfe && fabs(of_both[c]) > BLEED * of_centre &&
            of_both[c] * of_both[c] > RESEMBLE_2 * of_centre * of_other[c])
            return false;
    return true;
}

/* Returns: whether all but the centre stays as it is. A bed that is switched off is off everywhere. */
static bool is_rest_kept(const DubMixer *self, int64_t n_frames, int64_t speech_first, int64_t speech_end)
{
    if (self->config.bed_gain <= 0)
        return false;
    if (speech_first < 0 || speech_end < 0)
        return is_voice_in_centre(self, self->decided, self->decided + n_frames);
    return is_voice_in_centre(self, self->decided + speech_first, self->decided + MIN(speech_end, n_frames));
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
    if (self->centre >= 0 && is_rest_kept(self, n_frames, speech_first, speech_end))
        enter_fragment(self, &self->rest, 1.0f);
    else if (self->centre >= 0)
        duck(self, &self->rest, n_frames, speech_first, speech_end);
    duck(self, &self->dubbed, n_frames, speech_first, speech_end);
    add_voice(self, n_frames, dub);
    self->decided += n_frames;
}

void dub_mixer_decide_original(DubMixer *self, int64_t n_frames)
{
    enter_fragment(self, &self->dubbed, 1.0f);
    enter_fragment(self, &self->rest, 1.0f);
    self->decided += n_frames;
}

/* Some channels of interleaved sound: @width of each @stride. */
typedef struct {
    float *out;
    const float *in;
    unsigned stride, width;
} Lane;

static void scale(const Lane *lane, gsize first, gsize n_frames, float gain)
{
    float *out = lane->out + first * lane->stride;
    const float *in = lane->in + first * lane->stride;
    if (lane->width == lane->stride) { /* nothing is left out */
        for (gsize i = 0; i < n_frames * lane->width; i++)
            out[i] = in[i] * gain;
        return;
    }
    for (gsize i = 0; i < n_frames; i++, out += lane->stride, in += lane->stride)
        for (unsigned c = 0; c < lane->width; c++)
            out[c] = in[c] * gain;
}

/* @frame: on the timeline, of the first of @n_frames; their gains lie on the line from @a to @b. */
static void scale_along(const Lane *lane, gsize first, gsize n_frames, const Corner *a, const Corner *b, int64_t frame)
{
    if (a->gain >= b->gain && a->gain <= b->gain) {
        scale(lane, first, n_frames, a->gain);
        return;
    }
    for (gsize i = 0; i < n_frames; i++) {
        const int64_t from_a = frame + (int64_t) i - a->frame;
        scale(lane, first + i, 1, a->gain + (b->gain - a->gain) * (float) from_a / (float) (b->frame - a->frame));
    }
}

static void render_lane(const DubMixer *self, Level *level, const Lane *lane, gsize n_frames)
{
    const Corner *corners = (const Corner *) (void *) level->corners->data;
    guint next = 0;
    for (gsize i = 0; i < n_frames;) {
        const int64_t frame = self->rendered + (int64_t) i;
        while (next < level->corners->len && corners[next].frame <= frame)
            next++;
        const Corner *before = next > 0 ? &corners[next - 1] : NULL;
        const Corner *after = next < level->corners->len ? &corners[next] : NULL;
        const gsize end = after ? MIN(n_frames, (gsize) (after->frame - self->rendered)) : n_frames;
        if (before && after)
            scale_along(lane, i, end - i, before, after, frame);
        else
            scale(lane, i, end - i, before ? before->gain : 1.0f);
        i = end;
    }
    if (next > 1) /* one corner before now is kept: the line starts there */
        g_array_remove_range(level->corners, 0, next - 1);
}

static void render_original(DubMixer *self, DubPcm *out)
{
    const unsigned channels = self->config.channels;
    const float *in = (const float *) (void *) self->original->data + self->passed * channels;
    const Lane all = { out->samples, in, channels, channels };
    if (self->centre < 0) {
        render_lane(self, &self->dubbed, &all, out->n_frames);
        return;
    }
    const Lane centre = { out->samples + self->centre, in + self->centre, channels, 1 };
    render_lane(self, &self->rest, &all, out->n_frames);
    render_lane(self, &self->dubbed, &centre, out->n_frames);
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
    const unsigned at_channel = (unsigned) MAX(self->centre, 0), n_channels = self->centre >= 0 ? 1 : MIN(channels, 2);
    const int64_t first = MAX(voice->first, self->rendered);
    const int64_t sounding = MIN((int64_t) voice->pcm->n_frames, voice->fade_out_at + self->fade);
    const int64_t end = MIN(voice->first + sounding, self->rendered + (int64_t) out->n_frames);
    for (int64_t frame = first; frame < end; frame++) {
        const int64_t at = frame - voice->first;
        const float gain = fade_at(voice, at, self->fade);
        const float *in = voice->pcm->samples + at * dub_channels;
        float *to = out->samples + (frame - self->rendered) * channels + at_channel;
        const float mean = n_channels < dub_channels ? (in[0] + in[1]) * 0.5f : 0.0f;
        for (unsigned c = 0; c < n_channels; c++)
            to[c] += gain * (n_channels < dub_channels ? mean : in[dub_channels == 1 ? 0 : c]);
    }
}

/* Identity up to the knee, then a tanh that reaches full scale at infinity; its slope is continuous. What lies beside a
 * centre is no sum, and stays as it was made. */
static void round_peaks(DubPcm *pcm, int centre)
{
    const gsize n = pcm->n_frames * pcm->channels, step = centre >= 0 ? pcm->channels : 1;
    for (gsize i = (gsize) MAX(centre, 0); i < n; i += step) {
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
    round_peaks(out, self->centre);
    if (bed)
        *dub = split(mix, out, *bed);
    let_pass(self, out->n_frames);
    self->rendered = end;
    drop_finished_voices(self);
    return out;
}
