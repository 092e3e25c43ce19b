/* text/tidy.c: what is wrong in a translated sentence whatever it says: blanks, punctuation, capitals, marks;
 * then the rules of its language. */
#include "text/tidy.h"

#include "text/tidy-rules.h"
#include "text/words.h"

#include <stdbool.h>
#include <string.h>

#define UNKNOWN_MARKS "*@#" /* what Apertium puts before a word that it does not know, or cannot inflect */

static bool is_blank(gunichar c)
{
    return g_unichar_isspace(c) || c == 0xfeff;
}

static bool is_any_of(gunichar c, const char *set)
{
    return c && g_utf8_strchr(set, -1, c) != NULL;
}

/* A mark belongs to the text if the speaker's text has it too ("#1", "C#"). */
static bool is_unknown_mark(const char *c, const char *source)
{
    if (!*c || !strchr(UNKNOWN_MARKS, *c) || !g_unichar_isalpha(g_utf8_get_char(c + strspn(c, UNKNOWN_MARKS))))
        return false;
    return !source || !strchr(source, *c);
}

/* One blank between words, none at the ends; no marks of unknown words. */
static char *clean_blanks(const char *text, const char *source)
{
    GString *result = g_string_new(NULL);
    bool blank = false;
    for (const char *c = text; *c; c = g_utf8_next_char(c)) {
        const gunichar character = g_utf8_get_char(c);
        const bool at_begin = c == text || blank || !g_unichar_isalnum(g_utf8_get_char(g_utf8_prev_char(c)));
        if (is_blank(character)) {
            blank = true;
            continue;
        }
        if (at_begin && is_unknown_mark(c, source))
            continue;
        if (blank && result->len)
            g_string_append_c(result, ' ');
        blank = false;
        g_string_append_unichar(result, character);
    }
    return g_string_free(result, FALSE);
}

/* No blank before what closes, none after what opens. French puts one before its high marks. */
static char *clean_punctuation(const char *text, const char *to)
{
    const bool french = g_str_has_prefix(to, "fr");
    const char *tight = french ? ",.)]…%" : ",.;:!?)]»…%";
    const char *opening = french ? "([" : "([¿¡«";
    GString *result = g_string_new(NULL);
    gunichar last = 0;
    for (const char *c = text; *c; c = g_utf8_next_char(c)) {
        const gunichar character = g_utf8_get_char(c), next = g_utf8_get_char(g_utf8_next_char(c));
        if (character == ' ' && (is_any_of(next, tight) || is_any_of(last, opening)) &&
            !(next == '.' && g_ascii_isdigit(c[2])))
            continue;
        if (character == last && is_any_of(character, ",;:"))
            continue;
        g_string_append_unichar(result, character);
        last = character;
    }
    return g_string_free(result, FALSE);
}

static bool begins_with_capital(const char *text)
{
    while (*text && !g_unichar_isalnum(g_utf8_get_char(text)))
        text = g_utf8_next_char(text);
    return g_unichar_isupper(g_utf8_get_char(text));
}

static bool has_word(const char *text, const char *start, gsize length)
{
    g_autoptr(GArray) words = dub_words_find(text);
    for (guint i = 0; i < words->len; i++) {
        const DubWord *other = &g_array_index(words, DubWord, i);
        if (other->length == length && memcmp(text + other->start, start, length) == 0)
            return true;
    }
    return false;
}

/* Where the first word moved inwards its capital went with it: "el equipo Grande". A name, which the source
 * has too, keeps its own. */
static char *return_capital(const char *text, const char *source)
{
    g_autoptr(GArray) words = dub_words_find(text);
    if (words->len < 2 || !source || !begins_with_capital(source) || begins_with_capital(text))
        return g_strdup(text);
    for (guint i = 1; i < words->len; i++) {
        const DubWord *word = &g_array_index(words, DubWord, i);
        const char *start = text + word->start;
        if (word->sentence_start || dub_word_case(start, word->length) != DUB_CASE_INITIAL ||
            has_word(source, start, word->length))
            continue;
        g_autofree char *before = g_strndup(text, word->start);
        const char *rest = g_utf8_next_char(start);
        g_autofree char *small = g_utf8_strdown(start, rest - start);
        return g_strconcat(before, small, rest, NULL);
    }
    return g_strdup(text);
}

static char *put_capital(const char *text, const char *source)
{
    if (source && !begins_with_capital(source))
        return g_strdup(text);
    g_autofree char *returned = return_capital(text, source);
    return dub_words_capital(returned);
}

/* Runs @step over *text in place. */
#define STEP(text, call)            \
    G_STMT_START                    \
    {                               \
        char *step_result = (call); \
        g_free(text);               \
        (text) = step_result;       \
    }                               \
    G_STMT_END

char *dub_tidy(const char *translated, const char *source, const char *to)
{
    g_autofree char *text = clean_blanks(translated, source);
    STEP(text, put_capital(text, source));
    STEP(text, dub_tidy_rules_apply(text, to));
    STEP(text, clean_punctuation(text, to));
    STEP(text, put_capital(text, source));
    return g_steal_pointer(&text);
}
