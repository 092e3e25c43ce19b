/* apps/media-service/service.c: the table of streams, fed by hooks and lists, and what each endpoint answers. */
#include "service.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/http.h"
#include "base/log.h"
#include "base/secret.h"
#include "engineio/listener.h"
#include "leases.h"
#include "media-server.h"
#include "mediamtx/hook.h"
#include "metrics.h"
#include "speech/local.h"
#include "speech/remote.h"
#include "stream.h"
#include "sts-watch.h"
#include "worker/checkpoint.h"

#define DRAIN_MS           2000         /* players' buffers hold what leaves faster than real time */
#define CLOSING_NS         DUB_NS_PER_S /* for players to take what is queued for them */
#define CLOSING_LOOK_MS    10
#define REST_MS            60000 /* between attempts at an sts-service that has been away for long: they cost little */
#define REFRESH_S          1
#define HOOKS_MAX          64 /* answered by one question to the media server, which is under way */
#define SWEEP_S            3600
#define KEEP_CHECKPOINTS_S (24 * 3600)          /* of streams that did not come back */
#define KEEP_METRICS_NS    (300 * DUB_NS_PER_S) /* an ended stream's series: five scrapes at a minute each */

struct _MediaService {
    const MediaConfig *config;
    void (*on_done)(void *user_data);
    void *user_data;
    SoupServer *http;
    EioListener *listener; /* of http */
    DubMetrics *metrics;
    DubLoopLag *lag;
    MediaServer *media_server;
    DubStreams *table;
    MediaLeases *leases;    /* NULL: LEASE_URL is not set */
    GHashTable *streams;    /* id -> MediaStream */
    GHashTable *ended;      /* id -> gint64 *: when, for its metrics */
    GHashTable *complaints; /* id -> Complaint: why it ended last; kept as long as its metrics */
    MediaStreamContext context;
    DubEngineSets *engines;    /* SPEECH_BACKEND=local */
    DubEngineLease *preloaded; /* its usual pair, kept loaded */
    StsWatch *sts;             /* SPEECH_BACKEND=remote */
    const char *no_engines;    /* SPEECH_BACKEND=local: why streams would not be dubbed; NULL: they would */
    GPtrArray *hooks;          /* Hook *: wait for the next list, which says whether they are true; at most HOOKS_MAX */
    GPtrArray *claims;         /* char *: ids of streams that want to know who has their output: one a stream */
    char *instance;
    guint refresh_id, sweep_id, done_id;
    int64_t close_by_ns;
    bool stopping;
};

typedef struct {
    char *text;
    guint times; /* in a row */
} Complaint;

typedef struct {
    SoupServerMessage *message; /* paused */
    guint64 number;             /* media_server_ask() */
    gulong gone_id;
    char *stream_id, *source_id, *query;
} Hook;

/* --- streams ---------------------------------------------------------------------------------------------------- */

static gboolean on_closing(gpointer data)
{
    MediaService *self = data;
    const bool is_released = !self->leases || media_leases_is_idle(self->leases);
    if (!(media_server_has_stopped(self->media_server) && is_released) && dub_clock_now() < self->close_by_ns)
        return G_SOURCE_CONTINUE;
    self->done_id = 0;
    self->on_done(self->user_data);
    return G_SOURCE_REMOVE;
}

/* What was played last may still be on its way to the players of the built-in server. */
static void finish_if_empty(MediaService *self)
{
    if (!self->stopping || g_hash_table_size(self->streams) > 0 || self->done_id)
        return;
    media_server_stop(self->media_server);
    self->close_by_ns = dub_clock_now() + CLOSING_NS;
    self->done_id = g_timeout_add(CLOSING_LOOK_MS, on_closing, self);
}

static void note_ended(MediaService *self, const char *stream_id)
{
    int64_t *now = g_new(int64_t, 1);
    *now = dub_clock_now();
    g_hash_table_replace(self->ended, g_strdup(stream_id), now);
}

static void complaint_free(void *data)
{
    Complaint *complaint = data;
    g_free(complaint->text);
    g_free(complaint);
}

/* A publisher that cannot be dubbed stays, and is tried again for hours: what is said of it is said the 1st, 2nd, 4th,
 * 8th … time. */
