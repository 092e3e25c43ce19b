/* sts/dubber.h: a stream's fragments through the engines: decode, dub, encode. */
#pragma once

#include "speech/engine-sets.h"
#include "sts/pool.h"
#include "sts/work.h"

typedef struct {
    DubEngineSets *engines;
    DubStsPool *pool;    /* decodes and encodes */
    bool empty_original; /* what plays where nobody speaks: the original instead of silence */
} DubStsDubberConfig;

/* Returns: (transfer full); on_ready or on_refused follows. @config, @init: copied; engines and pool must outlive it.
 */
DubStsWork *dub_sts_dubber_new(const DubStsDubberConfig *config, const DubStreamInit *init,
                               const DubStsWorkCallbacks *callbacks, void *user_data);
