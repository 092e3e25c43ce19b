/* airdub/dub-targets.h: the languages that one `airdub dub` makes: how each is spoken, and what its output is called.
 * Pure; main thread only. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *language;
    char *voice; /* NULL: the language's own */
    char *title; /* what players list the dub as */
    char *out;   /* with one file for all: the same for each */
} DubTarget;

/* As the options say it. */
typedef struct {
    const char *languages; /* "es,fr,it" */
    const char *voices;    /* (nullable) "VOICE", or "es=VOICE,fr=VOICE" */
    const char *title;     /* (nullable) {lang} stands for the language */
    const char *out;       /* likewise; of several, where it has none, the language goes before the suffix */
    bool is_one_file;
} DubTargetsWish;

/* Returns: (transfer full): of DubTarget, at least one; NULL with %DUB_ERROR_INVALID_ARGUMENT */
GPtrArray *dub_targets_new(const DubTargetsWish *wish, GError **error);
/* Returns: (transfer none) (nullable) */
const DubTarget *dub_targets_find(const GPtrArray *targets, const char *language);
