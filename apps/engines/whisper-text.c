/* apps/engines/whisper-text.c: brackets, loops, doubts. */
#include "whisper-text.h"

#include <string.h>

#define LOOP_WORDS_MOST   8
#define NO_SPEECH_MOST    0.6
#define PROBABILITY_LEAST 0.35
#define LETTERS_PER_S     35 /* nobody speaks as fast */
#define STOCK_SURE        0.9

/* ── What nobody said ── */

static const struct {
    gunichar open, close;
} brackets[] = {{'[', ']'}, {'(', ')'}, {'*', '*'}, {0x266a, 0x266a}, {0xff08, 0xff09}, {0x3010, 0x3011}};

static gunichar closing_of(gunichar c)
{
    for (gsize i = 0; i < G_N_ELEMENTS(brackets); i++)
        if (brackets[i].open == c)
            return brackets[i].close;
    return 0;
}

static bool is_mark(gunichar c)
{
    return (c >= 0x2669 && c <= 0x266f) || c == 0xfffd || closing_of(c) || c == ']' || c == ')';
}

/* Past the closing bracket; @text where there is none: the bracket alone is left out then. */
static const char *skip_bracket(const char *text, gunichar close)
{
    for (const char *c = text; *c; c = g_utf8_next_char(c))
        if (g_utf8_get_char(c) == close)
            return g_utf8_next_char(c);
    return text;
}

static bool says_something(const char *text)
{
    for (; *text; text = g_utf8_next_char(text))
        if (g_unichar_isalnum(g_utf8_get_char(text)))
            return true;
    return false;
}

char *whisper_text_clean(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1); /* a token may end within a character */
    g_autoptr(GString) kept = g_string_new(NULL);
    for (const char *c = valid; *c;) {
        const gunichar letter = g_utf8_get_char(c);
        const gunichar close = closing_of(letter);
        c = g_utf8_next_char(c);
        if (close)
            c = skip_bracket(c, close);
        else if (g_unichar_isspace(letter) && kept->len > 0 && kept->str[kept->len - 1] != ' ')
            g_string_append_c(kept, ' ');
        else if (!g_unichar_isspace(letter) && !is_mark(letter))
            g_string_append_unichar(kept, letter);
    }
    g_strstrip(kept->str);
    return says_something(kept->str) ? g_strdup(kept->str) : g_strdup("");
}

/* ── Loops ── */

static bool repeats(char **words, gsize n_words, gsize first, gsize period, unsigned times)
{
    if (first + period * times > n_words)
        return false;
    for (gsize i = first + period; i < first + period * times; i++)
        if (!g_str_equal(words[i], words[i - period]))
            return false;
    return true;
}

bool whisper_text_is_loop(const char *text)
{
    g_autofree char *lower = g_utf8_strdown(text, -1);
    g_auto(GStrv) words = g_strsplit(lower, " ", -1);
    const gsize n_words = g_strv_length(words);
    for (gsize period = 1; period <= LOOP_WORDS_MOST; period++)
        for (gsize first = 0; first < n_words; first++)
            if (repeats(words, n_words, first, period, period > 3 ? 3 : 4))
                return true;
    return false;
}

/* ── Doubts ── */

/* What Whisper says when it hears nothing. Somebody may really say it: then it is sure, and hears a voice. */
static const char *const stock[] = {
    "you", "thank you", "thanks", "thank you very much", "thank you for watching", "thanks for watching", "bye", "bye bye", "okay", "so",
    "oh", "the end", "i'm going to go", "i'm sorry", "please subscribe", "gracias", "merci", "danke", "vielen dank",
};

static char *bare_words(const char *text)
{
    g_autofree char *lower = g_utf8_strdown(text, -1);
    g_autoptr(GString) bare = g_string_new(NULL);
    for (const char *c = lower; *c; c = g_utf8_next_char(c)) {
        const gunichar letter = g_utf8_get_char(c);
        if (g_unichar_isalnum(letter) || letter == '\'')
            g_string_append_unichar(bare, letter);
        else if (bare->len > 0 && bare->str[bare->len - 1] != ' ')
            g_string_append_c(bare, ' ');
    }
    return g_strstrip(g_string_free(g_steal_pointer(&bare), FALSE));
}

static bool is_stock(const char *text)
{
    g_autofree char *bare = bare_words(text);
    for (gsize i = 0; i < G_N_ELEMENTS(stock); i++)
        if (g_str_equal(bare, stock[i]))
            return true;
    return false;
}

bool whisper_text_is_believable(const char *text, const WhisperEvidence *evidence)
{
    if (*text == '\0' || evidence->no_speech > NO_SPEECH_MOST || evidence->probability < PROBABILITY_LEAST)
        return false;
    if (evidence->speech_s <= 0 || g_utf8_strlen(text, -1) > 8 + evidence->speech_s * LETTERS_PER_S)
        return false;
    return !is_stock(text) || evidence->probability > STOCK_SURE || evidence->no_speech < 0.1;
}
