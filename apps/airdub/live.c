/* airdub/live.c: three children in a row. Order of start: MediaMTX (if asked for), sts-service, media-service, each
 * once the one before is ready; order of stop: the other way round, so that media-service can drain. A show that came
 * while the engines are still being loaded would begin in the original, and with a delay that knows nothing of what
 * they take. */
#include "airdub/live.h"

#include "airdub/child-log.h"
#include "airdub/child.h"
#include "airdub/live-view.h"
#include "airdub/mediamtx-config.h"
#include "airdub/ports.h"
#include "airdub/programs.h"
#include "base/clock.h"
#include "base/env.h"
#include "base/error.h"
#include "base/http.h"

#include <glib-unix.h>
#include <glib/gstdio.h>
#include <libsoup/soup.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STARTUP_MS       120000 /* models load within seconds; this is for a machine that swaps */
#define PROBE_MS         100
#define STATUS_MS        1000
#define STATUS_TIMEOUT_S 2
#define FOLDER_DEPTH     8

typedef enum { MEDIA, STS, MEDIAMTX, N_CHILDREN } ChildIndex; /* in the order of their stop */

/* What each may take to end by itself; media-service drains within 3 s. */
static const unsigned kill_after_ms[N_CHILDREN] = { [MEDIA] = 12000, [STS] = 5000, [MEDIAMTX] = 5000 };

struct _Live {
    const LiveOptions *options;
    GMainLoop *loop;
    LiveView *view;
    ChildLog *log;
    Child *children[N_CHILDREN];
    char *api_token; /* nullable: the services want it, too: theirs is this environment */
    char *folder;    /* temporary: segments, mediamtx.yml */
    unsigned rtmp_port, http_port, sts_port, api_port, rtsp_port, playback_port; /* 0 until chosen or announced */
    bool ready, stopping, unclean;
    unsigned n_signals;
    int stop_index;
    GError *failure;
    SoupSession *session;
    GCancellable *cancellable;
    bool polling;
    guint status_source, startup_source, probe_source, signal_sources[3];
};

static void stop(Live *self);

static void fail(Live *self, GError *error)
{
    if (self->failure)
        g_error_free(error);
    else
        self->failure = error;
    stop(self);
}

static void say(Live *self, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void say(Live *self, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    live_view_say(self->view, "airdub", text);
}

/* ---- status ---- */

static void take_streams(Live *self, GBytes *body)
{
    gsize length;
    const char *text = g_bytes_get_data(body, &length);
    g_autoptr(DubJson) root = dub_json_parse(text, length, NULL);
    const DubJson *streams = NULL;
    if (root && dub_json_get_array(root, "streams", DUB_JSON_REQUIRED, &streams, NULL))
        live_view_streams(self->view, streams, dub_clock_now());
}

/* A status that does not come is no event: a service that is gone is told by on_died. */
static void on_status(GObject *object, GAsyncResult *result, void *user_data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) body = soup_session_send_and_read_finish(SOUP_SESSION(object), result, &error);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* live may be freed */
    Live *self = user_data;
    self->polling = false;
    if (body && !self->stopping)
        take_streams(self, body);
}

static gboolean on_status_time(void *user_data)
{
    Live *self = user_data;
    if (self->polling)
        return G_SOURCE_CONTINUE;
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/v1/streams", self->http_port);
    g_autoptr(SoupMessage) message = soup_message_new("GET", url);
    dub_http_authorize(message, self->api_token);
    self->polling = true;
    soup_session_send_and_read_async(self->session, message, G_PRIORITY_DEFAULT, self->cancellable, on_status, self);
    return G_SOURCE_CONTINUE;
}

/* ---- start ---- */

static void fill_addresses(const Live *self, LiveAddresses *a)
{
    const char *host = self->options->host, *stream = self->options->stream;
    a->server = g_strdup_printf("rtmp://%s:%u/live", host, self->rtmp_port);
    a->stream_key = g_strdup_printf("%s/in", stream);
    a->publish_url = g_strdup_printf("%s/%s/in", a->server, stream);
    a->play_url = g_strdup_printf("%s/%s/out", a->server, stream);
    if (self->options->mediamtx)
        a->rtsp_url = g_strdup_printf("rtsp://%s:%u/live/%s/out", host, self->rtsp_port, stream);
    a->rtmp_port = self->rtmp_port;
    a->http_port = self->http_port;
    a->sts_port = self->sts_port;
    a->api_port = self->api_port;
}

