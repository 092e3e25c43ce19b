/* engines/models.c: looks into the folders of models, and picks among what is there. */
#include "engines/models-private.h"

#include <string.h>

#ifndef AIRDUB_DATADIR
#error "meson.build defines AIRDUB_DATADIR, the prefix's share folder"
#endif

const char *dub_model_kind_to_string(DubModelKind kind)
{
    switch (kind) {
    case DUB_MODEL_WHISPER: return "whisper";
    case DUB_MODEL_VITS: return "vits";
    case DUB_MODEL_KOKORO: return "kokoro";
    case DUB_MODEL_VAD: return "vad";
    }
    return "invalid";
}

/* ---- finding ---- */

static char *absolute(const char *path)
{
    return g_canonicalize_filename(path, NULL);
}

static const char *const system_folders[] = { "/usr/local/share/airdub/models", "/usr/share/airdub/models" };

GStrv dub_models_folders(const char *model_dir)
{
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();
    if (model_dir && *model_dir) {
        g_autofree char *path = absolute(model_dir);
        g_strv_builder_add(list, path);
        return g_strv_builder_end(list);
    }
    g_autofree char *user = g_build_filename(g_get_user_data_dir(), "airdub", "models", NULL);
    g_strv_builder_add(list, user);
    g_strv_builder_add(list, AIRDUB_DATADIR "/airdub/models");
    for (gsize i = 0; i < G_N_ELEMENTS(system_folders); i++) {
        if (strcmp(system_folders[i], AIRDUB_DATADIR "/airdub/models") != 0)
            g_strv_builder_add(list, system_folders[i]);
    }
    return g_strv_builder_end(list);
}

static DubModel *find_name(const GPtrArray *models, const char *name)
{
    for (guint i = 0; i < models->len; i++) {
        DubModel *model = models->pdata[i];
        if (strcmp(model->name, name) == 0)
            return model;
    }
    return NULL;
}

static bool is_ggml(const char *name)
{
    return g_str_has_prefix(name, "ggml-") && g_str_has_suffix(name, ".bin");
}

/* Adds what lies at @path: a ggml file, a folder. */
static void describe(const char *path, GPtrArray *found)
{
    g_autofree char *name = g_path_get_basename(path);
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        models_describe_folder(path, found);
    else if (is_ggml(name) && g_file_test(path, G_FILE_TEST_EXISTS))
        g_ptr_array_add(found, models_describe_whisper(path, NULL));
}

/* What is there already hides what @more calls by the same name. */
static void take_new(GPtrArray *models, GPtrArray *more)
{
    while (more->len > 0) {
        g_autoptr(DubModel) model = g_ptr_array_steal_index(more, 0);
        if (models->len < DUB_MODELS_MAX && !find_name(models, model->name))
            g_ptr_array_add(models, g_steal_pointer(&model));
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const DubModel *const *) a)->name, (*(const DubModel *const *) b)->name);
}

static GPtrArray *models_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify) dub_model_free);
}

static void look_into(const char *folder, GPtrArray *models)
{
    g_autoptr(GPtrArray) names = models_list_folder(folder);
    if (!names)
        return;
    g_autoptr(GPtrArray) found = models_new();
    models_describe_folder(folder, found); /* MODEL_DIR may name one model */
    for (guint i = 0; i < names->len && found->len < DUB_MODELS_MAX; i++) {
        g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR))
            models_describe_folder(path, found);
    }
    g_ptr_array_sort(found, compare_names);
    take_new(models, found);
}

GPtrArray *dub_models_find(const char *model_dir)
{
    GPtrArray *models = models_new();
    g_auto(GStrv) folders = dub_models_folders(model_dir);
    for (char **folder = folders; *folder; folder++)
        look_into(*folder, models);
    return models;
}

/* ---- picking ---- */

