/* sts/service.c: a client is one socket: its session decides, its work does. A session's effects and a work's callbacks
 * come from inside calls, so what they ask for that would pull the ground away (freeing the work, closing the
 * connection) is noted and done by settle(), or by the client's timer. */
#include "sts/service.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log-limit.h"
#include "base/log.h"
#include "base/loop-lag.h"
#include "base/timer.h"
#include "sts/auth.h"
#include "sts/dubber.h"
#include "sts/echo.h"
#include "sts/monitor.h"
#include "sts/session.h"
#include "wire/events.h"
#include "wire/traceparent.h"

#include <math.h>
#include <string.h>

#define CODEC_THREADS   2 /* a fragment takes some 30 ms to decode and encode: two keep up with every core's engines */
#define LOGGED_ID_BYTES 128
#define EVENTS_LOGGED   60 /* of a kind that peers cause, in a minute */

enum {
    METRIC_PROCESSING,
    METRIC_ASR,
    METRIC_TRANSLATION,
    METRIC_TTS,
    METRIC_IN_FLIGHT,
    METRIC_ERRORS,
    METRIC_STREAMS,
    METRIC_CONNECTIONS,
    METRIC_QUEUE_DEPTH,
    METRIC_ENGINES,
    METRIC_LOOP_LAG,
    METRIC_LISTENERS,
    METRIC_LOST,
};

static const double whole_buckets[] = { 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15, 30, 0 };
static const double stage_buckets[] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 0 };
const DubMetricSpec dub_sts_metric_specs[] = {
    [METRIC_PROCESSING] = { "sts_fragment_processing_seconds", DUB_METRIC_HISTOGRAM,
                            "From a fragment's arrival to its dub.", NULL, whole_buckets },
    [METRIC_ASR] = { "sts_asr_duration_seconds", DUB_METRIC_HISTOGRAM, "Speech recognition, by fragment.", NULL,
                     stage_buckets },
    [METRIC_TRANSLATION] = { "sts_translation_duration_seconds", DUB_METRIC_HISTOGRAM, "Translation, by fragment.",
                             NULL, stage_buckets },
    [METRIC_TTS] = { "sts_tts_duration_seconds", DUB_METRIC_HISTOGRAM, "Speech synthesis, by fragment.", NULL,
                     stage_buckets },
    [METRIC_IN_FLIGHT] = { "sts_fragments_in_flight", DUB_METRIC_GAUGE, "Fragments taken and not answered.", NULL,
                           NULL },
    [METRIC_ERRORS] = { "sts_fragment_errors_total", DUB_METRIC_COUNTER, "Fragments that were not dubbed, and why.",
                        "stage,error_code", NULL },
    [METRIC_STREAMS] = { "sts_active_streams", DUB_METRIC_GAUGE, "Streams that are not complete.", NULL, NULL },
    [METRIC_CONNECTIONS] = { "sts_connections_total", DUB_METRIC_COUNTER, "Connections, and what became of them.",
                             "status", NULL },
    [METRIC_QUEUE_DEPTH] = { "sts_queue_depth", DUB_METRIC_GAUGE, "Fragments of a stream that wait for an engine.",
                             "stream_id", NULL },
    [METRIC_LOOP_LAG] = { "sts_loop_lag_seconds", DUB_METRIC_HISTOGRAM, DUB_LOOP_LAG_HELP, NULL, dub_loop_lag_buckets },
    [METRIC_ENGINES] = { "sts_engine_fragments_total", DUB_METRIC_COUNTER,
                         "Fragments, by the engine that did each stage.", "stage,engine", NULL },
    [METRIC_LISTENERS] = { "sts_monitor_listeners", DUB_METRIC_GAUGE, "Who listens at /monitor.", NULL, NULL },
    [METRIC_LOST] = { "sts_monitor_lost_events_total", DUB_METRIC_COUNTER,
                      "Events that a listener at /monitor lost because it did not keep up.", NULL, NULL },
};
const gsize dub_sts_n_metric_specs = G_N_ELEMENTS(dub_sts_metric_specs);