static void become_ready(Live *self)
{
    if (self->ready || self->stopping || self->http_port == 0 || self->rtmp_port == 0)
        return;
    self->ready = true;
    g_clear_handle_id(&self->startup_source, g_source_remove);
    LiveAddresses addresses = { 0 };
    fill_addresses(self, &addresses);
    live_view_ready(self->view, &addresses);
    live_addresses_clear(&addresses);
    self->status_source = g_timeout_add(STATUS_MS, on_status_time, self);
}

static gboolean on_startup_timeout(void *user_data)
{
    Live *self = user_data;
    self->startup_source = 0;
    fail(self,
         g_error_new(DUB_ERROR, DUB_ERROR_TIMEOUT,
                     "the services were not ready within %d s; see what they say with --verbose", STARTUP_MS / 1000));
    return G_SOURCE_REMOVE;
}

static void set_port(Child *child, const char *variable, unsigned port)
{
    g_autofree char *text = g_strdup_printf("%u", port);
    child_set_env(child, variable, text);
}

static void set_url(Child *child, const char *variable, const char *scheme, unsigned port)
{
    g_autofree char *url = g_strdup_printf("%s://127.0.0.1:%u", scheme, port);
    child_set_env(child, variable, url);
}

static void start_media(Live *self)
{
    Child *media = self->children[MEDIA];
    if (child_is_started(media) || self->stopping)
        return;
    set_url(media, "STS_SERVICE_URL", "http", self->sts_port);
    child_start(media);
}

static void start_sts(Live *self)
{
    if (!child_is_started(self->children[STS]) && !self->stopping)
        child_start(self->children[STS]);
}

static void on_mediamtx_probed(GObject *object, GAsyncResult *result, void *user_data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect_to_host_finish(G_SOCKET_CLIENT(object), result, &error);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* live may be freed */
    Live *self = user_data;
    if (!connection)
        return;
    g_clear_handle_id(&self->probe_source, g_source_remove);
    child_set_ready(self->children[MEDIAMTX]);
    start_sts(self);
}

/* MediaMTX's log differs from version to version; a port that answers does not. */
static gboolean on_probe_time(void *user_data)
{
    Live *self = user_data;
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_socket_client_connect_to_host_async(client, "127.0.0.1", (guint16) self->rtmp_port, self->cancellable,
                                          on_mediamtx_probed, self);
    return G_SOURCE_CONTINUE;
}

static void start_first(Live *self)
{
    self->startup_source = g_timeout_add(STARTUP_MS, on_startup_timeout, self);
    if (!self->children[MEDIAMTX]) {
        start_sts(self);
        return;
    }
    self->probe_source = g_timeout_add(PROBE_MS, on_probe_time, self);
    child_start(self->children[MEDIAMTX]);
}

/* ---- what the children say ---- */

/* "…<name>: listening on http://HOST:PORT" -> PORT; 0 if the line is another. */
static unsigned announced_port(const char *line, const char *what)
{
    const char *at = strstr(line, what);
    const char *colon = at ? strrchr(at, ':') : NULL;
    const unsigned long port = colon ? strtoul(colon + 1, NULL, 10) : 0;
    return port <= 65535 ? (unsigned) port : 0;
}

static void hear_sts(Live *self, const char *line)
{
    const unsigned port = announced_port(line, "sts-service: listening on http://");
    if (port) {
        self->sts_port = port;
        set_port(self->children[STS], "PORT", port); /* a restart must be found where this one was */
        set_port(self->children[STS], "STS_PORT", port);
    } else if (self->sts_port && strstr(line, "sts-service: ready")) {
        child_set_ready(self->children[STS]);
        start_media(self);
    }
}

static void hear_media(Live *self, const char *line)
{
    const unsigned http = announced_port(line, "media-service: listening on http://");
    const unsigned rtmp = announced_port(line, "media-service: rtmp on rtmp://");
    if (http) {
        self->http_port = http;
        set_port(self->children[MEDIA], "PORT", http);
        child_set_ready(self->children[MEDIA]);
    }
    if (rtmp && !self->options->mediamtx) {
        self->rtmp_port = rtmp;
        set_port(self->children[MEDIA], "RTMP_PORT", rtmp);
    }
    if (http || rtmp)
        become_ready(self);
}

static void on_line(Child *child, const char *line, void *user_data)
{
    Live *self = user_data;
    child_log_write(self->log, child_name(child), line);
    if (child == self->children[STS])
        hear_sts(self, line);
    else if (child == self->children[MEDIA])
        hear_media(self, line);
    if (self->options->verbose || child_log_is_worth_showing(line))
        live_view_say(self->view, child_name(child), line);
}

