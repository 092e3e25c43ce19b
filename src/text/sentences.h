/* text/sentences.h: recognised text as sentences, the unit of translation. Any thread, pure. Offsets and
 * lengths are bytes. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    gsize start, length; /* in the text, without the blanks around it */
    bool complete;       /* ends as a sentence does; false: a fragment's border cut it, or the recogniser left the
                      stop out */
} DubSentence;

/* @language: ISO 639-1 of @text, for its abbreviations ("Dr.", "Sra.", "z. B."); any other is split by the
 * general rules. Returns: (transfer full): of DubSentence, in order; together they hold every character of
 * @text but blanks */
GArray *dub_sentences_find(const char *text, const char *language);

/* The same as strings. Returns: (transfer full): ended by NULL */
char **dub_sentences_split(const char *text, const char *language);

/* Returns: (transfer full): with one blank between; empty ones leave none */
char *dub_sentences_join(const char *const *sentences);