struct _DubStsService {
    DubStsServiceConfig config;
    DubMetrics *metrics;
    DubLoopLag *lag;
    DubLogLimit *limit;
    DubEngineSets *engines;    /* NULL in echo mode */
    DubStsPool *pool;          /* likewise */
    DubEngineLease *preloaded; /* likewise; kept, so that the default pair stays */
    DubStsLoadedFunc on_loaded;
    void *loaded_data;
    DubStsReadiness readiness;
    DubStsMonitor *monitor; /* NULL: nobody may listen */
    GPtrArray *clients;     /* of Client, also those that are only to be freed */
    GHashTable *streams;    /* stream id -> Client, while the stream is not complete */
    guint in_flight;        /* sum of the clients' */
    void (*on_drained)(void *user_data);
    void *drained_data;
};

typedef struct {
    DubStsService *service;
    SioSocket *socket;
    DubStsSession *session;
    DubStsWork *work;  /* NULL without a stream */
    char *stream_id;   /* key in service->streams; NULL without a stream */
    char *worker_id;   /* whose stream it is; likewise */
    char *traceparent; /* the stream's; nullable */
    GSource *timer;
    const DubStreamInit *wanted;        /* to be opened; the session's */
    guint in_flight;                    /* fragments, as of the last settle() */
    bool release, close, hang_up, gone; /* noted for settle() and the timer */
} Client;

static void settle(Client *client);

/* ── Streams ── */

static void leave_stream(Client *client)
{
    DubStsService *service = client->service;
    if (!client->stream_id)
        return;
    if (g_hash_table_lookup(service->streams, client->stream_id) == client) {
        dub_metrics_remove(service->metrics, "stream_id", client->stream_id);
        g_hash_table_remove(service->streams, client->stream_id);
    }
    g_clear_pointer(&client->stream_id, g_free);
    g_clear_pointer(&client->worker_id, g_free);
    g_clear_pointer(&client->traceparent, g_free);
    dub_metrics_set(service->metrics, METRIC_STREAMS, g_hash_table_size(service->streams), NULL);
}

static void client_free(void *data)
{
    Client *client = data;
    leave_stream(client);
    client->service->in_flight -= client->in_flight;
    g_source_destroy(client->timer);
    g_source_unref(client->timer);
    dub_sts_work_free(client->work);
    dub_sts_session_free(client->session);
    sio_socket_unref(client->socket);
    g_free(client);
}

/* A worker that lost its connection is back before we have noticed: its newer one is right. */
static void supersede(DubStsService *service, const char *stream_id)
{
    Client *older = g_hash_table_lookup(service->streams, stream_id);
    if (!older)
        return;
    if (dub_log_limit_allows(service->limit, "streams taken over", EVENTS_LOGGED))
        dub_log_fields(DUB_LOG_WARNING, "stream is taken over by a newer connection", "stream_id", stream_id, NULL);
    dub_sts_session_superseded(older->session);
    leave_stream(older);
    settle(older);
}

/* A connection that has missed a ping is closed, and its stream free. Who knows the holder's worker_id has it from
 * where the workers agree on whose the stream is. */
static bool is_in_use(const DubStsService *service, const DubStreamInit *init)
{
    const Client *holder = g_hash_table_lookup(service->streams, init->stream_id);
    return holder && !g_str_equal(holder->worker_id, init->worker_id) &&
           g_strcmp0(holder->worker_id, init->takes_over) != 0;
}

static void join_stream(Client *client, const DubStreamInit *init)
{
    DubStsService *service = client->service;
    client->stream_id = g_strdup(init->stream_id);
    client->worker_id = g_strdup(init->worker_id);
    g_hash_table_insert(service->streams, client->stream_id, client);
    dub_metrics_set(service->metrics, METRIC_STREAMS, g_hash_table_size(service->streams), NULL);
}

