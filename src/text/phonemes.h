/* text/phonemes.h: the IPA phonemes of a text, as neural voices were trained on them, made by eSpeak NG.
 * Any thread; one at a time, because the library is one global state: a call waits for the one before it (a
 * sentence takes a millisecond or two). A program that speaks by eSpeak NG itself (engines/tts/tts-espeak.c)
 * must not call these: both initialise the library, each in its own way. */
#pragma once

#include <glib.h>

typedef enum {
    DUB_PHONEMES_PIPER,  /* accents are code points of their own (NFD); the marks are only , . ! ? ; : */
    DUB_PHONEMES_KOKORO, /* affricates and diphthongs are one letter each; a space in front */
} DubPhonemeSet;

/* Kokoro takes this many tokens (code points) at once, the space in front among them. */
#define DUB_PHONEMES_KOKORO_MOST 510

/* Text is taken up to this length, in bytes; a fragment is a minute of speech at most. */
#define DUB_PHONEMES_TEXT_MOST 65536

/**
 * dub_phonemes:
 * @text: UTF-8; numbers and the like read best after dub_speakable()
 * @language: as eSpeak NG names it: "es", "es-419", "en-us", "pt-br"; "en" is American for Kokoro, since most
 * of its voices are Returns: (transfer full): UTF-8 phonemes with stress marks, words apart by one space, the
 * punctuation , . ! ? ; : — … kept;
 * "" where nothing is to be said; or NULL: %DUB_ERROR_UNSUPPORTED (eSpeak NG does not know @language),
 * %DUB_ERROR_INVALID_ARGUMENT (the text is too long or no UTF-8), %DUB_ERROR_ENGINE (eSpeak NG's data is
 * missing)
 */
char *dub_phonemes(const char *text, const char *language, DubPhonemeSet set, GError **error);

/**
 * dub_phonemes_split:
 * @phonemes: what dub_phonemes() returned for @set
 * @most: code points in a chunk, at least 2; DUB_PHONEMES_KOKORO_MOST for Kokoro
 *
 * Cuts at the end of a sentence where one fits, else of a clause, else between words, and only within a word
 * that is longer than @most. For Kokoro each chunk is as long as fits and begins with the space; for Piper,
 * whose voices were trained on single sentences, each sentence is a chunk. Returns: (transfer full)
 * (element-type utf8): the chunks; none for ""
 */
GPtrArray *dub_phonemes_split(const char *phonemes, DubPhonemeSet set, guint most);

/**
 * dub_phonemes_code_points:
 * Returns: (transfer full) (element-type gint32): what sherpa-onnx's phoneme_codepoints takes
 */
GArray *dub_phonemes_code_points(const char *phonemes);
