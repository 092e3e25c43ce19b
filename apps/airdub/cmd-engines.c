/* airdub/cmd-engines.c: `airdub engines`: a table of stages, drivers and what they cover. */
#include "airdub/command.h"
#include "airdub/engine-list.h"
#include "airdub/engine-options.h"

#include <stdio.h>

static char *state_text(const EngineRow *row)
{
    if (row->problem && row->offers && row->klass->brings) /* an error names its cure itself */
        return g_strdup_printf("%s: %s", row->problem, row->klass->brings);
    if (row->problem)
        return g_strdup(row->problem);
    return g_strdup(row->klass->flags & DUB_ENGINE_BY_NAME ? "available, by name only" : "available");
}

static void print_row(const EngineRow *row)
{
    g_autofree char *state = state_text(row);
    g_autofree char *covers = g_strjoinv(" ", row->covers);
    printf("%-5s  %-13s  %-40s  %s\n", engine_row_stage(row), row->klass->name, state,
           *covers                                       ? covers
           : row->klass->flags & DUB_ENGINE_ANY_LANGUAGE ? "any"
                                                         : "-");
}

static void print_table(const GPtrArray *rows)
{
    printf("%-5s  %-13s  %-40s  %s\n", "STAGE", "DRIVER", "STATE", "LANGUAGES OR PAIRS");
    for (guint i = 0; i < rows->len; i++)
        print_row(rows->pdata[i]);
}

static DubJson *strings_to_json(char **texts)
{
    DubJson *array = json_array();
    for (; *texts; texts++)
        json_array_append_new(array, command_json_string(*texts));
    return array;
}

static DubJson *row_to_json(const EngineRow *row)
{
    const DubEngineClass *klass = row->klass;
    return json_pack("{s:s, s:s, s:o, s:o, s:b, s:b, s:b, s:o, s:o}", "stage", engine_row_stage(row), "driver",
                     klass->name, klass->stage == DUB_STAGE_MT ? "pairs" : "languages", strings_to_json(row->covers),
                     "rate_hz", klass->rate_hz ? json_integer(klass->rate_hz) : json_null(), "remote",
                     (klass->flags & DUB_ENGINE_REMOTE) != 0, "by_name", (klass->flags & DUB_ENGINE_BY_NAME) != 0,
                     "available", !row->problem, "problem", command_json_string(row->problem), "brings",
                     command_json_string(klass->brings));
}

static void print_json(const GPtrArray *rows)
{
    DubJson *list = json_array();
    for (guint i = 0; i < rows->len; i++)
        json_array_append_new(list, row_to_json(rows->pdata[i]));
    command_print_json(json_pack("{s:o}", "engines", list));
}

int cmd_engines(int argc, char **argv, GError **error)
{
    gboolean as_json = FALSE;
    const GOptionEntry entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "one JSON object instead of a table", NULL },
        G_OPTION_ENTRY_NULL,
    };
    if (!command_parse(argc, argv, entries, NULL, "Lists the speech engines of this machine.", NULL, 0, NULL, error))
        return 0;
    command_setup_log(false);
    g_auto(EngineOptions) none = { 0 };
    g_autoptr(DubEngineSettings) settings = engine_options_settings(&none, error);
    if (!settings)
        return 0;
    g_autoptr(GPtrArray) rows = engine_list_new(settings);
    if (as_json)
        print_json(rows);
    else
        print_table(rows);
    return 0;
}
