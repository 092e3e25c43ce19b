/* airdub/mediamtx-config.h: the settings for a MediaMTX that `airdub live` starts. Any thread; no I/O. */
#pragma once

#include <glib.h>

typedef struct {
    unsigned rtmp_port, rtsp_port, api_port;
    unsigned rtp_port;    /* even; the next one is RTCP's */
    const char *hook;     /* this program's path: MediaMTX calls "<hook> mediamtx-hook ready|not-ready" */
} MediamtxConfig;
char *mediamtx_config_to_yaml(const MediamtxConfig *config); /* (transfer full) */
