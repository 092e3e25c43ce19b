/* apps/media-service/media-server.c: starts or finds the media server and asks for its paths. */
#include "media-server.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/http.h"
#include "base/log-limit.h"
#include "base/log.h"
#include "base/secret.h"
#include "engineio/listener.h"
#include "mediamtx/api.h"
#include "mediamtx/authority.h"
#include "mediamtx/client.h"
#include "rtmp/server.h"
#include "stream.h"
#include "worker/worker.h"

#define POLL_S           1
#define TIMEOUT_S        5
#define VIEWER_WAIT_MS   10000 /* past the playout delay */
#define SHORT_NAMES_TOLD 10    /* in a minute */
#define AUTH_TIMEOUT_MS  5000  /* an encoder waits as long for its answer */
#define AUTH_ASKING      64    /* questions at once */

struct _MediaServer {
    MediaServerCallbacks callbacks;
    void *user_data;
    DubRtmpServer *rtmp;                    /* built-in only */
    DubMediamtxAuthority *authority;        /* likewise; NULL: nobody is asked */
    SoupServer *api;                        /* built-in only */
    EioListener *listener;                  /* of api */
    guint api_port;                         /* likewise */
    char *rtmp_url, *rtmp_query, *rtsp_url; /* rtsp_url: NULL with the built-in */
    DubMediamtxClient *client;
    GCancellable *cancellable;
    guint poll_id;
    GHashTable *outputs;    /* stream id -> who publishes its output */
    GHashTable *over_rtsp;  /* stream ids */
    GHashTable *told_short; /* names of paths in the newest list that lack their /in: what was said of them */
    DubLogLimit *log_limit;
    bool asking, stale, again; /* stale: what comes of the request under way is too old; again: for some who wait */
    bool reachable, told;
    guint64 asked, answered; /* requests; the numbers of the newest */
};

static GPtrArray *list_paths(void *user_data)
{
    MediaServer *self = user_data;
    g_autoptr(GPtrArray) infos = dub_rtmp_server_paths(self->rtmp);
    GPtrArray *paths = g_ptr_array_new_with_free_func((GDestroyNotify) dub_mediamtx_path_free);
    for (guint i = 0; i < infos->len; i++) {
        const DubRtmpPathInfo *info = infos->pdata[i];
        DubMediamtxPath *path = g_new0(DubMediamtxPath, 1);
        path->name = g_strdup(info->name);
        path->ready = info->ready;
        path->ready_unix_ms = info->ready_unix_ms;
        path->source_type = g_strdup(info->source_type);
        path->source_id = g_strdup(info->source_id);
        path->query = g_strdup(info->query);
        path->tracks = g_strdupv(info->tracks);
        path->reader_ids = g_new0(char *, 1);
        path->bytes_received = info->bytes_received;
        path->bytes_sent = info->bytes_sent;
        g_ptr_array_add(paths, path);
    }
    return paths;
}

/* Only live/<id>/in and …/out concern us; other paths of the same server are somebody else's. */
static char *id_of(const char *name, DubMediamtxDirection wanted)
{
    g_autofree char *stream_id = NULL;
    DubMediamtxDirection direction;
    if (!dub_mediamtx_split_name(name, &stream_id, &direction, NULL) || direction != wanted)
        return NULL;
    return g_steal_pointer(&stream_id);
}

static char *input_id(const char *name)
{
    return id_of(name, DUB_MEDIAMTX_INPUT);
}

static void on_publish(const char *path, const char *query, const char *source_id, void *user_data)
{
    MediaServer *self = user_data;
    g_autofree char *stream_id = input_id(path);
    if (!stream_id)
        return;
    const DubStreamEntry entry = { .stream_id = stream_id, .source_id = source_id, .query = query };
    self->callbacks.on_ready(&entry, self->user_data);
}

static void on_unpublish(const char *path, G_GNUC_UNUSED const char *source_id, void *user_data)
{
    MediaServer *self = user_data;
    g_autofree char *stream_id = input_id(path);
    if (stream_id)
        self->callbacks.on_not_ready(stream_id, self->user_data);
}

