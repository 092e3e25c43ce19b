/* text/tidy-rules.c: the rules of Spanish, for what Apertium writes: few, each about a whole kind of
 * sentence. Rules for single phrases made no sentence better but those that they were written for; such
 * phrases belong into a glossary. */
#include "text/tidy-rules.h"

#include "text/words.h"

#include <stdbool.h>
#include <string.h>

typedef struct {
    const char *pattern; /* whole words, any case; the first letter's case stays */
    const char *replacement;
} Rule;

/* What takes place takes ser: "la final es en Madrid", "era en 1998". */
#define EVENTS "(?<!final |partido |juego |carrera |torneo |reunión |fiesta )"
#define PLACES                                   \
    "(aquí|ahí|allí|en(?! \\d)|dentro|fuera " \
    "de|cerca|lejos|detrás|delante|debajo|arriba|abajo|atrás|adelante)"

/* What stands before "sumo" and is not great. */
#define NO_NOUNS "lo|de|a|y|en|con|es|son|era|eran|fue|está|están|"

static const Rule spanish[] = {
    /* contractions */
    { "a (?-i:el)", "al" },
    { "de (?-i:el)", "del" },
    /* "that" by itself points at what was just seen */
    { "aquello", "eso" },
    /* ser and estar: where something is; how it is; what is done by somebody */
    { EVENTS "es " PLACES, "está \\1" },
    { EVENTS "son " PLACES, "están \\1" },
    { EVENTS "era " PLACES, "estaba \\1" },
    { EVENTS "eran " PLACES, "estaban \\1" },
    { "es bien", "está bien" },
    { "son bien", "están bien" },
    { "era bien", "estaba bien" },
    { "eran bien", "estaban bien" },
    { "estuvo (\\w+[ai]d[oa]) por", "fue \\1 por" },
    { "estuvieron (\\w+[ai]d[oa]s) por", "fueron \\1 por" },
    /* to lead by, to trail by */
    { "(?:dirige|lidera) por", "gana por" },
    { "(?:dirigen|lideran) por", "ganan por" },
    { "(?:dirigió|lideró) por", "ganó por" },
    { "(?:dirigiendo|liderando) por", "ganando por" },
    { "estela por", "pierden por" },
    /* great */
    { "(es|era|fue|está|muy|tan) sum[oa]", "\\1 genial" },
    { "(son|eran|fueron|están) sum[oa]s", "\\1 geniales" },
    { "(el|la|un|una|este|esta|ese|esa|su|otro|otra) sum[oa]", "\\1 gran" },
    { "(los|las|unos|unas|estos|estas|sus|otros|otras) sum[oa]s", "\\1 grandes" },
    { "(?<!gran )(?!(?:" NO_NOUNS "gran|sum[oa]s?) )([^\\W\\d]\\w*) sum[oa](?! sum)", "gran \\1" },
    { "(?<!grandes )(?!(?:" NO_NOUNS "grandes|sum[oa]s?) )([^\\W\\d]\\w*) sum[oa]s(?! sum)", "grandes \\1" },
    /* let's */
    { "dejado es (\\w+[aei]r(?:l[aeo]s?)?)", "vamos a \\1" },
    /* exclamations */
    { "qué(?: una?)+", "qué" },
};

static char *with_case_of(const char *replaced, const char *original)
{
    return g_unichar_isupper(g_utf8_get_char(original)) ? dub_words_capital(replaced) : g_strdup(replaced);
}

/* Where a word came to stand before the first of the match, that one's capital is the new word's: "Portero
 * sumo" -> "Gran portero". */
static char *without_capital(const GMatchInfo *match, char *replaced)
{
    int whole_start, group_start = -1;
    g_match_info_fetch_pos(match, 0, &whole_start, NULL);
    g_match_info_fetch_pos(match, 1, &group_start, NULL);
    g_autofree char *group = group_start == whole_start ? g_match_info_fetch(match, 1) : NULL;
    const char *place = group && *group ? strstr(replaced, group) : NULL;
    if (!place || place == replaced)
        return replaced;
    g_autofree char *owned = replaced;
    g_autofree char *before = g_strndup(replaced, (gsize) (place - replaced));
    const char *rest = g_utf8_next_char(place);
    g_autofree char *small = g_utf8_strdown(place, rest - place);
    return g_strconcat(before, small, rest, NULL);
}

static gboolean replace_match(const GMatchInfo *match, GString *result, gpointer data)
{
    const Rule *rule = data;
    g_autofree char *whole = g_match_info_fetch(match, 0);
    g_autofree char *replaced = without_capital(match, g_match_info_expand_references(match, rule->replacement, NULL));
    g_autofree char *cased = with_case_of(replaced, whole);
    g_string_append(result, cased);
    return FALSE;
}

static char *apply_rule(const char *text, const Rule *rule)
{
    g_autofree char *pattern = g_strdup_printf("(?<!\\w)%s(?!\\w)", rule->pattern);
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
    static const char *const tags[] = { "verdad", "no", "sí", "eh", "vale", "cierto", "correcto", "qué", NULL };
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
    while (text < end && !g_unichar_isalnum(g_utf8_get_char(text)) && g_utf8_get_char(text) != 0xbf &&
           g_utf8_get_char(text) != 0xa1)
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
