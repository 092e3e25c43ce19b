/* text/spanish.h: the regular grammar of Spanish that a glossary's targets need. Any thread, pure.
 * Loan words, and whatever else the rules do not know, bring their forms in the glossary's file. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Nouns and what agrees with them: "saque de esquina" -> "saques de esquina", "ala cerrada" -> "alas
 * cerradas". (transfer full) */
char *dub_spanish_plural(const char *phrase);

/* Adjectives: "invicto" -> "invicta", "invictos", "invictas". (transfer full) */
char *dub_spanish_adjective(const char *phrase, bool feminine, bool plural);

/* The forms of a verb as one number. Persons: 0…5, yo … ellos. */
typedef enum {
    DUB_SPANISH_INFINITIVE,
    DUB_SPANISH_GERUND,
    DUB_SPANISH_PARTICIPLE, /* four: m.s., f.s., m.pl., f.pl. */
    DUB_SPANISH_PRESENT,    /* from here on six each */
    DUB_SPANISH_PRETERITE,
    DUB_SPANISH_IMPERFECT,
    DUB_SPANISH_FUTURE,
    DUB_SPANISH_CONDITIONAL,
    DUB_SPANISH_SUBJUNCTIVE,
    DUB_SPANISH_SUBJUNCTIVE_PAST,
    DUB_N_SPANISH_TENSES,
} DubSpanishTense;

typedef struct {
    DubSpanishTense tense;
    unsigned index;   /* person, or which participle; 0 for the others */
    char enclitic[6]; /* "lo", "les": written onto infinitive and gerund */
} DubSpanishForm;

unsigned dub_spanish_tense_size(DubSpanishTense tense); /* how many forms it has: 1, 4 or 6 */

/* @verb: an infinitive, with what follows it ("rematar de cabeza", "lesionarse"). Returns: (transfer full):
 * "remató de cabeza", "se lesionó"; NULL if the first word is no infinitive */
char *dub_spanish_conjugate(const char *verb, const DubSpanishForm *form);
bool dub_spanish_is_verb(const char *phrase);

/* Which form of the regular verb in -ar with the stem @stem is @word (folded)? The first that fits: "baile"
 * is the first person. */
bool dub_spanish_find_form(const char *stem, const char *word, DubSpanishForm *form);

/* Articles and the like that stand before a noun: "el", "del", "este", "un". Returns: (transfer full): the
 * one that agrees, NULL if
 * @word (folded) is none or agrees already. */
char *dub_spanish_agree(const char *word, bool feminine, bool plural);

bool dub_spanish_has_stressed_a(const char *noun); /* "área": "el área", though it is feminine */
bool dub_spanish_takes_e(const char *word);        /* "intercepción": "e", not "y", stands before it */
bool dub_spanish_takes_u(const char *word);        /* "ocho": "u", not "o" */