static void on_work_ready(guint parallel, double expected_ms, void *user_data)
{
    Client *client = user_data;
    dub_sts_session_opened(client->session, parallel, expected_ms);
    settle(client);
}

static void refuse(Client *client, const char *code, const char *message)
{
    dub_sts_session_refused(client->session, code, message);
    client->release = true;
}

static void on_work_refused(const char *code, const char *message, void *user_data)
{
    Client *client = user_data;
    refuse(client, code, message);
    settle(client);
}

static void on_work_finished(uint64_t sequence_number, DubFragmentProcessed *answer, void *user_data)
{
    Client *client = user_data;
    dub_sts_session_finished(client->session, sequence_number, answer, dub_clock_now());
    settle(client);
}

static DubStsWork *new_work(Client *client, const DubStreamInit *init)
{
    static const DubStsWorkCallbacks callbacks = { on_work_ready, on_work_refused, on_work_finished };
    const DubStsService *service = client->service;
    if (service->config.echo)
        return dub_sts_echo_new(service->config.echo_delay_ms, &callbacks, client);
    const DubStsDubberConfig config = { service->engines, service->pool, service->config.empty_original };
    return dub_sts_dubber_new(&config, init, &callbacks, client);
}

static void open_stream(Client *client, const DubStreamInit *init)
{
    DubStsService *service = client->service;
    g_clear_pointer(&client->work, dub_sts_work_free);
    client->release = false;
    leave_stream(client);
    const bool again = g_hash_table_contains(service->streams, init->stream_id);
    if (service->readiness == DUB_STS_DRAINING) {
        refuse(client, "RATE_LIMIT_EXCEEDED", "the service is shutting down");
    } else if (is_in_use(service, init)) {
        refuse(client, "STREAM_IN_USE", "stream_id: another worker has this stream, over a connection that is alive");
    } else if (!again && g_hash_table_size(service->streams) >= service->config.max_sessions) {
        g_autofree char *message =
            g_strdup_printf("%u streams are open already, which is the limit", service->config.max_sessions);
        refuse(client, "RATE_LIMIT_EXCEEDED", message);
    } else {
        supersede(service, init->stream_id);
        join_stream(client, init);
        client->traceparent = g_strdup(dub_traceparent_of(init->metadata));
        client->work = new_work(client, init);
        if (dub_log_limit_allows(service->limit, "streams opened", EVENTS_LOGGED))
            dub_log_fields(DUB_LOG_INFO, "stream opens", "stream_id", init->stream_id, "worker_id", init->worker_id,
                           "from", init->source_language, "to", init->target_language, "voice", init->voice_profile,
                           "session_id", sio_socket_get_id(client->socket), "traceparent", client->traceparent, NULL);
    }
}

/* ── Effects of the session ── */

static void count_failure(DubStsService *service, const char *stage, const char *code)
{
    dub_metrics_add(service->metrics, METRIC_ERRORS, 1, stage ? stage : "protocol", code, NULL);
}

static void on_emit(const char *event, DubJson *payload, void *user_data)
{
    Client *client = user_data;
    if (strcmp(event, DUB_EVENT_ERROR) == 0) {
        const char *code = json_string_value(json_object_get(payload, "code"));
        if (dub_log_limit_allows(client->service->limit, "events refused", EVENTS_LOGGED))
            dub_log_fields(DUB_LOG_WARNING, "refused", "stream_id",
                           json_string_value(json_object_get(payload, "stream_id")), "fragment_id",
                           json_string_value(json_object_get(payload, "fragment_id")), "code", code, "reason",
                           json_string_value(json_object_get(payload, "message")), "session_id",
                           sio_socket_get_id(client->socket), NULL);
        count_failure(client->service, NULL, code);
    } else if (strcmp(event, DUB_EVENT_STREAM_COMPLETE) == 0 &&
               dub_log_limit_allows(client->service->limit, "streams completed", EVENTS_LOGGED)) {
        dub_log_fields(DUB_LOG_INFO, "stream complete", "stream_id", client->stream_id, NULL);
    }
    dub_sts_monitor_tell(client->service->monitor, sio_socket_get_id(client->socket), event, payload);
    sio_socket_emit(client->socket, event, payload);
}