bool dub_model_covers(const DubModel *self, const char *language)
{
    if (self->kind == DUB_MODEL_VAD || (self->kind == DUB_MODEL_WHISPER && !self->languages[0]))
        return true;
    g_autofree char *code = models_language(language);
    return code && g_strv_contains((const char *const *) self->languages, code);
}

static bool fits(const DubModel *model, DubModelKind kind, const char *language)
{
    return model->kind == kind && (!language || dub_model_covers(model, language));
}

static bool is_english(const DubModel *model)
{
    return model->languages[0] != NULL; /* of a Whisper model */
}

/* One for English alone hears English better than the next larger one for all: tiny.en gets 4.6 % of the
 * words of real people wrong, base 5.5 %. */
static unsigned whisper_worth(const DubModel *model, const char *language)
{
    static const char *const sizes[] = { "tiny", "base", "small", "medium", "turbo", "large" };
    unsigned worth = 0;
    while (worth < G_N_ELEMENTS(sizes) - 1 && g_strcmp0(model->size, sizes[worth]) != 0)
        worth++;
    return 2 * worth + (is_english(model) && language ? 3 : 0);
}

static unsigned worth_of(const DubModel *model, const char *language)
{
    return model->kind == DUB_MODEL_WHISPER ? whisper_worth(model, language) : model->rate_hz;
}

static const DubModel *pick_best(const GPtrArray *models, DubModelKind kind, const char *language)
{
    const DubModel *best = NULL;
    for (guint i = 0; i < models->len; i++) {
        const DubModel *model = models->pdata[i];
        if (model->problem || !fits(model, kind, language))
            continue;
        if (!best || worth_of(model, language) > worth_of(best, language))
            best = model;
    }
    return best;
}

/* "tiny", "tiny.en": the first usable one of that size; without ".en" one for all languages goes before one
 * for English. */
static const DubModel *pick_size(const GPtrArray *models, const char *size, const char *language)
{
    const DubModel *second = NULL;
    const bool english_only = g_str_has_suffix(size, ".en");
    g_autofree char *wanted = g_strndup(size, strlen(size) - (english_only ? 3 : 0));
    for (guint i = 0; i < models->len; i++) {
        const DubModel *model = models->pdata[i];
        if (model->problem || !fits(model, DUB_MODEL_WHISPER, language) || g_strcmp0(model->size, wanted) != 0)
            continue;
        if (is_english(model) == english_only)
            return model;
        if (!english_only && !second)
            second = model;
    }
    return second;
}

static const DubModel *pick_path(GPtrArray *models, DubModelKind kind, const char *path, const char *language)
{
    g_autofree char *wanted = absolute(path);
    for (guint i = 0; i < models->len; i++) {
        const DubModel *model = models->pdata[i];
        if (fits(model, kind, language) && (strcmp(model->path, wanted) == 0 || g_strcmp0(model->file, wanted) == 0))
            return model;
    }
    g_autoptr(GPtrArray) found = models_new();
    describe(wanted, found);
    if (found->len != 1 || !fits(found->pdata[0], kind, language))
        return NULL;
    DubModel *model = g_ptr_array_steal_index(found, 0);
    g_ptr_array_add(models, model);
    return model;
}

const DubModel *dub_models_pick(GPtrArray *models, DubModelKind kind, const char *name, const char *language)
{
    if (!name)
        return pick_best(models, kind, language);
    if (strchr(name, '/'))
        return pick_path(models, kind, name, language);
    g_autofree char *prefixed = g_strconcat("whisper-", name, NULL);
    const char *const spellings[] = { name, prefixed };
    for (gsize i = 0; i < G_N_ELEMENTS(spellings); i++) {
        const DubModel *model = find_name(models, spellings[i]);
        if (model && fits(model, kind, language))
            return model;
    }
    if (kind != DUB_MODEL_WHISPER)
        return NULL;
    return pick_size(models, g_str_has_prefix(name, "whisper-") ? name + strlen("whisper-") : name, language);
}
