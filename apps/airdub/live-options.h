/* airdub/live-options.h: what `airdub live` was asked for. Main thread only. */
#pragma once

#include "airdub/engine-options.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *host;   /* as the printed addresses name this machine; ours to listen on is every address */
    char *stream; /* the <id> in the printed addresses */
    char *from, *to;
    char *voice, *bed; /* NULL: media-service's own default */
    char *segment_mode;
    double segment_s;
    char *media_server; /* "builtin" or "mediamtx" */
    char *log_dir;
    int rtmp_port, http_port, sts_port, api_port, rtsp_port; /* 0: a free one */
    gboolean as_json, quiet, verbose;
    EngineOptions engines; /* for sts-service */
    bool mediamtx;         /* media_server is "mediamtx" */
} LiveOptions;

bool live_options_parse(LiveOptions *self, int argc, char **argv, GError **error);
void live_options_clear(LiveOptions *self);
