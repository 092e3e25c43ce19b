/* airdub/dub-project.h: a project's header: which IN, and how it was dubbed; and the folder of `airdub dub --project`,
 * `--resume` and `airdub redub`. Main thread only; all of it blocks on the disk. */
#pragma once

#include "airdub/dub-options.h"
#include "speech/kept.h"

/* May these options go together? Before anything is opened. */
bool dub_project_check_options(const DubOptions *options, GError **error);

/* Fills @options from the project in @options->project, of which @options->in and ->out may be set already.
 * %DUB_ERROR_NOT_FOUND, _CORRUPT; _INVALID_ARGUMENT where IN is not the one it was made from. */
DubKept *dub_project_open_redub(DubOptions *options, GError **error);
/* Chooses engines by what is to be done again; %DUB_ERROR_INVALID_ARGUMENT */
bool dub_project_choose_engines(DubOptions *options, DubKept *kept, GError **error);

/* The folder that @options ask for, ready to record. %DUB_ERROR_INVALID_ARGUMENT also where --resume finds what was
 * made in another way. */
DubKept *dub_project_open(const DubOptions *options, GError **error);

/* After the run. @is_complete: OUT is whole. */
bool dub_project_close(const DubOptions *options, DubKept *kept, bool is_complete, GError **error);
