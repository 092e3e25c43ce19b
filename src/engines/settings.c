/* engines/settings.c: one table, and the drivers' own. */
#include "engines/settings.h"

#include "base/error.h"
#include "base/log.h"
#include "engines/list.h"

#include <string.h>

#define FIELD(name) offsetof(DubEngineSettings, name)

static const DubEnvSpec specs[] = {
    { "ASR_PROVIDER", DUB_ENV_STRING, FIELD(providers[DUB_STAGE_ASR]), NULL,
      .help = "speech recogniser, or several by commas: the next takes over where one fails; see airdub engines" },
    { "ASR_MODEL", DUB_ENV_STRING, FIELD(asr_model), NULL, .help = "its model: tiny, base, small, … or a path" },
    { "TRANSLATION_PROVIDER", DUB_ENV_STRING, FIELD(providers[DUB_STAGE_MT]), NULL, .help = "translator, or several" },
    { "TTS_PROVIDER", DUB_ENV_STRING, FIELD(providers[DUB_STAGE_TTS]), NULL,
      .help = "speech synthesiser, or several: the next also speaks where the one before would be late" },
    { "MODEL_DIR", DUB_ENV_STRING, FIELD(model_dir), NULL,
      .help = "folder of the models; the user's and the system's data folders if not set" },
    { "GLOSSARY", DUB_ENV_STRING, FIELD(glossary), NULL,
      .help = "glossary files or names, by commas; see airdub glossary" },
    { "PROFANITY", DUB_ENV_CHOICE, FIELD(profanity), "keep", .choices = "keep|mask|drop",
      .help = "what becomes of swear words in the dub" },
    { "DEVICE", DUB_ENV_CHOICE, FIELD(device), "cpu", .choices = "cpu|cuda", .help = "what the engines run on" },
    { "ENGINE_LANES", DUB_ENV_UINT, FIELD(n_lanes), "0", 0, 32,
      .help = "fragments dubbed at once; 0: as many as there are engines for" },
};

typedef struct {
    const DubEngineClass *klass;
    void *settings;
} Own;

static void free_own(gpointer data)
{
    Own *own = data;
    dub_env_clear(own->klass->settings, own->klass->n_settings, own->settings);
    g_free(own->settings);
    g_free(own);
}

static bool load_own(DubEngineSettings *self, const DubEngineClass *klass, char **environment, GError **error)
{
    g_autofree void *settings = g_malloc0(klass->settings_bytes);
    if (!dub_env_load(klass->settings, klass->n_settings, settings, environment, error))
        return false;
    Own *own = g_new0(Own, 1);
    own->klass = klass;
    own->settings = g_steal_pointer(&settings);
    g_hash_table_insert(self->of_drivers, (gpointer) klass, own);
    return true;
}

static bool load_drivers(DubEngineSettings *self, char **environment, GError **error)
{
    for (const DubEngineClass *const *klass = dub_engine_list(); *klass; klass++)
        if ((*klass)->n_settings && !load_own(self, *klass, environment, error))
            return false;
    return true;
}

/* Names that other systems' settings use for an engine that needs no key: here that is the default. Nothing at all is
 * what an unset variable is. */
static bool is_stand_in(const char *name)
{
    return !*name || g_str_equal(name, "mock") || g_str_equal(name, "default");
}

static bool check_providers(const char *variable, DubEngineStage stage, char **providers, GError **error)
{
    if (!*providers)
        return true;
    if (is_stand_in(*providers)) {
        if (g_str_equal(*providers, "mock"))
            dub_warning("%s=mock: there is no mock here; the best engine that needs no key is used", variable);
        g_clear_pointer(providers, g_free);
        return true;
    }
    g_auto(GStrv) names = g_strsplit(*providers, ",", -1);
    for (char **name = names; *name; name++) {
        g_autofree char *argument = NULL;
        if (!dub_engine_find(stage, g_strstrip(*name), &argument, error)) {
            g_prefix_error(error, "%s: ", variable);
            return false;
        }
    }
    return true;
}

static bool check_all(DubEngineSettings *self, GError **error)
{
    if (g_str_equal(self->device, "cuda"))
        dub_warning("DEVICE=cuda: the engines here were built without GPU support; the processor is used");
    return check_providers("ASR_PROVIDER", DUB_STAGE_ASR, &self->providers[DUB_STAGE_ASR], error) &&
           check_providers("TRANSLATION_PROVIDER", DUB_STAGE_MT, &self->providers[DUB_STAGE_MT], error) &&
           check_providers("TTS_PROVIDER", DUB_STAGE_TTS, &self->providers[DUB_STAGE_TTS], error);
}

DubEngineSettings *dub_engine_settings_load(char **environment, GError **error)
{
    g_autoptr(DubEngineSettings) self = g_new0(DubEngineSettings, 1);
    g_atomic_ref_count_init(&self->refs);
    self->of_drivers = g_hash_table_new_full(NULL, NULL, NULL, free_own);
    if (!dub_env_load(specs, G_N_ELEMENTS(specs), self, environment, error) ||
        !load_drivers(self, environment, error) || !check_all(self, error))
        return NULL;
    return g_steal_pointer(&self);
}

DubEngineSettings *dub_engine_settings_ref(const DubEngineSettings *self)
{
    DubEngineSettings *same = (DubEngineSettings *) self; /* their count alone changes */
    g_atomic_ref_count_inc(&same->refs);
    return same;
}

void dub_engine_settings_free(DubEngineSettings *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;
    dub_env_clear(specs, G_N_ELEMENTS(specs), self);
    g_hash_table_unref(self->of_drivers);
    g_free(self);
}

char *dub_engine_settings_help(void)
{
    GString *help = g_string_new(NULL);
    g_autofree char *shared = dub_env_help(specs, G_N_ELEMENTS(specs));
    g_string_append(help, shared);
    for (const DubEngineClass *const *klass = dub_engine_list(); *klass; klass++) {
        if (!(*klass)->n_settings)
            continue;
        g_autofree char *own = dub_env_help((*klass)->settings, (*klass)->n_settings);
        g_string_append(help, own);
    }
    return g_string_free(help, FALSE);
}

bool dub_engine_settings_choose(DubEngineSettings *self, DubEngineStage stage, const char *providers, GError **error)
{
    static const char *const
        options[DUB_N_STAGES] = { [DUB_STAGE_ASR] = "--asr", [DUB_STAGE_MT] = "--mt", [DUB_STAGE_TTS] = "--tts" };
    if (!providers)
        return true;
    g_free(self->providers[stage]);
    self->providers[stage] = g_strdup(providers);
    return check_providers(options[stage], stage, &self->providers[stage], error);
}

DubEngineConfig dub_engine_settings_config(const DubEngineSettings *self, const DubEngineClass *klass, const char *from,
                                           const char *to, const char *argument)
{
    const Own *own = g_hash_table_lookup(self->of_drivers, klass);
    return (DubEngineConfig){
        .settings = own ? own->settings : NULL,
        .model_dir = self->model_dir,
        .model = klass->stage == DUB_STAGE_ASR ? self->asr_model : NULL,
        .argument = argument,
        .from = from,
        .to = to,
        .n_cores = g_get_num_processors(),
        .n_lanes = self->n_lanes,
    };
}
