/* airdub/engine-list.h: what the engines of this machine can do, as rows. Main thread only; loads the recognisers' models. */
#pragma once

#include "base/json.h"

typedef enum { ENGINE_ASR, ENGINE_MT, ENGINE_TTS } EngineStage;
const char *engine_stage_to_string(EngineStage stage); /* "ASR" … */

typedef struct {
    EngineStage stage;
    const char *driver, *package;
    char **covers;    /* languages (ASR, TTS) or pairs (MT), ended by NULL */
    unsigned rate_hz; /* ASR; 0 elsewhere */
    double cost;      /* ASR: processing seconds a second of speech; 0 elsewhere */
    char *problem;    /* why it cannot be used, NULL if it can */
    bool is_null;     /* the driver that does nothing: only chosen by name */
} EngineRow;

GPtrArray *engine_list_new(void); /* (transfer full) of EngineRow */