static void on_open(const DubStreamInit *init, void *user_data)
{
    ((Client *) user_data)->wanted = init;
}

/* A fragment's own, or its stream's. */
static const char *trace_of(const Client *client, const DubFragmentData *fragment)
{
    const char *trace = dub_traceparent_of(fragment->metadata);
    return trace ? trace : client->traceparent;
}

static void on_process(const DubFragmentData *fragment, void *user_data)
{
    Client *client = user_data;
    const char *trace = trace_of(client, fragment);
    if (dub_log_enabled(DUB_LOG_DEBUG)) {
        g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, fragment->sequence_number);
        dub_log_fields(DUB_LOG_DEBUG, "fragment taken", "stream_id", client->stream_id, "fragment_id",
                       fragment->fragment_id, "sequence_number", number, "traceparent", trace, NULL);
    }
    dub_sts_work_process(client->work, fragment, trace);
}

static const char *on_cancel(uint64_t sequence_number, void *user_data)
{
    return dub_sts_work_cancel(((Client *) user_data)->work, sequence_number);
}

static void observe_ms(DubStsService *service, guint metric, double ms)
{
    if (ms > 0)
        dub_metrics_observe(service->metrics, metric, ms / 1000, NULL);
}

/* "kokoro ef_dora" is counted as kokoro. */
static void count_engine(DubStsService *service, const DubFragmentProcessed *answer, const char *stage, const char *key)
{
    const char *model = json_string_value(json_object_get(answer->metadata, key));
    if (!model)
        return;
    g_autofree char *engine = g_strndup(model, strcspn(model, " "));
    dub_metrics_add(service->metrics, METRIC_ENGINES, 1, stage, engine, NULL);
}

static void log_answer(const Client *client, const DubFragmentData *fragment, const DubFragmentProcessed *answer)
{
    const bool failed = answer->status == DUB_PROCESSED_FAILED;
    if (failed ? !dub_log_limit_allows(client->service->limit, "fragments failed", EVENTS_LOGGED)
               : !dub_log_enabled(DUB_LOG_DEBUG))
        return;
    g_autofree char *ms = g_strdup_printf("%.0f", answer->processing_time_ms);
    g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, fragment->sequence_number);
    dub_log_fields(failed ? DUB_LOG_WARNING : DUB_LOG_DEBUG, "fragment answered", "stream_id", client->stream_id,
                   "fragment_id", fragment->fragment_id, "sequence_number", number, "status",
                   failed                                    ? "failed"
                   : answer->status == DUB_PROCESSED_PARTIAL ? "partial"
                                                             : "success",
                   "code", answer->error_code, "reason", answer->error_message, "ms", ms, "traceparent",
                   trace_of(client, fragment), NULL);
}

static void on_answered(const DubFragmentData *fragment, const DubFragmentProcessed *answer, void *user_data)
{
    Client *client = user_data;
    DubStsService *service = client->service;
    observe_ms(service, METRIC_PROCESSING, answer->processing_time_ms);
    observe_ms(service, METRIC_ASR, answer->asr_ms);
    observe_ms(service, METRIC_TRANSLATION, answer->translation_ms);
    observe_ms(service, METRIC_TTS, answer->tts_ms);
    count_engine(service, answer, "asr", "asr_model");
    count_engine(service, answer, "translation", "translation_model");
    count_engine(service, answer, "tts", "tts_model");
    if (answer->status == DUB_PROCESSED_FAILED)
        count_failure(service, answer->error_stage, answer->error_code);
    log_answer(client, fragment, answer);
}

