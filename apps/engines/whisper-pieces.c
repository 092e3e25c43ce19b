/* apps/engines/whisper-pieces.c: voices, pauses, and how long Whisper's window is. */
#include "whisper-pieces.h"

#include "audio/level.h"
#include "audio/pcm.h"
#include "engines/asr/activity.h"

#include <math.h>
#include <string.h>

#define HOP         (WHISPER_RATE_HZ / DUB_ACTIVITY_FRAMES_PER_S)
#define LEAST_SHARE 0.5 /* of the longest piece: where the search for a pause begins */
#define MARGIN      (WHISPER_RATE_HZ * 6 / 10)
#define QUIET_S     0.2 /* without a pause, the quietest place of this length */

#define CTX_PER_S   50
#define CTX_SLACK_S 3
#define CTX_STEP    256
#define CTX_LEAST   512
#define CTX_MOST    1500

struct _WhisperSpeech {
    bool *active;   /* a frame of 10 ms each */
    gsize n_frames; /* 0: nobody speaks */
};

WhisperSpeech *whisper_speech_find(const float *samples, gsize n_samples)
{
    WhisperSpeech *self = g_new0(WhisperSpeech, 1);
    g_autoptr(DubPcm) pcm = dub_pcm_new(WHISPER_RATE_HZ, 1, n_samples);
    if (n_samples > 0)
        memcpy(pcm->samples, samples, n_samples * sizeof(float));
    self->active = dub_activity_find(pcm, &self->n_frames);
    if (!self->active)
        self->n_frames = 0;
    return self;
}

void whisper_speech_free(WhisperSpeech *self)
{
    if (!self)
        return;
    g_free(self->active);
    g_free(self);
}

static bool is_active(const WhisperSpeech *self, gsize sample)
{
    return sample / HOP < self->n_frames && self->active[sample / HOP];
}

double whisper_speech_seconds(const WhisperSpeech *self, WhisperSpan span)
{
    gsize n = 0;
    for (gsize at = span.first; at < span.end; at += HOP)
        n += is_active(self, at);
    return (double) n / DUB_ACTIVITY_FRAMES_PER_S;
}

WhisperSpan whisper_speech_clip(const WhisperSpeech *self, WhisperSpan span)
{
    const WhisperSpan whole = span;
    while (span.first + HOP < span.end && !is_active(self, span.first))
        span.first += HOP;
    while (span.end > span.first + HOP && !is_active(self, span.end - HOP))
        span.end -= HOP;
    return is_active(self, span.first) ? span : whole;
}

int whisper_pieces_audio_ctx(gsize n_samples)
{
    const double seconds = (double) n_samples / WHISPER_RATE_HZ;
    const int wanted = (int) ceil((seconds + CTX_SLACK_S) * CTX_PER_S / CTX_STEP) * CTX_STEP;
    return CLAMP(wanted, CTX_LEAST, CTX_MOST);
}

/* The middle of the longest pause within [@first, @last); @last when there is none. */
static gsize find_pause(const WhisperSpeech *self, gsize first, gsize last)
{
    gsize best = last, longest = 0, length = 0;
    for (gsize at = first; at < last; at += HOP) {
        length = is_active(self, at) ? 0 : length + HOP;
        if (length > longest) {
            longest = length;
            best = at + HOP - length / 2;
        }
    }
    return best;
}

static gsize find_end(const WhisperSpeech *self, const float *samples, gsize n_samples, gsize first)
{
    const gsize most = WHISPER_PIECE_MOST_S * WHISPER_RATE_HZ;
    if (n_samples - first <= most)
        return n_samples;
    const gsize from = first + (gsize) (most * LEAST_SHARE), last = first + most;
    const gsize pause = find_pause(self, from, last);
    if (pause < last)
        return pause;
    const gsize window = (gsize) (QUIET_S * WHISPER_RATE_HZ);
    return dub_level_quietest(samples, n_samples, 1, from, last, window) + window / 2;
}

/* Whisper fills a long silence before or after the words with the same words again. Some of it stays: the
 * detector may have missed a soft beginning or end. */
static WhisperSpan trim(const WhisperSpeech *speech, WhisperSpan piece)
{
    const WhisperSpan spoken = whisper_speech_clip(speech, piece);
    return (WhisperSpan){ MAX(spoken.first, piece.first + MARGIN) - MARGIN, MIN(spoken.end + MARGIN, piece.end) };
}

GArray *whisper_pieces_cut(const WhisperSpeech *speech, const float *samples, gsize n_samples)
{
    GArray *pieces = g_array_new(FALSE, FALSE, sizeof(WhisperSpan));
    WhisperSpan piece = { 0, 0 };
    for (; piece.first < n_samples; piece.first = piece.end) {
        piece.end = find_end(speech, samples, n_samples, piece.first);
        const WhisperSpan trimmed = trim(speech, piece);
        if (whisper_speech_seconds(speech, piece) > 0)
            g_array_append_val(pieces, trimmed);
    }
    return pieces;
}
