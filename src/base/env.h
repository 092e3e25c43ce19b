/* base/env.h: a program's settings as one table, read once in main(). Not thread-safe: call before threads. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum {
    DUB_ENV_STRING, /* char *, owned by the struct; NULL default stays NULL */
    DUB_ENV_UINT,   /* unsigned, within min…max */
    DUB_ENV_DOUBLE, /* double, within min…max */
    DUB_ENV_BOOL,   /* bool: 1/0, true/false, yes/no, on/off */
    DUB_ENV_CHOICE, /* char *, one of the words in `choices` ("pause|fixed"), owned by the struct */
} DubEnvType;

typedef struct {
    const char *name; /* of the variable; a second name may follow after '|' ("WORKER_SEGMENT_DIR|SEGMENT_DIR") */
    DubEnvType type;
    size_t offset;        /* offsetof() in the settings struct */
    const char *fallback; /* the default, as text; NULL only for STRING */
    double min, max;      /* UINT and DOUBLE; both 0: no bound */
    const char *choices;  /* CHOICE: words separated by '|' */
    const char *help;     /* one line for --help and docs/configuration.md */
    bool secret;          /* STRING: never printed, never logged; NAME_FILE may name a file that holds it */
} DubEnvSpec;

#define DUB_ENV_SECRET_MOST_BYTES 65536 /* of such a file */

/**
 * dub_env_load:
 * @settings: the struct, zeroed
 * @environment: as from g_get_environ(); an empty value counts as unset
 * A secret's file may end with a line break, which is not part of the secret.
 * Returns: true, or false with %DUB_ERROR_INVALID_ARGUMENT: "PORT: 70000 is not within 1 and 65535",
 * "API_KEY_FILE: /run/secrets/key: No such file or directory". On failure @settings is cleared.
 */
bool dub_env_load(const DubEnvSpec *specs, gsize n_specs, void *settings, char **environment, GError **error);

/**
 * dub_env_secret:
 * A secret by itself, for programs without a table: what the variable @name says, or what is in the file that
 * @name_FILE names.
 * @secret: (out) (transfer full) (nullable)
 * Returns and errors as dub_env_load()
 */
bool dub_env_secret(const char *name, char **environment, char **secret, GError **error);

void dub_env_clear(const DubEnvSpec *specs, gsize n_specs, void *settings); /* frees the strings */
char *dub_env_help(const DubEnvSpec *specs, gsize n_specs);                 /* (transfer full): the table for --help */
