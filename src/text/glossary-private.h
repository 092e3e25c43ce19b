/* text/glossary-private.h: a loaded glossary, as glossary.c makes it and glossary-protect.c uses it. */
#pragma once

#include "text/glossary-row.h"
#include "text/glossary.h"

typedef struct {
    DubGlossaryRow row;
    bool has_capital; /* the source is a name, or begins with one */
} DubGlossaryEntry;

typedef struct _DubGlossaryTerm DubGlossaryTerm;
struct _DubGlossaryTerm { /* one source form of an entry */
    const DubGlossaryEntry *entry;
    char *source;          /* as it is written */
    guint form;            /* noun: 0 singular, 1 plural; verb: a DubEnglishForm; else 0 */
    DubGlossaryTerm *next; /* of another kind, with the same words */
};

struct _DubGlossary {
    gatomicrefcount references;
    bool from_english, to_spanish; /* what the rules of grammar are for */
    GPtrArray *entries;            /* of DubGlossaryEntry */
    GPtrArray *sources;            /* of const char *, ended by NULL */
    GHashTable *terms;             /* dub_words_key() -> DubGlossaryTerm */
    guint longest;                 /* words of the longest term */
    GHashTable *spoken;            /* dub_words_key() of a target -> char * */
    guint longest_spoken;
};

/* The target of @term in the number that its source has. A verb's is the infinitive. (transfer full) */
char *dub_glossary_term_target(const DubGlossary *self, const DubGlossaryTerm *term);
char *dub_glossary_plural_target(const DubGlossary *self, const DubGlossaryRow *row); /* (transfer full) */
