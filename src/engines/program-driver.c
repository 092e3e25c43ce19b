/* engines/program-driver.c: from a model to the program that runs it. */
#include "engines/program-driver.h"

#include "base/error.h"
#include "engines/program.h"

#include <string.h>

typedef struct {
    DubEngine base;
    const DubProgramKind *kind;
    GPtrArray *models;     /* of DubModel; holds: */
    const DubModel *model; /* that the program has loaded */
    DubProgram *program;
    unsigned n_threads;
} ProgramEngine;

/* ── What is there ── */

static bool is_usable(const DubProgramKind *kind, const DubModel *model)
{
    return model->kind == kind->kind && !model->problem;
}

static void offer_voices(GPtrArray *offers, const DubModel *model, const char *language)
{
    for (guint i = 0; i < model->voices->len; i++) {
        const DubModelVoice *voice = g_ptr_array_index(model->voices, i);
        if (!language || dub_engine_covers(voice->language, language))
            g_ptr_array_add(offers, dub_engine_offer_new(voice->name, voice->language, NULL, voice->gender));
    }
}

/* A model of Whisper's that names no languages knows all that Whisper knows. */
static const char *const whisper_languages[] = {
    "en", "zh", "de", "es", "ru", "ko", "fr", "ja", "pt", "tr", "pl", "ca", "nl", "ar",  "sv", "it", "id",
    "hi", "fi", "vi", "he", "uk", "el", "ms", "cs", "ro", "da", "hu", "ta", "no", "th",  "ur", "hr", "bg",
    "lt", "la", "mi", "ml", "cy", "sk", "te", "fa", "lv", "bn", "sr", "az", "sl", "kn",  "et", "mk", "br",
    "eu", "is", "hy", "ne", "mn", "bs", "kk", "sq", "sw", "gl", "mr", "pa", "si", "km",  "sn", "yo", "so",
    "af", "oc", "ka", "be", "tg", "sd", "gu", "am", "yi", "lo", "uz", "fo", "ht", "ps",  "tk", "nn", "mt",
    "sa", "lb", "my", "bo", "tl", "mg", "as", "tt", "ln", "ha", "ba", "jv", "su", "yue", NULL,
};

static void offer_hearing(GPtrArray *offers, const DubModel *model, const char *language)
{
    const char *const *languages =
        model->languages && *model->languages ? (const char *const *) model->languages : whisper_languages;
    for (; *languages; languages++)
        if (!language || dub_engine_covers(*languages, language))
            g_ptr_array_add(offers, dub_engine_offer_new(model->name, *languages, NULL, ""));
}

static void offer(const DubProgramKind *kind, const DubEngineConfig *config, const DubModel *model, GPtrArray *offers)
{
    if (kind->kind == DUB_MODEL_WHISPER)
        offer_hearing(offers, model, config->from);
    else
        offer_voices(offers, model, config->to);
}

static char *find_program(const DubProgramKind *kind, GError **error)
{
    char *path = dub_program_path(kind->program);
    if (!path)
        g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE, "%s is not here; %s", kind->program, kind->cure);
    return path;
}

GPtrArray *dub_program_driver_list(const DubProgramKind *kind, const DubEngineConfig *config, GError **error)
{
    g_autoptr(GPtrArray) models = dub_models_find(config->model_dir);
    g_autoptr(GPtrArray) offers = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    const DubModel *chosen = config->model ? dub_models_pick(models, kind->kind, config->model, NULL) : NULL;
    for (guint i = 0; i < models->len; i++) {
        const DubModel *model = g_ptr_array_index(models, i);
        if (is_usable(kind, model) && (!config->model || model == chosen))
            offer(kind, config, model, offers);
    }
    if (offers->len == 0)
        return g_steal_pointer(&offers);
    g_autofree char *path = find_program(kind, error);
    return path ? g_steal_pointer(&offers) : NULL;
}

unsigned dub_program_driver_count(const DubProgramKind *kind, const DubEngineConfig *config)
{
    return kind->all_cores ? 1 : MAX(config->n_cores, 1);
}

