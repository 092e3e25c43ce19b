/* text/glossary-row.c: parses and checks one line. */
#include "text/glossary-row.h"

#include "text/glossary.h"
#include "text/words.h"

#include <string.h>

#define FORMS_MOST   5 /* of a verb */
#define COLUMNS_MOST 6

enum { SOURCE, TARGET, KIND, NUMBER, NOTE, SPOKEN };

static const char *const column_names[COLUMNS_MOST] = { "source", "target", "gender", "number", "note", "spoken" };

void dub_glossary_row_clear(DubGlossaryRow *row)
{
    g_clear_pointer(&row->sources, g_strfreev);
    g_clear_pointer(&row->targets, g_strfreev);
    g_clear_pointer(&row->note, g_free);
    g_clear_pointer(&row->spoken, g_free);
}

/* What stands in a term besides letters and digits. Brackets, stars and the like are marks of translators'
 * own formats. */
static bool is_allowed(gunichar c)
{
    return g_unichar_isalnum(c) || g_unichar_ismark(c) || c == ' ' || c == 0x2019 || c == 0xa1 || c == 0xbf ||
           c == 0xba || c == 0xaa || (c < 0x80 && strchr("'-.,!?&%+/:", (int) c));
}

static char *check_characters(const char *text, const char *column)
{
    for (const char *c = text; *c; c = g_utf8_next_char(c)) {
        const gunichar character = g_utf8_get_char(c);
        if (is_allowed(character))
            continue;
        if (!g_unichar_isprint(character))
            return g_strdup_printf("%s: character U+%04X is not allowed", column, character);
        return g_strdup_printf("%s: character '%.*s' is not allowed", column, (int) (g_utf8_next_char(c) - c), c);
    }
    return NULL;
}

/* A column that is read or spoken: its bound and its characters. */
static char *check_text(const char *text, const char *column)
{
    if (strlen(text) > DUB_GLOSSARY_TERM_MOST_BYTES)
        return g_strdup_printf("%s: longer than %d bytes", column, DUB_GLOSSARY_TERM_MOST_BYTES);
    return check_characters(text, column);
}

/* A source must be findable: words, with blanks, hyphens or apostrophes between. */
static char *check_source(const char *source)
{
    g_autoptr(GArray) words = dub_words_find(source);
    if (words->len == 0)
        return g_strdup_printf("source: '%s' has no word", source);
    if (words->len > DUB_GLOSSARY_TERM_MOST_WORDS)
        return g_strdup_printf("source: more than %d words", DUB_GLOSSARY_TERM_MOST_WORDS);
    for (guint i = 1; i < words->len; i++)
        if (g_array_index(words, DubWord, i).gap == DUB_GAP_BREAK)
            return g_strdup_printf("source: '%s' has punctuation between its words and is never found", source);
    return NULL;
}

/* @forms: (out): of @text, by '|', without blanks around */
static char *split_forms(const char *text, const char *column, char ***forms)
{
    *forms = g_strsplit(text, "|", FORMS_MOST + 1);
    if (g_strv_length(*forms) > FORMS_MOST)
        return g_strdup_printf("%s: more than %d forms", column, FORMS_MOST);
    for (char **form = *forms; *form; form++) {
        g_strstrip(*form);
        if (!**form)
            return g_strdup_printf("%s: empty", column);
        char *problem = check_text(*form, column);
        if (problem)
            return problem;
    }
    return **forms ? NULL : g_strdup_printf("%s: empty", column);
}

/* How many forms a term of @kind may give in the source and in the target. */
static bool is_form_count(DubGlossaryKind kind, bool plural, bool is_source, guint n)
{
    if (n == 1)
        return true;
    if (dub_glossary_kind_is_noun(kind))
        return n == 2 && !plural;
    if (kind == DUB_KIND_VERB)
        return n == 5 && is_source;
    return kind == DUB_KIND_ADJECTIVE && n == 4 && !is_source;
}

static char *check_forms(const DubGlossaryRow *row)
{
    const guint n_sources = g_strv_length(row->sources), n_targets = g_strv_length(row->targets);
    if (!is_form_count(row->kind, row->plural, true, n_sources))
        return g_strdup_printf("source: %u forms; a noun has 1 or 2 (singular|plural), a verb 1 or 5 "
                               "(base|third|past|participle|-ing), "
                               "all others 1",
                               n_sources);
    if (!is_form_count(row->kind, row->plural, false, n_targets))
        return g_strdup_printf("target: %u forms; a noun has 1 or 2 (singular|plural), an adjective 1 or 4 "
                               "(m|f|m. plural|f. plural), all "
                               "others 1",
                               n_targets);
    for (char **source = row->sources; *source; source++) {
        char *problem = check_source(*source);
        if (problem)
            return problem;
    }
    return NULL;
}

static char *parse_kind(const char *text, DubGlossaryKind *kind)
{
    static const struct {
        const char *text;
        DubGlossaryKind kind;
    } kinds[] = { { "", DUB_KIND_PHRASE },
                  { "m", DUB_KIND_MASCULINE },
                  { "f", DUB_KIND_FEMININE },
                  { "v", DUB_KIND_VERB },
                  { "a", DUB_KIND_ADJECTIVE } };
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (g_str_equal(text, kinds[i].text)) {
            *kind = kinds[i].kind;
            return NULL;
        }
    return g_strdup_printf("gender: '%.20s' is not m, f, v (a verb), a (an adjective) or empty", text);
}

static char *parse_number(const char *text, DubGlossaryRow *row)
{
    row->plural = g_str_equal(text, "p");
    if (!row->plural && !g_str_equal(text, "s") && *text)
        return g_strdup_printf("number: '%.20s' is not s, p or empty", text);
    if (*text && !dub_glossary_kind_is_noun(row->kind))
        return g_strdup("number: given without a gender; only nouns have one here");
    return NULL;
}

static char *parse_columns(char **columns, DubGlossaryRow *row)
{
    char *problem = parse_kind(columns[KIND], &row->kind);
    if (!problem)
        problem = parse_number(columns[NUMBER], row);
    if (!problem)
        problem = split_forms(columns[SOURCE], column_names[SOURCE], &row->sources);
    if (!problem)
        problem = split_forms(columns[TARGET], column_names[TARGET], &row->targets);
    if (!problem)
        problem = check_forms(row);
    if (!problem)
        problem = check_text(columns[SPOKEN], column_names[SPOKEN]);
    row->note = g_strdup(columns[NOTE]);
    row->spoken = *columns[SPOKEN] ? g_strdup(columns[SPOKEN]) : NULL;
    return problem;
}

char *dub_glossary_row_parse(const char *line, DubGlossaryRow *row)
{
    *row = (DubGlossaryRow){ 0 };
    g_autofree char *text = g_strstrip(g_strdup(line));
    if (!*text || *text == '#')
        return NULL;
    g_auto(GStrv) found = g_strsplit(line, "\t", COLUMNS_MOST + 1);
    const guint n = g_strv_length(found);
    if (n < 2 || n > COLUMNS_MOST)
        return g_strdup_printf("%u column%s; a line is: source TAB target [TAB gender TAB number TAB note TAB spoken]",
                               n, n == 1 ? "" : "s");
    char *columns[COLUMNS_MOST];
    for (guint i = 0; i < COLUMNS_MOST; i++)
        columns[i] = i < n ? g_strstrip(found[i]) : (char *) "";
    char *problem = parse_columns(columns, row);
    if (problem)
        dub_glossary_row_clear(row);
    return problem;
}
