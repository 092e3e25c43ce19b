/* airdub/engine-list.c: asks each driver what it offers. */
#include "airdub/engine-list.h"

#include "engines/list.h"

#include <string.h>

const char *engine_row_stage(const EngineRow *self)
{
    switch (self->klass->stage) {
    case DUB_STAGE_ASR: return "ASR";
    case DUB_STAGE_MT: return "MT";
    case DUB_STAGE_TTS: return "TTS";
    case DUB_N_STAGES: break;
    }
    return "invalid";
}

static void row_free(void *data)
{
    EngineRow *row = data;
    g_strfreev(row->covers);
    g_clear_pointer(&row->offers, g_ptr_array_unref);
    g_free(row->problem);
    g_free(row);
}

/* "es-419" and "es" are both es; a pair is "en-es". */
static char *covered_by(const DubEngineOffer *offer)
{
    if (offer->target)
        return g_strdup_printf("%s-%s", offer->language, offer->target);
    return g_strndup(offer->language, strcspn(offer->language, "-_"));
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static char **covers_of(const GPtrArray *offers)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    for (guint i = 0; offers && i < offers->len; i++) {
        g_autofree char *covered = covered_by(offers->pdata[i]);
        if (!g_ptr_array_find_with_equal_func(found, covered, g_str_equal, NULL))
            g_ptr_array_add(found, g_steal_pointer(&covered));
    }
    g_ptr_array_sort(found, compare_text);
    g_ptr_array_add(found, NULL);
    return (char **) g_ptr_array_free(g_steal_pointer(&found), FALSE);
}

static EngineRow *row_new(const DubEngineClass *klass, const DubEngineSettings *settings)
{
    const DubEngineConfig config = dub_engine_settings_config(settings, klass, NULL, NULL, NULL);
    g_autoptr(GError) error = NULL;
    EngineRow *row = g_new0(EngineRow, 1);
    row->klass = klass;
    row->offers = klass->list(&config, NULL, &error);
    row->covers = covers_of(row->offers);
    if (error) {
        row->problem = g_strdup(error->message);
    } else if (!row->covers[0] && !(klass->flags & DUB_ENGINE_ANY_LANGUAGE)) {
        row->problem = g_strdup(klass->flags & DUB_ENGINE_REMOTE ? "not set up" : "not installed");
        row->is_missing = true;
    }
    return row;
}

GPtrArray *engine_list_new(const DubEngineSettings *settings)
{
    GPtrArray *rows = g_ptr_array_new_with_free_func(row_free);
    for (const DubEngineClass *const *klass = dub_engine_list(); *klass; klass++)
        g_ptr_array_add(rows, row_new(*klass, settings));
    return rows;
}
