/* airdub/command.c: options and JSON lines, the same for every command. */
#include "airdub/command.h"

#include "base/error.h"
#include "base/log.h"

#include <math.h>
#include <stdio.h>

#define ARGUMENT_BYTES 200 /* of what a user typed, in a message */

static bool refuse(GError **error, const char *command, const char *message)
{
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s; see 'airdub %s --help'", message, command);
    return false;
}

static bool check_count(const char *command, char **rest, unsigned wanted, const char *usage, GError **error)
{
    const unsigned n = rest ? g_strv_length(rest) : 0;
    if (n == wanted || wanted == COMMAND_ANY_NUMBER)
        return true;
    g_autofree char *message = NULL;
    if (n < wanted)
        message = g_strdup_printf("%s needs %s", command, usage);
    else
        message = g_strdup_printf("%s: '%.*s' is one argument too many", command, ARGUMENT_BYTES, rest[wanted]);
    return refuse(error, command, message);
}

static GOptionContext *context_new(const char *command, const GOptionEntry *entries, const char *usage,
                                   const char *summary, const char *description)
{
    g_autofree char *program = g_strdup_printf("airdub %s", command);
    g_set_prgname(program); /* the first word of --help */
    GOptionContext *context = g_option_context_new(usage);
    g_option_context_set_summary(context, summary);
    g_option_context_set_description(context, description);
    g_option_context_add_main_entries(context, entries, NULL);
    return context;
}

static bool parse(int argc, char **argv, GOptionContext *context, GError **error)
{
    g_auto(GStrv) arguments = g_new0(char *, (gsize) argc + 1);
    for (int i = 0; i < argc; i++)
        arguments[i] = g_strdup(argv[i]);
    g_autoptr(GError) problem = NULL;
    if (g_option_context_parse_strv(context, &arguments, &problem))
        return true;
    return refuse(error, argv[0], problem->message);
}

bool command_parse_any(int argc, char **argv, const GOptionEntry *entries, const char *usage, const char *summary,
                       const char *description, GError **error)
{
    g_autoptr(GOptionContext) context = context_new(argv[0], entries, usage, summary, description);
    return parse(argc, argv, context, error);
}

bool command_parse(int argc, char **argv, const GOptionEntry *entries, const char *usage, const char *summary,
                   const char *description, unsigned n_rest, char ***rest, GError **error)
{
    g_auto(GStrv) found = NULL;
    const GOptionEntry remaining[] = {
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &found, NULL, NULL },
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = context_new(argv[0], entries, usage, summary, description);
    g_option_context_add_main_entries(context, remaining, NULL);
    if (!parse(argc, argv, context, error) || !check_count(argv[0], found, n_rest, usage, error))
        return false;
    if (rest)
        *rest = found ? g_steal_pointer(&found) : g_new0(char *, 1);
    return true;
}

void command_setup_log(bool verbose)
{
    dub_log_setup("airdub", verbose ? DUB_LOG_INFO : DUB_LOG_ERROR, DUB_LOG_TEXT);
}

void command_print_json(DubJson *object)
{
    g_autofree char *text = dub_json_to_text(object);
    json_decref(object);
    g_return_if_fail(text);
    puts(text);
    fflush(stdout);
}

void command_print_json_error(const GError *error)
{
    command_print_json(json_pack("{s:s, s:o, s:i}", "event", "error", "message", command_json_string(error->message),
                                 "status", dub_error_exit_status(error)));
}

DubJson *command_json_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

DubJson *command_json_string(const char *text)
{
    if (!text)
        return json_null();
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    return json_string(valid);
}
