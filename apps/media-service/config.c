/* apps/media-service/config.c: the table. Names and defaults are PROTOCOL's; docs/configuration.md is made of it. */
#include "config.h"

#include "base/env.h"
#include "base/error.h"
#include "worker/lease-store.h"

#include <math.h>

#define FIELD(name) offsetof(MediaConfig, name)

static const DubEnvSpec specs[] = {
    { "HOST", DUB_ENV_STRING, FIELD(host), "0.0.0.0",
      .help = "address to listen on, HTTP and the built-in media server" },
    { "PORT", DUB_ENV_UINT, FIELD(port), "8080", 0, 65535,
      .help = "HTTP: health, metrics, hooks; 0 chooses a free one" },
    { "API_TOKEN", DUB_ENV_STRING, FIELD(api_token), NULL,
      .help = "token that hooks, /v1 and /metrics want: Authorization: Bearer TOKEN, or ?token=TOKEN", .secret = true },
    { "LOG_LEVEL", DUB_ENV_CHOICE, FIELD(log_level), "INFO",
      .choices = "ERROR|WARNING|WARN|INFO|DEBUG|error|warning|warn|info|debug", .help = "what is logged" },
    { "LOG_FORMAT", DUB_ENV_CHOICE, FIELD(log_format), "text", .choices = "text|json",
      .help = "lines for people or for machines" },
    { "MEDIA_SERVER", DUB_ENV_CHOICE, FIELD(media_server), "mediamtx", .choices = "builtin|mediamtx",
      .help = "builtin: serve RTMP in this process; mediamtx: use the one at MEDIAMTX_*" },
    { "RTMP_PORT", DUB_ENV_UINT, FIELD(rtmp_port), "1935", 0, 65535,
      .help = "of the built-in media server; 0 chooses a free one" },
    { "RTMPS_CERT", DUB_ENV_STRING, FIELD(rtmps_cert), NULL,
      .help = "PEM file of its certificate: with RTMPS_KEY it serves RTMPS too" },
    { "RTMPS_KEY", DUB_ENV_STRING, FIELD(rtmps_key), NULL, .help = "PEM file of that certificate's private key" },
    { "RTMPS_PORT", DUB_ENV_UINT, FIELD(rtmps_port), "1936", 0, 65535, .help = "of RTMPS; 0 chooses a free one" },
    { "RTMP_PUBLISH_KEY", DUB_ENV_STRING, FIELD(publish_key), NULL,
      .help = "that publishers to the built-in media server give: ?key=KEY behind the stream's name", .secret = true },
    { "RTMP_PLAY_KEY", DUB_ENV_STRING, FIELD(play_key), NULL, .help = "that players give it, likewise",
      .secret = true },
    { "RTMP_AUTH_URL", DUB_ENV_STRING, FIELD(rtmp_auth_url), NULL,
      .help = "http(s) URL that is asked who may publish and play, as MediaMTX asks its authHTTPAddress",
      .secret = true },
    { "RTMP_MAX_CONNECTIONS", DUB_ENV_UINT, FIELD(rtmp_max_connections), "512", 8, 65535,
      .help = "publishers and players that it takes, this program's own among them" },
    { "RTMP_MEMORY_MB", DUB_ENV_UINT, FIELD(rtmp_memory_mb), "256", 32, 1048576,
      .help = "what they may all take together; beyond it the newest without a key go first that take much" },
    { "RTMP_OVERRIDE_PUBLISHER", DUB_ENV_BOOL, FIELD(override_publisher), "1",
      .help = "a newer publisher of a stream takes over from the one before it; 0: it is refused" },
    { "API_HOST", DUB_ENV_STRING, FIELD(api_host), "127.0.0.1",
      .help = "address of the built-in media server's control API, which asks nobody who they are" },
    { "API_PORT", DUB_ENV_UINT, FIELD(api_port), "9997", 0, 65535, .help = "its port; 0 chooses a free one" },
    { "MEDIAMTX_HOST", DUB_ENV_STRING, FIELD(mediamtx_host), "mediamtx",
      .help = "host of the URLs below that are not set" },
    { "MEDIAMTX_RTMP_URL", DUB_ENV_STRING, FIELD(rtmp_url), NULL, .help = "rtmp://MEDIAMTX_HOST:1935 if not set" },
    { "MEDIAMTX_RTSP_URL", DUB_ENV_STRING, FIELD(rtsp_url), NULL,
      .help = "rtsp://MEDIAMTX_HOST:8554 if not set: streams whose codecs its RTMP leaves out are read there" },
    { "MEDIAMTX_API_URL", DUB_ENV_STRING, FIELD(api_url), NULL, .help = "http://MEDIAMTX_HOST:9997 if not set" },
    { "MEDIAMTX_PLAYBACK_URL", DUB_ENV_STRING, FIELD(playback_url), NULL,
      .help = "http://MEDIAMTX_HOST:9996 if not set: has the first seconds of a stream; or off" },
    { "STS_SERVICE_URL", DUB_ENV_STRING, FIELD(sts_url), "http://localhost:3000",
      .help = "where sts-service answers; several, with commas between them: the next takes over" },
    { "STS_API_KEY", DUB_ENV_STRING, FIELD(sts_token), NULL, .help = "token for sts-service, if it wants one",
      .secret = true },
    { "SPEECH_BACKEND", DUB_ENV_CHOICE, FIELD(speech), "remote", .choices = "remote|local",
      .help = "remote: sts-service; local: the engines in this process" },
    { "WORKER_SOURCE_LANGUAGE", DUB_ENV_STRING, FIELD(source_language), "en", .help = "spoken in the source" },
    { "WORKER_TARGET_LANGUAGE", DUB_ENV_STRING, FIELD(target_language), "es",
      .help = "spoken in the output; a publisher may say another: ?lang=es" },
    { "WORKER_VOICE", DUB_ENV_STRING, FIELD(voice), "default", .help = "voice profile of the dub" },
    { "WORKER_SEGMENT_DURATION", DUB_ENV_DOUBLE, FIELD(segment_s), "6", 1, 30, .help = "seconds between cuts" },
    { "WORKER_SEGMENT_MODE", DUB_ENV_CHOICE, FIELD(segment_mode), "pause", .choices = "pause|fixed",
      .help = "cut where it is quiet near the mark, or exactly at it" },
    { "WORKER_SEGMENT_DIR|SEGMENT_DIR", DUB_ENV_STRING, FIELD(segment_dir), "/tmp/segments",
      .help = "folder of the checkpoints" },
    { "WORKER_STS_TIMEOUT_MS", DUB_ENV_UINT, FIELD(sts_timeout_ms), "8000", 1000, 30000, .help = "for one fragment" },
    { "STS_MAX_INFLIGHT", DUB_ENV_UINT, FIELD(max_inflight), "3", 1, 10,
      .help = "fragments of a stream that may be out at once" },
    { "MAX_CONCURRENT_STREAMS", DUB_ENV_UINT, FIELD(max_streams), "10", 1, 1000, .help = "further ones wait" },
    { "LEASE_URL", DUB_ENV_STRING, FIELD(lease_url), NULL,
      .help = "Redis or Valkey in which several services agree on whose a stream is: redis://user:password@host:6379/0",
      .secret = true },
    { "LEASE_TTL_MS", DUB_ENV_UINT, FIELD(lease_ttl_ms), "3000", 1000, 60000,
      .help = "until a dead service's streams are taken over; the same in all services" },
    { "CIRCUIT_BREAKER_THRESHOLD", DUB_ENV_UINT, FIELD(breaker_threshold), "5", 1, 1000,
      .help = "retryable failures in a row that stop the asking" },
    { "CIRCUIT_BREAKER_TIMEOUT", DUB_ENV_UINT, FIELD(breaker_timeout_s), "30", 1, 3600,
      .help = "seconds until one is tried again" },
    { "WORKER_PLAYOUT_DELAY", DUB_ENV_DOUBLE, FIELD(playout_delay_s), "0", 0, 60,
      .help = "seconds from a frame in to the same frame out; 0: segment, expected processing and a margin" },
    { "SOURCE_PATIENCE", DUB_ENV_UINT, FIELD(source_patience_s), "60", 0, 3600,
      .help = "seconds for which a publisher may be away: its last picture and silence go on; 0: the stream ends" },
    { "WORKER_BED_DB", DUB_ENV_STRING, FIELD(bed), "-18", .help = "level of the original under the dub in dB, or off" },
    { "AIRDUB_SUPERVISED", DUB_ENV_BOOL, FIELD(supervised), "0", .help = "end when the parent process ends" },
};

