/* text/english.h: the regular grammar of English that a glossary needs: plurals, the forms of verbs, and
 * whether a word that could be both stands as a noun or as a verb. Any thread, pure. All words are lower case
 * unless the caller wants a name. */
#pragma once

#include "text/words.h"

typedef enum {
    DUB_ENGLISH_BASE,
    DUB_ENGLISH_THIRD,
    DUB_ENGLISH_PAST,
    DUB_ENGLISH_PARTICIPLE,
    DUB_ENGLISH_GERUND,
    DUB_N_ENGLISH_FORMS
} DubEnglishForm;

/* "free kick" -> "free kicks", "man of the match" -> "men of the match". (transfer full) */
char *dub_english_plural(const char *phrase);

/* "run out the clock" -> "ran out the clock". (transfer full) */
char *dub_english_verb(const char *phrase, DubEnglishForm form);

typedef enum { DUB_ROLE_UNKNOWN, DUB_ROLE_NOUN, DUB_ROLE_VERB } DubEnglishRole;

/* What the words around say about the @n words from @first on. "the pass" is a noun, "to pass" and "passes
 * it" are verbs. */
DubEnglishRole dub_english_role(const GArray *words, guint first, guint n);

/* @text: valid UTF-8. Measures before a noun as rule-based translators understand them: "a 30-yard line." -> "a line of
 * 30 yards.", "a 25-year-old man" -> "a 25 year old man". Apertium moves what a hyphen holds together, and loses the
 * blanks around it. (transfer full) */
char *dub_english_measures(const char *text);
