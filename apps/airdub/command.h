/* airdub/command.h: what main() and the commands of airdub agree on. Main thread only. */
#pragma once

#include "base/json.h"

#include <glib.h>
#include <stdbool.h>

/**
 * A command:
 * @argv: its own name and what follows it; not the program's
 * Returns: the exit status. When @error is set, main() prints it as one line, and its status counts
 * (dub_error_exit_status()).
 */
typedef int (*CommandFunc)(int argc, char **argv, GError **error);

int cmd_dub(int argc, char **argv, GError **error);
int cmd_redub(int argc, char **argv, GError **error);
int cmd_live(int argc, char **argv, GError **error);
int cmd_sts_probe(int argc, char **argv, GError **error);
int cmd_doctor(int argc, char **argv, GError **error);
int cmd_engines(int argc, char **argv, GError **error);
int cmd_bench(int argc, char **argv, GError **error);
int cmd_voices(int argc, char **argv, GError **error);
int cmd_glossary(int argc, char **argv, GError **error);
int cmd_models(int argc, char **argv, GError **error);
int cmd_mediamtx_hook(int argc, char **argv, GError **error); /* for MediaMTX, see cmd-mediamtx-hook.c */

#define COMMAND_ANY_NUMBER G_MAXUINT

/**
 * command_parse:
 * @usage: what follows the command's name, "IN OUT"; NULL for a command without arguments
 * @summary: one line; @description: paragraphs after the options, or NULL
 * @n_rest: how many arguments there must be, or %COMMAND_ANY_NUMBER
 * @rest: (out) (transfer full): they, as they came; NULL where @n_rest is 0
 * Returns: true, or false with %DUB_ERROR_INVALID_ARGUMENT. "--help" prints and exits.
 */
bool command_parse(int argc, char **argv, const GOptionEntry *entries, const char *usage, const char *summary,
                   const char *description, unsigned n_rest, char ***rest, GError **error);

/* The same for a command whose arguments are its own: @entries has the row for them (%G_OPTION_REMAINING), where it
 * takes any. */
bool command_parse_any(int argc, char **argv, const GOptionEntry *entries, const char *usage, const char *summary,
                       const char *description, GError **error);

/* Once, after the options are known: errors only, or what happens too. */
void command_setup_log(bool verbose);

/* One JSON object as a line on stdout, at once. @object: (transfer full) */
void command_print_json(DubJson *object);
void command_print_json_error(const GError *error); /* {"event": "error", …} */
/* json_real(), or null for what is not a number in JSON (NaN, infinity). */
DubJson *command_json_real(double value);
/* json_string() of anything: bytes that are not UTF-8 are replaced; NULL is null. */
DubJson *command_json_string(const char *text);
