/* airdub/live-options.c: the options of `airdub live`, checked before anything starts. */
#include "airdub/live-options.h"

#include "airdub/command.h"
#include "airdub/dub-choice.h"
#include "base/error.h"

#include <string.h>

static const char description[] =
    "A port of 0 is chosen free. What else the services can be told stands in their own manual pages: they inherit "
    "this "
    "program's environment.\n\nCtrl-C plays what is on its way (10 s at most) and ends; a second one ends at once.";

static bool parse(LiveOptions *self, int argc, char **argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "stream", 0, 0, G_OPTION_ARG_STRING, &self->stream, "the name in the printed addresses [main]", "NAME" },
        { "host", 0, 0, G_OPTION_ARG_STRING, &self->host, "this machine, in the printed addresses [localhost]",
          "HOST" },
        { "from", 0, 0, G_OPTION_ARG_STRING, &self->from, "the language spoken [en]", "LANGUAGE" },
        { "to", 0, 0, G_OPTION_ARG_STRING, &self->to, "the language wanted [es]", "LANGUAGE" },
        { "voice", 0, 0, G_OPTION_ARG_STRING, &self->voice, "who speaks it; 'airdub voices' lists them", "VOICE" },
        { "bed", 0, 0, G_OPTION_ARG_STRING, &self->bed, "level of the original sound under the dub [-18]", "DB|off" },
        { "segment", 0, 0, G_OPTION_ARG_DOUBLE, &self->segment_s, "length of a fragment [6]", "SECONDS" },
        { "segment-mode", 0, 0, G_OPTION_ARG_STRING, &self->segment_mode,
          "cut in a pause near each mark, or exactly there [pause]", "pause|fixed" },
        { "media-server", 0, 0, G_OPTION_ARG_STRING, &self->media_server,
          "the built-in one, or the MediaMTX on PATH or in MEDIAMTX_BIN [builtin]", "builtin|mediamtx" },
        { "rtmp-port", 0, 0, G_OPTION_ARG_INT, &self->rtmp_port, "RTMP [1935]", "PORT" },
        { "http-port", 0, 0, G_OPTION_ARG_INT, &self->http_port, "HTTP of media-service [8080]", "PORT" },
        { "sts-port", 0, 0, G_OPTION_ARG_INT, &self->sts_port, "sts-service, on this machine only [3000]", "PORT" },
        { "api-port", 0, 0, G_OPTION_ARG_INT, &self->api_port, "the media server's control API [9997]", "PORT" },
        { "rtsp-port", 0, 0, G_OPTION_ARG_INT, &self->rtsp_port, "RTSP, with MediaMTX [8554]", "PORT" },
        { "log-dir", 0, 0, G_OPTION_ARG_FILENAME, &self->log_dir, "keep the services' logs in this folder", "FOLDER" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &self->as_json, "one JSON object a line", NULL },
        { "quiet", 'q', 0, G_OPTION_ARG_NONE, &self->quiet, "no status lines", NULL },
        { "verbose", 'v', 0, G_OPTION_ARG_NONE, &self->verbose, "show the whole log of the services", NULL },
        G_OPTION_ENTRY_NULL,
    };
    g_autofree GOptionEntry *all = engine_options_entries(&self->engines, entries);
    return command_parse(argc, argv, all, NULL,
                         "Starts the media server, media-service and sts-service, watches them and shows every stream.",
                         description, 0, NULL, error);
}

static void set_default(char **field, const char *value)
{
    if (!*field)
        *field = g_strdup(value);
}

static void fill_defaults(LiveOptions *self)
{
    set_default(&self->stream, "main");
    set_default(&self->host, "localhost");
    set_default(&self->from, "en");
    set_default(&self->to, "es");
    set_default(&self->segment_mode, "pause");
    set_default(&self->media_server, "builtin");
}

static bool check_media_server(LiveOptions *self, GError **error)
{
    self->mediamtx = strcmp(self->media_server, "mediamtx") == 0;
    if (self->mediamtx || strcmp(self->media_server, "builtin") == 0)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "--media-server: '%.40s' is neither builtin nor mediamtx",
                self->media_server);
    return false;
}

static bool check_ports(const LiveOptions *self, GError **error)
{
    return choice_check_port(self->rtmp_port, "--rtmp-port", error) &&
           choice_check_port(self->http_port, "--http-port", error) &&
           choice_check_port(self->sts_port, "--sts-port", error) &&
           choice_check_port(self->api_port, "--api-port", error) &&
           choice_check_port(self->rtsp_port, "--rtsp-port", error);
}

static bool check(LiveOptions *self, GError **error)
{
    DubSegmentMode mode;
    double gain;
    return choice_check_stream_id(self->stream, error) && choice_check_languages(self->from, self->to, error) &&
           choice_parse_segment_mode(self->segment_mode, &mode, error) &&
           choice_check_segment(self->segment_s, error) && (!self->bed || choice_parse_bed(self->bed, &gain, error)) &&
           check_media_server(self, error) && check_ports(self, error);
}

bool live_options_parse(LiveOptions *self, int argc, char **argv, GError **error)
{
    *self = (LiveOptions){ .segment_s = 6,
                           .rtmp_port = 1935,
                           .http_port = 8080,
                           .sts_port = 3000,
                           .api_port = 9997,
                           .rtsp_port = 8554 };
    if (!parse(self, argc, argv, error))
        return false;
    fill_defaults(self);
    return check(self, error);
}

void live_options_clear(LiveOptions *self)
{
    g_free(self->host);
    g_free(self->stream);
    g_free(self->from);
    g_free(self->to);
    g_free(self->voice);
    g_free(self->bed);
    g_free(self->segment_mode);
    g_free(self->media_server);
    g_free(self->log_dir);
    engine_options_clear(&self->engines);
}
