/* text/words.c: cuts a text into words. A word is letters, digits and the marks on letters. */
#include "text/words.h"

#include <string.h>

static bool is_word_character(gunichar c)
{
    return g_unichar_isalnum(c) || g_unichar_ismark(c);
}

static bool is_apostrophe(gunichar c)
{
    return c == '\'' || c == 0x2019;
}

/* @gap: what stands between two words, not empty */
static DubWordGap gap_kind(const char *gap, gsize length)
{
    const gunichar first = g_utf8_get_char(gap);
    const bool single = (gsize) (g_utf8_next_char(gap) - gap) == length;
    if (single && is_apostrophe(first))
        return DUB_GAP_APOSTROPHE;
    if (single && first == '-')
        return DUB_GAP_BLANK;
    for (const char *c = gap; c < gap + length; c = g_utf8_next_char(c))
        if (!g_unichar_isspace(g_utf8_get_char(c)))
            return DUB_GAP_BREAK;
    return DUB_GAP_BLANK;
}

/* A comma between two words does not begin a sentence; a stop, a colon, a quotation mark or an opening mark
 * does. */
static bool starts_sentence(const char *gap, gsize length)
{
    for (const char *c = gap; c < gap + length; c = g_utf8_next_char(c)) {
        const gunichar mark = g_utf8_get_char(c);
        if (mark == '"' || mark == '(' || mark == ':' || mark == '.' || mark == '!' || mark == '?' || mark == 0x2026 ||
            mark == 0xa1 || mark == 0xbf || g_unichar_type(mark) == G_UNICODE_INITIAL_PUNCTUATION)
            return true;
    }
    return false;
}

static char *fold(const char *word, gsize length)
{
    g_autofree char *lower = g_utf8_strdown(word, (gssize) length);
    return g_utf8_normalize(lower, -1, G_NORMALIZE_NFC);
}

static void clear_word(void *data)
{
    g_free(((DubWord *) data)->folded);
}

static const char *skip(const char *c, bool word)
{
    while (*c && is_word_character(g_utf8_get_char(c)) == word)
        c = g_utf8_next_char(c);
    return c;
}

GArray *dub_words_find(const char *text)
{
    GArray *words = g_array_new(FALSE, FALSE, sizeof(DubWord));
    g_array_set_clear_func(words, clear_word);
    const char *end = text; /* of the word before */
    for (const char *c = skip(text, false); *c; c = skip(end, false)) {
        const char *start = c;
        const gsize gap_bytes = (gsize) (start - end);
        DubWord word = { .start = (gsize) (start - text), .gap = DUB_GAP_BREAK, .sentence_start = true };
        if (words->len) {
            word.gap = gap_kind(end, gap_bytes);
            word.sentence_start = starts_sentence(end, gap_bytes);
        }
        end = skip(start, true);
        word.length = (gsize) (end - start);
        word.folded = fold(start, word.length);
        g_array_append_val(words, word);
    }
    return words;
}

DubWordCase dub_word_case(const char *start, gsize length)
{
    guint upper = 0, lower = 0;
    for (const char *c = start; c < start + length; c = g_utf8_next_char(c)) {
        upper += g_unichar_isupper(g_utf8_get_char(c)) ? 1 : 0;
        lower += g_unichar_islower(g_utf8_get_char(c)) ? 1 : 0;
    }
    if (upper == 0)
        return DUB_CASE_LOWER;
    if (lower == 0)
        return upper == 1 ? DUB_CASE_INITIAL : DUB_CASE_UPPER;
    return upper == 1 && g_unichar_isupper(g_utf8_get_char(start)) ? DUB_CASE_INITIAL : DUB_CASE_MIXED;
}

char *dub_words_key(const GArray *words, guint first, guint n)
{
    GString *key = g_string_new(NULL);
    for (guint i = first; i < first + n; i++) {
        const DubWord *word = &g_array_index(words, DubWord, i);
        if (i > first)
            g_string_append_c(key, word->gap == DUB_GAP_APOSTROPHE ? '\'' : ' ');
        g_string_append(key, word->folded);
    }
    return g_string_free(key, FALSE);
}

guint dub_words_run(const GArray *words, guint first, guint most)
{
    guint n = MIN(most, 1);
    while (n < most && first + n < words->len && g_array_index(words, DubWord, first + n).gap != DUB_GAP_BREAK)
        n++;
    return n;
}

char *dub_words_capital(const char *text)
{
    const char *c = text;
    while (*c && !g_unichar_isalnum(g_utf8_get_char(c)))
        c = g_utf8_next_char(c);
    if (!*c)
        return g_strdup(text);
    const char *rest = g_utf8_next_char(c);
    g_autofree char *before = g_strndup(text, (gsize) (c - text));
    g_autofree char *letter = g_utf8_strup(c, rest - c);
    return g_strconcat(before, letter, rest, NULL);
}

char *dub_words_exchange_ending(const char *word, const DubEnding *endings)
{
    for (const DubEnding *row = endings; row->ending; row++) {
        if (!g_str_has_suffix(word, row->ending))
            continue;
        g_autofree char *stem = g_strndup(word, strlen(word) - strlen(row->ending));
        return g_strconcat(stem, row->instead, NULL);
    }
    return NULL;
}
