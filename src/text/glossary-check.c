/* text/glossary-check.c: what cannot work in a glossary, and what is doubtful. */
#include "text/glossary-check.h"

#include "text/data-files.h"
#include "text/english.h"
#include "text/glossary-row.h"
#include "text/glossary.h"
#include "text/spanish.h"
#include "text/words.h"

#include <string.h>

typedef struct {
    unsigned line;
    char *source;   /* the entry's */
    bool inflected; /* a form made by rule */
} Seen;

typedef struct {
    DubGlossaryReport *report;
    GHashTable *seen; /* "kind key" -> Seen */
    bool from_english, to_spanish;
    unsigned line;
} Check;

static void problem_free(void *data)
{
    DubGlossaryProblem *problem = data;
    g_free(problem->message);
    g_free(problem);
}

static void seen_free(void *data)
{
    Seen *seen = data;
    g_free(seen->source);
    g_free(seen);
}

void dub_glossary_report_free(DubGlossaryReport *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->problems);
    g_free(self);
}

/* @message: (transfer full) */
static void add_problem(Check *check, bool error, char *message)
{
    DubGlossaryProblem *problem = g_new0(DubGlossaryProblem, 1);
    *problem = (DubGlossaryProblem){ check->line, error, message };
    g_ptr_array_add(check->report->problems, problem);
}

static char *key_of(const char *source, DubGlossaryKind kind)
{
    g_autoptr(GArray) words = dub_words_find(source);
    g_autofree char *key = dub_words_key(words, 0, words->len);
    return g_strconcat(kind == DUB_KIND_VERB ? "verb " : "word ", key, NULL);
}

/* A form that an earlier line has already never comes from this one. */
static void note_form(Check *check, const DubGlossaryRow *row, const char *form, bool inflected)
{
    g_autofree char *key = key_of(form, row->kind);
    const Seen *earlier = g_hash_table_lookup(check->seen, key);
    if (earlier && earlier->line == check->line)
        return;
    if (!earlier) {
        Seen *seen = g_new0(Seen, 1);
        *seen = (Seen){ check->line, g_strdup(row->sources[0]), inflected };
        g_hash_table_insert(check->seen, g_steal_pointer(&key), seen);
        return;
    }
    if (!inflected && !earlier->inflected)
        add_problem(check, true, g_strdup_printf("source: '%s' is a duplicate of line %u", form, earlier->line));
    else if (!inflected)
        add_problem(
            check, true,
            g_strdup_printf("source: '%s' is shadowed: it is a form of '%s' in line %u; put this line before that one",
                            form, earlier->source, earlier->line));
    else
        add_problem(check, false, g_strdup_printf("source: the form '%s' is taken by line %u", form, earlier->line));
}

static void note_noun(Check *check, const DubGlossaryRow *row)
{
    if (row->plural || row->sources[1] || !check->from_english)
        return;
    g_autofree char *plural = dub_english_plural(row->sources[0]);
    note_form(check, row, plural, true);
}

static void note_verb(Check *check, const DubGlossaryRow *row)
{
    for (DubEnglishForm form = DUB_ENGLISH_THIRD; form < DUB_N_ENGLISH_FORMS && !row->sources[1] && check->from_english;
         form++) {
        g_autofree char *inflected = dub_english_verb(row->sources[0], form);
        note_form(check, row, inflected, true);
    }
}

static void note_forms(Check *check, const DubGlossaryRow *row)
{
    const guint before = check->report->problems->len;
    for (char **source = row->sources; *source; source++)
        note_form(check, row, *source, false);
    if (check->report->problems->len > before) /* its other forms are lost with it */
        return;
    if (dub_glossary_kind_is_noun(row->kind))
        note_noun(check, row);
    else if (row->kind == DUB_KIND_VERB)
        note_verb(check, row);
}

static bool begins_with_one_of(const char *text, const char *const *words)
{
    g_autofree char *first = g_strndup(text, strcspn(text, " "));
    g_autofree char *folded = g_utf8_strdown(first, -1);
    return g_strv_contains(words, folded);
}

