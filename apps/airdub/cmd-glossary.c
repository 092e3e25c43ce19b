/* airdub/cmd-glossary.c: `airdub glossary check FILE…`: what cannot work in it; `airdub glossary list`: what
 * came with airdub. */
#include "airdub/command.h"

#include "base/error.h"
#include "text/data-files.h"
#include "text/glossary-check.h"
#include "text/glossary.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    char *from, *to;
    gboolean as_json;
    char **arguments; /* "check" FILE…, or "list" */
} Options;

static void options_clear(Options *self)
{
    g_free(self->from);
    g_free(self->to);
    g_strfreev(self->arguments);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static bool parse_options(int argc, char **argv, Options *options, GError **error)
{
    const GOptionEntry entries[] = {
        { "from", 0, 0, G_OPTION_ARG_STRING, &options->from, "the language of the terms (en)", "LANGUAGE" },
        { "to", 0, 0, G_OPTION_ARG_STRING, &options->to, "the language of their translations (es)", "LANGUAGE" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &options->as_json, "one JSON object instead of lines", NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->arguments, NULL, NULL },
        G_OPTION_ENTRY_NULL,
    };
    if (!command_parse_any(argc, argv, entries, "check FILE… | list",
                           "Checks glossaries (terms and their translations), or lists those that came with airdub.",
                           NULL, error))
        return false;
    if (!options->from)
        options->from = g_strdup("en");
    if (!options->to)
        options->to = g_strdup("es");
    return true;
}

static DubJson *problem_to_json(const DubGlossaryProblem *problem)
{
    return json_pack("{s:i, s:s, s:o}", "line", (int) problem->line, "kind", problem->error ? "error" : "note",
                     "message", command_json_string(problem->message));
}

static DubJson *report_to_json(const char *file, const DubGlossaryReport *report)
{
    DubJson *problems = json_array();
    for (guint i = 0; i < report->problems->len; i++)
        json_array_append_new(problems, problem_to_json(report->problems->pdata[i]));
    return json_pack("{s:o, s:i, s:o}", "file", command_json_string(file), "entries", (int) report->n_entries,
                     "problems", problems);
}

static guint count_errors(const DubGlossaryReport *report)
{
    guint n = 0;
    for (guint i = 0; i < report->problems->len; i++)
        n += ((const DubGlossaryProblem *) report->problems->pdata[i])->error ? 1 : 0;
    return n;
}

static void print_report(const char *file, const DubGlossaryReport *report)
{
    for (guint i = 0; i < report->problems->len; i++) {
        const DubGlossaryProblem *problem = report->problems->pdata[i];
        printf("%s:%u: %s: %s\n", file, problem->line, problem->error ? "error" : "note", problem->message);
    }
    const guint n_errors = count_errors(report);
    printf("%s: %u entr%s, %u error%s\n", file, report->n_entries, report->n_entries == 1 ? "y" : "ies", n_errors,
           n_errors == 1 ? "" : "s");
}

/* Returns: the exit status: 1 where something is wrong */
static int check_files(const Options *options, char **files, GError **error)
{
    g_autoptr(DubJson) list = json_array();
    int status = 0;
    for (; *files; files++) {
        g_autoptr(DubGlossaryReport) report = dub_glossary_check(*files, options->from, options->to, error);
        if (!report)
            return 0;
        if (count_errors(report))
            status = 1;
        if (options->as_json)
            json_array_append_new(list, report_to_json(*files, report));
        else
            print_report(*files, report);
    }
    if (options->as_json)
        command_print_json(json_pack("{s:O}", "files", list));
    return status;
}

/* @name: "sports en-es" */
static bool print_glossary(const Options *options, const char *name, DubJson *list, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(name, " ", 2);
    g_auto(GStrv) languages = g_strsplit(parts[1] ? parts[1] : "", "-", 2);
    if (g_strv_length(languages) != 2)
        return true; /* no glossary's name */
    g_autoptr(DubGlossary) glossary = dub_glossary_load(parts[0], languages[0], languages[1], error);
    if (!glossary)
        return false;
    const guint n = g_strv_length((char **) dub_glossary_terms(glossary));
    if (options->as_json)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i}", "name", parts[0], "from", languages[0], "to",
                                              languages[1], "entries", (int) n));
    else
        printf("%-16s  %-4s  %-4s  %u\n", parts[0], languages[0], languages[1], n);
    return true;
}

static int list_glossaries(const Options *options, GError **error)
{
    g_auto(GStrv) names = dub_glossary_list();
    g_autoptr(DubJson) list = json_array();
    if (!options->as_json)
        printf("%-16s  %-4s  %-4s  %s\n", "GLOSSARY", "FROM", "TO", "ENTRIES");
    for (char **name = names; *name; name++)
        if (!print_glossary(options, *name, list, error))
            return 0;
    if (options->as_json)
        command_print_json(json_pack("{s:O}", "glossaries", list));
    return 0;
}

int cmd_glossary(int argc, char **argv, GError **error)
{
    g_auto(Options) options = { 0 };
    if (!parse_options(argc, argv, &options, error))
        return 0;
    command_setup_log(false);
    const guint n = options.arguments ? g_strv_length(options.arguments) : 0;
    const char *verb = n ? options.arguments[0] : "";
    if (g_str_equal(verb, "list") && n == 1)
        return list_glossaries(&options, error);
    if (g_str_equal(verb, "check") && n > 1)
        return check_files(&options, options.arguments + 1, error);
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                "glossary needs 'check FILE…' or 'list'; see 'airdub glossary --help'");
    return 0;
}
