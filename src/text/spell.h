/* text/spell.h: numbers, units, money and months in words, from ICU's locale data. For src/text alone.
 * An instance belongs to one thread; opening ICU's parts takes a millisecond each, so each is opened when
 * first needed. */
#pragma once

#include <glib.h>

typedef struct _DubSpell DubSpell;

typedef enum {
    DUB_SPELL_PLAIN,     /* counting, or a number that is a name: "uno", "veintiuno", "eins" */
    DUB_SPELL_MASCULINE, /* before a noun: "un", "veintiún", "ein" */
    DUB_SPELL_FEMININE,  /* before a noun: "una", "doscientas", "eine" */
    DUB_SPELL_YEAR,      /* "nineteen ninety-eight" */
    DUB_SPELL_ORDINAL_MASCULINE,
    DUB_SPELL_ORDINAL_FEMININE,
    DUB_SPELL_ORDINAL_BEFORE, /* masculine before its noun: "primer" */
    DUB_SPELL_ORDINAL_N,      /* German after an article with an ending: "dritten" */
    DUB_SPELL_ORDINAL_R,      /* German without an article: "dritter" */
    DUB_SPELL_N_FORMS,
} DubSpellForm;

/* ICU's words for larger numbers are nothing one would say. */
#define DUB_SPELL_MOST_DIGITS 15

DubSpell *dub_spell_new(const char *locale);
void dub_spell_free(DubSpell *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSpell, dub_spell_free)

/* Returns: (transfer full): @number, not negative, in words; in digits where ICU lacks its data. */
char *dub_spell_number(DubSpell *self, gint64 number, DubSpellForm form);

/**
 * dub_spell_unit:
 * @unit: as ICU's skeletons have it: "unit/kilometer-per-hour", "currency/EUR"
 * Returns: (transfer full): its name beside @number: "kilómetros por hora"; NULL where ICU has no name
 */
char *dub_spell_unit(DubSpell *self, const char *unit, double number);

/* @month: 1 to 12. Returns: its name as it stands in a date: "noviembre". */
const char *dub_spell_month(DubSpell *self, unsigned month);

/* Returns: 1 to 12 if @word is the name of a month, in full, or in the short form ICU has, in any case; else
 * 0. */
unsigned dub_spell_find_month(DubSpell *self, const char *word);