static void complain(MediaService *self, const char *stream_id, const char *text)
{
    Complaint *complaint = g_hash_table_lookup(self->complaints, stream_id);
    if (!complaint || !g_str_equal(complaint->text, text)) {
        complaint = g_new0(Complaint, 1);
        complaint->text = g_strdup(text);
        g_hash_table_replace(self->complaints, g_strdup(stream_id), complaint);
    }
    if (++complaint->times == 1)
        dub_error("stream %s: %s", stream_id, text);
    else if ((complaint->times & (complaint->times - 1)) == 0)
        dub_error("stream %s: %u times in a row: %s", stream_id, complaint->times, text);
}

static void on_stream_stopped(MediaStream *stream, const GError *error, void *user_data)
{
    MediaService *self = user_data;
    g_autofree char *id = g_strdup(media_stream_id(stream));
    if (g_error_matches(error, DUB_ERROR, DUB_ERROR_BUSY))
        dub_info("stream %s: %s", id, error->message); /* somebody else's, who dubs it */
    else if (error)
        complain(self, id, error->message);
    else
        dub_info("stream %s: ended", id);
    if (!error)
        g_hash_table_remove(self->complaints, id);
    note_ended(self, id);
    g_hash_table_remove(self->streams, id);
    dub_streams_ended(self->table, id, error != NULL, dub_clock_now());
    finish_if_empty(self);
}

static gboolean on_start_failed(gpointer data)
{
    gpointer *pair = data; /* service, id */
    dub_streams_ended(((MediaService *) pair[0])->table, pair[1], true, dub_clock_now());
    return G_SOURCE_REMOVE;
}

static void free_pair(gpointer data)
{
    gpointer *pair = data;
    g_free(pair[1]);
    g_free(pair);
}

static void start_stream(const DubStreamEntry *entry, void *user_data)
{
    MediaService *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autofree char *source = media_server_source_url(self->media_server, entry->stream_id);
    const char *previous = self->leases ? media_leases_previous(self->leases, entry->stream_id) : NULL;
    MediaStream *stream = media_stream_new(&self->context, entry, previous, source, on_stream_stopped, self, &error);
    if (stream) {
        g_hash_table_remove(self->ended, entry->stream_id);
        g_hash_table_insert(self->streams, g_strdup(entry->stream_id), stream);
        return;
    }
    complain(self, entry->stream_id, error->message);
    gpointer *pair = g_new(gpointer, 2);
    pair[0] = self;
    pair[1] = g_strdup(entry->stream_id);
    g_idle_add_full(G_PRIORITY_DEFAULT, on_start_failed, pair, free_pair);
}

static bool resume_stream(const char *stream_id, bool is_same, void *user_data)
{
    const MediaService *self = user_data;
    MediaStream *stream = g_hash_table_lookup(self->streams, stream_id);
    g_autofree char *source = media_server_source_url(self->media_server, stream_id);
    return stream && media_stream_resume(stream, source, is_same);
}

static void stop_stream(const char *stream_id, void *user_data)
{
    MediaStream *stream = g_hash_table_lookup(((MediaService *) user_data)->streams, stream_id);
    if (stream)
        media_stream_source_gone(stream);
}

static void reserve_stream(const char *stream_id, bool is_in_reserve, void *user_data)
{
    MediaService *self = user_data;
    media_metrics_reserve(self->metrics, stream_id, is_in_reserve);
    if (is_in_reserve)
        dub_info("stream %s: live/%s/out is %s; in reserve for when it ends", stream_id, stream_id,
                 self->leases ? "another's by its lease" : "published by another");
    else
        note_ended(self, stream_id); /* unless it starts now: its metrics go with time */
}

static void refuse_stream(const char *stream_id, const GError *refusal, void *user_data)
{
    MediaService *self = user_data;
    dub_error("stream %s: %s", stream_id, refusal->message);
    media_metrics_error(self->metrics, stream_id, refusal);
    note_ended(self, stream_id); /* its metrics go with time */
}

static DubLeasesAnswer own_stream(const char *stream_id, bool looks_free, void *user_data)
{
    return media_leases_want(((MediaService *) user_data)->leases, stream_id, looks_free);
}

static void disown_stream(const char *stream_id, void *user_data)
{
    media_leases_drop(((MediaService *) user_data)->leases, stream_id);
}

static const DubStreamsEffects stream_effects = { start_stream,  resume_stream, stop_stream, reserve_stream,
                                                  refuse_stream, NULL,          NULL };
static const DubStreamsEffects leased_stream_effects = { start_stream,  resume_stream, stop_stream,  reserve_stream,
                                                         refuse_stream, own_stream,    disown_stream };

