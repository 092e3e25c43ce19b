/* sts-service/config.c */
#include "config.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

#define FIELD(f) offsetof(StsConfig, f)
/* clang-format off */
#define STRING(n, f, d, h)     { n, DUB_ENV_STRING, FIELD(f), d, 0, 0, NULL, h, false }
#define SECRET(n, f, h)        { n, DUB_ENV_STRING, FIELD(f), NULL, 0, 0, NULL, h, true }
#define UINT(n, f, d, lo, hi, h)   { n, DUB_ENV_UINT, FIELD(f), d, lo, hi, NULL, h, false }
#define DOUBLE(n, f, d, lo, hi, h) { n, DUB_ENV_DOUBLE, FIELD(f), d, lo, hi, NULL, h, false }
#define BOOL(n, f, d, h)       { n, DUB_ENV_BOOL, FIELD(f), d, 0, 0, NULL, h, false }
#define CHOICE(n, f, d, c, h)  { n, DUB_ENV_CHOICE, FIELD(f), d, 0, 0, c, h, false }
/* clang-format on */

static const DubEnvSpec specs[] = {
    STRING("HOST", host, "0.0.0.0", "address to listen on"),
    UINT("PORT|STS_PORT", port, "3000", 0, 65535, "port to listen on; 0 chooses a free one"),
    CHOICE("STS_MODE", mode, "full", "full|echo", "dub, or give the audio back as it came"),
    STRING("ECHO_HOST", echo_host, NULL, "echo mode: instead of HOST"),
    UINT("ECHO_PORT", echo_port, "0", 0, 65535, "echo mode: instead of PORT; 0: PORT"),
    UINT("ECHO_PROCESSING_DELAY_MS", echo_delay_ms, "0", 0, 600000, "echo mode: how long a fragment takes"),
    BOOL("BACKPRESSURE_ENABLED", pressure_events, "true", "tell workers when much is in flight"),
    DOUBLE("BACKPRESSURE_THRESHOLD_LOW", pressure_low, "0.5", 0, 1, "echo mode: low from this part of max_inflight"),
    DOUBLE("BACKPRESSURE_THRESHOLD_MEDIUM", pressure_medium, "0.7", 0, 1, "echo mode: medium, slow_down"),
    DOUBLE("BACKPRESSURE_THRESHOLD_HIGH", pressure_high, "0.9", 0, 1, "echo mode: high, pause"),
    UINT("MAX_CONCURRENT_SESSIONS", max_sessions, "10", 1, 10000, "streams at once"),
    UINT("WS_MAX_CONNECTIONS", max_connections, "50", 1, 100000, "connections at once"),
    UINT("WS_MAX_BUFFER_SIZE", max_message_bytes, "52428800", 65536, 268435456, "bytes of the largest message taken"),
    DOUBLE("WS_PING_INTERVAL", ping_interval_s, "25", 0.05, 3600, "seconds between pings"),
    DOUBLE("WS_PING_TIMEOUT", ping_timeout_s, "10", 0.05, 3600, "seconds to wait for a pong"),
    DOUBLE("AUTO_DISCONNECT_DELAY", disconnect_delay_s, "5", 0, 3600, "seconds from stream:complete to closing"),
    DOUBLE("SHUTDOWN_TIMEOUT", shutdown_timeout_s, "10", 0, 600, "seconds that SIGTERM waits for what is in flight"),
    SECRET("STS_API_KEY", api_key, "token that clients must send; without it everybody may connect"),
    SECRET("API_TOKEN", api_token, "token that /metrics wants: Authorization: Bearer TOKEN, or ?token=TOKEN"),
    BOOL("STS_MONITOR", monitor, "0", "serve the namespace /monitor, where all streams' events can be listened to"),
    SECRET("STS_MONITOR_TOKEN", monitor_token, "token that listeners at /monitor must send; STS_API_KEY if not set"),
    STRING("CORS_ORIGIN", cors_origin, "*", "origin that browsers may connect from"),
    STRING("SOURCE_LANGUAGE", source_language, "en", "full mode: loaded at the start, from"),
    STRING("TARGET_LANGUAGE", target_language, "es", "full mode: loaded at the start, to"),
    CHOICE("EMPTY_FRAGMENT_AUDIO", empty_audio, "silence", "silence|original", "what plays where nobody speaks"),
    CHOICE("LOG_LEVEL", log_level, "INFO", "ERROR|WARN|WARNING|INFO|DEBUG", "least level that is logged"),
    CHOICE("LOG_FORMAT", log_format, "text", "text|json", "of a log line"),
    BOOL("AIRDUB_SUPERVISED", supervised, "false", "end with the parent process"),
};

