/* apps/engines/whisper-text.h: which of Whisper's words to believe. Pure, any thread.
 * Whisper learnt from subtitles: it notes "[Applause]" and "♪", thanks for watching where there is nothing to
 * hear, and may say the same for ever. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Returns: (transfer full): @text without what stands in brackets, between asterisks or notes of music; ""
 * where nothing that somebody said is left, which is also where no letter or digit is left. */
char *whisper_text_clean(const char *text);

/* Returns: (transfer full): what Whisper is told was said before, so that it expects @terms ("Kershaw,
 * Dodgers"; at most %WHISPER_TERMS_MOST_BYTES of them count); NULL for none. A sentence: after a bare list it
 * goes on listing, or stops. */
char *whisper_text_prompt(const char *terms, const char *language);
#define WHISPER_TERMS_MOST_BYTES 400

/* What Whisper found out about a piece of sound. */
typedef struct {
    double no_speech;   /* its own guess that nobody speaks, 0…1 */
    double probability; /* mean of its words' tokens, 0…1 */
    double speech_s;    /* how long the sound has a voice */
} WhisperEvidence;

/* @text: cleaned */
bool whisper_text_is_believable(const char *text, const WhisperEvidence *evidence);

/* Whether two segments say the same, so that one of them may be an echo of the other. */
bool whisper_text_is_same(const char *a, const char *b);

/* Cuts off the second half of @text where it says the same as the first, in at least @least_words. */
void whisper_text_halve(char *text, unsigned least_words);

/* Whether @text takes longer to say than there is a voice. */
bool whisper_text_is_hurried(const char *text, double speech_s);
