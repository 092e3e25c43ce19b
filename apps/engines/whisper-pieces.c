/* apps/engines/whisper-pieces.c: where to cut. */
#include "whisper-pieces.h"

#include "audio/level.h"
#include "audio/pcm.h"
#include "engines/asr/activity.h"

#include <math.h>
#include <string.h>

#define HOP         (WHISPER_RATE_HZ / DUB_ACTIVITY_FRAMES_PER_S)
#define LEAST_SHARE 0.5 /* of the longest piece: where the search for a pause begins */
#define QUIET_S     0.2 /* without a pause, the quietest place of this length */

#define CTX_PER_S   50
#define CTX_SLACK_S 3
#define CTX_STEP    256
#define CTX_LEAST   512
#define CTX_MOST    1500

int whisper_pieces_audio_ctx(gsize n_samples)
{
    const double seconds = (double) n_samples / WHISPER_RATE_HZ;
    const int wanted = (int) ceil((seconds + CTX_SLACK_S) * CTX_PER_S / CTX_STEP) * CTX_STEP;
    return CLAMP(wanted, CTX_LEAST, CTX_MOST);
}

/* The middle of the longest pause that begins within [@first, @last); @last when there is none. In frames. */
static gsize find_pause(const bool *active, gsize first, gsize last)
{
    gsize best = last, longest = 0, n = 0;
    for (gsize i = first; i < last; i++) {
        n = active[i] ? 0 : n + 1;
        if (n > longest) {
            longest = n;
            best = i + 1 - n / 2;
        }
    }
    return best;
}

/* Returns: the sample before which the piece that begins at @first ends */
static gsize find_end(const float *samples, gsize n_samples, const bool *active, gsize first)
{
    const gsize most = (gsize) (WHISPER_PIECE_MOST_S * WHISPER_RATE_HZ);
    if (n_samples - first <= most)
        return n_samples;
    const gsize from = first + (gsize) (most * LEAST_SHARE), last = first + most;
    const gsize pause = find_pause(active, from / HOP, last / HOP);
    if (pause < last / HOP)
        return pause * HOP;
    const gsize window = (gsize) (QUIET_S * WHISPER_RATE_HZ);
    return dub_level_quietest(samples, n_samples, 1, from, last, window) + window / 2;
}

static double count_speech(const bool *active, gsize first, gsize end)
{
    gsize n = 0;
    for (gsize i = first; i < end; i++)
        n += active[i];
    return (double) n / DUB_ACTIVITY_FRAMES_PER_S;
}

GArray *whisper_pieces_cut(const float *samples, gsize n_samples)
{
    GArray *pieces = g_array_new(FALSE, FALSE, sizeof(WhisperPiece));
    g_autoptr(DubPcm) pcm = dub_pcm_new(WHISPER_RATE_HZ, 1, n_samples);
    if (n_samples > 0)
        memcpy(pcm->samples, samples, n_samples * sizeof(float));
    gsize n_frames = 0;
    g_autofree bool *active = dub_activity_find(pcm, &n_frames);
    for (gsize first = 0; active && first < n_samples;) {
        WhisperPiece piece = {.first = first, .end = find_end(samples, n_samples, active, first)};
        piece.speech_s = count_speech(active, MIN(piece.first / HOP, n_frames), MIN(piece.end / HOP + 1, n_frames));
        if (piece.speech_s > 0)
            g_array_append_val(pieces, piece);
        first = piece.end;
    }
    return pieces;
}