static void on_died(Child *child, const char *how, unsigned wait_ms, void *user_data)
{
    Live *self = user_data;
    live_view_event(self->view, "died",
                    json_pack("{s:s, s:s, s:i}", "name", child_name(child), "how", how, "wait_ms", (int) wait_ms));
    say(self, "%s died (%s); starting it again in %.1f s", child_name(child), how, wait_ms / 1000.0);
}

static void on_given_up(G_GNUC_UNUSED Child *child, const GError *error, void *user_data)
{
    fail(user_data, g_error_copy(error));
}

/* ---- stop ---- */

static void stop_next(Live *self)
{
    while (self->stop_index < N_CHILDREN && !self->children[self->stop_index])
        self->stop_index++;
    if (self->stop_index == N_CHILDREN) {
        g_main_loop_quit(self->loop);
        return;
    }
    child_stop(self->children[self->stop_index], kill_after_ms[self->stop_index]);
}

static void on_stopped(G_GNUC_UNUSED Child *child, bool clean, void *user_data)
{
    Live *self = user_data;
    self->unclean = self->unclean || !clean;
    self->stop_index++;
    stop_next(self);
}

static void stop(Live *self)
{
    if (self->stopping)
        return;
    self->stopping = true;
    g_clear_handle_id(&self->status_source, g_source_remove);
    g_clear_handle_id(&self->startup_source, g_source_remove);
    g_clear_handle_id(&self->probe_source, g_source_remove);
    live_view_event(self->view, "stopping", NULL);
    stop_next(self);
}

static gboolean on_signal(void *user_data)
{
    Live *self = user_data;
    self->n_signals++;
    if (self->n_signals == 1) {
        say(self, "stopping: what is on its way is played; once more to end at once");
        stop(self);
        return G_SOURCE_CONTINUE;
    }
    self->unclean = true;
    if (self->stop_index < N_CHILDREN && self->children[self->stop_index])
        child_stop(self->children[self->stop_index], 0); /* the others have nothing to drain */
    return G_SOURCE_CONTINUE;
}

/* ---- creation ---- */

static char **own_environment(const Live *self)
{
    char **env = g_get_environ();
    const char *level = g_environ_getenv(env, "LOG_LEVEL");
    if (!level || g_ascii_strcasecmp(level, "DEBUG") != 0)
        env = g_environ_setenv(env, "LOG_LEVEL", "INFO", TRUE); /* the ports are announced at INFO */
    if (!g_environ_getenv(env, "SEGMENT_DIR") && !g_environ_getenv(env, "WORKER_SEGMENT_DIR"))
        env = g_environ_setenv(env, "SEGMENT_DIR", self->folder, TRUE);
    return env;
}

static Child *add_child(Live *self, const char *name, const char *const *argv, char **environment)
{
    static const ChildCallbacks callbacks = { on_line, on_died, on_given_up, on_stopped };
    return child_new(name, argv, environment, &callbacks, self);
}

static void set_if_given(Child *child, const char *name, const char *value)
{
    if (value)
        child_set_env(child, name, value);
}

static void set_engines(const EngineOptions *options, Child *sts)
{
    set_if_given(sts, "ASR_PROVIDER", options->providers[DUB_STAGE_ASR]);
    set_if_given(sts, "TRANSLATION_PROVIDER", options->providers[DUB_STAGE_MT]);
    set_if_given(sts, "TTS_PROVIDER", options->providers[DUB_STAGE_TTS]);
    set_if_given(sts, "ASR_MODEL", options->model);
    set_if_given(sts, "GLOSSARY", options->glossary);
}

static bool add_sts(Live *self, char **environment, GError **error)
{
    g_autofree char *path = programs_find("sts-service", error);
    if (!path)
        return false;
    Child *sts = add_child(self, "sts-service", (const char *[]){ path, NULL }, environment);
    self->children[STS] = sts;
    child_set_env(sts, "HOST", "127.0.0.1"); /* media-service is its only client here */
    set_port(sts, "PORT", self->sts_port);
    set_port(sts, "STS_PORT", self->sts_port);
    set_engines(&self->options->engines, sts);
    return true;
}

static void set_builtin_server(const Live *self, Child *media)
{
    child_set_env(media, "MEDIA_SERVER", "builtin");
    set_port(media, "RTMP_PORT", self->rtmp_port);
    set_port(media, "API_PORT", self->api_port);
}

