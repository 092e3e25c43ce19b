/* text/speakable.c: cleans a text, then goes through it: at each place the first rule that knows what stands
 * there says it in words, and what no rule knows is copied. */
#include "text/speakable.h"
#include "text/spanish.h"
#include "text/speak-private.h"

#include <string.h>

static bool is_dropped(gunichar c)
{
    const GUnicodeType type = g_unichar_type(c);
    const bool joins_letters = c == 0x200c || c == 0x200d; /* Persian and Indian words need these */
    return (type == G_UNICODE_FORMAT && !joins_letters) || type == G_UNICODE_UNASSIGNED ||
           type == G_UNICODE_PRIVATE_USE;
}

/* Returns: (transfer full): valid UTF-8, words apart by one space, without what is neither read nor said. */
static char *clean(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_autoptr(GString) out = g_string_sized_new(strlen(valid));
    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        const gunichar c = g_utf8_get_char(p);
        if (g_unichar_isspace(c) || g_unichar_iscntrl(c)) {
            if (out->len && out->str[out->len - 1] != ' ')
                g_string_append_c(out, ' ');
        } else if (c == 0x2010 || c == 0x2011) { /* hyphens of their own */
            g_string_append_c(out, '-');
        } else if (!is_dropped(c)) {
            g_string_append_unichar(out, c);
        }
    }
    if (out->len && out->str[out->len - 1] == ' ')
        g_string_truncate(out, out->len - 1);
    return g_string_free(g_steal_pointer(&out), FALSE);
}

/* Returns: whether a word after what stands in @out so far needs a space before it. */
static bool wants_space(const GString *out)
{
    if (!out->len)
        return false;
    const gunichar last = g_utf8_get_char(g_utf8_prev_char(out->str + out->len));
    return g_unichar_isalnum(last) || g_unichar_ismark(last) || g_utf8_strchr(",.;:!?)]»”%…", -1, last);
}

void dub_speak_say(DubSpeaker *self, const char *words)
{
    if (!*words)
        return;
    if (wants_space(self->out))
        g_string_append_c(self->out, ' ');
    g_string_append(self->out, words);
    self->joined = true;
}

void dub_speak_elide(DubSpeaker *self)
{
    g_string_append_c(self->out, '\'');
    self->joined = false;
}

void dub_speak_say_number(DubSpeaker *self, gint64 number, DubSpellForm form)
{
    g_autofree char *words = dub_spell_number(self->spell, number, form);
    dub_speak_say(self, words);
}

void dub_speak_say_digits(DubSpeaker *self, const char *start, const char *end)
{
    for (const char *p = start; p < end; p++)
        if (g_ascii_isdigit(*p))
            dub_speak_say_number(self, *p - '0', DUB_SPELL_PLAIN);
}

static void say_decimals(DubSpeaker *self, const DubSpeakNumber *number)
{
    const DubSpeakLanguage *language = self->language;
    dub_speak_say(self, self->in_americas ? language->point : language->comma);
    const bool pair = language->pairs && strlen(number->decimals) == 2 && number->decimals[0] != '0';
    if (pair)
        dub_speak_say_number(self, g_ascii_strtoll(number->decimals, NULL, 10), DUB_SPELL_PLAIN);
    else
        dub_speak_say_digits(self, number->decimals, number->decimals + strlen(number->decimals));
}

void dub_speak_say_read(DubSpeaker *self, const DubSpeakNumber *number, DubSpellForm form)
{
    if (number->digits_only)
        dub_speak_say_digits(self, number->start, number->end);
    else
        dub_speak_say_number(self, number->value, form);
    if (*number->decimals)
        say_decimals(self, number);
}

/* "&" before the sound of i is "e" in Spanish. */
static const char *and_word(const DubSpeaker *self, const char *after)
{
    g_autofree char *next = dub_speak_word_after(after);
    return g_str_equal(self->language->code, "es") && dub_spanish_takes_e(next) ? "e" : self->language->and;
}

