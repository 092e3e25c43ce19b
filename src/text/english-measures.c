/* text/english-measures.c: "30-yard line" is "line of 30 yards". */
#include "text/english.h"

#include <stdbool.h>
#include <string.h>

#define NUMBER                                                                                                  \
    "\\d+(?:[.,]\\d+)?|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|" \
    "fifty|sixty|seventy|eighty|ninety|hundred"

/* What ends a noun: then the one word before it is the whole noun. */
#define AFTER                                                                                                           \
    "(?=\\s*(?:$|[.,;:!?…]|(?:a|an|and|are|as|at|but|by|for|from|had|has|have|he|in|into|is|it|of|on|or|she|so|that|" \
    "the|they|to|was|we|were|when|which|who|will|with|would|you)\\b))"

/* number, unit, noun */
#define MEASURED "\\b(" NUMBER ")-(?!year-old)(\\p{L}+)(?<!ed|ing) (\\p{L}+)" AFTER
#define HYPHENED "\\b(" NUMBER ")-(\\p{L}+)(?:-(old))?\\b"

static gboolean turn_round(const GMatchInfo *match, GString *result, gpointer user_data G_GNUC_UNUSED)
{
    g_autofree char *number = g_match_info_fetch(match, 1), *unit = g_match_info_fetch(match, 2);
    g_autofree char *noun = g_match_info_fetch(match, 3);
    g_autofree char *units = g_str_equal(number, "1") ? g_strdup(unit) : dub_english_plural(unit);
    g_string_append_printf(result, "%s of %s %s", noun, number, units);
    return FALSE;
}

static gboolean part(const GMatchInfo *match, GString *result, gpointer user_data G_GNUC_UNUSED)
{
    g_autofree char *number = g_match_info_fetch(match, 1), *unit = g_match_info_fetch(match, 2);
    g_autofree char *old = g_match_info_fetch(match, 3);
    g_string_append_printf(result, "%s %s%s%s", number, unit, old && *old ? " " : "", old ? old : "");
    return FALSE;
}

static char *replace(const char *text, const char *pattern, GRegexEvalCallback replacement)
{
    g_autoptr(GRegex) regex =
        g_regex_new(pattern, G_REGEX_CASELESS | G_REGEX_OPTIMIZE, 0, NULL); /* a constant: it compiles */
    return g_regex_replace_eval(regex, text, -1, 0, 0, replacement, NULL, NULL);
}

char *dub_english_measures(const char *text)
{
    if (!strchr(text, '-'))
        return g_strdup(text);
    g_autofree char *turned = replace(text, MEASURED, turn_round);
    return replace(turned, HYPHENED, part);
}
