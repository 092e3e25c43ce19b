/* airdub/models-report.c: models as lines for people, or as JSON. */
#include "airdub/models-report.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

char *models_report_size(guint64 bytes)
{
    const double megabytes = (double) bytes / 1e6;
    return g_strdup_printf(megabytes < 10 ? "%.1f MB" : "%.0f MB", megabytes);
}

static unsigned count_voices(const DubModel *model, const char *gender)
{
    unsigned n = 0;
    for (guint i = 0; i < model->voices->len; i++)
        n += strcmp(((const DubModelVoice *) model->voices->pdata[i])->gender, gender) == 0;
    return n;
}

static bool hears(const DubModel *model)
{
    return model->kind == DUB_MODEL_WHISPER;
}

/* "hears en", "speaks es en fr with 41 voices" */
static char *abilities(const DubModel *model)
{
    if (model->kind == DUB_MODEL_VAD)
        return g_strdup("finds where somebody speaks");
    g_autofree char *languages = g_strjoinv(" ", model->languages);
    if (hears(model))
        return g_strdup_printf("hears %s", *languages ? languages : "any of Whisper's languages");
    if (model->voices->len == 1)
        return g_strdup_printf("speaks %s with one voice", languages);
    return g_strdup_printf("speaks %s with %u voices (%u female, %u male)", languages, model->voices->len,
                           count_voices(model, "female"), count_voices(model, "male"));
}

static DubJson *strings_to_json(char **texts)
{
    DubJson *array = json_array();
    for (; *texts; texts++)
        json_array_append_new(array, command_json_string(*texts));
    return array;
}

static DubJson *voices_to_json(const DubModel *model)
{
    DubJson *array = json_array();
    for (guint i = 0; i < model->voices->len; i++) {
        const DubModelVoice *voice = model->voices->pdata[i];
        json_array_append_new(array, json_pack("{s:o, s:o, s:o}", "name", command_json_string(voice->name), "language",
                                               command_json_string(voice->language), "gender",
                                               command_json_string(voice->gender)));
    }
    return array;
}

static DubJson *model_to_json(const DubModel *model)
{
    return json_pack("{s:o, s:s, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "name", command_json_string(model->name),
                     "kind", dub_model_kind_to_string(model->kind), "path", command_json_string(model->path), "size",
                     command_json_string(model->size), "bytes", (json_int_t) model->bytes, "languages",
                     strings_to_json(model->languages), "voices", voices_to_json(model), "rate_hz",
                     model->rate_hz ? json_integer(model->rate_hz) : json_null(), "licence",
                     command_json_string(model->licence), "problem", command_json_string(model->problem));
}

static const DubModel *find_name(const GPtrArray *models, const char *name)
{
    for (guint i = 0; i < models->len; i++) {
        if (strcmp(((const DubModel *) models->pdata[i])->name, name) == 0)
            return models->pdata[i];
    }
    return NULL;
}

/* ---- list ---- */

static json_int_t download_bytes(const DubJson *catalogue, const DubJson *entry)
{
    json_int_t total = 0;
    size_t i;
    DubJson *package;
    json_array_foreach(json_object_get(entry, "packages"), i, package)
    {
        const DubJson *found = json_object_get(json_object_get(catalogue, "packages"), json_string_value(package));
        total += json_integer_value(json_object_get(found, "bytes"));
    }
    return total;
}

static DubJson *installable_to_json(const DubJson *catalogue, const GPtrArray *models)
{
    DubJson *list = json_array();
    const char *name;
    DubJson *entry;
    json_object_foreach(json_object_get(catalogue, "models"), name, entry) json_array_append_new(
        list, json_pack("{s:s, s:O, s:O, s:O, s:O, s:I, s:b}", "name", name, "kind", json_object_get(entry, "kind"),
                        "does", json_object_get(entry, "does"), "licence", json_object_get(entry, "licence"), "bytes",
                        json_object_get(entry, "bytes"), "download_bytes", download_bytes(catalogue, entry),
                        "installed", find_name(models, name) != NULL));
    return list;
}