static void on_release(void *user_data)
{
    ((Client *) user_data)->release = true;
}

static void on_close(void *user_data)
{
    ((Client *) user_data)->close = true;
}

static void on_hang_up(void *user_data)
{
    ((Client *) user_data)->hang_up = true;
}

static const DubStsEffects effects = { on_emit,     on_open,    on_process, on_cancel,
                                       on_answered, on_release, on_close,   on_hang_up };

/* ── After each event ── */

static void tell_drained(DubStsService *service)
{
    if (service->readiness != DUB_STS_DRAINING || !service->on_drained || g_hash_table_size(service->streams) > 0)
        return;
    void (*on_drained)(void *) = service->on_drained;
    service->on_drained = NULL;
    on_drained(service->drained_data);
}

static void update_gauges(Client *client)
{
    DubStsService *service = client->service;
    const guint in_flight = client->gone ? 0 : dub_sts_session_count_in_flight(client->session);
    service->in_flight += in_flight - client->in_flight;
    client->in_flight = in_flight;
    dub_metrics_set(service->metrics, METRIC_IN_FLIGHT, service->in_flight, NULL);
    if (client->stream_id)
        dub_metrics_set(service->metrics, METRIC_QUEUE_DEPTH, dub_sts_session_count_waiting(client->session),
                        client->stream_id, NULL);
}

static bool needs_timer_now(const Client *client)
{
    return client->release || client->close || client->hang_up || client->gone;
}

/* The session has had an event: do what it asked for that can be done from anywhere, leave the rest to the timer. */
static void settle(Client *client)
{
    const DubStreamInit *wanted = g_steal_pointer(&client->wanted);
    if (wanted && !client->gone)
        open_stream(client, wanted);
    if (client->release)
        leave_stream(client);
    update_gauges(client);
    const int64_t next_ns = needs_timer_now(client) ? 0 : dub_sts_session_next_tick(client->session);
    g_source_set_ready_time(client->timer,
                            next_ns == DUB_TIME_NONE ? -1 : (next_ns + DUB_NS_PER_US - 1) / DUB_NS_PER_US);
    tell_drained(client->service);
}

/* Is the connection in use in the other namespace, too? */
static bool shares_connection(const Client *client)
{
    const GPtrArray *clients = client->service->clients;
    for (guint i = 0; i < clients->len; i++) {
        const Client *other = g_ptr_array_index(clients, i);
        if (other != client && !other->gone &&
            sio_socket_get_engine(other->socket) == sio_socket_get_engine(client->socket))
            return true;
    }
    return false;
}

static gboolean on_timer(void *user_data)
{
    Client *client = user_data;
    if (client->gone) {
        g_ptr_array_remove(client->service->clients, client);
        return G_SOURCE_REMOVE;
    }
    if (client->release)
        g_clear_pointer(&client->work, dub_sts_work_free);
    client->release = false;
    if (client->hang_up) {
        client->hang_up = false;
        sio_socket_close_connection(client->socket); /* on_disconnect comes from here */
        return G_SOURCE_CONTINUE;
    }
    if (client->close) {
        client->close = false;
        g_source_set_ready_time(client->timer, -1);
        /* DISCONNECT first: a client that is told does not try to come back. on_disconnect comes from here. */
        sio_socket_disconnect(client->socket);
        if (!shares_connection(client))
            sio_socket_close_connection(client->socket);
        return G_SOURCE_CONTINUE;
    }
    dub_sts_session_tick(client->session, dub_clock_now());
    settle(client);
    return G_SOURCE_CONTINUE;
}

static GSource *new_timer(Client *client)
{
    GSource *timer = dub_timer_new(on_timer, client, NULL);
    g_source_attach(timer, g_main_context_get_thread_default());
    return timer;
}

/* ── Connections ── */