static void on_lease_won(const char *stream_id, void *user_data)
{
    MediaService *self = user_data;
    if (self->stopping)
        media_leases_drop(self->leases, stream_id);
    else
        dub_streams_owned(self->table, stream_id, dub_clock_now());
}

/* Another may publish from the next moment on: nothing is played out, and nobody is told goodbye. */
static void on_lease_lost(const char *stream_id, void *user_data)
{
    MediaService *self = user_data;
    g_autofree char *id = g_strdup(stream_id);
    MediaStream *stream = g_hash_table_lookup(self->streams, id);
    if (!stream) {
        media_leases_drop(self->leases, id);
        return;
    }
    media_stream_lose(stream);
    note_ended(self, id);
    g_hash_table_remove(self->streams, id);
    dub_streams_ended(self->table, id, false, dub_clock_now());
    finish_if_empty(self);
}

static const MediaLeasesCallbacks lease_callbacks = { on_lease_won, on_lease_lost };

static void on_ready(const DubStreamEntry *entry, void *user_data)
{
    MediaService *self = user_data;
    if (!self->stopping)
        dub_streams_ready(self->table, entry, dub_clock_now());
}

static void on_not_ready(const char *stream_id, void *user_data)
{
    dub_streams_not_ready(((MediaService *) user_data)->table, stream_id, dub_clock_now());
}

/* Who has the lease is asked no further: what the media server still lists is of one who stands still. */
static void answer_by_lease(MediaService *self, MediaStream *stream)
{
    g_autoptr(GError) lost = NULL;
    if (!media_leases_is_ours(self->leases, media_stream_id(stream)))
        lost = g_error_new_literal(DUB_ERROR, DUB_ERROR_BUSY, "another has the stream's lease; in reserve");
    media_stream_output_owner(stream, NULL, lost);
}

/* @error: (nullable): the media server's list could not be had */
static void answer_claims(MediaService *self, const GError *error)
{
    g_autoptr(GPtrArray) claims = g_steal_pointer(&self->claims);
    self->claims = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < claims->len; i++) {
        MediaStream *stream = g_hash_table_lookup(self->streams, claims->pdata[i]);
        if (stream && self->leases && !error)
            answer_by_lease(self, stream);
        else if (stream)
            media_stream_output_owner(stream, media_server_output(self->media_server, claims->pdata[i]), error);
    }
}

static void note_outputs(MediaService *self)
{
    GHashTableIter iter;
    void *id, *stream;
    g_hash_table_iter_init(&iter, self->streams);
    while (g_hash_table_iter_next(&iter, &id, &stream))
        media_stream_note_output(stream, media_server_output(self->media_server, id));
}

static void answer_hooks(MediaService *self, const DubStreamEntry *entries, gsize n_entries);
static void refuse_hooks(MediaService *self);

static void on_list(const DubStreamEntry *entries, gsize n_entries, void *user_data)
{
    MediaService *self = user_data;
    note_outputs(self);
    answer_hooks(self, entries, n_entries);
    if (!self->stopping)
        dub_streams_listed(self->table, entries, n_entries, dub_clock_now());
    answer_claims(self, NULL);
}

static void on_silence(void *user_data)
{
    MediaService *self = user_data;
    g_autoptr(GError) error = g_error_new_literal(DUB_ERROR, DUB_ERROR_NETWORK,
                                                  "the media server does not say who publishes what; MEDIAMTX_API_URL");
    refuse_hooks(self);
    answer_claims(self, error);
}

static const MediaServerCallbacks media_server_callbacks = { on_ready, on_not_ready, on_list, on_silence };

static void on_source_ended(const char *stream_id, void *user_data)
{
    MediaService *self = user_data;
    dub_streams_source_ended(self->table, stream_id);
    media_server_refresh(self->media_server);
}

static void on_claim(const char *stream_id, void *user_data)
{
    MediaService *self = user_data;
    g_ptr_array_add(self->claims, g_strdup(stream_id));
    media_server_refresh(self->media_server);
}

static gboolean is_forgotten(gpointer key, gpointer value, gpointer data)
{
    MediaService *self = data;
    if (dub_clock_now() - *(int64_t *) value < KEEP_METRICS_NS)
        return FALSE;
    media_metrics_forget(self->metrics, key);
    g_hash_table_remove(self->complaints, key);
    return TRUE;
}

