/* text/spell.c: ICU's spell-out rules (RBNF), unit names and months.
 * ICU's sets of rules have other names in each language: for each form, those that mean it are tried in turn.
 */
#include "text/spell.h"

#include <stdbool.h>
#include <string.h>
#include <unicode/udat.h>
#include <unicode/unum.h>
#include <unicode/unumberformatter.h>
#include <unicode/ustring.h>

#define N_MONTHS    12
#define MOST_UNITS  256 /* of UTF-16: longer than any name or number that ICU makes of 15 digits */
#define MOST_SETS   4
#define SOFT_HYPHEN "\u00ad"

struct _DubSpell {
    char *locale;
    UNumberFormat *numbers; /* NULL: not opened yet, or ICU lacks its data */
    bool opened;
    char *months[N_MONTHS], *short_months[N_MONTHS]; /* NULL: not read yet */
};

static const char *const sets[DUB_SPELL_N_FORMS][MOST_SETS] = {
    [DUB_SPELL_PLAIN] = { "%spellout-numbering" },
    [DUB_SPELL_MASCULINE] = { "%spellout-cardinal-masculine", "%spellout-numbering" },
    [DUB_SPELL_FEMININE] = { "%spellout-cardinal-feminine", "%spellout-numbering" },
    [DUB_SPELL_YEAR] = { "%spellout-numbering-year", "%spellout-numbering" },
    [DUB_SPELL_ORDINAL_MASCULINE] = { "%spellout-ordinal-masculine", "%spellout-ordinal" },
    [DUB_SPELL_ORDINAL_FEMININE] = { "%spellout-ordinal-feminine", "%spellout-ordinal" },
    [DUB_SPELL_ORDINAL_BEFORE] = { "%spellout-ordinal-masculine-adjective", "%spellout-ordinal-masculine",
                                   "%spellout-ordinal" },
    [DUB_SPELL_ORDINAL_N] = { "%spellout-ordinal-n", "%spellout-ordinal" },
    [DUB_SPELL_ORDINAL_R] = { "%spellout-ordinal-r", "%spellout-ordinal" },
};

DubSpell *dub_spell_new(const char *locale)
{
    DubSpell *self = g_new0(DubSpell, 1);
    self->locale = g_strdup(locale);
    return self;
}

void dub_spell_free(DubSpell *self)
{
    if (!self)
        return;
    for (unsigned i = 0; i < N_MONTHS; i++) {
        g_free(self->months[i]);
        g_free(self->short_months[i]);
    }
    if (self->numbers)
        unum_close(self->numbers);
    g_free(self->locale);
    g_free(self);
}

/* Returns: (transfer full): UTF-8 without the hyphens that ICU puts where a word may be broken; NULL: it does
 * not fit. */
static char *to_utf8(const UChar *text, int32_t length)
{
    g_autofree char *utf8 = g_utf16_to_utf8((const gunichar2 *) text, length, NULL, NULL, NULL);
    if (!utf8)
        return NULL;
    g_autoptr(GString) clean = g_string_new(utf8);
    g_string_replace(clean, SOFT_HYPHEN, "", 0);
    return g_string_free(g_steal_pointer(&clean), FALSE);
}

static bool choose_set(UNumberFormat *numbers, DubSpellForm form)
{
    for (gsize i = 0; i < MOST_SETS && sets[form][i]; i++) {
        UChar name[64];
        UErrorCode status = U_ZERO_ERROR;
        u_uastrcpy(name, sets[form][i]);
        unum_setTextAttribute(numbers, UNUM_DEFAULT_RULESET, name, -1, &status);
        if (U_SUCCESS(status))
            return true;
    }
    return false;
}

static char *spell(DubSpell *self, gint64 number, DubSpellForm form)
{
    UErrorCode status = U_ZERO_ERROR;
    if (!self->opened)
        self->numbers = unum_open(UNUM_SPELLOUT, NULL, 0, self->locale, NULL, &status);
    self->opened = true;
    UChar words[MOST_UNITS];
    int32_t length = 0;
    char *spelt = NULL;
    if (self->numbers && choose_set(self->numbers, form)) {
        length = unum_formatInt64(self->numbers, number, words, MOST_UNITS, NULL, &status);
        spelt = U_SUCCESS(status) ? to_utf8(words, length) : NULL;
    }
    return spelt ? spelt : g_strdup_printf("%" G_GINT64_FORMAT, number);
}

