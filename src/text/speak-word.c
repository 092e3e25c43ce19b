/* text/speak-word.c: abbreviations, initials, roman numerals, months of English dates, units without a
 * number. */
#include "text/speak-private.h"

#include <string.h>

#define ROMAN_MOST 399

static bool begins_a_word(const DubSpeaker *self)
{
    const gunichar before = dub_speak_char_before(self, self->at);
    return !dub_speak_is_word_char(before) && !g_unichar_isdigit(before) && before != '\'' && before != 0x2019;
}

/* @written in small case may begin with a capital in the text. Returns: the end of it at @p, or NULL. */
static const char *written_at(const char *p, const char *written)
{
    const gunichar first = g_utf8_get_char(written);
    const gunichar there = g_utf8_get_char(p);
    if (there != first && !(g_unichar_islower(first) && there == g_unichar_toupper(first)))
        return NULL;
    const char *rest = g_utf8_next_char(written);
    const char *after = g_utf8_next_char(p);
    if (!g_str_has_prefix(after, rest))
        return NULL;
    after += strlen(rest);
    const gunichar last = g_utf8_get_char(g_utf8_prev_char(after));
    const gunichar next = g_utf8_get_char(after);
    const bool word_end = g_unichar_isalnum(last) && last != 0xba; /* "nº5" */
    return word_end && (g_unichar_isalnum(next) || g_unichar_ismark(next)) ? NULL : after;
}

static bool is_capital(const char *p)
{
    return g_unichar_isupper(g_utf8_get_char(p));
}

static bool fits(const DubAbbreviation *abbreviation, const char *after)
{
    const char *next = dub_speak_skip_space(after);
    if (abbreviation->where & DUB_ABBREVIATION_NAME)
        return is_capital(next) && (after[-1] == '.' || *after == ' ');
    if (abbreviation->where & DUB_ABBREVIATION_NUMBER)
        return g_ascii_isdigit(*next);
    return true;
}

/* Returns: whether the full stop before @after can be the end of a sentence. */
static bool ends_sentence(const char *after)
{
    if (!*after)
        return true;
    const gunichar next = g_utf8_get_char(dub_speak_skip_space(after));
    return *after == ' ' && (g_unichar_isupper(next) || next == 0xbf || next == 0xa1); /* ¿ ¡ */
}

bool dub_speak_abbreviation(DubSpeaker *self)
{
    if (!begins_a_word(self))
        return false;
    for (const DubAbbreviation *a = self->language->abbreviations; a->written; a++) {
        const char *after = written_at(self->at, a->written);
        if (!after || !fits(a, after))
            continue;
        dub_speak_say(self, a->said);
        if ((a->where & DUB_ABBREVIATION_END) && after[-1] == '.' && ends_sentence(after))
            g_string_append_c(self->out, '.');
        self->at = after;
        return true;
    }
    return false;
}

static bool is_initial(const char *p)
{
    return is_capital(p) && *g_utf8_next_char(p) == '.';
}

/* Returns: whether a name can go on here: at the start, or after a word with a capital. */
static bool in_a_name(const DubSpeaker *self)
{
    g_autofree char *word = dub_speak_word_before(self, self->at);
    const char *start = self->at - strlen(word) - 1;
    return self->at == self->text || (*word && start >= self->text && self->at[-1] == ' ' && is_capital(start));
}

/* "J. K. Rowling", "A.B.C.": the full stops are no ends of sentences. A last one stays where the text ends.
 */
