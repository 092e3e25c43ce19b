/* sts-service/config.h: the settings, from the environment. Read once in main(), before threads. */
#pragma once

#include "base/env.h"
#include "base/log.h"
#include "socketio/server.h"
#include "sts/service.h"

typedef struct {
    char *host, *echo_host;
    unsigned port, echo_port;
    char *mode;
    unsigned echo_delay_ms;
    bool pressure_events;
    double pressure_low, pressure_medium, pressure_high;
    unsigned max_sessions, max_connections, max_message_bytes;
    double ping_interval_s, ping_timeout_s, disconnect_delay_s, shutdown_timeout_s;
    char *api_key, *api_token, *cors_origin;
    bool monitor;
    char *monitor_token;
    char *source_language, *target_language;
    DubEngineSettings *engines;
    char *empty_audio;
    char *log_level, *log_format;
    bool supervised;
} StsConfig;

bool sts_config_load(StsConfig *self, char **environment, GError **error);
void sts_config_clear(StsConfig *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StsConfig, sts_config_clear)
char *sts_config_help(void); /* (transfer full) the table for --help */

bool sts_config_is_echo(const StsConfig *self);
const char *sts_config_host(const StsConfig *self); /* ECHO_HOST and ECHO_PORT win in echo mode */
guint sts_config_port(const StsConfig *self);       /* 0: a free one */
DubLogLevel sts_config_log_level(const StsConfig *self);
DubLogFormat sts_config_log_format(const StsConfig *self);
void sts_config_service(const StsConfig *self, DubStsServiceConfig *service); /* strings stay @self's */
void sts_config_server(const StsConfig *self, SioServerOptions *options);     /* likewise */
