/* airdub/cmd-engines.c: `airdub engines`: a table of stages, drivers and what they cover. */
#include "airdub/command.h"
#include "airdub/engine-list.h"

#include <stdio.h>

static char *rate_text(const EngineRow *row)
{
    return row->rate_hz ? g_strdup_printf("%u Hz", row->rate_hz) : g_strdup("-");
}

static char *cost_text(const EngineRow *row)
{
    return row->cost > 0 ? g_strdup_printf("%.2f", row->cost) : g_strdup("-");
}

static char *state_text(const EngineRow *row)
{
    if (row->is_null)
        return g_strdup("does nothing; by name only");
    if (!row->problem)
        return g_strdup("available");
    if (!row->package)
        return g_strdup(row->problem);
    return g_strdup_printf("%s; apt-get install %s", row->problem, row->package);
}

static void print_row(const EngineRow *row)
{
    g_autofree char *rate = rate_text(row);
    g_autofree char *cost = cost_text(row);
    g_autofree char *state = state_text(row);
    g_autofree char *covers = g_strjoinv(" ", row->covers);
    printf("%-5s  %-13s  %-9s  %-4s  %-28s  %s\n", engine_stage_to_string(row->stage), row->driver, rate, cost, state,
           *covers ? covers : "-");
}

static void print_table(const GPtrArray *rows)
{
    printf("%-5s  %-13s  %-9s  %-4s  %-28s  %s\n", "STAGE", "DRIVER", "RATE", "COST", "STATE", "LANGUAGES OR PAIRS");
    for (guint i = 0; i < rows->len; i++)
        print_row(rows->pdata[i]);
    puts("\nCOST: seconds of one core for a second of speech.");
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
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:b, s:o, s:o}", "stage", engine_stage_to_string(row->stage), "driver",
                     row->driver, row->stage == ENGINE_MT ? "pairs" : "languages", strings_to_json(row->covers),
                     "rate_hz", row->rate_hz ? json_integer(row->rate_hz) : json_null(), "cost",
                     row->cost > 0 ? json_real(row->cost) : json_null(), "available", !row->problem, "problem",
                     command_json_string(row->problem), "package", command_json_string(row->package));
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
    g_autoptr(GPtrArray) rows = engine_list_new();
    if (as_json)
        print_json(rows);
    else
        print_table(rows);
    return 0;
}