static void set_mediamtx(const Live *self, Child *media)
{
    child_set_env(media, "MEDIA_SERVER", "mediamtx");
    set_url(media, "MEDIAMTX_RTMP_URL", "rtmp", self->rtmp_port);
    set_url(media, "MEDIAMTX_API_URL", "http", self->api_port);
    set_url(media, "MEDIAMTX_PLAYBACK_URL", "http", self->playback_port);
}

static void set_dubbing(const LiveOptions *options, Child *media)
{
    char seconds[G_ASCII_DTOSTR_BUF_SIZE];
    child_set_env(media, "WORKER_SOURCE_LANGUAGE", options->from);
    child_set_env(media, "WORKER_TARGET_LANGUAGE", options->to);
    child_set_env(media, "WORKER_SEGMENT_MODE", options->segment_mode);
    child_set_env(media, "WORKER_SEGMENT_DURATION", g_ascii_formatd(seconds, sizeof seconds, "%g", options->segment_s));
    set_if_given(media, "WORKER_VOICE", options->voice);
    set_if_given(media, "WORKER_BED_DB", options->bed);
}

static bool add_media(Live *self, char **environment, GError **error)
{
    g_autofree char *path = programs_find("media-service", error);
    if (!path)
        return false;
    Child *media = add_child(self, "media-service", (const char *[]){ path, NULL }, environment);
    self->children[MEDIA] = media;
    set_port(media, "PORT", self->http_port);
    set_dubbing(self->options, media);
    if (self->options->mediamtx)
        set_mediamtx(self, media);
    else
        set_builtin_server(self, media);
    return true;
}

static char *find_mediamtx(char **environment, GError **error)
{
    const char *named = g_environ_getenv(environment, "MEDIAMTX_BIN");
    char *path = named && *named ? g_find_program_in_path(named) : g_find_program_in_path("mediamtx");
    if (!path)
        g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND,
                    "no MediaMTX: %s; install it from https://github.com/bluenviron/mediamtx, or use --media-server "
                    "builtin",
                    named && *named ? "MEDIAMTX_BIN names no program" : "mediamtx is not on PATH");
    return path;
}

static unsigned ask_version(const char *program)
{
    g_autofree char *said = NULL;
    const char *argv[] = { program, "--version", NULL };
    if (!g_spawn_sync(NULL, (char **) argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &said, NULL, NULL, NULL))
        return 0;
    return mediamtx_config_parse_version(said);
}

static bool write_mediamtx_config(const Live *self, const char *path, unsigned version, GError **error)
{
    g_autofree char *hook = programs_self();
    const MediamtxConfig config = {
        .version = version,
        .rtmp_port = self->rtmp_port,
        .rtsp_port = self->rtsp_port,
        .api_port = self->api_port,
        .playback_port = version >= MEDIAMTX_AVAILABLE ? self->playback_port : 0, /* older ones lack some of its keys */
        .folder = self->folder,
        .hook = hook,
    };
    g_autofree char *yaml = mediamtx_config_to_yaml(&config);
    g_autoptr(GError) problem = NULL;
    if (g_file_set_contents(path, yaml, -1, &problem))
        return true;
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_IO, problem->message);
    return false;
}

static bool add_mediamtx(Live *self, char **environment, GError **error)
{
    g_autofree char *program = find_mediamtx(environment, error);
    g_autofree char *config = g_build_filename(self->folder, "mediamtx.yml", NULL);
    const unsigned version = program ? ask_version(program) : 0;
    if (!program || !write_mediamtx_config(self, config, version, error))
        return false;
    Child *mediamtx = add_child(self, "mediamtx", (const char *[]){ program, config, NULL }, environment);
    self->children[MEDIAMTX] = mediamtx;
    set_url(mediamtx, "ORCHESTRATOR_URL", "http", self->http_port);
    /* RTSP over TCP alone and no MoQ: no further ports to find. By environment, because these names have come and gone,
     * and a file with an unknown one is refused. */
    child_set_env(mediamtx, "MTX_MOQ", "no");
    child_set_env(mediamtx, "MTX_RTSPTRANSPORTS", "tcp");
    if (version < MEDIAMTX_AVAILABLE)
        child_set_env(mediamtx, "MTX_PROTOCOLS", "tcp");
    return true;
}

/* What nobody announces has to be chosen here: the API's port; and with MediaMTX, which cannot say what it got, its own
 * and media-service's, which its hook must know. */