static bool on_authorize(SioSocket *socket, const json_t *auth, SioRefusal *refusal, void *user_data)
{
    DubStsService *service = user_data;
    if (dub_sts_auth_check(socket, auth, service->config.api_key, service->limit, refusal))
        return true;
    dub_metrics_add(service->metrics, METRIC_CONNECTIONS, 1, "refused", NULL);
    return false;
}

static void log_connection(DubStsService *self, const SioSocket *socket, const char *what, const char *reason)
{
    if (!dub_log_limit_allows(self->limit, what, EVENTS_LOGGED))
        return;
    const char *stream_header = sio_socket_get_header(socket, "X-Stream-ID");
    const char *worker_header = sio_socket_get_header(socket, "X-Worker-ID");
    g_autofree char *stream = stream_header ? dub_log_printable(stream_header, LOGGED_ID_BYTES) : NULL;
    g_autofree char *worker = worker_header ? dub_log_printable(worker_header, LOGGED_ID_BYTES) : NULL;
    dub_log_fields(DUB_LOG_INFO, what, "session_id", sio_socket_get_id(socket), "namespace",
                   sio_socket_get_namespace(socket), "stream_id", stream, "worker_id", worker, "reason", reason, NULL);
}

static void on_connect(SioSocket *socket, G_GNUC_UNUSED const json_t *auth, void *user_data)
{
    DubStsService *service = user_data;
    const DubStsServiceConfig *c = &service->config;
    const DubStsSessionConfig config = {
        .session_id = sio_socket_get_id(socket),
        .echo = c->echo,
        .pressure_events = c->pressure_events,
        .thresholds = c->echo ? (DubStsThresholds){ c->pressure_low, c->pressure_medium, c->pressure_high }
                              : dub_sts_thresholds_full,
        .disconnect_delay_ns = c->disconnect_delay_ms * DUB_NS_PER_MS,
    };
    Client *client = g_new0(Client, 1);
    client->service = service;
    client->socket = sio_socket_ref(socket);
    client->session = dub_sts_session_new(&config, &effects, client);
    client->timer = new_timer(client);
    g_ptr_array_add(service->clients, client);
    sio_socket_set_data(socket, client, NULL);
    dub_metrics_add(service->metrics, METRIC_CONNECTIONS, 1, "accepted", NULL);
    log_connection(service, socket, "connected", NULL);
}

static void on_event(SioSocket *socket, const SioEvent *event, G_GNUC_UNUSED void *user_data)
{
    Client *client = sio_socket_get_data(socket);
    const DubJson *payload = sio_event_get_arg(event, 0);
    dub_sts_monitor_tell(client->service->monitor, sio_socket_get_id(socket), event->name, payload);
    if (!dub_sts_session_event(client->session, event->name, payload, dub_clock_now())) {
        g_autofree char *name = dub_log_printable(event->name, LOGGED_ID_BYTES);
        dub_log_fields(DUB_LOG_DEBUG, "an event that is not of the protocol", "event", name, "stream_id",
                       client->stream_id, "session_id", sio_socket_get_id(socket), NULL);
    }
    if (event->ack_id >= 0) /* the answers are events; who also asks for an ack gets an empty one */
        sio_socket_ack(socket, event->ack_id, json_array(), NULL);
    settle(client);
}

/* May come from inside an emit, so the client goes with its timer. */
static void on_disconnect(SioSocket *socket, SioDisconnectReason reason, G_GNUC_UNUSED void *user_data)
{
    Client *client = sio_socket_get_data(socket);
    log_connection(client->service, socket, "disconnected", sio_disconnect_reason_to_string(reason));
    leave_stream(client);
    client->gone = true;
    settle(client);
}

/* ── Listeners ── */

static void on_listener_refused(void *user_data)
{
    dub_metrics_add(((DubStsService *) user_data)->metrics, METRIC_CONNECTIONS, 1, "refused", NULL);
}

static void on_listeners(guint number, void *user_data)
{
    dub_metrics_set(((DubStsService *) user_data)->metrics, METRIC_LISTENERS, number, NULL);
}

