/* apps/engines/whisper-text.c: brackets, expectations, doubts. */
#include "whisper-text.h"

#include <string.h>

#define NO_SPEECH_MOST    0.6
#define PROBABILITY_LEAST 0.35
#define LETTERS_PER_S     35 /* nobody speaks as fast, even where the times are wrong */
#define LETTERS_HURRIED   20
#define LETTERS_FREE      8
#define STOCK_SURE        0.9

/* ── What nobody said ── */

static const struct {
    gunichar open, close;
} brackets[] = { { '[', ']' }, { '(', ')' }, { '*', '*' }, { 0x266a, 0x266a }, { 0xff08, 0xff09 }, { 0x3010, 0x3011 } };

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

/* ── What is expected ── */

static const struct {
    const char *language, *sentence;
} sentences[] = {
    { "en", "The talk is about %s." }, { "es", "Se habla de %s." }, { "fr", "On parle de %s." },
    { "de", "Es geht um %s." },        { "it", "Si parla di %s." }, { "pt", "Fala-se de %s." },
};

/* (transfer full): whole terms, up to the bound */
static char *cut_terms(const char *terms)
{
    if (strlen(terms) <= WHISPER_TERMS_MOST_BYTES)
        return g_strdup(terms);
    g_autofree char *head = g_strndup(terms, WHISPER_TERMS_MOST_BYTES);
    char *comma = strrchr(head, ',');
    return comma ? g_strndup(head, (gsize) (comma - head)) : NULL;
}

char *whisper_text_prompt(const char *terms, const char *language)
{
    g_autofree char *kept = terms ? cut_terms(terms) : NULL;
    if (!kept || !*g_strstrip(kept))
        return NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(sentences); i++) {
        if (!g_str_equal(sentences[i].language, language))
            continue;
        g_auto(GStrv) halves = g_strsplit(sentences[i].sentence, "%s", 2);
        return g_strconcat(halves[0], kept, halves[1], NULL);
    }
    return g_strconcat(kept, ".", NULL);
}

/* ── Doubts ── */

/* What Whisper says when it hears nothing. Somebody may really say it: then it is sure, and hears a voice. */
static const char *const stock[] = {
    "you",
    "thank you",
    "thanks",
    "thank you very much",
    "thank you for watching",
    "thanks for watching",
    "bye",
    "bye bye",
    "okay",
    "so",
    "oh",
    "the end",
    "i'm going to go",
    "i'm sorry",
    "please subscribe",
    "gracias",
    "merci",
    "danke",
    "vielen dank",
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
    if (evidence->speech_s <= 0 || g_utf8_strlen(text, -1) > LETTERS_FREE + evidence->speech_s * LETTERS_PER_S)
        return false;
    return !is_stock(text) || evidence->probability > STOCK_SURE || evidence->no_speech < 0.1;
}

bool whisper_text_is_same(const char *a, const char *b)
{
    g_autofree char *bare_a = bare_words(a);
    g_autofree char *bare_b = bare_words(b);
    return g_str_equal(bare_a, bare_b);
}

bool whisper_text_is_hurried(const char *text, double speech_s)
{
    return (double) g_utf8_strlen(text, -1) > speech_s * LETTERS_HURRIED;
}

void whisper_text_halve(char *text, unsigned least_words)
{
    unsigned n_words = 1;
    for (char *blank = strchr(text, ' '); blank; blank = strchr(blank + 1, ' '), n_words++) {
        *blank = '\0';
        if (n_words >= least_words && whisper_text_is_same(text, blank + 1))
            return;
        *blank = ' ';
    }
}
