/* airdub/engine-list.c: asks each driver, and opens what only opening can tell. */
#include "airdub/engine-list.h"

#include "engines/asr/asr.h"
#include "engines/mt/mt.h"
#include "engines/tts/tts.h"

#include <string.h>

const char *engine_stage_to_string(EngineStage stage)
{
    switch (stage) {
    case ENGINE_ASR: return "ASR";
    case ENGINE_MT:  return "MT";
    case ENGINE_TTS: return "TTS";
    }
    return "invalid";
}

static void row_free(void *data)
{
    EngineRow *row = data;
    g_strfreev(row->covers);
    g_free(row->problem);
    g_free(row);
}

static EngineRow *row_new(EngineStage stage, const char *driver, const char *package)
{
    EngineRow *row = g_new0(EngineRow, 1);
    row->stage = stage;
    row->driver = driver;
    row->package = package;
    row->is_null = strcmp(driver, "null") == 0;
    return row;
}

static EngineRow *asr_row(const DubAsrDriver *driver)
{
    EngineRow *row = row_new(ENGINE_ASR, driver->name, driver->package);
    row->covers = g_strdupv((char **) driver->languages);
    row->rate_hz = driver->rate_hz;
    row->cost = driver->cost;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubAsr) asr = row->covers[0] ? dub_asr_open(driver->name, row->covers[0], NULL, &error) : NULL;
    if (error)
        row->problem = g_strdup(error->message);
    return row;
}

/* Returns: (transfer full): why @pair ("en-es") cannot be opened, NULL if it can */
static char *try_pair(const char *driver, const char *pair)
{
    g_auto(GStrv) languages = g_strsplit(pair, "-", 2);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubMt) mt = dub_mt_open(driver, languages[0], languages[1] ? languages[1] : "", &error);
    return mt ? NULL : g_strdup(error->message);
}

static EngineRow *mt_row(const DubMtDriver *driver)
{
    EngineRow *row = row_new(ENGINE_MT, driver->name, driver->package);
    row->covers = driver->pairs();
    if (row->is_null)
        return row;
    row->problem = row->covers[0] ? try_pair(driver->name, row->covers[0]) : g_strdup("no language pair is installed");
    return row;
}

/* "es-419" and "es" are both es. */
static char *base_language(const char *language)
{
    return g_strndup(language, strcspn(language, "-_"));
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static char **languages_of(const GPtrArray *voices)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    for (guint i = 0; i < voices->len; i++) {
        const DubVoice *voice = voices->pdata[i];
        g_autofree char *language = base_language(voice->language);
        if (!g_ptr_array_find_with_equal_func(found, language, g_str_equal, NULL))
            g_ptr_array_add(found, g_steal_pointer(&language));
    }
    g_ptr_array_sort(found, compare_text);
    g_ptr_array_add(found, NULL);
    return (char **) g_ptr_array_free(g_steal_pointer(&found), FALSE);
}

static EngineRow *tts_row(const DubTtsDriver *driver)
{
    EngineRow *row = row_new(ENGINE_TTS, driver->name, driver->package);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) voices = driver->voices(&error);
    row->covers = voices ? languages_of(voices) : g_new0(char *, 1);
    if (error)
        row->problem = g_strdup(error->message);
    else if (!row->is_null && !row->covers[0])
        row->problem = g_strdup("no voice is installed");
    return row;
}

GPtrArray *engine_list_new(void)
{
    GPtrArray *rows = g_ptr_array_new_with_free_func(row_free);
    for (const DubAsrDriver *const *driver = dub_asr_drivers(); *driver; driver++)
        g_ptr_array_add(rows, asr_row(*driver));
    for (const DubMtDriver *const *driver = dub_mt_drivers(); *driver; driver++)
        g_ptr_array_add(rows, mt_row(*driver));
    for (const DubTtsDriver *const *driver = dub_tts_drivers(); *driver; driver++)
        g_ptr_array_add(rows, tts_row(*driver));
    return rows;
}
