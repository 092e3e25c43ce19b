/* airdub/cmd-voices.c: `airdub voices`: what --voice takes. */
#include "airdub/command.h"

#include "base/error.h"
#include "engines/tts/tts.h"

#include <stdio.h>
#include <string.h>

/* @wanted: NULL for all; "es" matches "es" and "es-419", "es-419" itself alone */
static bool speaks(const DubVoice *voice, const char *wanted)
{
    if (!wanted)
        return true;
    const gsize length = strlen(wanted);
    if (g_ascii_strncasecmp(voice->language, wanted, length) != 0)
        return false;
    return voice->language[length] == '\0' || voice->language[length] == '-';
}

static DubJson *voice_to_json(const DubTtsDriver *driver, const DubVoice *voice)
{
    return json_pack("{s:s, s:o, s:o, s:o}", "driver", driver->name, "name", command_json_string(voice->name),
                     "language", command_json_string(voice->language), "gender", command_json_string(voice->gender));
}

static void add_voices(DubJson *list, const DubTtsDriver *driver, const GPtrArray *voices, const char *wanted)
{
    for (guint i = 0; i < voices->len; i++) {
        if (speaks(voices->pdata[i], wanted))
            json_array_append_new(list, voice_to_json(driver, voices->pdata[i]));
    }
}

static DubJson *list_voices(const char *wanted, GError **error)
{
    g_autoptr(DubJson) list = json_array();
    for (const DubTtsDriver *const *driver = dub_tts_drivers(); *driver; driver++) {
        g_autoptr(GPtrArray) voices = (*driver)->voices(error);
        if (!voices)
            return NULL;
        add_voices(list, *driver, voices, wanted);
    }
    return g_steal_pointer(&list);
}

static void print_table(const DubJson *list)
{
    size_t i;
    DubJson *voice;
    printf("%-24s  %-12s  %-7s  %s\n", "VOICE", "LANGUAGE", "GENDER", "ENGINE");
    json_array_foreach(list, i, voice)
        printf("%-24s  %-12s  %-7s  %s\n", json_string_value(json_object_get(voice, "name")),
               json_string_value(json_object_get(voice, "language")),
               json_string_value(json_object_get(voice, "gender")),
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
    g_autoptr(DubJson) list = list_voices(to, error);
    if (!list)
        return 0;
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
