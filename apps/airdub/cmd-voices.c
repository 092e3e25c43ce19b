/* airdub/cmd-voices.c: `airdub voices`: what --voice takes. */
#include "airdub/command.h"
#include "airdub/engine-list.h"
#include "airdub/engine-options.h"
#include "base/error.h"

#include <stdio.h>

static DubJson *voice_to_json(const EngineRow *row, const DubEngineOffer *voice)
{
    return json_pack("{s:s, s:o, s:o, s:o}", "driver", row->klass->name, "name", command_json_string(voice->name),
                     "language", command_json_string(voice->language), "gender", command_json_string(voice->gender));
}

/* @wanted: NULL for all; "es" matches "es" and "es-419", "es-419" itself alone */
static void add_voices(DubJson *list, const EngineRow *row, const char *wanted)
{
    if (row->klass->stage != DUB_STAGE_TTS)
        return;
    if (row->problem && !row->is_missing) /* the others still have voices */
        fprintf(stderr, "airdub: %s: %s\n", row->klass->name, row->problem);
    for (guint i = 0; row->offers && i < row->offers->len; i++) {
        const DubEngineOffer *voice = row->offers->pdata[i];
        if (!wanted || dub_engine_covers(voice->language, wanted))
            json_array_append_new(list, voice_to_json(row, voice));
    }
}

static DubJson *list_voices(const char *wanted, const DubEngineSettings *settings)
{
    g_autoptr(GPtrArray) rows = engine_list_new(settings);
    DubJson *list = json_array();
    for (guint i = 0; i < rows->len; i++)
        add_voices(list, rows->pdata[i], wanted);
    return list;
}

static void print_table(const DubJson *list)
{
    size_t i;
    DubJson *voice;
    printf("%-24s  %-12s  %-7s  %s\n", "VOICE", "LANGUAGE", "GENDER", "ENGINE");
    json_array_foreach(list, i, voice) printf(
        "%-24s  %-12s  %-7s  %s\n", json_string_value(json_object_get(voice, "name")),
        json_string_value(json_object_get(voice, "language")), json_string_value(json_object_get(voice, "gender")),
        json_string_value(json_object_get(voice, "driver")));
}

int cmd_voices(int argc, char **argv, GError **error)
{
    gboolean as_json = FALSE;
    g_autofree char *to = NULL;
    const GOptionEntry entries[] = {
        { "to", 0, 0, G_OPTION_ARG_STRING, &to, "only those that speak this language", "LANGUAGE" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "one JSON object instead of a table", NULL },
        G_OPTION_ENTRY_NULL,
    };
    if (!command_parse(argc, argv, entries, NULL, "Lists the voices that --voice takes.", NULL, 0, NULL, error))
        return 0;
    command_setup_log(false);
    g_auto(EngineOptions) none = { 0 };
    g_autoptr(DubEngineSettings) settings = engine_options_settings(&none, error);
    if (!settings)
        return 0;
    g_autoptr(DubJson) list = list_voices(to, settings);
    if (to && json_array_size(list) == 0) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                    "no voice speaks '%.40s'; 'airdub voices' lists those there are", to);
        return 0;
    }
    if (as_json)
        command_print_json(json_pack("{s:O}", "voices", list));
    else
        print_table(list);
    return 0;
}
