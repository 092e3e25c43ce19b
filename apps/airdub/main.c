/* airdub/main.c: the command line. Finds the command, runs it, and turns its error into one line and an exit status. */
#include "airdub/command.h"

#include "base/error.h"
#include "base/process.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name;
    CommandFunc run;
    const char *summary; /* NULL: not for people, left out of the help */
} Command;

static const Command commands[] = {
    { "dub", cmd_dub, "dub a file or a live stream:  airdub dub IN OUT" },
    { "redub", cmd_redub, "speak again what was mended in a dub's project:  airdub redub FOLDER" },
    { "live", cmd_live, "start everything for live dubbing, and show what it does" },
    { "sts-probe", cmd_sts_probe, "send a file's fragments to an sts-service, and time its answers" },
    { "doctor", cmd_doctor, "check this machine, and say how to mend what is wrong" },
    { "engines", cmd_engines, "list the speech engines and their languages" },
    { "bench", cmd_bench, "measure how fast the speech engines of this machine are" },
    { "voices", cmd_voices, "list the voices" },
    { "glossary", cmd_glossary, "check a glossary, or list those there are" },
    { "models", cmd_models, "list, install, check and remove the models of speech engines" },
    { "mediamtx-hook", cmd_mediamtx_hook, NULL },
};

static const Command *find_command(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    }
    return NULL;
}

static void print_help(FILE *out)
{
    fputs(
        "airdub dubs broadcasts: speech in one language goes in, the same pictures with speech in another come out.\n\n"
        "Usage:\n  airdub COMMAND [OPTION…]\n\nCommands:\n",
        out);
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (commands[i].summary)
            fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("  help       this list;  airdub help COMMAND  shows a command's options\n"
          "  --version  the version\n\nSee airdub(1) for exit statuses, files and examples.\n",
          out);
}

static void print_error(const GError *error)
{
    g_autofree char *message = g_utf8_make_valid(error->message, -1);
    g_strdelimit(message, "\r\n", ' '); /* one line, whatever it quotes */
    fprintf(stderr, "airdub: %s\n", message);
}

static int run_command(int argc, char **argv, GError **error)
{
    const Command *command = find_command(argv[0]);
    if (command)
        return command->run(argc, argv, error);
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "there is no command '%.100s'; see 'airdub help'",
                argv[0]);
    return 0;
}

static int run_help(int argc, char **argv, GError **error)
{
    if (argc > 1) {
        char *command[] = { argv[1], (char *) "--help", NULL };
        return run_command(2, command, error);
    }
    print_help(stdout);
    return 0;
}

/* @argv: what follows the program's name */
static int dispatch(int argc, char **argv, GError **error)
{
    if (argc == 0) {
        print_help(stderr);
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "no command given; see 'airdub help'");
        return 0;
    }
    if (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "-V") == 0) {
        puts("airdub " AIRDUB_VERSION);
        return 0;
    }
    if (strcmp(argv[0], "help") == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)
        return run_help(argc, argv, error);
    return run_command(argc, argv, error);
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* numbers in options, JSON and messages look the same everywhere */
    dub_process_setup(DUB_PROCESS_COMMAND);
    g_autoptr(GError) error = NULL;
    const int status = dispatch(argc - 1, argv + 1, &error);
    if (!error)
        return status;
    print_error(error);
    return dub_error_exit_status(error);
}