/* live/NAME is short for live/NAME/in: what an encoder is told first, and what people forget. Returns: (transfer full)
 * (nullable): the long name */
static char *long_name(const char *path)
{
    g_autofree char *name = g_strconcat(path, "/in", NULL), *stream_id = input_id(name);
    return stream_id ? g_steal_pointer(&name) : NULL;
}

/* Somebody publishes it by its long name: the short one is then not the same encoder that comes back. */
static bool is_in_use(const MediaServer *self, const char *input)
{
    g_autoptr(DubRtmpPathInfo) info = dub_rtmp_server_path(self->rtmp, input);
    return info && g_str_equal(info->asked, input);
}

static char *on_name(const char *path, bool publishes, char **note, void *user_data)
{
    const MediaServer *self = user_data;
    g_autofree char *input = long_name(path), *stream_id = NULL;
    if (input && publishes && is_in_use(self, input)) {
        *note = g_strdup_printf("%s is in use, so %s is not taken for it; publish under another name, or as %s", input,
                                path, input);
        return NULL;
    }
    if (input)
        return g_steal_pointer(&input);
    if (publishes && !dub_mediamtx_split_name(path, &stream_id, &(DubMediamtxDirection){ 0 }, NULL))
        *note = g_strdup("it is passed on as it is and not dubbed: publish live/NAME, or live/NAME/in");
    return g_strdup(path);
}

/* live/<id>/out has one owner: another media-service, or this one. */
static bool is_owned(const char *path, G_GNUC_UNUSED void *user_data)
{
    g_autofree char *stream_id = id_of(path, DUB_MEDIAMTX_OUTPUT);
    return stream_id != NULL;
}

static void on_ask(const DubRtmpRequest *asked, void *user_data)
{
    const MediaServer *self = user_data;
    const DubMediamtxRequest request = { .id = asked->id,
                                         .ip = asked->ip,
                                         .user = asked->user,
                                         .password = asked->password,
                                         .token = asked->token,
                                         .action = asked->action,
                                         .path = asked->path,
                                         .protocol = "rtmp",
                                         .query = asked->query };
    dub_mediamtx_authority_ask(self->authority, &request);
}

static void on_verdict(const char *id, const char *refusal, void *user_data)
{
    dub_rtmp_server_answer(((MediaServer *) user_data)->rtmp, id, refusal);
}

/* A viewer may connect with the broadcaster; let it wait until the output starts, one playout delay later. How long
 * that is the engines have not said yet: the most it can be. */
static guint player_wait_ms(const MediaConfig *config)
{
    const int64_t timeout_ns = config->sts_timeout_ms * DUB_NS_PER_MS;
    const int64_t most_ns =
        dub_worker_default_delay((int64_t) (config->segment_s * DUB_NS_PER_S), timeout_ns, timeout_ns);
    const int64_t delay_ns = config->playout_delay_s > 0 ? (int64_t) (config->playout_delay_s * DUB_NS_PER_S) : most_ns;
    return VIEWER_WAIT_MS + (guint) (delay_ns / DUB_NS_PER_MS);
}

/* A key of our own: it tells our connections from others', and whoever sees our URLs, in a core dump or a GStreamer
 * trace, learns none that others use. */
static char *draw_own_key(MediaServer *self)
{
    char *key = dub_secret_draw();
    g_free(self->rtmp_query);
    self->rtmp_query = g_strdup_printf("?key=%s", key);
    return key;
}

static bool make_authority(MediaServer *self, const char *url, GError **error)
{
    self->authority = dub_mediamtx_authority_new(url, AUTH_TIMEOUT_MS, AUTH_ASKING, on_verdict, self, error);
    if (!self->authority)
        g_prefix_error(error, "RTMP_AUTH_URL: ");
    return self->authority != NULL;
}