bool dub_speak_initials(DubSpeaker *self)
{
    const char *p = self->at;
    if (!begins_a_word(self) || !is_initial(p))
        return false;
    const char *next = g_utf8_next_char(p) + 1;
    const bool joined = is_initial(next);
    if (!joined && *p == 'I' && g_str_equal(self->language->code, "en"))
        return false; /* the pronoun at the end of a sentence */
    if (!joined && !(*next == ' ' && is_capital(next + 1) && in_a_name(self)))
        return false;
    while (is_initial(p)) {
        g_autofree char *letter = g_strndup(p, (gsize) (g_utf8_next_char(p) - p));
        dub_speak_say(self, letter);
        p = g_utf8_next_char(p) + 1;
        p += *p == ' ' && is_initial(p + 1);
    }
    if (!*p)
        g_string_append_c(self->out, '.');
    self->at = p;
    return true;
}

static const struct {
    const char *letters;
    int value;
} romans[] = { { "C", 100 }, { "XC", 90 }, { "L", 50 }, { "XL", 40 }, { "X", 10 },
               { "IX", 9 },  { "V", 5 },   { "IV", 4 }, { "I", 1 } };

/* Returns: the value of the roman numeral from @start to @end, 0: it is not one as Romans are taught to write
 * it. */
static int read_roman(const char *start, const char *end)
{
    int value = 0;
    const char *p = start;
    for (gsize i = 0; i < G_N_ELEMENTS(romans); i++)
        while (p < end && g_str_has_prefix(p, romans[i].letters) && value <= ROMAN_MOST) {
            value += romans[i].value;
            p += strlen(romans[i].letters);
        }
    g_autoptr(GString) again = g_string_new(NULL);
    int rest = value;
    for (gsize i = 0; i < G_N_ELEMENTS(romans); i++)
        for (; rest >= romans[i].value; rest -= romans[i].value)
            g_string_append(again, romans[i].letters);
    const bool same = again->len == (gsize) (end - start) && memcmp(again->str, start, again->len) == 0;
    return p == end && same && value <= ROMAN_MOST ? value : 0;
}

static bool after_capital(const DubSpeaker *self, const char *word)
{
    const char *start = self->at - 1 - strlen(word); /* small letters are as long as capitals in these languages */
    return *word && start >= self->text && self->at[-1] == ' ' && is_capital(start) &&
           !is_capital(g_utf8_next_char(start));
}

static bool say_king(DubSpeaker *self, int value, bool queen)
{
    const char *article = queen ? self->language->queen_article : self->language->king_article;
    dub_speak_say(self, article ? article : "");
    const DubSpellForm ordinal = queen ? DUB_SPELL_ORDINAL_FEMININE : DUB_SPELL_ORDINAL_MASCULINE;
    dub_speak_say_number(self, value, value <= self->language->kings_ordinals ? ordinal : DUB_SPELL_PLAIN);
    return true;
}

static bool say_roman(DubSpeaker *self, const char *end, int value)
{
    const DubSpeakLanguage *language = self->language;
    g_autofree char *before = dub_speak_word_before(self, self->at), *after = dub_speak_word_after(end);
    const gsize length = (gsize) (end - self->at);
    const bool capital = after_capital(self, before);
    const bool pronoun = length == 1 && *self->at == 'I' && g_str_equal(language->code, "en");
    const bool queen = dub_speak_words_have(language->queens, before);
    if (capital && !pronoun && (queen || dub_speak_words_have(language->kings, before)))
        return say_king(self, value, queen);
    if (dub_speak_words_have(language->roman_before, before) && !pronoun) {
        dub_speak_say_number(self, value, DUB_SPELL_PLAIN);
        return true;
    }
    static const char articles[] = "el la los las del al il o a do da no na le";
    const bool noun = *after && !dub_speak_words_have(language->not_nouns, after) && !g_str_equal(language->code, "en");
    const bool counted = length > 1 && noun && dub_speak_words_have(articles, before); /* "el XXV aniversario" */
    if (counted || dub_speak_words_have(language->roman_after, after)) {
        const bool feminine = dub_speak_is_feminine(language, after);
        dub_speak_say_number(self, value, feminine ? DUB_SPELL_ORDINAL_FEMININE : DUB_SPELL_ORDINAL_BEFORE);
        return true;
    }
    if (!capital || length < 2 || strspn(self->at, "IVX") < length)
        return false;
    dub_speak_say_number(self, value, DUB_SPELL_PLAIN); /* "Rocky II" */
    return true;
}

