/* text/speak-read.c: reads numbers as a language and English write them, and the words around them. */
#include "text/speak-private.h"

#include <string.h>

#define PLURAL_ENDS "sx" /* of nouns in Spanish, Portuguese and French */

bool dub_speak_is_word_char(gunichar c)
{
    return g_unichar_isalpha(c) || g_unichar_ismark(c);
}

const char *dub_speak_skip_space(const char *p)
{
    return p + (*p == ' ');
}

gunichar dub_speak_char_before(const DubSpeaker *self, const char *p)
{
    return p > self->text ? g_utf8_get_char(g_utf8_prev_char(p)) : 0;
}

static char *lower_case(const char *start, const char *end)
{
    return g_utf8_strdown(start, end - start);
}

char *dub_speak_word_before(const DubSpeaker *self, const char *p)
{
    if (p > self->text && p[-1] == ' ')
        p--;
    const char *start = p;
    while (start > self->text && dub_speak_is_word_char(dub_speak_char_before(self, start)))
        start = g_utf8_prev_char(start);
    return lower_case(start, p);
}

char *dub_speak_word_after(const char *p)
{
    if (*p != ' ')
        return g_strdup("");
    const char *end = p + 1;
    while (dub_speak_is_word_char(g_utf8_get_char(end)))
        end = g_utf8_next_char(end);
    return lower_case(p + 1, end);
}

const char *dub_speak_read_digits(const char *p, guint least, guint most, int *value)
{
    guint n = 0;
    for (*value = 0; n < most && g_ascii_isdigit(p[n]); n++)
        *value = *value * 10 + (p[n] - '0');
    return n >= least && !g_ascii_isdigit(p[n]) ? p + n : NULL;
}

static gsize count_digits(const char *p)
{
    return strspn(p, "0123456789");
}

/* Returns: how many bytes of a separator with exactly three digits behind it stand at @p; 0: none. */
static gsize group_at(const char *p, const char *separator)
{
    const gsize length = strlen(separator);
    return g_str_has_prefix(p, separator) && count_digits(p + length) == 3 ? length + 3 : 0;
}

/* Returns: the end of "1.234.567" with this separator between its groups; @p where it has none. */
static const char *end_of_groups(const char *p, const char *separator)
{
    const char *end = p + count_digits(p);
    for (gsize length; (length = group_at(end, separator)) > 0;)
        end += length;
    return end;
}

/* Returns: whether digits in groups by this separator are one number in @language. */
static bool groups_count(const DubSpeakLanguage *language, const char *start, const char *end, const char *separator)
{
    const gsize first = count_digits(start), groups = (gsize) (end - start - (gssize) first) / (3 + strlen(separator));
    if (groups == 0 || first > 3 || *start == '0')
        return false;
    if (*separator == ' ' && (g_str_equal(language->code, "en") || g_str_equal(language->code, "de")))
        return first + 3 * groups >= 5; /* "the 4 100 m relays": here small numbers are not written so */
    return !(*separator == '.' && language->decimal_point && groups == 1);
}

static const char *read_whole(const DubSpeakLanguage *language, const char *p, char *separator)
{
    static const char *const separators[] = { ".", ",", " ", "'", "’" };
    for (gsize i = 0; i < G_N_ELEMENTS(separators); i++) {
        const char *end = end_of_groups(p, separators[i]);
        const bool goes_on = *end == *separators[i] && g_ascii_isdigit(end[1]); /* "1.234.56" */
        if (groups_count(language, p, end, separators[i]) && (!goes_on || *separators[i] == ' ')) {
            *separator = *separators[i];
            return end;
        }
    }
    *separator = '\0';
    return p + count_digits(p);
}

/* Returns: the end of the decimals after @p, or @p. */
static const char *read_decimals(const char *p, char grouping)
{
    if ((*p != '.' && *p != ',') || *p == grouping || !g_ascii_isdigit(p[1]))
        return p;
    const char *end = p + 1 + count_digits(p + 1);
    const bool listed = *end == *p && g_ascii_isdigit(end[1]); /* "1.2.3" is a version, "1,2,3" a list */
    return listed ? p : end;
}

static void copy_digits(char *to, const char *start, const char *end, bool *too_long)
{
    gsize n = 0;
    for (const char *p = start; p < end; p++) {
        if (!g_ascii_isdigit(*p))
            continue;
        if (n < DUB_SPELL_MOST_DIGITS)
            to[n++] = *p;
        else
            *too_long = true;
    }
    to[n] = '\0';
}