static bool start_builtin(MediaServer *self, const MediaConfig *config, char **api_url, GError **error)
{
    g_autofree char *own_key = draw_own_key(self);
    const DubRtmpServerCallbacks callbacks = { .on_name = on_name,
                                               .is_owned = is_owned,
                                               .on_ask = config->rtmp_auth_url ? on_ask : NULL,
                                               .on_publish = on_publish,
                                               .on_unpublish = on_unpublish };
    const DubRtmpServerConfig rtmp = { .host = config->host,
                                       .publish_key = config->publish_key,
                                       .play_key = config->play_key,
                                       .own_key = own_key,
                                       .keeps_publishers = !config->override_publisher,
                                       .max_connections = config->rtmp_max_connections,
                                       .memory_bytes = (gsize) config->rtmp_memory_mb << 20,
                                       .port = config->rtmp_port,
                                       .port_setting = "RTMP_PORT",
                                       .tls_cert = config->rtmps_cert,
                                       .tls_key = config->rtmps_key,
                                       .tls_port = config->rtmps_port,
                                       .wait_ms = player_wait_ms(config) };
    if (config->rtmp_auth_url && !make_authority(self, config->rtmp_auth_url, error))
        return false;
    self->rtmp = dub_rtmp_server_new(&rtmp, &callbacks, self, error);
    if (!self->rtmp)
        return false;
    self->rtmp_url = g_strdup_printf("rtmp://127.0.0.1:%u", dub_rtmp_server_port(self->rtmp));
    self->api = dub_http_server_new();
    dub_mediamtx_api_mount(self->api, list_paths, self);
    g_autoptr(GSocket) socket = dub_http_bind(config->api_host, config->api_port, "API_PORT", &self->api_port, error);
    if (!socket)
        return false;
    self->listener = eio_listener_new(self->api, socket, NULL);
    *api_url = dub_http_local_url(config->api_host, self->api_port);
    return true;
}

static void note_reachable(MediaServer *self, const GError *error)
{
    const bool reachable = error == NULL;
    if (self->told && reachable == self->reachable)
        return;
    self->told = true;
    self->reachable = reachable;
    g_autofree char *name = dub_url_printable(self->rtmp_url);
    if (reachable)
        dub_info("media server: %s answers", name);
    else
        dub_warning("media server: %s; streams that run go on, new ones are seen when it answers", error->message);
}

static void remember_outputs(MediaServer *self, GPtrArray *paths)
{
    g_hash_table_remove_all(self->outputs);
    for (guint i = 0; i < paths->len; i++) {
        const DubMediamtxPath *path = paths->pdata[i];
        const bool has_publisher = *path->source_id || *path->source_type; /* "alwaysAvailable": it is ready without */
        char *stream_id = has_publisher ? id_of(path->name, DUB_MEDIAMTX_OUTPUT) : NULL;
        if (stream_id)
            g_hash_table_replace(self->outputs, stream_id, g_strdup(path->source_id));
    }
}

/* --- tracks: MediaMTX's names for them --- */

static const char *const pictures[] = { "AV1",    "VP9", "VP8", "H265", "H264", "MPEG-4 Video", "MPEG-1/2 Video",
                                        "M-JPEG", NULL };
static const char *const not_media[] = { "KLV", "MPEG-TS", NULL };
static const char *const published[] = { "H264", "H265", NULL }; /* pictures that our output can carry */
static const char *const read_over_rtmp[] = { "H264", "MPEG-4 Audio", "MPEG-1/2 Audio", NULL };

typedef struct {
    const char *picture, *sound; /* one of each, which can be read over RTMP if there is such a one; NULL: none */
    bool is_picture_rtmp, is_sound_rtmp;
} Tracks;

static void note_track(const char *track, const char **name, bool *is_rtmp)
{
    if (*name && *is_rtmp)
        return;
    *name = track;
    *is_rtmp = g_strv_contains(read_over_rtmp, track);
}

static Tracks tracks_of(const DubMediamtxPath *path)
{
    Tracks tracks = { 0 };
    for (char **track = path->tracks; track && *track; track++) {
        if (g_strv_contains(pictures, *track))
            note_track(*track, &tracks.picture, &tracks.is_picture_rtmp);
        else if (!g_strv_contains(not_media, *track))
            note_track(*track, &tracks.sound, &tracks.is_sound_rtmp);
    }
    return tracks;
}