static void print_list_json(const GPtrArray *models, char **folders, const DubJson *catalogue)
{
    DubJson *installed = json_array();
    for (guint i = 0; i < models->len; i++)
        json_array_append_new(installed, model_to_json(models->pdata[i]));
    DubJson *sets = json_object_get(catalogue, "sets");
    command_print_json(json_pack("{s:o, s:o, s:o, s:o}", "folders", strings_to_json(folders), "installed", installed,
                                 "installable", installable_to_json(catalogue, models), "sets",
                                 sets ? json_incref(sets) : json_object()));
}

static void print_model(const DubModel *model)
{
    g_autofree char *size = models_report_size(model->bytes), *does = abilities(model);
    printf("%-16s  %-7s  %7s  %s\n", model->name, dub_model_kind_to_string(model->kind), size,
           model->problem ? model->problem : does);
    printf("%-16s  %s%s%s\n", "", model->path, model->licence ? "; licence " : "",
           model->licence ? model->licence : "");
}

static bool was_before(const DubModel *model, guint index)
{
    const char *language = ((const DubModelVoice *) model->voices->pdata[index])->language;
    for (guint i = 0; i < index; i++) {
        if (strcmp(((const DubModelVoice *) model->voices->pdata[i])->language, language) == 0)
            return true;
    }
    return false;
}

/* A line for each language. */
static void print_voices(const DubModel *model)
{
    for (guint i = 0; model->voices->len > 1 && i < model->voices->len; i++) {
        const DubModelVoice *first = model->voices->pdata[i];
        if (was_before(model, i))
            continue;
        printf("%-16s  %s:", "", first->language);
        for (guint k = i; k < model->voices->len; k++) {
            const DubModelVoice *voice = model->voices->pdata[k];
            if (strcmp(voice->language, first->language) == 0)
                printf(" %s", voice->name);
        }
        putchar('\n');
    }
}

static void print_installable(const DubJson *catalogue, const GPtrArray *models)
{
    const char *name;
    DubJson *entry;
    puts("\nCan be installed by 'airdub models install NAME', with the size of the download:");
    json_object_foreach(json_object_get(catalogue, "models"), name, entry)
    {
        g_autofree char *size = models_report_size((guint64) download_bytes(catalogue, entry));
        printf("%-16s  %-7s  %7s  %s%s\n", name, json_string_value(json_object_get(entry, "kind")), size,
               json_string_value(json_object_get(entry, "does")), find_name(models, name) ? " (there)" : "");
    }
    DubJson *members;
    json_object_foreach(json_object_get(catalogue, "sets"), name, members)
    {
        size_t i;
        DubJson *member;
        printf("%-16s  a set:", name);
        json_array_foreach(members, i, member) printf(" %s", json_string_value(member));
        putchar('\n');
    }
}

void models_report_list(const GPtrArray *models, char **folders, const DubJson *catalogue, bool as_json)
{
    if (as_json) {
        print_list_json(models, folders, catalogue);
        return;
    }
    g_autofree char *places = g_strjoinv(", ", folders);
    if (models->len == 0)
        printf("No models in %s.\n", places);
    for (guint i = 0; i < models->len; i++) {
        print_model(models->pdata[i]);
        print_voices(models->pdata[i]);
    }
    if (catalogue)
        print_installable(catalogue, models);
}

/* ---- check ---- */

typedef struct {
    bool as_json;
    DubJson *lines;
    unsigned checked, failed;
} Check;

