/* airdub/mediamtx-config.h: the settings for a MediaMTX that `airdub live` starts. Any thread; no I/O. */
#pragma once

#include <glib.h>

/* @text: what "mediamtx --version" prints: "v1.20.0". Returns: 1020; 0 when it is no version. */
unsigned mediamtx_config_parse_version(const char *text);

#define MEDIAMTX_AVAILABLE 1020 /* from here on "ready" is called "available" */

typedef struct {
    unsigned version; /* as above; 0: taken for an old one, whose names all releases still know */
    unsigned rtmp_port, rtsp_port, api_port;
    unsigned playback_port; /* loopback only; 0: records nothing, so the first seconds of a stream are lost */
    const char *folder;     /* for the recordings: the last minutes; may be NULL without a playback port */
    const char *hook;       /* this program's path: MediaMTX calls "<hook> mediamtx-hook ready|not-ready" */
} MediamtxConfig;
char *mediamtx_config_to_yaml(const MediamtxConfig *config); /* (transfer full) */
