/* timeline/speech-mix.h: what recognition hears of sound with more than two channels: the centre, and a little of the
 * rest, since some voices come from a side. As long as the centre is silent, all of it. Worker's loop thread only. */
#pragma once

#include "audio/pcm.h"

typedef struct _DubSpeechMix DubSpeechMix;
DubSpeechMix *dub_speech_mix_new(unsigned rate_hz, unsigned channels);
void dub_speech_mix_free(DubSpeechMix *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSpeechMix, dub_speech_mix_free)

unsigned dub_speech_mix_channels(unsigned channels); /* of what comes out: 1 or 2; fewer than three stay as they are */
/* Returns: (transfer none): as many frames, until the next call */
const float *dub_speech_mix_push(DubSpeechMix *self, const float *samples, gsize n_frames);