static void on_lost(guint events, void *user_data)
{
    dub_metrics_add(((DubStsService *) user_data)->metrics, METRIC_LOST, events, NULL);
}

void dub_sts_service_attach(DubStsService *self, SioServer *server)
{
    static const SioNamespaceCallbacks callbacks = { on_authorize, on_connect, on_event, on_disconnect };
    static const DubStsMonitorCallbacks monitor_callbacks = { on_listener_refused, on_listeners, on_lost };
    sio_server_add_namespace(server, "/", &callbacks, self);
    sio_server_add_namespace(server, "/sts", &callbacks, self);
    if (self->config.monitor)
        self->monitor = dub_sts_monitor_new(server, self->config.monitor_token, &monitor_callbacks, self, self->limit);
}

/* ── The service ── */

static void on_preloaded(DubLanes *lanes, const GError *error, void *user_data)
{
    DubStsService *self = user_data;
    if (self->readiness == DUB_STS_LOADING)
        self->readiness = lanes ? DUB_STS_READY : DUB_STS_BROKEN;
    self->on_loaded(error, self->loaded_data);
}

static void start_engines(DubStsService *self)
{
    const DubStsServiceConfig *c = &self->config;
    self->pool = dub_sts_pool_new(CODEC_THREADS);
    self->engines = dub_engine_sets_new(c->engines);
    self->preloaded = dub_engine_sets_lease(self->engines, c->from, c->to, on_preloaded, self);
}

DubStsService *dub_sts_service_new(const DubStsServiceConfig *config, DubMetrics *metrics, DubStsLoadedFunc on_loaded,
                                   void *user_data)
{
    DubStsService *self = g_new0(DubStsService, 1);
    self->config = *config;
    self->metrics = metrics;
    self->lag = dub_loop_lag_new(metrics, METRIC_LOOP_LAG);
    self->limit = dub_log_limit_new("sts-service", 0);
    self->on_loaded = on_loaded;
    self->loaded_data = user_data;
    self->clients = g_ptr_array_new_with_free_func(client_free);
    self->streams = g_hash_table_new(g_str_hash, g_str_equal); /* keys are the clients' */
    self->readiness = config->echo ? DUB_STS_READY : DUB_STS_LOADING;
    if (!config->echo)
        start_engines(self);
    return self;
}

void dub_sts_service_free(DubStsService *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->clients);
    g_hash_table_unref(self->streams);
    dub_loop_lag_free(self->lag);
    dub_log_limit_free(self->limit);
    dub_sts_monitor_free(self->monitor);
    dub_engine_lease_free(self->preloaded);
    dub_sts_pool_free(self->pool);
    dub_engine_sets_free(self->engines);
    g_free(self);
}

DubStsReadiness dub_sts_service_readiness(const DubStsService *self)
{
    return self->readiness;
}

const char *dub_sts_readiness_to_string(DubStsReadiness readiness)
{
    switch (readiness) {
    case DUB_STS_LOADING: return "loading";
    case DUB_STS_READY: return "ready";
    case DUB_STS_BROKEN: return "broken";
    case DUB_STS_DRAINING: return "draining";
    }
    return "invalid";
}

guint dub_sts_service_count_streams(const DubStsService *self)
{
    return g_hash_table_size(self->streams);
}

guint dub_sts_service_count_in_flight(const DubStsService *self)
{
    return self->in_flight;
}

void dub_sts_service_drain(DubStsService *self, void (*on_drained)(void *user_data), void *user_data)
{
    self->readiness = DUB_STS_DRAINING;
    self->on_drained = on_drained;
    self->drained_data = user_data;
    for (guint i = 0; i < self->clients->len; i++) { /* settle() frees no client */
        Client *client = g_ptr_array_index(self->clients, i);
        dub_sts_session_drain(client->session, dub_clock_now());
        settle(client);
    }
    tell_drained(self);
}