static gboolean on_refresh(gpointer data)
{
    MediaService *self = data;
    GHashTableIter iter;
    void *stream;
    g_hash_table_iter_init(&iter, self->streams);
    while (g_hash_table_iter_next(&iter, NULL, &stream))
        media_stream_refresh(stream);
    g_hash_table_foreach_remove(self->ended, is_forgotten, self);
    return G_SOURCE_CONTINUE;
}

/* --- endpoints -------------------------------------------------------------------------------------------------- */

static bool refuse_method(SoupServerMessage *message, const char *allowed)
{
    if (g_str_equal(soup_server_message_get_method(message), allowed))
        return false;
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Allow", allowed);
    dub_http_reply_error(message, SOUP_STATUS_METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", allowed);
    return true;
}

static void reply_health(MediaService *self, SoupServerMessage *message)
{
    g_autoptr(DubJson) body = json_pack("{s:s, s:i, s:s}", "status", self->stopping ? "stopping" : "healthy", "streams",
                                        (int) g_hash_table_size(self->streams), "media_server",
                                        media_server_reachable(self->media_server) ? "reachable" : "unreachable");
    dub_http_reply_json(message, self->stopping ? SOUP_STATUS_SERVICE_UNAVAILABLE : SOUP_STATUS_OK, body);
}

/* Ready: a stream that is published now comes out again. Without sts-service it does in the original: degraded, which
 * is no reason to send publishers elsewhere. */
static void reply_ready(MediaService *self, SoupServerMessage *message)
{
    const char *speech = self->sts ? sts_watch_problem(self->sts) : self->no_engines;
    const char *status = speech ? "degraded" : "ready", *reason = speech;
    guint code = SOUP_STATUS_OK;
    const bool has_leases = !self->leases || !media_leases_problem(self->leases);
    if (self->stopping || !has_leases || !media_server_reachable(self->media_server)) {
        status = self->stopping ? "stopping" : "unready";
        reason = self->stopping ? "the service is ending"
                 : has_leases   ? "the media server does not answer"
                                : "the lease store does not answer; no streams start";
        code = SOUP_STATUS_SERVICE_UNAVAILABLE;
    }
    g_autoptr(DubJson) body = json_pack("{s:s, s:s*}", "status", status, "reason", reason);
    dub_http_reply_json(message, code, body);
}

static void on_health(G_GNUC_UNUSED SoupServer *server, SoupServerMessage *message, const char *path,
                      G_GNUC_UNUSED GHashTable *query, gpointer data)
{
    MediaService *self = data;
    if (refuse_method(message, "GET"))
        return;
    if (g_str_equal(path, "/health") || g_str_equal(path, "/health/live"))
        reply_health(self, message);
    else if (g_str_equal(path, "/health/ready"))
        reply_ready(self, message);
    else
        dub_http_reply_error(message, SOUP_STATUS_NOT_FOUND, "NOT_FOUND",
                             "no such page; try /health, /health/live or /health/ready");
}

static void on_streams(G_GNUC_UNUSED SoupServer *server, SoupServerMessage *message, G_GNUC_UNUSED const char *path,
                       G_GNUC_UNUSED GHashTable *query, gpointer data)
{
    MediaService *self = data;
    if (refuse_method(message, "GET"))
        return;
    json_t *list = json_array();
    g_autoptr(GList) all = g_hash_table_get_values(self->streams);
    for (GList *l = all; l; l = l->next)
        json_array_append_new(list, media_stream_to_json(l->data));
    g_autoptr(DubJson) body = json_pack("{s:o}", "streams", list);
    dub_http_reply_json(message, SOUP_STATUS_OK, body);
}

static void hook_free(void *data)
{
    Hook *hook = data;
    g_signal_handler_disconnect(hook->message, hook->gone_id);
    g_object_unref(hook->message);
    g_free(hook->stream_id);
    g_free(hook->source_id);
    g_free(hook->query);
    g_free(hook);
}

static void reply_status(SoupServerMessage *message, const char *status, const char *stream_id)
{
    g_autoptr(DubJson) reply = json_pack("{s:s, s:s}", "status", status, "stream_id", stream_id);
    dub_http_reply_json(message, SOUP_STATUS_OK, reply);
}

/* The hook's query is more than the list has; whether there is such a stream, the list knows. */
static const char *answer_hook(MediaService *self, const Hook *hook, const DubStreamEntry *entries, gsize n_entries)
{
    for (gsize i = 0; i < n_entries; i++) {
        if (!g_str_equal(entries[i].stream_id, hook->stream_id))
            continue;
        DubStreamEntry entry = entries[i];
        entry.query = hook->query;
        return dub_streams_answer_to_string(dub_streams_ready(self->table, &entry, dub_clock_now()));
    }
    return "unknown";
}

static void answer_hooks(MediaService *self, const DubStreamEntry *entries, gsize n_entries)
{
    for (guint i = self->hooks->len; i-- > 0;) {
        const Hook *hook = self->hooks->pdata[i];
        if (hook->number > media_server_answered(self->media_server))
            continue; /* it came after the list was asked for */
        const char *status = self->stopping ? "stopping" : answer_hook(self, hook, entries, n_entries);
        reply_status(hook->message, status, hook->stream_id);
        soup_server_message_unpause(hook->message);
        g_ptr_array_remove_index_fast(self->hooks, i);
    }
}

static void refuse_hooks(MediaService *self)
{
    for (guint i = self->hooks->len; i-- > 0;) {
        const Hook *hook = self->hooks->pdata[i];
        if (hook->number > media_server_answered(self->media_server))
            continue;
        dub_http_reply_error(hook->message, SOUP_STATUS_SERVICE_UNAVAILABLE, "MEDIA_SERVER_UNREACHABLE",
                             "whether there is such a stream cannot be known now; the path list is read each second");
        soup_server_message_unpause(hook->message);
        g_ptr_array_remove_index_fast(self->hooks, i);
    }
}

static void on_hook_gone(SoupServerMessage *message, void *data)
{
    MediaService *self = data;
    for (guint i = 0; i < self->hooks->len; i++) {
        if (((const Hook *) self->hooks->pdata[i])->message == message) {
            g_ptr_array_remove_index_fast(self->hooks, i);
            return;
        }
    }
}

/* Anybody may post: that there is such a stream the media server says, by a list newer than the hook. */
static void keep_hook(MediaService *self, SoupServerMessage *message, const DubMediamtxHook *told)
{
    if (self->hooks->len >= HOOKS_MAX) {
        dub_http_reply_error(message, SOUP_STATUS_SERVICE_UNAVAILABLE, "RATE_LIMIT_EXCEEDED",
                             "too many hooks at once; the path list is read each second anyway");
        return;
    }
    Hook *hook = g_new0(Hook, 1);
    const gulong gone_id = g_signal_connect(message, "disconnected", G_CALLBACK(on_hook_gone), self);
    *hook = (Hook){ .message = g_object_ref(message),
                    .number = media_server_ask(self->media_server),
                    .gone_id = gone_id,
                    .stream_id = g_strdup(told->stream_id),
                    .source_id = g_strdup(told->source_id),
                    .query = g_strdup(told->query) };
    g_ptr_array_add(self->hooks, hook);
    soup_server_message_pause(message);
}

static void on_hook(G_GNUC_UNUSED SoupServer *server, SoupServerMessage *message, const char *path,
                    G_GNUC_UNUSED GHashTable *query, gpointer data)
{
    MediaService *self = data;
    if (refuse_method(message, "POST"))
        return;
    g_autoptr(GBytes) body = soup_message_body_flatten(soup_server_message_get_request_body(message));
    g_autoptr(GError) error = NULL;
    g_autoptr(DubMediamtxHook) hook =
        dub_mediamtx_hook_parse(g_bytes_get_data(body, NULL), g_bytes_get_size(body), &error);
    if (!hook) {
        dub_http_reply_error(message, SOUP_STATUS_UNPROCESSABLE_ENTITY, "INVALID_EVENT", error->message);
        return;
    }
    const char *status = "ok";
    if (hook->direction == DUB_MEDIAMTX_OUTPUT)
        status = "skipped";
    else if (self->stopping)
        status = "stopping";
    else if (g_str_has_suffix(path, "/not-ready"))
        dub_streams_not_ready(self->table, hook->stream_id, dub_clock_now());
    else
        status = NULL;
    if (status)
        reply_status(message, status, hook->stream_id);
    else
        keep_hook(self, message, hook);
}

static void on_unknown(G_GNUC_UNUSED SoupServer *server, SoupServerMessage *message, const char *path,
                       G_GNUC_UNUSED GHashTable *query, G_GNUC_UNUSED gpointer data)
{
    dub_http_reply_error(message, SOUP_STATUS_NOT_FOUND, "NOT_FOUND", path);
}

static guint listen_http(MediaService *self, GError **error)
{
    static const char *const guarded[] = { "/v1", "/metrics", NULL };
    self->http = dub_http_server_new();
    soup_server_add_handler(self->http, NULL, on_unknown, self, NULL);
    soup_server_add_handler(self->http, "/health", on_health, self, NULL);
    soup_server_add_handler(self->http, "/v1/streams", on_streams, self, NULL);
    soup_server_add_handler(self->http, "/v1/mediamtx/events/ready", on_hook, self, NULL);
    soup_server_add_handler(self->http, "/v1/mediamtx/events/not-ready", on_hook, self, NULL);
    dub_http_add_metrics(self->http, self->metrics);
    dub_http_require_token(self->http, guarded, self->config->api_token);
    guint port;
    g_autoptr(GSocket) socket = dub_http_bind(self->config->host, self->config->port, "PORT", &port, error);
    if (!socket)
        return 0;
    self->listener = eio_listener_new(self->http, socket, NULL);
    return port;
}

/* --- speech ----------------------------------------------------------------------------------------------------- */

static DubSpeech *create_remote(const DubSpeechConfig *config, const DubSpeechCallbacks *callbacks,
                                void *callbacks_data, void *factory_data, G_GNUC_UNUSED GError **error)
{
    const MediaService *self = factory_data;
    DubSpeechRemoteOptions options;
    dub_speech_remote_options_init(&options);
    options.url = self->config->sts_url;
    options.token = self->config->sts_token;
    options.rest_ms = REST_MS;
    return dub_speech_remote_new(config, &options, callbacks, callbacks_data);
}

static DubSpeech *create_local(const DubSpeechConfig *config, const DubSpeechCallbacks *callbacks, void *callbacks_data,
                               void *factory_data, G_GNUC_UNUSED GError **error)
{
    const MediaService *self = factory_data;
    return dub_speech_local_new(config, self->engines, NULL, callbacks, callbacks_data);
}

/* Each stream says so, too; and tries again, since a package or a model may have been installed meanwhile. */
static void on_preloaded(G_GNUC_UNUSED DubLanes *lanes, const GError *error, void *user_data)
{
    MediaService *self = user_data;
    self->no_engines = error ? "the engines could not be loaded; streams play the original" : NULL;
    if (error)
        dub_error("media-service: no engines for %s to %s: %s", self->config->source_language,
                  self->config->target_language, error->message);
}

static void prepare_speech(MediaService *self)
{
    if (g_str_equal(self->config->speech, "remote")) {
        self->context.create_speech = create_remote;
        self->sts = sts_watch_new(self->config->sts_url);
        return;
    }
    self->context.create_speech = create_local;
    self->no_engines = "the engines are loading; streams play the original";
    self->engines = dub_engine_sets_new(self->config->engines);
    self->preloaded = dub_engine_sets_lease(self->engines, self->config->source_language, self->config->target_language,
                                            on_preloaded, self);
}

static gboolean on_sweep(gpointer data)
{
    const MediaService *self = data;
    const guint n_gone = dub_checkpoint_sweep(self->config->segment_dir, KEEP_CHECKPOINTS_S);
    if (n_gone)
        dub_info("media-service: %u checkpoints of streams that did not come back are removed", n_gone);
    return G_SOURCE_CONTINUE;
}

/* --- life ------------------------------------------------------------------------------------------------------- */

static void tell_open(const MediaService *self, guint http_port)
{
    const MediaConfig *config = self->config;
    const guint rtmp_port = media_server_rtmp_port(self->media_server);
    const guint rtmps_port = media_server_rtmps_port(self->media_server);
    const guint api_port = media_server_api_port(self->media_server);
    const bool is_asked = config->rtmp_auth_url != NULL;
    const bool publishes = !is_asked && !config->publish_key, plays = !is_asked && !config->play_key;
    const DubOpenDoor doors[] = {
        { "RTMP publishing", config->host, rtmp_port, "set RTMP_PUBLISH_KEY", !rtmp_port || !publishes },
        { "RTMP playing", config->host, rtmp_port, "set RTMP_PLAY_KEY", !rtmp_port || !plays },
        { "RTMPS publishing", config->host, rtmps_port, "set RTMP_PUBLISH_KEY", !rtmps_port || !publishes },
        { "RTMPS playing", config->host, rtmps_port, "set RTMP_PLAY_KEY", !rtmps_port || !plays },
        { "hooks, /v1 and /metrics", config->host, http_port, "set API_TOKEN", config->api_token != NULL },
        { "the control API", config->api_host, api_port, "set API_HOST=127.0.0.1", !api_port },
    };
    dub_http_tell_open("media-service", doors, G_N_ELEMENTS(doors));
}

MediaService *media_service_new(const MediaConfig *config, void (*on_done)(void *user_data), void *user_data,
                                GError **error)
{
    MediaService *self = g_new0(MediaService, 1);
    self->config = config;
    self->on_done = on_done;
    self->user_data = user_data;
    self->metrics = media_metrics_new();
    self->lag = media_metrics_watch_loop(self->metrics);
    self->table =
        dub_streams_new(config->max_streams, config->lease_url ? &leased_stream_effects : &stream_effects, self);
    self->streams = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) media_stream_free);
    self->ended = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->complaints = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, complaint_free);
    self->hooks = g_ptr_array_new_with_free_func(hook_free);
    self->claims = g_ptr_array_new_with_free_func(g_free);
    self->instance = dub_secret_draw(); /* proves to an sts-service that a stream is ours */
    self->context = (MediaStreamContext){
        .config = config,
        .metrics = self->metrics,
        .instance = self->instance,
        .lease_ttl_ms = config->lease_url ? config->lease_ttl_ms : 0,
        .factory_data = self,
        .on_source_ended = on_source_ended,
        .on_claim = g_str_equal(config->media_server, "builtin") ? NULL : on_claim, /* it is this process's own */
    };
    prepare_speech(self);
    const guint port = listen_http(self, error);
    if (port && config->lease_url)
        self->leases = media_leases_new(config, self->instance, self->metrics, &lease_callbacks, self, error);
    if (port && (self->leases || !config->lease_url))
        self->media_server = media_server_new(config, &media_server_callbacks, self, error);
    if (!self->media_server) {
        media_service_free(self);
        return NULL;
    }
    self->context.rtmp_url = media_server_rtmp_url(self->media_server);
    self->context.rtmp_query = media_server_rtmp_query(self->media_server);
    self->refresh_id = g_timeout_add_seconds(REFRESH_S, on_refresh, self);
    self->sweep_id = g_timeout_add_seconds(SWEEP_S, on_sweep, self);
    on_sweep(self);
    if (media_server_rtmp_port(self->media_server))
        dub_info("media-service: rtmp on rtmp://%s:%u", config->host, media_server_rtmp_port(self->media_server));
    if (media_server_rtmps_port(self->media_server))
        dub_info("media-service: rtmps on rtmps://%s:%u", config->host, media_server_rtmps_port(self->media_server));
    dub_info("media-service: listening on http://%s:%u", config->host, port);
    tell_open(self, port);
    return self;
}