static bool names_unit(const char *p)
{
    const DubSpeakUnit *unit = dub_speak_find_unit(p);
    return unit && unit->alone;
}

/* Returns: (transfer full): what the symbol @c is called here; "": nothing is said; NULL: it stays. */
static char *symbol_name(DubSpeaker *self, gunichar c, const char *after)
{
    const DubSpeakLanguage *language = self->language;
    const bool digit = g_ascii_isdigit(*after), digit_before = g_unichar_isdigit(dub_speak_char_before(self, self->at));
    switch (c) {
    case '&': return g_strdup(and_word(self, after));
    case '+': return g_strdup(language->plus);
    case '=': return g_strdup(language->equals);
    case '%': return g_strdup(language->percent);
    case '@': return g_strdup(language->at);
    case '#':
    case 0x2116: return g_strdup(digit || after[0] == ' ' ? language->number : "");
    case 0xd7: return g_strdup(digit_before ? language->times : "");
    case 0xa2: return g_strdup(language->cent[1]);
    case 0xb0: return dub_speak_unit_name(self, "degree", 2);
    case '.': return digit ? g_strdup(digit_before ? language->dot : language->point) : NULL;
    case '/': return g_strdup(names_unit(after) ? language->per : "");
    case '_': return g_strdup("");
    case '~':
    case '*':
    case '|':
    case '^':
    case '\\':
    case '<':
    case '>':
    case '`':
    case 0x2022:
    case 0xa9:
    case 0xae:
    case 0x2122:
    case 0x2192: return g_strdup("");
    default: return NULL;
    }
}

/* A dash that joins: "Sub-21", "10 %-15 %". Others stay. */
static const char *dash_word(const DubSpeaker *self, const char *after)
{
    const gunichar before = dub_speak_char_before(self, self->at), next = g_utf8_get_char(after);
    if (g_unichar_isdigit(next) && before && (g_unichar_isdigit(before) || g_utf8_strchr("%°€$£", -1, before)))
        return self->language->range;
    const bool digit = g_unichar_isdigit(next) || g_unichar_isdigit(before);
    return digit && g_unichar_isalnum(before) && g_unichar_isalnum(next) ? "" : NULL;
}

/* "los '90": the mark stands for the century. */
static bool is_century_mark(const DubSpeaker *self, gunichar c, const char *after)
{
    int year;
    const gunichar before = dub_speak_char_before(self, self->at);
    const char *end = c == '\'' || c == 0x2019 ? dub_speak_read_digits(after, 2, 2, &year) : NULL;
    return end && (!before || before == ' ') && *end != '\'';
}

bool dub_speak_symbol(DubSpeaker *self)
{
    const gunichar c = g_utf8_get_char(self->at);
    const char *after = g_utf8_next_char(self->at);
    if (is_century_mark(self, c, after)) {
        self->at = after;
        return true;
    }
    const DubSpeakMoney *money =
        g_unichar_type(c) == G_UNICODE_CURRENCY_SYMBOL && c != 0xa2 ? dub_speak_find_money(self->at) : NULL;
    const bool dash = c == '-' || c == 0x2013;
    g_autofree char *name = money  ? dub_speak_money_name(self, money, 2)
                            : dash ? g_strdup(dash_word(self, after))
                                   : symbol_name(self, c, after);
    if (!name)
        return false;
    dub_speak_say(self, name);
    self->joined = true; /* a symbol that is not said parts words all the same */
    self->at = after;
    return true;
}

/* "2 m x 3 m" */
static bool times_sign(DubSpeaker *self)
{
    const gunichar before = dub_speak_char_before(self, self->at);
    if (*self->at != 'x' || before != ' ' || self->at[1] != ' ' || !g_ascii_isdigit(self->at[2]))
        return false;
    dub_speak_say(self, self->language->times);
    self->at++;
    return true;
}

