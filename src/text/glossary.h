/* text/glossary.h: a field's terms and their translations, put around a translator that does not know them.
 * Before it, each term gives way to a placeholder; after it, the term's translation takes the placeholder's
 * place, in the number that the sentence has, and articles and contractions around it are mended. A
 * DubGlossary never changes after loading: any thread. All texts are UTF-8. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct _DubGlossary DubGlossary;
typedef struct _DubGlossaryMatches DubGlossaryMatches; /* the terms of one sentence */

#define DUB_GLOSSARY_FILE_MOST_BYTES (4 * 1024 * 1024)
#define DUB_GLOSSARY_FILES_MOST      16    /* in one spec */
#define DUB_GLOSSARY_ENTRIES_MOST    50000 /* of all files of a spec */
#define DUB_GLOSSARY_TERM_MOST_BYTES 200   /* of one field */
#define DUB_GLOSSARY_TERM_MOST_WORDS 12
#define DUB_GLOSSARY_MATCHES_MOST                                             \
    16 /* protected in one sentence; further terms are left to the translator \
        */

/**
 * dub_glossary_load:
 * @spec: "FILE|NAME[,…]": what has a '/' or ends in ".tsv" is a file; a name is that of a glossary that came
 * with airdub
 * ("sports": glossaries/sports.en-es.tsv). Where two say something about the same words, the one named first
 * counts.
 * @from, @to: ISO 639-1 ("en", "es-419": what follows '-' does not matter)
 * Returns: (transfer full): or NULL with %DUB_ERROR_NOT_FOUND (names what there is),
 * %DUB_ERROR_INVALID_ARGUMENT ("FILE:LINE: …") or %DUB_ERROR_IO
 */
DubGlossary *dub_glossary_load(const char *spec, const char *from, const char *to, GError **error);
DubGlossary *dub_glossary_ref(DubGlossary *self);
void dub_glossary_unref(DubGlossary *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubGlossary, dub_glossary_unref)

/* The source side of all entries in the order of their files, for a recogniser's prompt; ended by NULL, owned
 * by @self. */
const char *const *dub_glossary_terms(const DubGlossary *self);

/* How terms are hidden from the translator. What fails in one way may work in the next. */
typedef enum {
    DUB_GLOSSARY_STAND_INS, /* nouns and verbs that Apertium knows, of the term's gender and number: articles,
                             * adjectives and verbs around them come out right. Only where the pair has some
                             * (English to Spanish); else as codes. */
    DUB_GLOSSARY_CODES,     /* words that no dictionary has: for any other translator */
    DUB_N_GLOSSARY_WAYS,
} DubGlossaryWay;

/**
 * dub_glossary_protect:
 * @sentence: one sentence in the source language
 * @matches: (out) (transfer full): for dub_glossary_restore()
 * Returns: (transfer full): what the translator is given; @sentence itself where no term occurs
 */
char *dub_glossary_protect(const DubGlossary *self, const char *sentence, DubGlossaryWay way,
                           DubGlossaryMatches **matches);

/**
 * dub_glossary_restore:
 * @translated: what the translator made of the protected sentence
 * Returns: (transfer full): with the translations of the terms; or NULL when the translator lost, doubled or
 * altered a placeholder. Then the next way is tried, and after the last one the sentence is translated as it
 * is (dub_glossary_translate() does so).
 */
char *dub_glossary_restore(const DubGlossary *self, const char *translated, const DubGlossaryMatches *matches);

/* Returns: (transfer full): the translation of @text, or NULL with an error, which ends the attempts */
typedef char *(*DubGlossaryTranslateFunc)(const char *text, void *user_data, GError **error);

/* Protects, translates, restores; calls @translate up to three times, once nearly always.
 * @self: NULL translates the sentence as it is.
 * Returns: (transfer full): NULL only with the error of @translate */
char *dub_glossary_translate(const DubGlossary *self, const char *sentence, DubGlossaryWay first_way,
                             DubGlossaryTranslateFunc translate, void *user_data, GError **error);

/* The terms of @sentence, for translators that are told the terms instead (a language model's prompt, a
 * service's own glossary). */
DubGlossaryMatches *dub_glossary_find(const DubGlossary *self, const char *sentence);
guint dub_glossary_matches_count(const DubGlossaryMatches *self);
const char *dub_glossary_matches_source(const DubGlossaryMatches *self, guint index); /* as it stands in the sentence */
const char *dub_glossary_matches_target(const DubGlossaryMatches *self, guint index); /* in the same number */
void dub_glossary_matches_free(DubGlossaryMatches *self);                             /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubGlossaryMatches, dub_glossary_matches_free)

/* @text: in the target language, finished. Returns: (transfer full): with the spoken forms of the terms that
 * have one */
char *dub_glossary_spoken(const DubGlossary *self, const char *text);

/* Returns: (transfer full): "sports en-es", … that came with airdub; ended by NULL */
char **dub_glossary_list(void);
