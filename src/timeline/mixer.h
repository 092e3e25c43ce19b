/* timeline/mixer.h: the sound of the output: dubs and fallbacks at their exact frames, the original under them.
 * Worker's loop thread only; no clock, no I/O. Positions are frames on the output timeline.
 *
 * The original comes in as it was received. Each fragment is decided once, in order: its dub, or the original. Sound is
 * rendered once it is decided. Neighbours are cross-faded over DUB_CROSSFADE_MS with gains that add up to one, so two
 * fragments that carry the same sound join without a trace.
 *
 * Of more than two channels, the dub goes into the centre, or into left and right where there is none. If the voice
 * that it replaces is in the centre alone, nothing else is ducked: the rest is the bed as it was made. */
#pragma once

#include "audio/pcm.h"

#include <stdbool.h>

typedef struct {
    unsigned rate_hz, channels;
    double bed_gain; /* linear, of the original under a dub: 0 drops it, 1 leaves it as it is */
} DubMixerConfig;

typedef struct _DubMixer DubMixer;
DubMixer *dub_mixer_new(const DubMixerConfig *config);
void dub_mixer_free(DubMixer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubMixer, dub_mixer_free)

void dub_mixer_push_original(DubMixer *self, const float *samples, gsize n_frames);

/**
 * dub_mixer_decide_dub:
 * @n_frames: the fragment's length without its tail; it starts where the last decided one ended
 * @dub: the fragment's new sound from its first frame on, the mixer's rate, 1 or 2 channels; shorter than the fragment:
 *   silence follows; longer: it sounds on over the next
 * @speech_first, @speech_end: frames within the fragment between which the original is ducked; both -1: all of it;
 *   equal: nowhere (nobody spoke)
 */
void dub_mixer_decide_dub(DubMixer *self, int64_t n_frames, DubPcm *dub /* (transfer none) */, int64_t speech_first,
                          int64_t speech_end);
void dub_mixer_decide_original(DubMixer *self, int64_t n_frames);

int64_t dub_mixer_received(const DubMixer *self); /* the original has come up to here */
int64_t dub_mixer_decided(const DubMixer *self);  /* can be rendered up to here, as far as received */
int64_t dub_mixer_rendered(const DubMixer *self); /* was rendered up to here */

/* Returns: (transfer full): the frames from rendered() up to @end, at most decided() and received(); NULL if there are
 * none. The original before it is let go. */
DubPcm *dub_mixer_render(DubMixer *self, int64_t end);
/* The same in its two parts: @bed: (out) (transfer full): the original as it is heard; @dub: (out) (transfer full): the
 * voices. Their sum is what is returned, but for the last bit: where peaks are rounded off, both are lowered alike. */
DubPcm *dub_mixer_render_parts(DubMixer *self, int64_t end, DubPcm **bed, DubPcm **dub);
