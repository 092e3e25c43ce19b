/* airdub/mediamtx-config.c: a small mediamtx.yml; keys that every version from 1.0 on knows, and those of
 * the recorder where a playback port is given. */
#include "airdub/mediamtx-config.h"

#include <stdbool.h>
#include <stdio.h>

unsigned mediamtx_config_parse_version(const char *text)
{
    unsigned major, minor;
    if (sscanf(text, "v%3u.%3u", &major, &minor) != 2)
        return 0;
    return major * 1000 + minor;
}

/* MediaMTX splits a command like a shell, inside a YAML string: quoted for both. */
static char *quote_command(const char *program, const char *event)
{
    g_autofree char *shell = g_shell_quote(program);
    GString *command = g_string_new(NULL);
    g_string_append_printf(command, "%s mediamtx-hook %s", shell, event);
    g_string_replace(command, "'", "''", 0);
    g_string_prepend_c(command, '\'');
    g_string_append_c(command, '\'');
    return g_string_free(command, FALSE);
}

/* Of what comes in, only the newest is kept: a stream's first seconds are asked for at once. */
static char *recording_to_yaml(const MediamtxConfig *config)
{
    if (config->playback_port == 0)
        return g_strdup("");
    g_autoptr(GString) folder = g_string_new(config->folder);
    g_string_replace(folder, "'", "''", 0);
    return g_strdup_printf("    record: yes\n"
                           "    recordPath: '%s/%%path/%%Y-%%m-%%d_%%H-%%M-%%S-%%f'\n"
                           "    recordPartDuration: 200ms\n"
                           "    recordSegmentDuration: 1m\n"
                           "    recordDeleteAfter: 1m\n",
                           folder->str);
}

static char *playback_to_yaml(const MediamtxConfig *config)
{
    if (config->playback_port == 0)
        return g_strdup("");
    return g_strdup_printf("playback: yes\nplaybackAddress: 127.0.0.1:%u\n", config->playback_port);
}

char *mediamtx_config_to_yaml(const MediamtxConfig *config)
{
    const bool renamed = config->version >= MEDIAMTX_AVAILABLE;
    g_autofree char *ready = quote_command(config->hook, "ready");
    g_autofree char *not_ready = quote_command(config->hook, "not-ready");
    g_autofree char *playback = playback_to_yaml(config);
    g_autofree char *recording = recording_to_yaml(config);
    return g_strdup_printf("logLevel: info\n"
                           "logDestinations: [stdout]\n"
                           "api: yes\n"
                           "apiAddress: 127.0.0.1:%u\n"
                           "rtmp: yes\n"
                           "rtmpAddress: :%u\n"
                           "rtsp: yes\n"
                           "rtspAddress: :%u\n"
                           "%s"
                           "hls: no\n"
                           "webrtc: no\n"
                           "srt: no\n"
                           "paths:\n"
                           "  '~^live/.+/in$':\n"
                           "    %s: %s\n"
                           "    %s: %s\n"
                           "%s"
                           "  '~^live/.+/out$':\n"
                           "    overridePublisher: yes\n",
                           config->api_port, config->rtmp_port, config->rtsp_port, playback,
                           renamed ? "runOnAvailable" : "runOnReady", ready,
                           renamed ? "runOnUnavailable" : "runOnNotReady", not_ready, recording);
}