static bool check(const StsConfig *self, GError **error)
{
    if (self->pressure_low <= self->pressure_medium && self->pressure_medium <= self->pressure_high)
        return true;
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                        "BACKPRESSURE_THRESHOLD_LOW, _MEDIUM and _HIGH must rise");
    return false;
}

bool sts_config_load(StsConfig *self, char **environment, GError **error)
{
    if (!dub_env_load(specs, G_N_ELEMENTS(specs), self, environment, error))
        return false;
    self->engines = dub_engine_settings_load(environment, error);
    if (self->engines && check(self, error))
        return true;
    sts_config_clear(self);
    return false;
}

void sts_config_clear(StsConfig *self)
{
    dub_env_clear(specs, G_N_ELEMENTS(specs), self);
    g_clear_pointer(&self->engines, dub_engine_settings_free);
}

char *sts_config_help(void)
{
    g_autofree char *own = dub_env_help(specs, G_N_ELEMENTS(specs));
    g_autofree char *engines = dub_engine_settings_help();
    return g_strconcat(own, engines, NULL);
}

bool sts_config_is_echo(const StsConfig *self)
{
    return strcmp(self->mode, "echo") == 0;
}

const char *sts_config_host(const StsConfig *self)
{
    return sts_config_is_echo(self) && self->echo_host ? self->echo_host : self->host;
}

guint sts_config_port(const StsConfig *self)
{
    return sts_config_is_echo(self) && self->echo_port ? self->echo_port : self->port;
}

DubLogLevel sts_config_log_level(const StsConfig *self)
{
    DubLogLevel level = DUB_LOG_INFO;
    dub_log_level_from_string(self->log_level, &level);
    return level;
}

DubLogFormat sts_config_log_format(const StsConfig *self)
{
    return strcmp(self->log_format, "json") == 0 ? DUB_LOG_JSON : DUB_LOG_TEXT;
}

static guint to_ms(double seconds)
{
    return (guint) lround(seconds * 1000);
}

void sts_config_service(const StsConfig *self, DubStsServiceConfig *service)
{
    *service = (DubStsServiceConfig){
        .echo = sts_config_is_echo(self),
        .echo_delay_ms = self->echo_delay_ms,
        .pressure_events = self->pressure_events,
        .pressure_low = self->pressure_low,
        .pressure_medium = self->pressure_medium,
        .pressure_high = self->pressure_high,
        .max_sessions = self->max_sessions,
        .disconnect_delay_ms = to_ms(self->disconnect_delay_s),
        .api_key = self->api_key,
        .monitor = self->monitor,
        .monitor_token = self->monitor_token ? self->monitor_token : self->api_key,
        .empty_original = strcmp(self->empty_audio, "original") == 0,
        .from = self->source_language,
        .to = self->target_language,
        .engines = self->engines,
    };
}

void sts_config_server(const StsConfig *self, SioServerOptions *options)
{
    static const char *const paths[] = { "/socket.io/", "/ws/sts", NULL };
    sio_server_options_init(options);
    options->paths = paths;
    options->engine.ping_interval_ms = to_ms(self->ping_interval_s);
    options->engine.ping_timeout_ms = to_ms(self->ping_timeout_s);
    options->engine.max_payload_bytes = self->max_message_bytes;
    options->engine.max_connections = self->max_connections;
    options->engine.cors_origin = self->cors_origin;
}
