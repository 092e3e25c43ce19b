/* airdub/dub-run.h: one run of what `airdub dub` and `airdub redub` were asked for. Main thread only. */
#pragma once

#include "airdub/dub-options.h"
#include "speech/kept.h"

/* @kept: (transfer full) (nullable): a redub's project. @problem: (inout) (nullable): what was wrong with the options:
 * it is reported, and nothing is run. */
void dub_run(const DubOptions *options, DubKept *kept, GError **problem, GError **error);
