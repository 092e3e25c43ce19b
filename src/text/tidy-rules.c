/* text/tidy-rules.c: the rules of Spanish. Each was kept because it made sentences better that it was not written for. */
#include "text/tidy-rules.h"

#include "text/words.h"

#include <stdbool.h>
#include <string.h>

typedef struct {
    const char *pattern; /* whole words, any case; the first letter's case stays */
    const char *replacement;
} Rule;

#define PLACES "(aquí|ahí|allí|en|dentro|fuera de|cerca|lejos|detrás|delante|debajo|arriba|abajo|atrás|adelante)"

static const Rule spanish[] = {
    /* contractions */
    {"a el", "al"},
    {"de el", "del"},
    /* "that" by itself points at what was just seen */
    {"aquello", "eso"},
    /* ser and estar: where something is; how it is; what is done by somebody */
    {"es " PLACES, "está \\1"},
    {"son " PLACES, "están \\1"},
    {"era " PLACES, "estaba \\1"},
    {"eran " PLACES, "estaban \\1"},
    {"es bien", "está bien"},
    {"son bien", "están bien"},
    {"era bien", "estaba bien"},
    {"eran bien", "estaban bien"},
    {"estuvo (\\w+[ai]d[oa]) por", "fue \\1 por"},
    {"estuvieron (\\w+[ai]d[oa]s) por", "fueron \\1 por"},
    /* to lead by, to trail by */
    {"(?:dirige|lidera) por", "gana por"},
    {"(?:dirigen|lideran) por", "ganan por"},
    {"(?:dirigió|lideró) por", "ganó por"},
    {"(?:dirigiendo|liderando) por", "ganando por"},
    {"estela por", "pierden por"},
    /* great */
    {"(es|era|fue|está|muy|tan) sum[oa]", "\\1 genial"},
    {"(son|eran|fueron|están) sum[oa]s", "\\1 geniales"},
    {"(el|la|un|una|este|esta|ese|esa|su|otro|otra) sum[oa]", "\\1 gran"},
    {"(los|las|unos|unas|estos|estas|sus|otros|otras) sum[oa]s", "\\1 grandes"},
    {"(?<!gran )(?!(?:lo|de|a|y|en|con|gran|sum[oa]) )(\\w+) sum[oa]", "gran \\1"},
    {"(?<!grandes )(?!(?:de|a|y|en|con|grandes|sum[oa]s) )(\\w+) sum[oa]s", "grandes \\1"},
    /* let's */
    {"dejado es (\\w+[aei]r(?:l[aeo]s?)?)", "vamos a \\1"},
    /* exclamations */
    {"qué una? ", "qué "},
};

static char *with_case_of(const char *replaced, const char *original)
{
    return g_unichar_isupper(g_utf8_get_char(original)) ? dub_words_capital(replaced) : g_strdup(replaced);
}

static gboolean replace_match(const GMatchInfo *match, GString *result, gpointer data)
{
    const Rule *rule = data;
    g_autofree char *whole = g_match_info_fetch(match, 0);
    g_autofree char *replaced = g_match_info_expand_references(match, rule->replacement, NULL);
    g_autofree char *cased = with_case_of(replaced ? replaced : whole, whole);
    g_string_append(result, cased);
    return FALSE;
}

static char *apply_rule(const char *text, const Rule *rule)
{
    const bool open_end = g_str_has_suffix(rule->pattern, " ");
    g_autofree char *pattern = g_strdup_printf("(?<!\\w)%s%s", rule->pattern, open_end ? "" : "(?!\\w)");
    g_autoptr(GError) error = NULL;
    g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_CASELESS, 0, &error);
    g_assert_no_error(error); /* the patterns are ours */
    char *result = g_regex_replace_eval(regex, text, -1, 0, 0, replace_match, (gpointer) rule, NULL);
    return result ? result : g_strdup(text); /* a limit of the matcher's, on no text that a person says */
}

static bool is_terminator(gunichar c)
{
    return c == '.' || c == '!' || c == '?' || c == 0x2026;
}

/* What after a comma is the question: "Ganaron, ¿verdad?" */
static const char *tag_question(const char *begin, const char *end)
{
    static const char *const tags[] = {"verdad", "no", "sí", "eh", "vale", "cierto", "correcto", "qué", NULL};
    const char *comma = g_strrstr_len(begin, end - begin, ", ");
    if (!comma)
        return begin;
    const char *start = comma + strlen(", ");
    g_autofree char *word = g_strndup(start, (gsize) (end - start));
    g_strdelimit(word, "?!", '\0');
    return g_strv_contains(tags, word) ? start : begin;
}

static const char *skip_openers(const char *text, const char *end)
{
    while (text < end && !g_unichar_isalnum(g_utf8_get_char(text)) && g_utf8_get_char(text) != 0xbf && g_utf8_get_char(text) != 0xa1)
        text = g_utf8_next_char(text);
    return text;
}

/* @begin … @end: one sentence with the marks that end it. "¡" and "¿" stand where it begins. */
static void append_marked(GString *result, const char *begin, const char *end, gunichar mark)
{
    const char *opening = mark == '!' ? "¡" : "¿";
    const char *start = skip_openers(begin, end);
    if (mark == '?')
        start = tag_question(start, end);
    if ((mark != '!' && mark != '?') || start == end || g_strstr_len(begin, end - begin, opening)) {
        g_string_append_len(result, begin, end - begin);
        return;
    }
    g_string_append_len(result, begin, start - begin);
    g_string_append(result, opening);
    g_string_append_len(result, start, end - start);
}

static char *open_marks(const char *text)
{
    GString *result = g_string_new(NULL);
    const char *begin = text;
    for (const char *c = text; *c;) {
        const gunichar mark = g_utf8_get_char(c);
        c = g_utf8_next_char(c);
        if (!is_terminator(mark) || (mark == '.' && g_unichar_isalnum(g_utf8_get_char(c))))
            continue;
        while (is_terminator(g_utf8_get_char(c)))
            c = g_utf8_next_char(c);
        append_marked(result, begin, c, mark);
        begin = c;
    }
    g_string_append(result, begin);
    return g_string_free(result, FALSE);
}

char *dub_tidy_rules_apply(const char *text, const char *to)
{
    char *result = g_strdup(text);
    if (!g_str_equal(to, "es") && !g_str_has_prefix(to, "es-"))
        return result;
    for (gsize i = 0; i < G_N_ELEMENTS(spanish); i++) {
        char *next = apply_rule(result, &spanish[i]);
        g_free(result);
        result = next;
    }
    char *marked = open_marks(result);
    g_free(result);
    return marked;
}
