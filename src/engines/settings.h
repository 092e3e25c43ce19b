/* engines/settings.h: what the environment says of engines: the rows that all programs share, and those that each
 * driver brings. Loaded in main(), then read only. */
#pragma once

#include "engines/engine.h"

typedef struct {
    char *providers[DUB_N_STAGES]; /* "whisper", "kokoro,espeak-ng"; NULL: the best there is */
    char *asr_model;               /* "tiny", "base", a path; NULL: the driver's own choice */
    char *model_dir;               /* NULL: the usual folders */
    char *glossary;                /* files and names, by commas; NULL: none */
    char *profanity;               /* "keep", "mask", "drop" */
    char *device;                  /* "cpu", "cuda" */
    unsigned n_lanes;              /* fragments worked on at once; 0: as many as there are engines for */
    /*< private >*/
    gatomicrefcount refs;
    GHashTable *of_drivers; /* DubEngineClass -> its own struct */
} DubEngineSettings;

/* Returns: NULL with %DUB_ERROR_INVALID_ARGUMENT, which names the variable; a provider that there is not, too. */
DubEngineSettings *dub_engine_settings_load(char **environment, GError **error);
/* What loads in the background holds a reference, so the program may let go of the settings at any time. Any thread. */
DubEngineSettings *dub_engine_settings_ref(const DubEngineSettings *self);
void dub_engine_settings_free(DubEngineSettings *self); /* drops a reference; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubEngineSettings, dub_engine_settings_free)

/* (transfer full): the table for --help */
char *dub_engine_settings_help(void);

/* @providers: names by commas, or NULL: nothing changes. Checked as those of the environment. */
bool dub_engine_settings_choose(DubEngineSettings *self, DubEngineStage stage, const char *providers, GError **error);

/* What a driver is opened or listed with: points into @self. @argument: see dub_engine_find() */
DubEngineConfig dub_engine_settings_config(const DubEngineSettings *self, const DubEngineClass *klass, const char *from,
                                           const char *to, const char *argument);
