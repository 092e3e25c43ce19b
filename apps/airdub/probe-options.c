/* airdub/probe-options.c */
#include "airdub/probe-options.h"

#include "airdub/command.h"
#include "airdub/dub-choice.h"
#include "base/env.h"
#include "base/error.h"
#include "media/source.h"
#include "wire/events.h"

#define MAX_STREAMS   1000
#define MAX_FRAGMENTS 1000000000
#define MAX_REPEAT    1000000
#define MAX_RATE      100000.0
#define MIN_RATE      0.001
#define MIN_TIMEOUT_S 1.0 /* timeout_ms of stream:init */
#define MAX_TIMEOUT_S 30.0

static const char description[] =
    "FILE: what GStreamer reads, with an audio track. It is encoded before the first fragment is sent, at most 200 "
    "fragments of "
    "it, and sent again from its start as often as asked for.\n\nThe exit status is 0 when every fragment was answered "
    "and none "
    "failed, else see airdub(1). Ctrl-C sends no more and prints the summary of what has come.";

static bool parse(ProbeOptions *self, int argc, char **argv, char ***rest, GError **error)
{
    const GOptionEntry entries[] = {
        { "streams", 0, 0, G_OPTION_ARG_INT, &self->streams, "streams at once, a connection each [1]", "N" },
        { "window", 0, 0, G_OPTION_ARG_INT, &self->window, "fragments of a stream on their way at once [3]", "N" },
        { "fragments", 0, 0, G_OPTION_ARG_INT64, &self->fragments, "how many each stream sends [those of FILE]", "N" },
        { "repeat", 0, 0, G_OPTION_ARG_INT, &self->repeat, "how often each stream sends FILE [1]", "N" },
        { "rate", 0, 0, G_OPTION_ARG_DOUBLE, &self->rate,
          "fragments a second and stream [as fast as the window allows]", "R" },
        { "realtime", 0, 0, G_OPTION_ARG_NONE, &self->realtime, "as a live stream sends them", NULL },
        { "segment", 0, 0, G_OPTION_ARG_DOUBLE, &self->segment_s, "length of a fragment [6]", "SECONDS" },
        { "timeout", 0, 0, G_OPTION_ARG_DOUBLE, &self->timeout_s, "a fragment's time, 1 to 30 [8]", "SECONDS" },
        { "from", 0, 0, G_OPTION_ARG_STRING, &self->from, "the language spoken [en]", "LANGUAGE" },
        { "to", 0, 0, G_OPTION_ARG_STRING, &self->to, "the language wanted [es]", "LANGUAGE" },
        { "voice", 0, 0, G_OPTION_ARG_STRING, &self->voice, "who speaks it", "VOICE" },
        { "key", 0, 0, G_OPTION_ARG_STRING, &self->key, "the service's key [STS_API_KEY]", "KEY" },
        { "namespace", 0, 0, G_OPTION_ARG_STRING, &self->nsp, "of Socket.IO, / or /sts [/]", "NAME" },
        { "path", 0, 0, G_OPTION_ARG_STRING, &self->path, "of Socket.IO on the server [/socket.io/]", "PATH" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &self->as_json, "one JSON object a line, the summary last", NULL },
        { "quiet", 'q', 0, G_OPTION_ARG_NONE, &self->quiet, "the summary alone", NULL },
        { "verbose", 'v', 0, G_OPTION_ARG_NONE, &self->verbose, "the log, too", NULL },
        G_OPTION_ENTRY_NULL,
    };
    return command_parse(argc, argv, entries, "URL FILE",
                         "Sends a file's fragments to a running sts-service, and measures how it answers.", description,
                         2, rest, error);
}

static void set_default(char **field, const char *value)
{
    if (!*field)
        *field = g_strdup(value);
}

static void set_defaults(ProbeOptions *self)
{
    set_default(&self->from, "en");
    set_default(&self->to, "es");
    set_default(&self->nsp, "/");
    set_default(&self->path, "/socket.io/");
}

static bool set_key(ProbeOptions *self, char **environment, GError **error)
{
    return self->key || dub_env_secret("STS_API_KEY", environment, &self->key, error);
}

/* @min, @max: both included; NaN is outside */
static bool check_number(const char *option, double value, double min, double max, GError **error)
{
    if (value >= min && value <= max)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s: %.10g is not within %.10g and %.10g", option, value,
                min, max);
    return false;
}

static bool check_numbers(const ProbeOptions *self, GError **error)
{
    return check_number("--streams", self->streams, 1, MAX_STREAMS, error) &&
           check_number("--window", self->window, 1, DUB_WIRE_MAX_IN_FLIGHT, error) &&
           check_number("--repeat", self->repeat, 1, MAX_REPEAT, error) &&
           check_number("--fragments", (double) self->fragments, 0, MAX_FRAGMENTS, error) &&
           (self->rate == 0 || check_number("--rate", self->rate, MIN_RATE, MAX_RATE, error)) &&
           check_number("--timeout", self->timeout_s, MIN_TIMEOUT_S, MAX_TIMEOUT_S, error) &&
           choice_check_segment(self->segment_s, error);
}

static bool refuse(GError **error, const char *message)
{
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, message);
    return false;
}

static bool check_choices(const ProbeOptions *self, GError **error)
{
    if (self->rate > 0 && self->realtime)
        return refuse(error, "--rate and --realtime: choose one of them");
    if (self->fragments > 0 && self->repeat > 1)
        return refuse(error, "--fragments and --repeat: choose one of them");
    if (self->nsp[0] != '/')
        return refuse(error, "--namespace: it begins with a /, like /sts");
    if (self->path[0] != '/')
        return refuse(error, "--path: it begins with a /, like /ws/sts");
    if (dub_media_uri_is_live(self->file))
        return refuse(error, "FILE is a URL; name a file");
    return choice_check_sts_url("URL", self->url, error) && choice_check_languages(self->from, self->to, error);
}

bool probe_options_parse(ProbeOptions *self, int argc, char **argv, char **environment, GError **error)
{
    g_auto(GStrv) rest = NULL;
    *self = (ProbeOptions){ .streams = 1, .window = 3, .repeat = 1, .segment_s = 6, .timeout_s = 8 };
    if (!parse(self, argc, argv, &rest, error))
        return false;
    self->url = g_strdup(rest[0]);
    self->file = g_strdup(rest[1]);
    set_defaults(self);
    return set_key(self, environment, error) && check_numbers(self, error) && check_choices(self, error);
}

void probe_options_clear(ProbeOptions *self)
{
    g_free(self->url);
    g_free(self->file);
    g_free(self->from);
    g_free(self->to);
    g_free(self->voice);
    g_free(self->key);
    g_free(self->nsp);
    g_free(self->path);
}