/* A MediaMTX tells of a path once it knows its tracks; ours at once, and sound may come later. */
static GError *refusal_of(const MediaServer *self, const DubMediamtxPath *path, const Tracks *tracks)
{
    g_autofree char *server = dub_url_printable(self->rtmp_url);
    if (self->rtmp || !path->tracks || !path->tracks[0])
        return NULL;
    if (!tracks->sound)
        return g_error_new(DUB_ERROR, DUB_ERROR_NO_AUDIO, "%s/%s: audio track required for dubbing", server,
                           path->name);
    if (tracks->picture && !g_strv_contains(published, tracks->picture))
        return g_error_new(DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                           "%s/%s: its video is %s, which cannot be published again; publish H.264 or H.265", server,
                           path->name, tracks->picture);
    return NULL;
}

static bool needs_rtsp(const Tracks *tracks)
{
    return (tracks->picture && !tracks->is_picture_rtmp) || (tracks->sound && !tracks->is_sound_rtmp);
}

/* The built-in server takes live/NAME for live/NAME/in itself. On a MediaMTX it is a path like any other, and may be
 * meant to be: that it is not dubbed is said once. */
static void tell_short_names(MediaServer *self, GPtrArray *paths)
{
    g_autoptr(GHashTable) before = g_steal_pointer(&self->told_short);
    self->told_short = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < paths->len; i++) {
        const DubMediamtxPath *path = paths->pdata[i];
        g_autofree char *input = path->ready ? long_name(path->name) : NULL;
        if (!input)
            continue;
        if (!g_hash_table_contains(before, path->name) &&
            dub_log_limit_allows(self->log_limit, "paths that are not dubbed", SHORT_NAMES_TOLD))
            dub_warning("media server: %s is published and not dubbed: publish to %s", path->name, input);
        g_hash_table_add(self->told_short, g_strdup(path->name));
    }
}

static void hand_on(MediaServer *self, GPtrArray *paths)
{
    remember_outputs(self, paths);
    tell_short_names(self, paths);
    g_hash_table_remove_all(self->over_rtsp);
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) refusals = g_ptr_array_new_with_free_func((GDestroyNotify) g_error_free);
    g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(DubStreamEntry));
    for (guint i = 0; i < paths->len; i++) {
        const DubMediamtxPath *path = paths->pdata[i];
        char *stream_id = path->ready ? input_id(path->name) : NULL;
        if (!stream_id)
            continue;
        const Tracks tracks = tracks_of(path);
        GError *refusal = refusal_of(self, path, &tracks);
        g_ptr_array_add(ids, stream_id);
        if (refusal)
            g_ptr_array_add(refusals, refusal);
        if (needs_rtsp(&tracks) || (path->query && media_stream_chooses_track(path->query)))
            g_hash_table_add(self->over_rtsp, g_strdup(stream_id));
        const DubStreamEntry entry = { stream_id, path->source_id, path->query, media_server_output(self, stream_id),
                                       refusal };
        g_array_append_val(entries, entry);
    }
    self->callbacks.on_list((const DubStreamEntry *) (void *) entries->data, entries->len, self->user_data);
}

static void ask(MediaServer *self);

/* @paths: NULL: @error */
static void take_answer(MediaServer *self, GPtrArray *paths, const GError *error)
{
    self->answered = self->asked;
    note_reachable(self, error);
    if (paths)
        hand_on(self, paths);
    else
        self->callbacks.on_silence(self->user_data);
}

static void on_listed(G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) paths = dub_mediamtx_client_list_finish(result, &error);
    if (g_error_matches(error, DUB_ERROR, DUB_ERROR_CANCELLED))
        return; /* we are gone */
    MediaServer *self = user_data;
    const bool stale = self->stale, again = self->again;
    self->asking = self->stale = self->again = false;
    if (!stale)
        take_answer(self, paths, error);
    if (stale || again)
        ask(self);
}

static void ask(MediaServer *self)
{
    if (self->asking)
        return;
    self->asking = true;
    self->asked++;
    dub_mediamtx_client_list_async(self->client, self->cancellable, on_listed, self);
}

