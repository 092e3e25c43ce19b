/* airdub/cmd-models.c: `airdub models`: what is installed, and installing, checking and removing it.
 * Installing is the work of a Python program (tools/models), which takes this program's place: Ctrl-C and the
 * exit status are then its own. */
#include "airdub/models-report.h"
#include "airdub/programs.h"
#include "base/error.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CATALOGUE_BYTES_MAX (1 << 20)
#define TREE_FILES_OPEN     16

/* ---- the installer ---- */

/* Returns: (transfer full): the folder that Python runs */
static char *find_tool(void)
{
    g_autofree char *self = programs_self();
    if (self && g_str_has_prefix(self, AIRDUB_BUILD_ROOT "/"))
        return g_strdup(MODELS_TOOL_SOURCE);
    g_autofree char *folder = self ? g_path_get_dirname(self) : g_strdup(".");
    g_autofree char *beside = g_build_filename(folder, "..", "share", "airdub", "models-tool", "models", NULL);
    return g_file_test(beside, G_FILE_TEST_IS_DIR) ? g_steal_pointer(&beside) : g_strdup(MODELS_TOOL_INSTALLED);
}

/* NULL where it is not there or broken: the list goes without what can be installed. */
static DubJson *read_catalogue(void)
{
    g_autofree char *tool = find_tool();
    g_autofree char *path = g_build_filename(tool, "catalogue.json", NULL);
    g_autofree char *text = NULL;
    gsize length = 0;
    if (!g_file_get_contents(path, &text, &length, NULL) || length > CATALOGUE_BYTES_MAX)
        return NULL;
    return dub_json_parse(text, length, NULL);
}

static int run_install(int argc, char **argv, const char *model_dir, GError **error)
{
    g_autofree char *tool = find_tool();
    if (!g_file_test(tool, G_FILE_TEST_IS_DIR)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND,
                    "the installer of models is not at %s; install airdub with 'make install'", tool);
        return 0;
    }
    g_auto(GStrv) folders = dub_models_folders(model_dir);
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    const char *const first[] = { "python3",     "-B", tool, "install", "--into", folders[0], "--version-of-airdub",
                                  AIRDUB_VERSION };
    for (gsize i = 0; i < G_N_ELEMENTS(first); i++)
        g_ptr_array_add(words, (void *) first[i]);
    for (int i = 1; i < argc; i++)
        g_ptr_array_add(words, argv[i]);
    g_ptr_array_add(words, NULL);
    execvp("python3", (char **) words->pdata);
    g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND,
                "python3, which installs models, cannot be started: %s; 'apt-get install python3 python3-venv'",
                g_strerror(errno));
    return 0;
}

/* ---- list and check ---- */

static int run_list(int argc, char **argv, const char *model_dir, GError **error)
{
    gboolean as_json = FALSE;
    const GOptionEntry entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "one JSON object instead of lines", NULL },
        G_OPTION_ENTRY_NULL,
    };
    if (!command_parse(argc, argv, entries, NULL, "Lists the models that are installed, and those that can be.", NULL,
                       0, NULL, error))
        return 0;
    g_auto(GStrv) folders = dub_models_folders(model_dir);
    g_autoptr(GPtrArray) models = dub_models_find(model_dir);
    g_autoptr(DubJson) catalogue = read_catalogue();
    models_report_list(models, folders, catalogue, as_json);
    return 0;
}

static int run_check(int argc, char **argv, const char *model_dir, GError **error)
{
    gboolean as_json = FALSE;
    g_auto(GStrv) names = NULL;
    const GOptionEntry entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "one JSON object instead of lines", NULL },
        G_OPTION_ENTRY_NULL,
    };
    if (!command_parse(argc, argv, entries, "[NAME…]",
                       "Says of each model what it is, what it can do, and what is wrong with it.",
                       "The exit status is 0 if all of them can be used.", COMMAND_ANY_NUMBER, &names, error))
        return 0;
    g_auto(GStrv) folders = dub_models_folders(model_dir);
    g_autoptr(GPtrArray) models = dub_models_find(model_dir);
    models_report_check(models, folders, names, as_json, error);
    return 0;
}

/* ---- remove ---- */

static int delete_entry(const char *path, const struct stat *status G_GNUC_UNUSED, int kind G_GNUC_UNUSED,
                        struct FTW *place G_GNUC_UNUSED)
{
    return remove(path);
}