void media_service_stop(MediaService *self)
{
    const bool again = self->stopping;
    self->stopping = true;
    dub_info("media-service: stopping: %u streams play what they have", g_hash_table_size(self->streams));
    if (self->leases)
        media_leases_stop_taking(self->leases);
    g_autoptr(GList) all = g_hash_table_get_values(self->streams);
    for (GList *l = all; l; l = l->next)
        media_stream_stop(l->data, again ? 1 : DRAIN_MS);
    finish_if_empty(self);
}

void media_service_free(MediaService *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->refresh_id, g_source_remove);
    g_clear_handle_id(&self->sweep_id, g_source_remove);
    sts_watch_free(self->sts);
    g_clear_handle_id(&self->done_id, g_source_remove);
    eio_listener_free(self->listener);
    if (self->http)
        soup_server_disconnect(self->http);
    g_clear_object(&self->http);
    g_hash_table_unref(self->streams);
    g_ptr_array_unref(self->hooks);
    g_ptr_array_unref(self->claims);
    g_free(self->instance);
    media_server_free(self->media_server);
    dub_streams_free(self->table);
    media_leases_free(self->leases);
    g_hash_table_unref(self->ended);
    g_hash_table_unref(self->complaints);
    dub_engine_lease_free(self->preloaded);
    dub_engine_sets_free(self->engines);
    dub_loop_lag_free(self->lag);
    dub_metrics_free(self->metrics);
    g_free(self);
}
