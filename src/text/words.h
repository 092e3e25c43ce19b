/* text/words.h: a text's words with their places, and the spelling in which they are compared. Any thread,
 * pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    DUB_GAP_BREAK,      /* the text's begin, or punctuation: no term reaches across */
    DUB_GAP_BLANK,      /* blanks, or a hyphen: "free-throw" is "free throw" */
    DUB_GAP_APOSTROPHE, /* "let's" is two words */
} DubWordGap;

typedef struct {
    gsize start, length; /* bytes in the text */
    DubWordGap gap;      /* between the word before and this one */
    bool sentence_start; /* the first word, or after a stop, a colon or an opening mark */
    char *folded;        /* lower case, composed (NFC) */
} DubWord;

GArray *dub_words_find(const char *text); /* (transfer full): of DubWord; @text is valid UTF-8 */

/* How the word at @index is written. */
typedef enum { DUB_CASE_LOWER, DUB_CASE_INITIAL, DUB_CASE_UPPER, DUB_CASE_MIXED } DubWordCase;
DubWordCase dub_word_case(const char *start, gsize length);

/* The words from @first on as one key: "let's go". */
char *dub_words_key(const GArray *words, guint first, guint n);

/* Returns: how many words from @first on, at most @most, have no punctuation between. */
guint dub_words_run(const GArray *words, guint first, guint most);

char *dub_words_capital(const char *text); /* (transfer full): its first letter, after marks like ¿, written large */

typedef struct {
    const char *ending, *instead;
} DubEnding;
/* Returns: (transfer full): @word with the first of @endings that fits exchanged; NULL where none does. The
 * last row ends by NULL. */
char *dub_words_exchange_ending(const char *word, const DubEnding *endings);