static char *url_or(char *given, const char *scheme, const char *host, unsigned port)
{
    return given ? given : g_strdup_printf("%s://%s:%u", scheme, host, port);
}

static bool is_bed(const char *text)
{
    char *end = NULL;
    const double db = g_ascii_strtod(text, &end);
    return g_str_equal(text, "off") || (end != text && *end == '\0' && db <= 0 && db >= -60);
}

static bool check(const MediaConfig *config, GError **error)
{
    if (!config->rtmps_cert != !config->rtmps_key) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "%s: RTMPS needs both: the certificate's file and its private key's",
                    config->rtmps_cert ? "RTMPS_KEY is missing beside RTMPS_CERT"
                                       : "RTMPS_CERT is missing beside RTMPS_KEY");
        return false;
    }
    if (config->lease_url && !dub_lease_store_check_url(config->lease_url, error))
        return false;
    if (is_bed(config->bed))
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                "WORKER_BED_DB: %s is neither off nor a level between -60 and 0 dB", config->bed);
    return false;
}

bool media_config_load(MediaConfig *config, char **environment, GError **error)
{
    if (!dub_env_load(specs, G_N_ELEMENTS(specs), config, environment, error))
        return false;
    config->engines = dub_engine_settings_load(environment, error);
    if (!config->engines || !check(config, error)) {
        media_config_clear(config);
        return false;
    }
    if (g_str_equal(config->media_server, "mediamtx")) {
        config->rtmp_url = url_or(config->rtmp_url, "rtmp", config->mediamtx_host, 1935);
        config->rtsp_url = url_or(config->rtsp_url, "rtsp", config->mediamtx_host, 8554);
        config->api_url = url_or(config->api_url, "http", config->mediamtx_host, 9997);
        config->playback_url = url_or(config->playback_url, "http", config->mediamtx_host, 9996);
    } else {
        g_clear_pointer(&config->playback_url, g_free); /* the built-in server loses nothing */
    }
    if (g_strcmp0(config->playback_url, "off") == 0)
        g_clear_pointer(&config->playback_url, g_free);
    return true;
}

void media_config_clear(MediaConfig *config)
{
    dub_env_clear(specs, G_N_ELEMENTS(specs), config);
    g_clear_pointer(&config->engines, dub_engine_settings_free);
}

char *media_config_help(void)
{
    g_autofree char *own = dub_env_help(specs, G_N_ELEMENTS(specs));
    g_autofree char *engines = dub_engine_settings_help();
    return g_strconcat(own, "\nWith SPEECH_BACKEND=local also:\n", engines, NULL);
}

double media_config_bed_gain(const MediaConfig *config)
{
    return g_str_equal(config->bed, "off") ? 0.0 : pow(10.0, g_ascii_strtod(config->bed, NULL) / 20.0);
}
