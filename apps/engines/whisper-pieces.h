/* apps/engines/whisper-pieces.h: a block of sound in pieces that Whisper hears at once, cut where nobody speaks. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define WHISPER_RATE_HZ     16000
#define WHISPER_PIECE_MOST_S 12.0

typedef struct {
    gsize first, end;   /* samples within the block */
    double speech_s;    /* how much of it has a voice */
} WhisperPiece;

/* (transfer full): of WhisperPiece, in order; pieces without a voice are left out. @samples: mono at WHISPER_RATE_HZ */
GArray *whisper_pieces_cut(const float *samples, gsize n_samples);

/* How much of its window Whisper has to look at for @n_samples: too close to the sound's own length, and it loops. */
int whisper_pieces_audio_ctx(gsize n_samples);
