/* airdub/engine-options.h: the options that choose engines, over what the environment says. Main thread only. */
#pragma once

#include "engines/settings.h"

typedef struct {
    char *providers[DUB_N_STAGES], *model, *glossary;
    char *said; /* a file with what is said, in place of a recogniser; NULL: none */
} EngineOptions;

/* Entries for a GOptionContext, ended by an empty one: (transfer full): g_free() it */
GOptionEntry *engine_options_entries(EngineOptions *self, const GOptionEntry *more);
void engine_options_clear(EngineOptions *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(EngineOptions, engine_options_clear)

/* (transfer full): the environment's settings with the options' in their place; %DUB_ERROR_INVALID_ARGUMENT */
DubEngineSettings *engine_options_settings(const EngineOptions *self, GError **error);