static const DubSpeakRule word_rules[] = { times_sign,         dub_speak_address,   dub_speak_abbreviation,
                                           dub_speak_initials, dub_speak_roman,     dub_speak_month,
                                           dub_speak_amount,   dub_speak_unit_alone };
static const DubSpeakRule other_rules[] = { dub_speak_address, dub_speak_phone,      dub_speak_date,
                                            dub_speak_clock,   dub_speak_fraction,   dub_speak_ordinal,
                                            dub_speak_amount,  dub_speak_unit_alone, dub_speak_symbol };

/* Takes one rule's words back where they are more than we promise for so much text. */
static bool apply(DubSpeaker *self, DubSpeakRule rule)
{
    const char *start = self->at;
    const gsize before = self->out->len;
    const bool joined = self->joined;
    if (rule(self) && self->out->len - before <= DUB_SPEAKABLE_GROWTH * (gsize) (self->at - start))
        return true;
    g_string_truncate(self->out, before);
    self->at = start;
    self->joined = joined;
    return false;
}

static bool apply_first(DubSpeaker *self, const DubSpeakRule *rules, gsize n_rules)
{
    for (gsize i = 0; i < n_rules; i++)
        if (apply(self, rules[i]))
            return true;
    return false;
}

/* Copies one character, or a word. */
static void copy(DubSpeaker *self)
{
    const gunichar first = g_utf8_get_char(self->at);
    const bool word = dub_speak_is_word_char(first);
    if (self->joined && (g_unichar_isalnum(first) || g_utf8_strchr("¿¡(«“", -1, first)) && wants_space(self->out))
        g_string_append_c(self->out, ' ');
    const bool elided =
        self->out->len && self->out->str[self->out->len - 1] == '\'' && self->at > self->text && self->at[-1] != '\'';
    const bool double_space = first == ' ' && self->out->len && (elided || self->out->str[self->out->len - 1] == ' ');
    const char *end = g_utf8_next_char(self->at);
    while (word && dub_speak_is_word_char(g_utf8_get_char(end)))
        end = g_utf8_next_char(end);
    if (!double_space)
        g_string_append_len(self->out, self->at, end - self->at);
    self->joined = false;
    self->at = end;
}

static void speak_all(DubSpeaker *self)
{
    while (*self->at) {
        const gunichar c = g_utf8_get_char(self->at);
        const bool word = dub_speak_is_word_char(c), plain = c == ' ';
        const bool spoken = !plain && (word ? apply_first(self, word_rules, G_N_ELEMENTS(word_rules))
                                            : apply_first(self, other_rules, G_N_ELEMENTS(other_rules)));
        if (!spoken)
            copy(self);
    }
}

static bool has_region(const char *language, const char *regions)
{
    g_autofree char *lower = g_ascii_strdown(language, -1);
    const char *region = strpbrk(lower, "-_");
    return region && dub_speak_words_have(regions, region + 1);
}

char *dub_speakable(const char *text, const char *language)
{
    g_autofree char *cleaned = clean(text);
    const DubSpeakLanguage *known = dub_speak_language_find(language);
    if (!known)
        return g_steal_pointer(&cleaned);
    g_autoptr(DubSpell) spell = dub_spell_new(language);
    const bool spanish = g_str_equal(known->code, "es"), regional = strpbrk(language, "-_") != NULL;
    DubSpeaker speaker = {
        .language = known,
        .spell = spell,
        .text = cleaned,
        .at = cleaned,
        .out = g_string_sized_new(2 * strlen(cleaned) + 1),
        .in_americas = spanish && regional && !has_region(language, "es"),
        .month_first = known->month_first && !has_region(language, "gb au ie nz in za"),
    };
    speak_all(&speaker);
    if (speaker.out->len && speaker.out->str[speaker.out->len - 1] == ' ')
        g_string_truncate(speaker.out, speaker.out->len - 1);
    return g_string_free(speaker.out, FALSE);
}