/* ── Loading ── */

static DubProgram *start(const DubProgramKind *kind, const DubModel *model, unsigned n_threads, GError **error)
{
    g_autofree char *path = find_program(kind, error);
    if (!path)
        return NULL;
    g_autofree char *threads = g_strdup_printf("%u", n_threads);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_ptr_array_add(argv, path);
    if (kind->kind != DUB_MODEL_WHISPER)
        g_ptr_array_add(argv, (char *) dub_model_kind_to_string(kind->kind));
    g_ptr_array_add(argv, kind->kind == DUB_MODEL_WHISPER ? model->file : model->path);
    g_ptr_array_add(argv, "--threads");
    g_ptr_array_add(argv, threads);
    g_ptr_array_add(argv, NULL);
    return dub_program_start((const char *const *) argv->pdata, NULL, error);
}

static const DubModel *pick_model(const DubProgramKind *kind, const DubEngineConfig *config, GPtrArray *models,
                                  GError **error)
{
    const char *language = kind->kind == DUB_MODEL_WHISPER ? config->from : config->to;
    const DubModel *model = dub_models_pick(models, kind->kind, config->model, language);
    if (model && !model->problem)
        return model;
    const char *name = dub_model_kind_to_string(kind->kind);
    if (model)
        g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE, "%s: %s", model->name, model->problem);
    else if (config->model)
        g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE,
                    "%s: no model \"%s\" for \"%s\" is here; `airdub models list` shows what is and what can "
                    "be installed",
                    name, config->model, language);
    else
        g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE,
                    "%s: no model for \"%s\" is here; `airdub models install` gets one", name, language);
    return NULL;
}

DubEngine *dub_program_driver_open(const DubProgramKind *kind, const DubEngineConfig *config, GError **error)
{
    g_autoptr(GPtrArray) models = dub_models_find(config->model_dir);
    const DubModel *model = pick_model(kind, config, models, error);
    const unsigned n_threads = kind->all_cores ? CLAMP(config->n_cores, 1, 64) : 1;
    DubProgram *program = model ? start(kind, model, n_threads, error) : NULL;
    if (!program)
        return NULL;
    ProgramEngine *self = g_new0(ProgramEngine, 1);
    self->kind = kind;
    self->models = g_steal_pointer(&models);
    self->model = model;
    self->program = program;
    self->n_threads = n_threads;
    return &self->base;
}

void dub_program_driver_close(DubEngine *base)
{
    ProgramEngine *self = (ProgramEngine *) base;
    dub_program_stop(self->program);
    g_ptr_array_unref(self->models);
    g_free(self);
}

/* ── Working ── */

static bool has_voice(const DubModel *model, const char *name)
{
    for (guint i = 0; i < model->voices->len; i++)
        if (g_str_equal(((const DubModelVoice *) g_ptr_array_index(model->voices, i))->name, name))
            return true;
    return false;
}

/* Returns: the model that speaks as the request wants; the one that is loaded where no other does better */
static const DubModel *model_for(const ProgramEngine *self, const DubEngineRequest *request)
{
    if (self->kind->kind == DUB_MODEL_WHISPER || !request->voice || has_voice(self->model, request->voice))
        return self->model;
    for (guint i = 0; i < self->models->len; i++) {
        const DubModel *model = g_ptr_array_index(self->models, i);
        if (is_usable(self->kind, model) && has_voice(model, request->voice))
            return model;
    }
    return self->model;
}

DubEngineReply *dub_program_driver_run(DubEngine *base, const DubEngineRequest *request, GError **error)
{
    ProgramEngine *self = (ProgramEngine *) base;
    const DubModel *model = model_for(self, request);
    if (model != self->model) {
        DubProgram *program = start(self->kind, model, self->n_threads, error);
        if (!program)
            return NULL;
        dub_program_stop(self->program);
        self->program = program;
        self->model = model;
    }
    return dub_program_run(self->program, base->klass->stage, request, error);
}