/* A noun's article is the sentence's; whatever else stands before it there cannot be mended. */
static void check_article(Check *check, const DubGlossaryRow *row)
{
    static const char *const articles[] = { "el", "la", "los", "las", "un", "una", "unos", "unas", NULL };
    static const char *const prepositions[] = {
        "a", "al", "de", "del", "en", "con", "por", "para", "sin", "sobre", NULL
    };
    const char *target = row->targets[0];
    if (dub_glossary_kind_is_noun(row->kind)) {
        if (begins_with_one_of(target, articles))
            add_problem(
                check, true,
                g_strdup_printf("target: '%s' brings its article, and the sentence another; leave it out", target));
        else if (begins_with_one_of(target, prepositions))
            add_problem(
                check, true,
                g_strdup_printf("target: '%s' begins with a preposition; the article before it cannot be mended: "
                                "leave the gender out",
                                target));
        return;
    }
    const bool is_name = g_unichar_isupper(g_utf8_get_char(target));
    const bool is_word = !strpbrk(target, " -!?") && !strpbrk(row->sources[0], " -'");
    if (row->kind == DUB_KIND_PHRASE && is_word && !is_name)
        add_problem(check, false,
                    g_strdup_printf(
                        "target: '%s' has no gender: if it is a noun, the article before it stays masculine", target));
}

static void check_target_forms(Check *check, const DubGlossaryRow *row)
{
    const char *target = row->targets[0];
    if (row->kind == DUB_KIND_VERB && !dub_spanish_is_verb(target))
        add_problem(check, true, g_strdup_printf("target: '%s' does not begin with an infinitive", target));
    if (!dub_glossary_kind_is_noun(row->kind) || row->plural || row->targets[1])
        return;
    g_autofree char *plural = dub_spanish_plural(target);
    if (g_str_equal(plural, target) && g_utf8_strlen(target, -1) > 0 &&
        !strchr("sxSX", target[strcspn(target, " ") - 1]))
        add_problem(check, false,
                    g_strdup_printf("target: the plural of '%s' is not known; write '%s|PLURAL'", target, target));
}

/* A placeholder of a translator's, or of ours, in a term would be taken for one. */
static void check_placeholder(Check *check, const char *text, const char *column)
{
    static const char *const codes[] = { "zqx", "qzj", "xjq" };
    g_autofree char *folded = g_utf8_strdown(text, -1);
    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
        if (strstr(folded, codes[i]))
            add_problem(check, true, g_strdup_printf("%s: '%s' looks like a placeholder", column, text));
    for (const char *percent = strchr(text, '%'); percent; percent = strchr(percent + 1, '%'))
        if (g_ascii_isalpha(percent[1]))
            add_problem(check, true, g_strdup_printf("%s: '%s' looks like a placeholder", column, text));
}

static void check_row(Check *check, const DubGlossaryRow *row)
{
    const guint before = check->report->problems->len;
    for (char **source = row->sources; *source; source++)
        check_placeholder(check, *source, "source");
    for (char **target = row->targets; *target; target++)
        check_placeholder(check, *target, "target");
    note_forms(check, row);
    if (check->to_spanish) {
        check_article(check, row);
        check_target_forms(check, row);
    }
    bool works = true;
    for (guint i = before; i < check->report->problems->len; i++)
        works &= !((const DubGlossaryProblem *) check->report->problems->pdata[i])->error;
    check->report->n_entries += works ? 1 : 0;
}

static void check_line(Check *check, const char *line)
{
    DubGlossaryRow row;
    char *problem = dub_glossary_row_parse(line, &row);
    if (problem)
        add_problem(check, true, problem);
    else if (row.sources)
        check_row(check, &row);
    dub_glossary_row_clear(&row);
}

DubGlossaryReport *dub_glossary_check(const char *path, const char *from, const char *to, GError **error)
{
    g_autofree char *text = dub_data_files_read(path, DUB_GLOSSARY_FILE_MOST_BYTES, error);
    if (!text)
        return NULL;
    DubGlossaryReport *report = g_new0(DubGlossaryReport, 1);
    report->problems = g_ptr_array_new_with_free_func(problem_free);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, seen_free);
    Check check = { .report = report,
                    .seen = seen,
                    .from_english = g_str_has_prefix(from, "en"),
                    .to_spanish = g_str_has_prefix(to, "es") };
    for (char *line = text, *next; line && report->problems->len < DUB_GLOSSARY_PROBLEMS_MOST; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        check.line++;
        check_line(&check, line);
    }
    if (report->n_entries > DUB_GLOSSARY_ENTRIES_MOST)
        add_problem(&check, true, g_strdup_printf("more than %d entries", DUB_GLOSSARY_ENTRIES_MOST));
    return report;
}
