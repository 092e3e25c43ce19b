/* airdub/engine-list.h: what the engines of this machine can do, as rows. Main thread only; asks every driver, which
 * may take seconds. */
#pragma once

#include "base/json.h"
#include "engines/settings.h"

typedef struct {
    const DubEngineClass *klass;
    char **covers;     /* languages (ASR, TTS) or pairs (MT), ended by NULL */
    GPtrArray *offers; /* of DubEngineOffer; NULL when it could not say */
    char *problem;     /* why it cannot be used, NULL if it can */
    bool is_missing;   /* the problem is that it is not installed, or not set up */
} EngineRow;

const char *engine_row_stage(const EngineRow *self); /* "ASR" … */

/* @settings: of the drivers. (transfer full) of EngineRow */
GPtrArray *engine_list_new(const DubEngineSettings *settings);