/* Renamed first: a model is there whole or not at all. Links are removed, not what they lead to. */
static bool delete_tree(const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path), *name = g_path_get_basename(path);
    g_autofree char *hidden_name = g_strdup_printf(".removed-%s", name);
    g_autofree char *hidden = g_build_filename(folder, hidden_name, NULL);
    if (g_file_test(hidden, G_FILE_TEST_EXISTS))
        nftw(hidden, delete_entry, TREE_FILES_OPEN, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    if (rename(path, hidden) == 0 && nftw(hidden, delete_entry, TREE_FILES_OPEN, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0)
        return true;
    g_propagate_error(error, dub_error_from_errno(errno, path));
    return false;
}

/* Returns: (transfer full): the entry of one of @folders that is the model: its folder, or its file where
 * others lie beside */
static char *entry_of(const DubModel *model, char **folders)
{
    g_autofree char *folder = g_path_get_dirname(model->path);
    g_autofree char *description = g_build_filename(folder, "model.json", NULL);
    const bool is_file = model->kind == DUB_MODEL_WHISPER || model->kind == DUB_MODEL_VAD;
    const bool has_folder = is_file && !g_strv_contains((const char *const *) folders, folder) &&
                            g_file_test(description, G_FILE_TEST_EXISTS);
    return has_folder ? g_steal_pointer(&folder) : g_strdup(model->path);
}

static const DubModel *find_model(const GPtrArray *models, const char *name, GError **error)
{
    for (guint i = 0; i < models->len; i++) {
        const DubModel *model = models->pdata[i];
        if (strcmp(model->name, name) == 0)
            return model;
    }
    g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND,
                "there is no model '%.60s' here; 'airdub models list' shows those there are", name);
    return NULL;
}

static bool remove_model(const GPtrArray *models, char **folders, const char *name, DubJson *removed, GError **error)
{
    const DubModel *model = find_model(models, name, error);
    if (!model)
        return false;
    g_autofree char *entry = entry_of(model, folders);
    if (g_strv_contains((const char *const *) folders, entry)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "MODEL_DIR is the model itself (%s); delete that folder", entry);
        return false;
    }
    if (!delete_tree(entry, error))
        return false;
    if (removed)
        json_array_append_new(
            removed, json_pack("{s:o, s:o}", "name", command_json_string(name), "path", command_json_string(entry)));
    else
        printf("removed %s: %s\n", name, entry);
    return true;
}

static int run_remove(int argc, char **argv, const char *model_dir, GError **error)
{
    gboolean as_json = FALSE;
    g_auto(GStrv) names = NULL;
    const GOptionEntry entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "one JSON object instead of lines", NULL },
        G_OPTION_ENTRY_NULL,
    };
    if (!command_parse(argc, argv, entries, "NAME…", "Removes installed models from the disk.", NULL,
                       COMMAND_ANY_NUMBER, &names, error))
        return 0;
    if (!names[0]) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                            "models remove needs NAME…; see 'airdub models remove --help'");
        return 0;
    }
    g_auto(GStrv) folders = dub_models_folders(model_dir);
    g_autoptr(GPtrArray) models = dub_models_find(model_dir);
    DubJson *removed = as_json ? json_array() : NULL;
    bool ok = true;
    for (char **name = names; *name && ok; name++)
        ok = remove_model(models, folders, *name, removed, error);
    if (removed)
        command_print_json(json_pack("{s:o}", "removed", removed));
    return 0;
}

/* ---- the command ---- */

static const struct {
    const char *name;
    int (*run)(int argc, char **argv, const char *model_dir, GError **error);
} actions[] = {
    { "list", run_list },
    { "install", run_install },
    { "check", run_check },
    { "remove", run_remove },
};

static void print_help(void)
{
    g_auto(GStrv) folders = dub_models_folders(NULL);
    g_autofree char *places = g_strjoinv("\n  ", folders);
    printf("Usage:\n  airdub models ACTION [OPTION…]\n\n"
           "Models of the engines that hear and speak: Whisper, Kokoro, and voices of Piper, Coqui and MMS.\n\n"
           "Actions:\n"
           "  list              what is installed, and what can be\n"
           "  install NAME…     download, check and convert; --from takes a file, a folder or a URL instead\n"
           "  check [NAME…]     what each is, what it can do, and what is wrong with it\n"
           "  remove NAME…      delete from the disk\n\n"
           "Options:\n"
           "  --help            with an action before it: its own options\n"
           "  --json            for machines\n\n"
           "MODEL_DIR, where set, is the only folder of models. Otherwise these are, the first for installing:\n"
           "  %s\n",
           places);
}

int cmd_models(int argc, char **argv, GError **error)
{
    if (argc < 2) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                            "models needs an action: list, install, check or remove; see 'airdub models --help'");
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help();
        return 0;
    }
    g_auto(GStrv) environment = g_get_environ();
    for (gsize i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (strcmp(argv[1], actions[i].name) != 0)
            continue;
        g_auto(GStrv) words = g_new0(char *, (gsize) argc);
        words[0] = g_strdup_printf("models %s", actions[i].name); /* for its messages and its help */
        for (int w = 2; w < argc; w++)
            words[w - 1] = g_strdup(argv[w]);
        command_setup_log(false);
        return actions[i].run(argc - 1, words, g_environ_getenv(environment, "MODEL_DIR"), error);
    }
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                "models: there is no action '%.60s'; see 'airdub models --help'", argv[1]);
    return 0;
}
