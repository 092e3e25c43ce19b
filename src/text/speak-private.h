/* text/speak-private.h: what the rules of dub_speakable() share. A rule looks at the text from `at`: it
 * writes what it says into `out`, moves `at` and returns true, or leaves both as they are. */
#pragma once

#include "text/speak-language.h"
#include "text/spell.h"

#include <glib.h>

typedef struct {
    const DubSpeakLanguage *language;
    DubSpell *spell;
    const char *text; /* cleaned: valid UTF-8, single spaces, no control characters */
    const char *at;
    GString *out;
    bool joined;      /* what was said last wants a space before a letter or digit */
    bool in_americas; /* of Spanish */
    bool month_first;
} DubSpeaker;

typedef bool (*DubSpeakRule)(DubSpeaker *self);

/* Digits as they stand in the text, with "1.234,5" resolved. */
typedef struct {
    const char *start, *end;
    char whole[DUB_SPELL_MOST_DIGITS + 1];
    char decimals[DUB_SPELL_MOST_DIGITS + 1]; /* "": none */
    char separator;                           /* before the decimals: ',' or '.' */
    bool grouped;
    bool digits_only; /* "007", or too long for a number: read digit by digit */
    gint64 value;     /* of the whole part */
} DubSpeakNumber;

typedef struct {
    const char *written;
    const char *name; /* ICU's, after "unit/" */
    bool alone;       /* also without a number before it */
} DubSpeakUnit;

typedef struct {
    const char *written;
    const char *code; /* ISO 4217 */
} DubSpeakMoney;

/* Says @words, apart from what is before and after them by a space. "" says nothing. */
void dub_speak_say(DubSpeaker *self, const char *words);
/* Joins what was said last to the next word by an apostrophe; the space between in the text is not copied. */
void dub_speak_elide(DubSpeaker *self);
void dub_speak_say_number(DubSpeaker *self, gint64 number, DubSpellForm form);
void dub_speak_say_digits(DubSpeaker *self, const char *start, const char *end);
/* Says @number with its decimals. */
void dub_speak_say_read(DubSpeaker *self, const DubSpeakNumber *number, DubSpellForm form);

bool dub_speak_read(const DubSpeaker *self, const char *p, DubSpeakNumber *number);
double dub_speak_double(const DubSpeakNumber *number);
/* Reads one to @most digits and no more of them. Returns: the end, or NULL. */
const char *dub_speak_read_digits(const char *p, guint least, guint most, int *value);

/* Returns: (transfer full): the word that ends before @p with one space between, or begins after it so, in
 * small case; "". */
char *dub_speak_word_before(const DubSpeaker *self, const char *p);
char *dub_speak_word_after(const char *p);
gunichar dub_speak_char_before(const DubSpeaker *self, const char *p); /* 0 at the start */
bool dub_speak_is_word_char(gunichar c);
/* Returns: @p, or the character after it where that is a space. */
const char *dub_speak_skip_space(const char *p);

bool dub_speak_is_feminine(const DubSpeakLanguage *language, const char *noun);
/* Returns: how @number is spelt where it counts @noun, or NULL: what stands after @after. */
DubSpellForm dub_speak_form(const DubSpeaker *self, const DubSpeakNumber *number, const char *noun, const char *after);

const DubSpeakUnit *dub_speak_find_unit(const char *p);
const DubSpeakMoney *dub_speak_find_money(const char *p);
/* Returns: (transfer full): the name beside @number, or NULL. */
char *dub_speak_unit_name(DubSpeaker *self, const char *unit, double number);
char *dub_speak_money_name(DubSpeaker *self, const DubSpeakMoney *money, double number);

/* The rules. */
bool dub_speak_address(DubSpeaker *self);
bool dub_speak_date(DubSpeaker *self);
bool dub_speak_clock(DubSpeaker *self);
bool dub_speak_phone(DubSpeaker *self);
bool dub_speak_fraction(DubSpeaker *self);
bool dub_speak_ordinal(DubSpeaker *self);
bool dub_speak_amount(DubSpeaker *self);
bool dub_speak_abbreviation(DubSpeaker *self);
bool dub_speak_initials(DubSpeaker *self);
bool dub_speak_roman(DubSpeaker *self);
bool dub_speak_month(DubSpeaker *self);
bool dub_speak_unit_alone(DubSpeaker *self);
bool dub_speak_symbol(DubSpeaker *self);

/* Of a fraction that follows a whole number: "2 1/2". Returns: false: there is none at @p. */
bool dub_speak_fraction_after(DubSpeaker *self, const char *p);
