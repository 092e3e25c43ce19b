/* Unit tests of text/glossary-check. */
#include "base/error.h"
#include "support.h"
#include "text/glossary-check.h"

#include <string.h>

typedef struct {
    const char *name, *text;
    const char *problem; /* "LINE error|note MESSAGE"; NULL: none. The first one */
    guint n_problems, n_entries;
} Case;

static const Case cases[] = {
    { "good", "# x\ngoal\tgol\tm\ts\nkick\tpatear\tv\nat the buzzer\tsobre la bocina\n", NULL, 0, 3 },
    { "duplicate", "goal\tgol\tm\n\nGoal\ttanto\tm\n", "3 error source: 'Goal' is a duplicate of line 1", 1, 1 },
    { "duplicate-hyphen", "free kick\ttiro\tm\nfree-kick\tgolpe\tm\n",
      "2 error source: 'free-kick' is a duplicate of line 1", 1, 1 },
    { "noun-and-verb", "save\tparada\tf\nsave\tparar\tv\n", NULL, 0, 2 },
    { "shadowed", "stat\tdato\tm\nstats\tdatos\tm\tp\n",
      "2 error source: 'stats' is shadowed: it is a form of 'stat' in line 1; put this line before that one", 1, 1 },
    { "shadowed-verb", "leave\tdejar\tv\nleft\tizquierdo\tv\n",
      "2 error source: 'left' is shadowed: it is a form of 'leave' in line 1; put this line before that one", 2, 1 },
    { "form-taken", "stats\tdatos\tm\tp\nstat\tdato\tm\n", "2 note source: the form 'stats' is taken by line 1", 1, 2 },
    { "columns", "goal\n", "1 error 1 column; a line is: source TAB target [TAB gender TAB number TAB note TAB spoken]",
      1, 0 },
    { "gender", "goal\tgol\tq\n", "1 error gender: 'q' is not m, f, v (a verb), a (an adjective) or empty", 1, 0 },
    { "character", "goal\tgol<b>\n", "1 error target: character '<' is not allowed", 1, 0 },
    { "code", "goal\tzqxa\tm\n", "1 error target: 'zqxa' looks like a placeholder", 1, 0 },
    { "percent", "goal\tgol %s\tm\n", "1 error target: 'gol %s' looks like a placeholder", 1, 0 },
    { "percent-is-none", "goal\tgol 100 %\tm\n", NULL, 0, 1 },
    { "own-article", "goal\tel gol\tm\n",
      "1 error target: 'el gol' brings its article, and the sentence another; leave it out", 1, 0 },
    { "preposition", "bench\ten el banquillo\tm\n",
      "1 error target: 'en el banquillo' begins with a preposition; the article before it cannot be mended: "
      "leave the gender out",
      2, 0 },
    { "no-gender", "goal\tgol\n",
      "1 note target: 'gol' has no gender: if it is a noun, the article before it stays masculine", 1, 1 },
    { "a-name", "Bears\tBears\n", NULL, 0, 1 },
    { "no-infinitive", "goal\tgol\tv\n", "1 error target: 'gol' does not begin with an infinitive", 1, 0 },
    { "irregular-plural", "wolf|wolves\tlobo\tm\nwolfs\tx\ty\n",
      "2 error gender: 'y' is not m, f, v (a verb), a (an adjective) or empty", 1, 1 },
};

static void test_case(const void *data)
{
    const Case *c = data;
    g_auto(SupportFolder) folder = { 0 };
    support_init(&folder);
    g_autofree char *path = support_write(&folder, "x.tsv", c->text);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubGlossaryReport) report = dub_glossary_check(path, "en", "es", &error);
    g_assert_no_error(error);
    g_autofree char *first = NULL;
    if (report->problems->len) {
        const DubGlossaryProblem *problem = report->problems->pdata[0];
        first = g_strdup_printf("%u %s %s", problem->line, problem->error ? "error" : "note", problem->message);
    }
    g_assert_cmpstr(first, ==, c->problem);
    g_assert_cmpuint(report->problems->len, ==, c->n_problems);
    g_assert_cmpuint(report->n_entries, ==, c->n_entries);
}

static void test_missing(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_glossary_check("/no/such.tsv", "en", "es", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND);
}

static void test_bound(void)
{
    g_auto(SupportFolder) folder = { 0 };
    support_init(&folder);
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < 2 * DUB_GLOSSARY_PROBLEMS_MOST; i++)
        g_string_append(text, "x\n");
    g_autofree char *path = support_write(&folder, "x.tsv", text->str);
    g_autoptr(DubGlossaryReport) report = dub_glossary_check(path, "en", "es", NULL);
    g_assert_cmpuint(report->problems->len, ==, DUB_GLOSSARY_PROBLEMS_MOST);
}

/* Other languages have no rules here, and no complaints. */
static void test_other_languages(void)
{
    g_auto(SupportFolder) folder = { 0 };
    support_init(&folder);
    g_autofree char *path = support_write(&folder, "x.tsv", "Tor\tel but\tm\nTors\tbuts\tm\n");
    g_autoptr(DubGlossaryReport) report = dub_glossary_check(path, "de", "fr", NULL);
    g_assert_cmpuint(report->problems->len, ==, 0);
    g_assert_cmpuint(report->n_entries, ==, 2);
}

/* The glossary that comes with airdub: without an error, and as long as promised. */
static void test_sports(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubGlossaryReport) report = dub_glossary_check(SPORTS, "en", "es", &error);
    g_assert_no_error(error);
    for (guint i = 0; i < report->problems->len; i++) {
        const DubGlossaryProblem *problem = report->problems->pdata[i];
        g_test_message("line %u: %s", problem->line, problem->message);
        g_assert_false(problem->error);
    }
    g_assert_cmpuint(report->n_entries, >=, 400);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/text/glossary-check/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/text/glossary-check/missing", test_missing);
    g_test_add_func("/text/glossary-check/bound", test_bound);
    g_test_add_func("/text/glossary-check/other-languages", test_other_languages);
    g_test_add_func("/text/glossary-check/sports", test_sports);
    return g_test_run();
}