static gboolean on_poll(gpointer data)
{
    ask(data);
    return G_SOURCE_CONTINUE;
}

void media_server_refresh(MediaServer *self)
{
    self->stale = self->asking;
    ask(self);
}

guint64 media_server_ask(MediaServer *self)
{
    if (self->asking) {
        self->again = true;
        return self->asked + 1;
    }
    ask(self);
    return self->asked;
}

guint64 media_server_answered(const MediaServer *self)
{
    return self->answered;
}

const char *media_server_output(const MediaServer *self, const char *stream_id)
{
    return g_hash_table_lookup(self->outputs, stream_id);
}

MediaServer *media_server_new(const MediaConfig *config, const MediaServerCallbacks *callbacks, void *user_data,
                              GError **error)
{
    MediaServer *self = g_new0(MediaServer, 1);
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->cancellable = g_cancellable_new();
    self->rtmp_query = g_strdup("");
    self->outputs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->told_short = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->log_limit = dub_log_limit_new("media server", 0);
    self->over_rtsp = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *builtin_api = NULL;
    const bool builtin = g_str_equal(config->media_server, "builtin");
    if (builtin && !start_builtin(self, config, &builtin_api, error)) {
        media_server_free(self);
        return NULL;
    }
    if (!builtin) {
        self->rtmp_url = g_strdup(config->rtmp_url);
        self->rtsp_url = g_strdup(config->rtsp_url);
    }
    self->client = dub_mediamtx_client_new(builtin ? builtin_api : config->api_url, TIMEOUT_S, error);
    if (!self->client) {
        g_prefix_error(error, "MEDIAMTX_API_URL: ");
        media_server_free(self);
        return NULL;
    }
    self->poll_id = g_timeout_add_seconds(POLL_S, on_poll, self);
    on_poll(self);
    return self;
}

void media_server_stop(MediaServer *self)
{
    if (self->rtmp)
        dub_rtmp_server_stop(self->rtmp);
}

bool media_server_has_stopped(const MediaServer *self)
{
    return !self->rtmp || dub_rtmp_server_connections(self->rtmp) == 0;
}

void media_server_free(MediaServer *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->poll_id, g_source_remove);
    g_cancellable_cancel(self->cancellable);
    g_object_unref(self->cancellable);
    dub_mediamtx_client_free(self->client);
    eio_listener_free(self->listener);
    if (self->api)
        soup_server_disconnect(self->api);
    g_clear_object(&self->api);
    dub_mediamtx_authority_free(self->authority); /* first: it answers to the other */
    dub_rtmp_server_free(self->rtmp);
    g_hash_table_unref(self->outputs);
    g_hash_table_unref(self->over_rtsp);
    g_hash_table_unref(self->told_short);
    dub_log_limit_free(self->log_limit);
    g_free(self->rtmp_url);
    g_free(self->rtsp_url);
    g_free(self->rtmp_query);
    g_free(self);
}

const char *media_server_rtmp_url(const MediaServer *self)
{
    return self->rtmp_url;
}

char *media_server_source_url(const MediaServer *self, const char *stream_id)
{
    if (self->rtsp_url && g_hash_table_contains(self->over_rtsp, stream_id))
        return g_strdup_printf("%s/live/%s/in", self->rtsp_url, stream_id);
    return g_strdup_printf("%s/live/%s/in%s", self->rtmp_url, stream_id, self->rtmp_query);
}

const char *media_server_rtmp_query(const MediaServer *self)
{
    return self->rtmp_query;
}

guint media_server_api_port(const MediaServer *self)
{
    return self->api_port;
}

guint media_server_rtmp_port(const MediaServer *self)
{
    return self->rtmp ? dub_rtmp_server_port(self->rtmp) : 0;
}

guint media_server_rtmps_port(const MediaServer *self)
{
    return self->rtmp ? dub_rtmp_server_tls_port(self->rtmp) : 0;
}

bool media_server_reachable(const MediaServer *self)
{
    return self->reachable;
}
