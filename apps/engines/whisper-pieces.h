/* apps/engines/whisper-pieces.h: where in a block somebody speaks, and the pieces of it that Whisper hears at
 * once, cut where nobody does. Pure; positions are samples within the block. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define WHISPER_RATE_HZ      16000
#define WHISPER_PIECE_MOST_S 12

typedef struct {
    gsize first, end;
} WhisperSpan;

typedef struct _WhisperSpeech WhisperSpeech;

/* @samples: mono at WHISPER_RATE_HZ */
WhisperSpeech *whisper_speech_find(const float *samples, gsize n_samples);
void whisper_speech_free(WhisperSpeech *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WhisperSpeech, whisper_speech_free)

double whisper_speech_seconds(const WhisperSpeech *self, WhisperSpan span);   /* of it that have a voice */
WhisperSpan whisper_speech_clip(const WhisperSpeech *self, WhisperSpan span); /* without what is silent at its ends */

/* (transfer full): of WhisperSpan, in order; pieces without a voice are left out */
GArray *whisper_pieces_cut(const WhisperSpeech *speech, const float *samples, gsize n_samples);

/* How much of its window Whisper has to look at for @n_samples: too close to the sound's own length, and it
 * loops. */
int whisper_pieces_audio_ctx(gsize n_samples);