/* Returns: whether a digit and a mark stand before @p: then the number goes on a list or a version. */
static bool is_listed(const DubSpeaker *self, const char *p)
{
    return p - self->text >= 2 && (p[-1] == '.' || p[-1] == ',') && g_ascii_isdigit(p[-2]);
}

bool dub_speak_read(const DubSpeaker *self, const char *p, DubSpeakNumber *number)
{
    if (!g_ascii_isdigit(*p))
        return false;
    *number = (DubSpeakNumber){ .start = p };
    char grouping;
    const char *whole = read_whole(self->language, p, &grouping);
    number->end = is_listed(self, p) ? whole : read_decimals(whole, grouping);
    number->grouped = grouping != '\0';
    number->separator = number->end > whole ? *whole : '\0';
    bool too_many_decimals = false;
    copy_digits(number->whole, p, whole, &number->digits_only);
    copy_digits(number->decimals, whole, number->end, &too_many_decimals);
    if (too_many_decimals) { /* nobody says so many: the rest is read as digits of its own */
        number->decimals[0] = number->separator = '\0';
        number->end = whole;
    }
    number->digits_only |= number->whole[0] == '0' && number->whole[1] && !*number->decimals;
    number->value = number->digits_only ? 0 : g_ascii_strtoll(number->whole, NULL, 10);
    return true;
}

double dub_speak_double(const DubSpeakNumber *number)
{
    g_autofree char *text = g_strconcat(number->whole, ".", number->decimals, NULL);
    return g_ascii_strtod(text, NULL);
}

bool dub_speak_is_feminine(const DubSpeakLanguage *language, const char *noun)
{
    return !dub_speak_words_have(language->masculine, noun) && dub_speak_words_have(language->feminine, noun);
}

/* Returns: (transfer full): the noun that is counted after @after, past adjectives that tell nothing; "" if
 * there is none. */
static char *counted_noun(const DubSpeaker *self, const char *after)
{
    g_autofree char *word = dub_speak_word_after(after);
    if (dub_speak_words_have(self->language->not_nouns, word))
        return g_strdup("");
    if (!dub_speak_words_have(self->language->unsure, word))
        return g_steal_pointer(&word);
    char *next = dub_speak_word_after(after + 1 + strlen(word));
    if (*next && !dub_speak_words_have(self->language->not_nouns, next))
        return next;
    g_free(next);
    return g_steal_pointer(&word);
}

static bool looks_plural(const char *noun)
{
    const gsize length = strlen(noun);
    return length > 1 && strchr(PLURAL_ENDS, noun[length - 1]);
}

static bool counts_one(const DubSpeaker *self, const DubSpeakNumber *number, const char *noun, const char *after)
{
    g_autofree char *before = dub_speak_word_before(self, number->start);
    if (dub_speak_words_have(self->language->number_names, before))
        return false; /* "Fórmula 1 llega" */
    if (g_str_equal(self->language->code, "de"))
        return g_unichar_isupper(g_utf8_get_char(dub_speak_skip_space(after)));
    return !(self->language->agrees_beyond_one && looks_plural(noun));
}

/* Italian says "uno" before some consonants. */
static bool wants_uno(const char *noun)
{
    if (strchr("zxy", noun[0]) || g_str_has_prefix(noun, "gn") || g_str_has_prefix(noun, "ps"))
        return true;
    return noun[0] == 's' && noun[1] && !strchr("aeiou", noun[1]) && g_ascii_isalpha(noun[1]);
}

DubSpellForm dub_speak_form(const DubSpeaker *self, const DubSpeakNumber *number, const char *noun, const char *after)
{
    const DubSpeakLanguage *language = self->language;
    if (*number->decimals || (number->value != 1 && !language->agrees_beyond_one))
        return DUB_SPELL_PLAIN;
    g_autofree char *found = noun ? g_utf8_strdown(noun, (gssize) strcspn(noun, " ")) : counted_noun(self, after);
    if (!*found)
        return DUB_SPELL_PLAIN;
    if (!noun && g_str_equal(found, "mil"))
        return DUB_SPELL_MASCULINE; /* "cincuenta y un mil" */
    if (!noun && !(number->value == 1 ? counts_one(self, number, found, after) : looks_plural(found)))
        return DUB_SPELL_PLAIN;
    if (dub_speak_is_feminine(language, found))
        return DUB_SPELL_FEMININE;
    return g_str_equal(language->code, "it") && wants_uno(found) ? DUB_SPELL_PLAIN : DUB_SPELL_MASCULINE;
}