/* French: "XXIe siècle" */
static bool say_french_roman(DubSpeaker *self, const char *end, int value)
{
    static const char *const endings[] = { "ème", "ères", "ère", "er", "re", "e" };
    if (!g_str_equal(self->language->code, "fr"))
        return false;
    for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
        const char *after = end + strlen(endings[i]);
        if (!g_str_has_prefix(end, endings[i]) || g_unichar_isalnum(g_utf8_get_char(after)))
            continue;
        const bool feminine = endings[i][0] == 'r' || g_str_has_prefix(endings[i], "ère");
        dub_speak_say_number(self, value, feminine ? DUB_SPELL_ORDINAL_FEMININE : DUB_SPELL_ORDINAL_MASCULINE);
        self->at = after;
        return true;
    }
    return false;
}

bool dub_speak_roman(DubSpeaker *self)
{
    const char *end = self->at + strspn(self->at, "IVXLC"); /* "DC", "MX" and the like are never numbers here */
    const int value = begins_a_word(self) && end > self->at ? read_roman(self->at, end) : 0;
    if (value == 0)
        return false;
    if (say_french_roman(self, end, value))
        return true;
    const gunichar next = g_utf8_get_char(end);
    if (g_unichar_isalnum(next) || g_unichar_ismark(next) || next == '\'' || next == 0x2019 || next == '-')
        return false;
    if (!say_roman(self, end, value))
        return false;
    self->at = end;
    if (*end == '.' && g_str_equal(self->language->code, "de") && end[1] == ' ' && !is_capital(end + 2))
        self->at = end + 1; /* "Heinrich VIII. war" */
    return true;
}

/* English: "May 5", "Nov. 21st". */
bool dub_speak_month(DubSpeaker *self)
{
    if (!g_str_equal(self->language->code, "en") || !begins_a_word(self) || !is_capital(self->at))
        return false;
    const char *end = self->at;
    while (g_ascii_isalpha(*end))
        end++;
    g_autofree char *word = g_strndup(self->at, (gsize) (end - self->at));
    const unsigned month = dub_spell_find_month(self->spell, word);
    const char *number = dub_speak_skip_space(end + (*end == '.'));
    int day;
    const char *after = month && number > end ? dub_speak_read_digits(number, 1, 2, &day) : NULL;
    if (!after || day < 1 || day > 31)
        return false;
    for (const char *const *ending = (const char *const[]){ "st", "nd", "rd", "th", NULL }; *ending; ending++)
        if (g_str_has_prefix(after, *ending))
            after += 2;
    const gunichar next = g_utf8_get_char(after);
    if (g_unichar_isalnum(next) || (next && strchr(":-/%", (int) MIN(next, 0x7f))))
        return false;
    dub_speak_say(self, dub_spell_month(self->spell, month));
    dub_speak_say_number(self, day, DUB_SPELL_ORDINAL_MASCULINE);
    self->at = after;
    return true;
}

/* "en km/h": several of them, since nothing tells how many; but one in "km 21" and in "5 €/kg". */
bool dub_speak_unit_alone(DubSpeaker *self)
{
    const DubSpeakUnit *unit = begins_a_word(self) ? dub_speak_find_unit(self->at) : NULL;
    if (!unit || !unit->alone)
        return false;
    const char *after = self->at + strlen(unit->written);
    const bool numbered = g_ascii_isdigit(*dub_speak_skip_space(after));
    const bool one = numbered || dub_speak_char_before(self, self->at) == '/';
    g_autofree char *name = dub_speak_unit_name(self, unit->name, one ? 1 : 2);
    if (!name)
        return false;
    dub_speak_say(self, name);
    self->at = after;
    return true;
}
