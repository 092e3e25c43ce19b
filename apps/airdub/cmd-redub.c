/* airdub/cmd-redub.c: `airdub redub FOLDER [OUT]`: a dub again, of which only the lines are spoken that somebody has
 * mended. */
#include "airdub/command.h"
#include "airdub/dub-project.h"
#include "airdub/dub-run.h"
#include "base/error.h"

#include <gst/gst.h>

static const char description[] =
    "FOLDER: as 'airdub dub --project FOLDER' made it. Mend FOLDER/project.jsonl in a text editor: a line's "
    "\"translation\", \"text\", \"voice\", \"start\" or \"end\"; lines may be added and taken out. All other samples "
    "stay as they are. Without OUT the earlier result is replaced.";

static bool parse(DubOptions *self, int argc, char **argv, GError **error)
{
    g_auto(GStrv) rest = NULL;
    const GOptionEntry entries[] = {
        { "in", 0, 0, G_OPTION_ARG_FILENAME, &self->in, "where IN is now, if it was moved", "FILE" },
        { "bed", 0, 0, G_OPTION_ARG_STRING, &self->bed, "another level of the original sound under the dub", "DB|off" },
        { "stems", 0, 0, G_OPTION_ARG_FILENAME, &self->stems, "write dub.wav and bed.wav too, whose sum is the sound",
          "FOLDER" },
        { "force", 'f', 0, G_OPTION_ARG_NONE, &self->force, "replace OUT if it is there already", NULL },
        { "json", 0, 0, G_OPTION_ARG_NONE, &self->as_json, "one JSON object a line", NULL },
        { "quiet", 'q', 0, G_OPTION_ARG_NONE, &self->quiet, "no progress and no summary", NULL },
        { "verbose", 'v', 0, G_OPTION_ARG_NONE, &self->verbose, "what was said in each fragment, and the log", NULL },
        G_OPTION_ENTRY_NULL,
    };
    g_autofree GOptionEntry *all = engine_options_entries(&self->engines, entries);
    if (!command_parse(argc, argv, all, "FOLDER [OUT]", "Speaks again what was mended in a dub's project.", description,
                       COMMAND_ANY_NUMBER, &rest, error))
        return false;
    const guint n_rest = g_strv_length(rest);
    if (n_rest < 1 || n_rest > 2) {
        g_set_error_literal(
            error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
            "redub takes the project's FOLDER, and OUT if it is to be another; see 'airdub help redub'");
        return false;
    }
    self->project = g_strdup(rest[0]);
    self->out = g_strdup(rest[1]);
    return true;
}

int cmd_redub(int argc, char **argv, GError **error)
{
    DubOptions options = { .segment_s = 6, .is_redub = true };
    GError *problem = NULL;
    DubKept *kept = NULL;
    gst_init(NULL, NULL);
    if (parse(&options, argc, argv, &problem) && (kept = dub_project_open_redub(&options, &problem)) &&
        dub_options_check(&options, &problem))
        dub_project_choose_engines(&options, kept, &problem);
    dub_run(&options, kept, &problem, error);
    dub_options_clear(&options);
    return 0;
}
