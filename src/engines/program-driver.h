/* engines/program-driver.h: what the drivers have in common whose engine is one of our own programs with a
 * model. */
#pragma once

#include "engines/engine.h"
#include "engines/models.h"

typedef struct {
    DubModelKind kind;
    const char *program; /* "airdub-engine-sherpa" */
    const char *cure;    /* what brings the program where it is missing */
    bool all_cores;      /* one program with a thread for each core; else one a core, each with one thread */
} DubProgramKind;

/* (transfer full): of DubEngineOffer: what the models that are here can do; nothing where there are none.
 * %DUB_ERROR_ENGINE: there are models, but the program is missing. */
GPtrArray *dub_program_driver_list(const DubProgramKind *kind, const DubEngineConfig *config, GError **error);
unsigned dub_program_driver_count(const DubProgramKind *kind, const DubEngineConfig *config);
DubEngine *dub_program_driver_open(const DubProgramKind *kind, const DubEngineConfig *config, GError **error);

/* For the class itself. A voice of another model than the one that is loaded costs loading it. */
DubEngineReply *dub_program_driver_run(DubEngine *self, const DubEngineRequest *request, GError **error);
void dub_program_driver_close(DubEngine *self);
