/* apps/media-service/config.h: media-service's settings, read once from the environment. */
#pragma once

#include "engines/settings.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *host;
    unsigned port;
    char *api_token;              /* NULL: hooks, /v1 and metrics are for everybody */
    char *publish_key, *play_key; /* of the built-in media server; NULL: for everybody */
    char *rtmp_auth_url;          /* likewise */
    bool override_publisher;      /* likewise */
    char *rtmps_cert, *rtmps_key; /* files; NULL, both of them: no RTMPS */
    unsigned rtmps_port;
    unsigned rtmp_max_connections, rtmp_memory_mb;
    char *log_level, *log_format;
    char *media_server;           /* "builtin" or "mediamtx" */
    unsigned rtmp_port, api_port; /* of the built-in media server */
    char *api_host;
    char *mediamtx_host, *rtmp_url, *rtsp_url, *api_url; /* URLs NULL: from media_server and the ports */
    char *playback_url;                                  /* NULL: nothing to fetch from */
    char *sts_url, *sts_token, *speech;
    char *source_language, *target_language, *voice;
    double segment_s;
    char *segment_mode, *segment_dir;
    unsigned sts_timeout_ms, max_inflight, max_streams;
    unsigned breaker_threshold, breaker_timeout_s;
    char *lease_url; /* NULL: the media server's paths alone say whose a stream is; a secret */
    unsigned lease_ttl_ms;
    double playout_delay_s;
    unsigned source_patience_s;
    char *bed; /* dB or "off" */
    bool supervised;
    DubEngineSettings *engines; /* SPEECH_BACKEND=local */
} MediaConfig;

/* @environment: as from g_get_environ(). %DUB_ERROR_INVALID_ARGUMENT names the variable. */
bool media_config_load(MediaConfig *config, char **environment, GError **error);
void media_config_clear(MediaConfig *config);
char *media_config_help(void);                           /* (transfer full): the table for --help */
double media_config_bed_gain(const MediaConfig *config); /* linear */
