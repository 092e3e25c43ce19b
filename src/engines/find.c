/* engines/find.c: the names that drivers go by. */
#include "engines/list.h"

#include "base/error.h"

#include <string.h>

/* What other systems call an engine that is here under another name. */
static const struct {
    DubEngineStage stage;
    const char *alias, *name;
} aliases[] = {
    { DUB_STAGE_ASR, "faster-whisper", "whisper" },
    { DUB_STAGE_ASR, "whisper.cpp", "whisper" },
    { DUB_STAGE_TTS, "coqui", "vits" },
    { DUB_STAGE_TTS, "piper", "vits" },
    { DUB_STAGE_TTS, "espeak", "espeak-ng" },
};

bool dub_engine_is_borrowed(DubEngineStage stage, const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(aliases); i++)
        if (aliases[i].stage == stage && g_str_equal(aliases[i].alias, name))
            return true;
    return false;
}

static const char *without_alias(DubEngineStage stage, const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(aliases); i++)
        if (aliases[i].stage == stage && g_str_equal(aliases[i].alias, name))
            return aliases[i].name;
    return name;
}

static const char *describe(DubEngineStage stage)
{
    switch (stage) {
    case DUB_STAGE_ASR: return "speech recogniser";
    case DUB_STAGE_MT: return "translator";
    case DUB_STAGE_TTS: return "speech synthesiser";
    case DUB_N_STAGES: break;
    }
    return "engine";
}

static char *list_names(DubEngineStage stage)
{
    GString *names = g_string_new(NULL);
    for (const DubEngineClass *const *klass = dub_engine_list(); *klass; klass++)
        if ((*klass)->stage == stage)
            g_string_append_printf(names, "%s%s", names->len ? ", " : "", (*klass)->name);
    return g_string_free(names, FALSE);
}

const DubEngineClass *dub_engine_find(DubEngineStage stage, const char *name, char **argument, GError **error)
{
    const char *colon = strchr(name, ':');
    g_autofree char *plain = colon ? g_strndup(name, (gsize) (colon - name)) : g_strdup(name);
    const char *wanted = without_alias(stage, plain);
    *argument = NULL;
    for (const DubEngineClass *const *klass = dub_engine_list(); *klass; klass++) {
        if ((*klass)->stage != stage || !g_str_equal((*klass)->name, wanted))
            continue;
        *argument = colon ? g_strdup(colon + 1) : NULL;
        return *klass;
    }
    g_autofree char *names = list_names(stage);
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "no %s is called \"%s\"; there is: %s", describe(stage),
                name, names);
    return NULL;
}
