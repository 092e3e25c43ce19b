/* apps/engines/whisper-text.h: which of Whisper's words to believe. Pure, any thread.
 * Whisper learnt from subtitles: it notes "[Applause]" and "♪", thanks for watching where there is nothing to hear, and may
 * say the same for ever. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Returns: (transfer full): @text without what stands in brackets, between asterisks or notes of music; "" where nothing
 * that somebody said is left, which is also where no letter or digit is left. */
char *whisper_text_clean(const char *text);

/* Whether the words go round in a circle: the same one to eight words at least four times on end, three where they are long. */
bool whisper_text_is_loop(const char *text);

/* What Whisper found out about a piece of sound. */
typedef struct {
    double no_speech;   /* its own guess that nobody speaks, 0…1 */
    double probability; /* mean of its words' tokens, 0…1 */
    double speech_s;    /* how long the sound has a voice */
} WhisperEvidence;

/* @text: cleaned */
bool whisper_text_is_believable(const char *text, const WhisperEvidence *evidence);