/* ICU's Spanish leaves the thousands masculine: "doscientos mil personas". */
static char *spell_spanish_feminine(DubSpell *self, gint64 number)
{
    const gint64 millions = number / 1000000, thousands = number / 1000 % 1000, rest = number % 1000;
    g_autoptr(GString) words = g_string_new(NULL);
    if (millions > 0) {
        g_autofree char *spelt = spell(self, millions * 1000000, DUB_SPELL_MASCULINE);
        g_string_append_printf(words, "%s ", spelt);
    }
    if (thousands > 0) {
        g_autofree char *spelt = spell(self, thousands, DUB_SPELL_FEMININE);
        g_string_append_printf(words, "%s%smil ", thousands > 1 ? spelt : "", thousands > 1 ? " " : "");
    }
    if (rest > 0 || number == 0) {
        g_autofree char *spelt = spell(self, rest, DUB_SPELL_FEMININE);
        g_string_append_printf(words, "%s ", spelt);
    }
    return g_strndup(words->str, words->len - 1);
}

char *dub_spell_number(DubSpell *self, gint64 number, DubSpellForm form)
{
    const bool spanish = g_ascii_strncasecmp(self->locale, "es", 2) == 0;
    return spanish && form == DUB_SPELL_FEMININE ? spell_spanish_feminine(self, number) : spell(self, number, form);
}

/* Takes the number and its space away from both ends: "21 yardas" is "yardas". */
static char *without_number(const char *text)
{
    const char *start = text, *end = text + strlen(text);
    while (*start && !g_unichar_isalpha(g_utf8_get_char(start)))
        start = g_utf8_next_char(start);
    while (end > start && !g_unichar_isalpha(g_utf8_get_char(g_utf8_prev_char(end))))
        end = g_utf8_prev_char(end);
    return end > start ? g_strndup(start, (gsize) (end - start)) : NULL;
}

char *dub_spell_unit(DubSpell *self, const char *unit, double number)
{
    UErrorCode status = U_ZERO_ERROR;
    const bool integer = number == (double) (gint64) number;
    g_autofree char *skeleton =
        g_strdup_printf("%s unit-width-full-name %s", unit, integer ? "precision-integer" : ".##");
    UChar wide[128], words[MOST_UNITS];
    u_uastrcpy(wide, skeleton);
    UNumberFormatter *formatter = unumf_openForSkeletonAndLocale(wide, -1, self->locale, &status);
    UFormattedNumber *result = unumf_openResult(&status);
    unumf_formatDouble(formatter, number, result, &status);
    const int32_t length = unumf_resultToString(result, words, MOST_UNITS, &status);
    g_autofree char *text = U_SUCCESS(status) ? to_utf8(words, length) : NULL;
    unumf_closeResult(result);
    unumf_close(formatter);
    return text ? without_number(text) : NULL;
}

static void read_months(DubSpell *self)
{
    UErrorCode status = U_ZERO_ERROR;
    UDateFormat *dates = udat_open(UDAT_NONE, UDAT_LONG, self->locale, NULL, 0, NULL, 0, &status);
    for (int i = 0; i < N_MONTHS; i++) {
        UChar name[64];
        status = U_ZERO_ERROR;
        int32_t length = dates ? udat_getSymbols(dates, UDAT_MONTHS, i, name, G_N_ELEMENTS(name), &status) : 0;
        self->months[i] = U_SUCCESS(status) ? to_utf8(name, length) : g_strdup("");
        status = U_ZERO_ERROR;
        length = dates ? udat_getSymbols(dates, UDAT_SHORT_MONTHS, i, name, G_N_ELEMENTS(name), &status) : 0;
        self->short_months[i] = U_SUCCESS(status) ? to_utf8(name, length) : g_strdup("");
    }
    if (dates)
        udat_close(dates);
}

const char *dub_spell_month(DubSpell *self, unsigned month)
{
    g_return_val_if_fail(month >= 1 && month <= N_MONTHS, "");
    if (!self->months[0])
        read_months(self);
    return self->months[month - 1];
}

static bool same_folded(const char *a, const char *b)
{
    g_autofree char *folded_a = g_utf8_casefold(a, -1), *folded_b = g_utf8_casefold(b, -1);
    return *a && g_str_equal(folded_a, folded_b);
}

unsigned dub_spell_find_month(DubSpell *self, const char *word)
{
    if (!self->months[0])
        read_months(self);
    for (unsigned i = 0; i < N_MONTHS; i++) {
        g_autofree char *shorter = g_strdup(self->short_months[i]);
        g_strdelimit(shorter, ".", '\0'); /* "janv." */
        if (same_folded(word, self->months[i]) || same_folded(word, shorter))
            return i + 1;
    }
    return 0;
}