static bool choose_ports(Live *self, GError **error)
{
    unsigned *ports[] = { &self->api_port, &self->rtmp_port, &self->rtsp_port, &self->http_port, &self->playback_port };
    const gsize n = self->options->mediamtx ? G_N_ELEMENTS(ports) : 1;
    for (gsize i = 0; i < n; i++) {
        if (*ports[i] == 0 && (*ports[i] = ports_pick(error)) == 0)
            return false;
    }
    return true;
}

static bool require_ports(const Live *self, GError **error)
{
    return ports_require_free(self->rtmp_port, "--rtmp-port", error) &&
           ports_require_free(self->http_port, "--http-port", error) &&
           ports_require_free(self->sts_port, "--sts-port", error) &&
           ports_require_free(self->api_port, "--api-port", error) &&
           (!self->options->mediamtx || ports_require_free(self->rtsp_port, "--rtsp-port", error));
}

static bool make_folder(Live *self, GError **error)
{
    g_autoptr(GError) problem = NULL;
    self->folder = g_dir_make_tmp("airdub-live-XXXXXX", &problem);
    if (!self->folder)
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_IO, problem->message);
    return self->folder != NULL;
}

static bool prepare(Live *self, GError **error)
{
    if (!require_ports(self, error) || !make_folder(self, error))
        return false;
    self->log = child_log_new(self->options->log_dir, error);
    if (!self->log)
        return false;
    if (!choose_ports(self, error))
        return false;
    g_auto(GStrv) environment = own_environment(self);
    return dub_env_secret("API_TOKEN", environment, &self->api_token, error) && add_sts(self, environment, error) &&
           add_media(self, environment, error) && (!self->options->mediamtx || add_mediamtx(self, environment, error));
}

static LiveViewStyle style_of(const LiveOptions *options)
{
    if (options->as_json)
        return LIVE_VIEW_JSON;
    if (options->quiet)
        return LIVE_VIEW_QUIET;
    return isatty(STDOUT_FILENO) ? LIVE_VIEW_TERMINAL : LIVE_VIEW_PLAIN;
}

Live *live_new(const LiveOptions *options, GError **error)
{
    g_autoptr(Live) self = g_new0(Live, 1);
    self->options = options;
    self->loop = g_main_loop_new(NULL, FALSE);
    self->view = live_view_new(style_of(options));
    self->session = soup_session_new_with_options("timeout", STATUS_TIMEOUT_S, NULL);
    self->cancellable = g_cancellable_new();
    self->rtmp_port = (unsigned) options->rtmp_port;
    self->http_port = (unsigned) options->http_port;
    self->sts_port = (unsigned) options->sts_port;
    self->api_port = (unsigned) options->api_port;
    self->rtsp_port = (unsigned) options->rtsp_port;
    if (!prepare(self, error))
        return NULL;
    return g_steal_pointer(&self);
}

static bool was_cut_short(const Live *self)
{
    return self->n_signals > 0 && self->unclean;
}

bool live_run(Live *self, GError **error)
{
    const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    for (gsize i = 0; i < G_N_ELEMENTS(signals); i++)
        self->signal_sources[i] = g_unix_signal_add(signals[i], on_signal, self);
    start_first(self);
    g_main_loop_run(self->loop);
    if (self->failure) {
        g_propagate_error(error, g_steal_pointer(&self->failure));
        return false;
    }
    if (was_cut_short(self)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CANCELLED, "ended before everything was played");
        return false;
    }
    return true;
}

/* Our own temporary folder: files and folders of the services, never a link that leads out of it. */
static void remove_tree(const char *path, int depth)
{
    g_autoptr(GDir) folder = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    for (const char *name; folder && depth > 0 && (name = g_dir_read_name(folder));) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        remove_tree(child, depth - 1);
    }
    g_remove(path);
}

void live_free(Live *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->cancellable);
    for (gsize i = 0; i < G_N_ELEMENTS(self->signal_sources); i++)
        g_clear_handle_id(&self->signal_sources[i], g_source_remove);
    g_clear_handle_id(&self->status_source, g_source_remove);
    g_clear_handle_id(&self->startup_source, g_source_remove);
    g_clear_handle_id(&self->probe_source, g_source_remove);
    for (int i = 0; i < N_CHILDREN; i++)
        child_free(self->children[i]);
    if (self->folder)
        remove_tree(self->folder, FOLDER_DEPTH);
    g_free(self->folder);
    g_clear_error(&self->failure);
    g_object_unref(self->session);
    g_free(self->api_token);
    g_object_unref(self->cancellable);
    child_log_free(self->log);
    live_view_free(self->view);
    g_main_loop_unref(self->loop);
    g_free(self);
}
