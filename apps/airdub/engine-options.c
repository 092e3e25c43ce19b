/* airdub/engine-options.c */
#include "airdub/engine-options.h"

#include <string.h>

#define N_OWN 5

static gsize count_entries(const GOptionEntry *entries)
{
    gsize n = 0;
    while (entries && entries[n].long_name)
        n++;
    return n;
}

GOptionEntry *engine_options_entries(EngineOptions *self, const GOptionEntry *more)
{
    const GOptionEntry own[N_OWN] = {
        { "asr", 0, 0, G_OPTION_ARG_STRING, &self->providers[DUB_STAGE_ASR], "the recogniser; see 'airdub engines'",
          "NAME[,NAME]" },
        { "mt", 0, 0, G_OPTION_ARG_STRING, &self->providers[DUB_STAGE_MT], "the translator, likewise", "NAME[,NAME]" },
        { "tts", 0, 0, G_OPTION_ARG_STRING, &self->providers[DUB_STAGE_TTS], "the synthesiser, likewise",
          "NAME[,NAME]" },
        { "model", 0, 0, G_OPTION_ARG_STRING, &self->model, "the recogniser's model: tiny, base, … or a path",
          "MODEL" },
        { "glossary", 0, 0, G_OPTION_ARG_STRING, &self->glossary, "how words of the trade are translated",
          "FILE|NAME[,…]" },
    };
    const gsize n_more = count_entries(more);
    GOptionEntry *entries = g_new0(GOptionEntry, n_more + N_OWN + 1);
    if (n_more)
        memcpy(entries, more, n_more * sizeof(GOptionEntry));
    memcpy(entries + n_more, own, sizeof(own));
    return entries;
}

void engine_options_clear(EngineOptions *self)
{
    for (int stage = 0; stage < DUB_N_STAGES; stage++)
        g_clear_pointer(&self->providers[stage], g_free);
    g_clear_pointer(&self->model, g_free);
    g_clear_pointer(&self->glossary, g_free);
    g_clear_pointer(&self->said, g_free);
}

static void replace(char **field, const char *with)
{
    if (!with)
        return;
    g_free(*field);
    *field = g_strdup(with);
}

DubEngineSettings *engine_options_settings(const EngineOptions *self, GError **error)
{
    g_auto(GStrv) environment = g_get_environ();
    if (self->said)
        environment = g_environ_setenv(environment, "ASR_SUBTITLES", self->said, TRUE);
    g_autoptr(DubEngineSettings) settings = dub_engine_settings_load(environment, error);
    if (!settings)
        return NULL;
    replace(&settings->asr_model, self->model);
    replace(&settings->glossary, self->glossary);
    for (int stage = 0; stage < DUB_N_STAGES; stage++)
        if (!dub_engine_settings_choose(settings, (DubEngineStage) stage, self->providers[stage], error))
            return NULL;
    return g_steal_pointer(&settings);
}