/* @what: what it is and can do; @problem: NULL where nothing is wrong */
static void add_line(Check *check, const char *verdict, const char *name, const char *path, const char *what,
                     const char *problem)
{
    if (check->as_json) {
        json_array_append_new(check->lines,
                              json_pack("{s:s, s:o, s:o, s:o, s:o}", "status", verdict, "name",
                                        command_json_string(name), "path", command_json_string(path), "is",
                                        command_json_string(what), "problem", command_json_string(problem)));
        return;
    }
    printf("%-4s  %-16s  %s\n", verdict, name, what);
    printf("      %-16s  %s%s%s\n", "", path, problem ? ": " : "", problem ? problem : "");
    fflush(stdout); /* the next may take a second */
}

static char *describe(const DubModel *model, int verified)
{
    g_autofree char *does = abilities(model), *size = models_report_size(model->bytes);
    const char *checksums = verified > 0 ? "checksums hold" : "not installed by airdub, so without checksums";
    return g_strdup_printf("%s: %s; %s; %s", dub_model_kind_to_string(model->kind), does, size, checksums);
}

static void check_model(Check *check, const DubModel *model)
{
    g_autoptr(GError) error = NULL;
    const int verified = model->problem ? 0 : dub_model_verify(model, &error);
    const char *problem = error ? error->message : model->problem;
    g_autofree char *what = problem ? g_strdup(dub_model_kind_to_string(model->kind)) : describe(model, verified);
    check->checked++;
    check->failed += problem != NULL;
    add_line(check,
             check->as_json && problem ? "fail"
             : problem                 ? "FAIL"
                                       : "ok",
             model->name, model->path, what, problem);
}

static bool belongs(const GPtrArray *models, const char *path)
{
    for (guint i = 0; i < models->len; i++) {
        const DubModel *model = models->pdata[i];
        g_autofree char *folder = g_path_get_dirname(model->path);
        if (strcmp(model->path, path) == 0 || strcmp(folder, path) == 0 || g_strcmp0(model->file, path) == 0)
            return true;
    }
    return false;
}

/* What else lies in a folder of models: nobody uses it, and who put it there may wonder why. */
static void note_others(Check *check, const GPtrArray *models, const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (name[0] == '.' || belongs(models, path))
            continue;
        const DubModel *same = find_name(models, name);
        g_autofree char *hidden = same ? g_strdup_printf("hidden by %s", same->path) : NULL;
        add_line(check, "note", name, path, hidden ? hidden : "not a model: no ggml-*.bin, no .onnx with tokens.txt",
                 NULL);
    }
}

static bool check_named(Check *check, const GPtrArray *models, char **names, GError **error)
{
    for (; *names; names++) {
        const DubModel *model = find_name(models, *names);
        if (!model) {
            g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND,
                        "there is no model '%.60s' here; 'airdub models list' shows those there are", *names);
            return false;
        }
        check_model(check, model);
    }
    return true;
}

static void check_all(Check *check, const GPtrArray *models, char **folders)
{
    for (guint i = 0; i < models->len; i++)
        check_model(check, models->pdata[i]);
    for (; *folders; folders++) {
        if (models->len != 1 || strcmp(((const DubModel *) models->pdata[0])->path, *folders) != 0)
            note_others(check, models, *folders);
    }
}

bool models_report_check(const GPtrArray *models, char **folders, char **names, bool as_json, GError **error)
{
    Check check = { .as_json = as_json, .lines = as_json ? json_array() : NULL };
    bool ok = true;
    if (names[0])
        ok = check_named(&check, models, names, error);
    else
        check_all(&check, models, folders);
    if (as_json)
        command_print_json(json_pack("{s:o, s:i, s:i}", "models", check.lines, "checked", (int) check.checked, "failed",
                                     (int) check.failed));
    if (!ok)
        return false;
    g_autofree char *places = g_strjoinv(", ", folders);
    if (check.checked == 0)
        g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND, "no model in %s; 'airdub models install default' gets some",
                    places);
    else if (check.failed > 0)
        g_set_error(error, DUB_ERROR, DUB_ERROR_FAILED,
                    "%u of %u models cannot be used; what mends each stands below it", check.failed, check.checked);
    return check.checked > 0 && check.failed == 0;
}
