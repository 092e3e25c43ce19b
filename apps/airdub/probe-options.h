/* airdub/probe-options.h: what `airdub sts-probe` was asked for. Main thread only. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    char *url, *file;
    char *from, *to, *voice; /* voice: NULL, the language's own */
    char *key;               /* NULL: none */
    char *nsp, *path;
    int streams, window, repeat;
    int64_t fragments; /* of each stream; 0: the file's, `repeat` times */
    double rate;       /* fragments a second and stream; 0: as fast as the window allows */
    double segment_s, timeout_s;
    gboolean realtime, as_json, quiet, verbose;
} ProbeOptions;

/* @environment: where the key is looked for when no option gives one */
bool probe_options_parse(ProbeOptions *self, int argc, char **argv, char **environment, GError **error);
void probe_options_clear(ProbeOptions *self);
