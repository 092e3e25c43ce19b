/* speech/remote.c: one stream's link to an sts-service. Loop thread only; audio is coded on
 * speech/remote-codec.c's thread. */
#include "speech/remote.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/http.h"
#include "base/log.h"
#include "socketio/client.h"
#include "speech/remote-codec.h"
#include "speech/remote-messages.h"
#include "speech/remote-services.h"
#include "wire/events.h"
#include "wire/sts-messages.h"

#include <string.h>

#define MAX_ANSWERED  32 /* ids kept for dub_speech_applied() */
#define MAX_IN_FLIGHT 64 /* a bound on what a careless caller may submit */
#define MAX_WAIT_MS   32000
#define LOG_BYTES     200 /* of what a peer wrote */

typedef enum { IDLE, CONNECTING, INITIALISING, READY, ENDING, WAITING, CLOSED } State;

typedef struct {
    uint64_t sequence_number;
    char *fragment_id;
    int64_t sent_ns, deadline_ns;
    bool is_answered;         /* the answer has come, or its time is over */
    DubSpeechResult *pending; /* the answer while its audio is decoded */
    DubSpeechResult *result;  /* may be delivered once all before it are */
} Flight;

typedef struct {
    DubSpeech base;
    /* settings */
    char *stream_id, *path, *nsp, *token;
    DubStreamInit *init;
    guint timeout_ms, ready_timeout_ms, complete_timeout_ms, attempts, rest_ms;
    SioReconnectPolicy retry;
    /* state */
    grefcount refs; /* one is the owner's, one a callback's that is under way */
    bool is_freed;
    State state;
    guint link;       /* counts connections: what belongs to an older one is dropped */
    guint n_losses;   /* in a row, of all services, without a stream:ready between them */
    int64_t heard_ns; /* when the peer last said anything about the stream */
    DubPressure pressure;
    guint n_encoding; /* fragments that are not sent yet */
    bool is_end_sent, is_completed_by_peer;
    GQueue flights;  /* of Flight, by sequence number */
    GQueue answered; /* of Flight: the last MAX_ANSWERED, without their results */
    DubSpeechRemoteStats stats;
    /* parts */
    SioClient *client;
    DubRemoteCodec *codec;
    DubRemoteServices *services; /* watched while waiting */
    GMainContext *context;
    GSource *timer;        /* of the state: ready timeout, retry, complete timeout, on_complete */
    GSource *flight_timer; /* of the first fragment that is not answered */
} Remote;

static const char *state_name(State state)
{
    switch (state) {
    case IDLE: return "idle";
    case CONNECTING: return "connecting";
    case INITIALISING: return "initialising";
    case READY: return "ready";
    case ENDING: return "ending";
    case WAITING: return "waiting";
    case CLOSED: return "closed";
    }
    return "invalid";
}

static void clear_source(GSource **source)
{
    if (!*source)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static void start_timer(Remote *self, GSource **timer, int64_t wait_ms, GSourceFunc callback)
{
    clear_source(timer);
    *timer = g_timeout_source_new((guint) CLAMP(wait_ms, 0, G_MAXINT32));
    g_source_set_callback(*timer, callback, self, NULL);
    g_source_attach(*timer, self->context);
}

/* The only writer of state. What a state waits for ends with it. */
static void enter(Remote *self, State state)
{
    clear_source(&self->timer);
    if (self->state == state)
        return;
    dub_debug("stream %s: speech link: %s -> %s", self->stream_id, state_name(self->state), state_name(state));
    self->state = state;
    dub_remote_services_watch(self->services, state == WAITING);
}

static void flight_free(void *data)
{
    Flight *flight = data;
    dub_speech_result_free(flight->pending);
    dub_speech_result_free(flight->result);
    g_free(flight->fragment_id);
    g_free(flight);
}

static void drop_flights(Remote *self)
{
    clear_source(&self->flight_timer);
    g_queue_clear_full(&self->flights, flight_free);
    g_queue_clear_full(&self->answered, flight_free);
    self->n_encoding = 0;
}

static void unref(Remote *self)
{
    if (!g_ref_count_dec(&self->refs))
        return;
    drop_flights(self);
    g_main_context_unref(self->context);
    dub_stream_init_free(self->init);
    g_free(self->stream_id);
    dub_remote_services_free(self->services);
    g_free(self->path);
    g_free(self->nsp);
    g_free(self->token);
    g_free(self);
}

/* Callbacks may free us: whoever goes on after one holds a reference and looks whether we still are. */
static Remote *hold(Remote *self)
{
    g_ref_count_inc(&self->refs);
    return self;
}

/* ---- endings ---- */

static void close_link(Remote *self)
{
    self->link++;
    drop_flights(self);
    if (self->client)
        sio_client_disconnect(self->client);
}

static void fail(Remote *self, const GError *error)
{
    enter(self, CLOSED);
    close_link(self);
    if (self->base.callbacks.on_failed)
        self->base.callbacks.on_failed(error, self->base.user_data);
}

static gboolean on_complete_due(void *data)
{
    Remote *self = data;
    enter(self, CLOSED);
    close_link(self);
    if (self->base.callbacks.on_complete)
        self->base.callbacks.on_complete(self->base.user_data);
    return G_SOURCE_REMOVE;
}

static void connect_now(Remote *self);

static gboolean on_retry_due(void *data)
{
    connect_now(data);
    return G_SOURCE_REMOVE;
}

static void on_service_back(void *data)
{
    connect_now(data);
}

static void report_lost(Remote *self, const GError *error, guint attempt)
{
    if (self->base.callbacks.on_lost)
        self->base.callbacks.on_lost(error, attempt, self->base.user_data);
}

static const char *peer(const Remote *self)
{
    return dub_remote_services_name(self->services);
}

/* The link does not work (any more): another service is tried at once, and when all have had their turn, the first
 * again after a while, while there are attempts left. */
static void lose(Remote *self, const GError *error)
{
    const State old = self->state;
    if (old == READY || old == ENDING)
        self->stats.losses++;
    enter(self, WAITING);
    close_link(self);
    if (old == ENDING) {
        start_timer(self, &self->timer, 0, on_complete_due);
        report_lost(self, error, 1);
        return;
    }
    if (dub_remote_services_next(self->services)) {
        start_timer(self, &self->timer, 0, on_retry_due);
        report_lost(self, error, self->n_losses + 1);
        return;
    }
    if (self->n_losses >= self->attempts && !self->rest_ms) {
        g_autoptr(GError) last = g_error_copy(error);
        g_prefix_error(&last, "sts-service at %s: given up after %u attempts: ", peer(self), self->n_losses);
        fail(self, last);
        return;
    }
    const bool is_resting = self->n_losses >= self->attempts;
    const guint policy_ms = sio_reconnect_policy_delay_ms(&self->retry, ++self->n_losses, g_random_double());
    const guint wait_ms = is_resting ? self->rest_ms : policy_ms;
    start_timer(self, &self->timer, wait_ms, on_retry_due);
    report_lost(self, error, self->n_losses);
}

G_GNUC_PRINTF(3, 4)
static void lose_because(Remote *self, DubErrorCode code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autoptr(GError) error = g_error_new_valist(DUB_ERROR, (int) code, format, arguments);
    va_end(arguments);
    lose(self, error);
}

static gboolean on_ready_timeout(void *data)
{
    Remote *self = hold(data);
    lose_because(self, DUB_ERROR_TIMEOUT, "sts-service at %s: no stream:ready within %u ms", peer(self),
                 self->ready_timeout_ms);
    unref(self);
    return G_SOURCE_REMOVE;
}

static gboolean on_complete_timeout(void *data)
{
    Remote *self = hold(data);
    dub_warning("stream %s: no stream:complete within %u ms", self->stream_id, self->complete_timeout_ms);
    on_complete_due(self);
    unref(self);
    return G_SOURCE_REMOVE;
}

/* ---- results, in order ---- */

static void send_end_if_due(Remote *self)
{
    if (self->state != ENDING || self->is_end_sent || self->n_encoding)
        return;
    self->is_end_sent = true;
    g_autoptr(DubStreamControl) end = dub_stream_control_new();
    end->stream_id = g_strdup(self->stream_id);
    end->reason = g_strdup("end of stream");
    sio_client_emit(self->client, DUB_EVENT_STREAM_END, dub_stream_control_to_json(end));
}

static void complete_if_done(Remote *self)
{
    if (self->flights.length)
        return;
    if (self->state == READY && self->is_completed_by_peer)
        lose_because(self, DUB_ERROR_NETWORK, "sts-service at %s: it ended the stream", peer(self));
    else if (self->state != ENDING)
        return;
    else if (self->is_completed_by_peer)
        start_timer(self, &self->timer, 0, on_complete_due);
    else if (!self->timer)
        start_timer(self, &self->timer, self->complete_timeout_ms, on_complete_timeout);
}

static void keep_answered(Remote *self, Flight *flight)
{
    if (self->answered.length >= MAX_ANSWERED)
        flight_free(g_queue_pop_head(&self->answered));
    g_queue_push_tail(&self->answered, flight);
}

static gboolean on_flight_timeout(void *data);

/* The first that is not answered is the first whose time runs out: all have the same. */
static void watch_flights(Remote *self)
{
    clear_source(&self->flight_timer);
    for (GList *at = self->flights.head; at; at = at->next) {
        const Flight *flight = at->data;
        if (flight->is_answered)
            continue;
        const int64_t wait_ns = flight->deadline_ns - dub_clock_now();
        start_timer(self, &self->flight_timer, (wait_ns + DUB_NS_PER_MS - 1) / DUB_NS_PER_MS, on_flight_timeout);
        return;
    }
}

static void deliver(Remote *self)
{
    const guint link = self->link;
    hold(self);
    while (!self->is_freed && self->link == link) {
        Flight *flight = g_queue_peek_head(&self->flights);
        if (!flight || !flight->result)
            break;
        g_queue_pop_head(&self->flights);
        DubSpeechResult *result = g_steal_pointer(&flight->result);
        keep_answered(self, flight);
        self->base.callbacks.on_result(result, self->base.user_data);
    }
    if (!self->is_freed && self->link == link) {
        watch_flights(self);
        complete_if_done(self);
    }
    unref(self);
}

/* @result: (transfer full) delivered when all before it are. */
static void answer(Remote *self, Flight *flight, DubSpeechResult *result)
{
    flight->is_answered = true;
    flight->result = result;
    deliver(self);
}

static gboolean on_flight_timeout(void *data)
{
    Remote *self = data;
    const int64_t now_ns = dub_clock_now();
    bool is_silent = false;
    for (GList *at = self->flights.head; at; at = at->next) {
        Flight *flight = at->data;
        if (flight->is_answered || flight->deadline_ns > now_ns)
            continue;
        g_autofree char *message = g_strdup_printf("no answer within %u ms", self->timeout_ms);
        flight->is_answered = true;
        flight->result = dub_remote_failed_result(flight->sequence_number, "TIMEOUT", message);
        flight->result->answer->processing_time_ms = self->timeout_ms;
        self->stats.timed_out++;
        is_silent |= self->heard_ns < flight->sent_ns; /* not even that it was received */
    }
    hold(self);
    deliver(self);
    if (is_silent && !self->is_freed && self->state == READY && dub_remote_services_has_others(self->services))
        lose_because(self, DUB_ERROR_TIMEOUT, "sts-service at %s: it says nothing any more", peer(self));
    unref(self);
    return G_SOURCE_REMOVE;
}

static Flight *find_flight(Remote *self, const char *fragment_id)
{
    for (GList *at = self->flights.head; at; at = at->next) {
        Flight *flight = at->data;
        if (strcmp(flight->fragment_id, fragment_id) == 0)
            return flight->is_answered ? NULL : flight;
    }
    return NULL;
}

static Flight *find_by_number(GQueue *flights, uint64_t sequence_number)
{
    for (GList *at = flights->head; at; at = at->next) {
        Flight *flight = at->data;
        if (flight->sequence_number == sequence_number)
            return flight;
    }
    return NULL;
}

/* ---- what is sent ---- */

static void send_init(Remote *self)
{
    sio_client_emit(self->client, DUB_EVENT_STREAM_INIT, dub_stream_init_to_json(self->init));
    enter(self, INITIALISING);
    start_timer(self, &self->timer, self->ready_timeout_ms, on_ready_timeout);
}

static void send_receipt(Remote *self, const char *fragment_id, DubReceiptStatus status)
{
    sio_client_emit(self->client, DUB_EVENT_FRAGMENT_ACK, dub_remote_receipt_to_json(fragment_id, status));
}

static void send_fragment(Remote *self, const Flight *flight, const DubFragment *fragment, DubWireAudio *audio)
{
    DubJson *payload = dub_remote_fragment_to_json(flight->fragment_id, self->stream_id, fragment, audio);
    self->stats.sent++;
    if (!sio_client_emit(self->client, DUB_EVENT_FRAGMENT_DATA, payload))
        dub_debug("stream %s: fragment %" G_GUINT64_FORMAT " could not be sent", self->stream_id,
                  flight->sequence_number);
}

static void on_encoded(guint link, DubFragment *fragment, DubWireAudio *audio, const GError *error, void *user_data)
{
    Remote *self = user_data;
    g_autoptr(DubWireAudio) owned = audio;
    if (link != self->link)
        return;
    self->n_encoding--;
    Flight *flight = find_by_number(&self->flights, fragment->sequence_number);
    hold(self);
    if (flight && error && !flight->is_answered)
        answer(self, flight, dub_remote_failed_result(flight->sequence_number, "INVALID_AUDIO", error->message));
    else if (flight && !error)
        send_fragment(self, flight, fragment, g_steal_pointer(&owned));
    if (!self->is_freed)
        send_end_if_due(self);
    unref(self);
}

/* ---- what comes ---- */

static void on_stream_ready(Remote *self, const DubJson *payload)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubStreamReady) ready = dub_stream_ready_parse(payload, &error);
    if (self->state != INITIALISING)
        return;
    if (!ready) {
        lose_because(self, DUB_ERROR_PROTOCOL, "sts-service at %s: stream:ready: %s", peer(self), error->message);
        return;
    }
    enter(self, READY);
    dub_remote_services_works(self->services);
    self->n_losses = 0;
    self->is_completed_by_peer = false;
    hold(self);
    if (self->pressure != DUB_PRESSURE_NONE && self->base.callbacks.on_pressure) {
        self->pressure = DUB_PRESSURE_NONE;
        self->base.callbacks.on_pressure(DUB_PRESSURE_NONE, 0, self->base.user_data);
    }
    if (!self->is_freed && self->base.callbacks.on_expected && ready->expected_processing_ms > 0)
        self->base.callbacks.on_expected((int64_t) (ready->expected_processing_ms * (double) DUB_NS_PER_MS),
                                         self->base.user_data);
    if (!self->is_freed && self->base.callbacks.on_ready)
        self->base.callbacks.on_ready(MIN(ready->max_inflight, self->init->max_inflight), self->base.user_data);
    unref(self);
}

static void drop_late(Remote *self, const char *fragment_id)
{
    g_autofree char *printable = dub_log_printable(fragment_id, LOG_BYTES);
    self->stats.late++;
    dub_debug("stream %s: answer to %s comes too late, or twice", self->stream_id, printable);
}

static void on_processed(Remote *self, const DubJson *payload)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubFragmentProcessed) processed = dub_fragment_processed_parse(payload, &error);
    const char *fragment_id = json_string_value(json_object_get(payload, "fragment_id"));
    Flight *flight = fragment_id ? find_flight(self, fragment_id) : NULL;
    if (!flight) {
        drop_late(self, fragment_id ? fragment_id : "?");
        return;
    }
    self->stats.answered++;
    if (!processed) {
        g_autofree char *message = g_strdup_printf("fragment:processed: %s", error->message);
        answer(self, flight, dub_remote_failed_result(flight->sequence_number, "INVALID_AUDIO", message));
        return;
    }
    send_receipt(self, flight->fragment_id, DUB_RECEIPT_RECEIVED);
    g_autoptr(DubSpeechResult) result = dub_remote_result_of(g_steal_pointer(&processed), flight->sequence_number);
    if (result->answer->status == DUB_PROCESSED_FAILED) {
        answer(self, flight, g_steal_pointer(&result));
        return;
    }
    flight->is_answered = true;
    flight->pending = g_steal_pointer(&result);
    dub_remote_codec_decode(self->codec, self->link, flight->sequence_number, flight->pending->answer->dubbed_audio);
    watch_flights(self);
}

static void on_decoded(guint link, uint64_t sequence_number, DubPcm *pcm, const GError *error, void *user_data)
{
    Remote *self = user_data;
    Flight *flight = link == self->link ? find_by_number(&self->flights, sequence_number) : NULL;
    if (!flight) {
        dub_pcm_unref(pcm);
        return;
    }
    if (error) {
        answer(self, flight, dub_remote_failed_result(sequence_number, "INVALID_AUDIO", error->message));
        return;
    }
    flight->pending->dub = pcm;
    answer(self, flight, g_steal_pointer(&flight->pending));
}

static void on_backpressure(Remote *self, const DubJson *payload)
{
    static const DubPressure pressures[] = {
        [DUB_ACTION_NONE] = DUB_PRESSURE_NONE,
        [DUB_ACTION_SLOW_DOWN] = DUB_PRESSURE_SLOW_DOWN,
        [DUB_ACTION_PAUSE] = DUB_PRESSURE_PAUSE,
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(DubBackpressure) pressure = dub_backpressure_parse(payload, &error);
    if (!pressure) {
        dub_warning("stream %s: backpressure: %s", self->stream_id, error->message);
        return;
    }
    self->pressure = pressures[pressure->action];
    const double delay_ms = CLAMP(pressure->recommended_delay_ms, 0, MAX_WAIT_MS);
    if (self->base.callbacks.on_pressure)
        self->base.callbacks.on_pressure(self->pressure, (unsigned) delay_ms, self->base.user_data);
}

static void on_stream_complete(Remote *self)
{
    self->is_completed_by_peer = true;
    complete_if_done(self);
}

static DubErrorCode code_of(const DubErrorEvent *event)
{
    if (strcmp(event->code, "AUTH_FAILED") == 0)
        return DUB_ERROR_AUTH;
    return g_str_has_prefix(event->code, "INVALID_") ? DUB_ERROR_INVALID_ARGUMENT : DUB_ERROR_ENGINE;
}

/* The service does not want the stream, now or at all. */
static void on_refused(Remote *self, const DubErrorEvent *event)
{
    g_autofree char *text = g_strdup_printf("%s: %s", event->code, event->message);
    g_autofree char *printable = dub_log_printable(text, LOG_BYTES);
    g_autoptr(GError) error =
        g_error_new(DUB_ERROR, (int) code_of(event), "sts-service at %s: %s", peer(self), printable);
    if (event->retryable || dub_remote_services_has_others(self->services))
        lose(self, error);
    else
        fail(self, error);
}

static void on_fragment_error(Remote *self, const DubErrorEvent *event)
{
    Flight *flight = find_flight(self, event->fragment_id);
    if (!flight) {
        drop_late(self, event->fragment_id);
        return;
    }
    self->stats.answered++;
    DubSpeechResult *result = dub_remote_failed_result(flight->sequence_number, event->code, event->message);
    result->answer->error_retryable = event->retryable;
    answer(self, flight, result);
}

static void on_error_event(Remote *self, const DubJson *payload)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubErrorEvent) event = dub_error_event_parse(payload, &error);
    const bool stream_is_gone = event && strcmp(event->code, "STREAM_NOT_FOUND") == 0;
    if (!event)
        dub_warning("stream %s: error: %s", self->stream_id, error->message);
    else if (event->fragment_id)
        on_fragment_error(self, event);
    else if (self->state == ENDING && stream_is_gone)
        on_stream_complete(self);
    else if (self->state == INITIALISING || stream_is_gone || event->severity == DUB_SEVERITY_FATAL)
        on_refused(self, event);
    else
        dub_log_fields(DUB_LOG_WARNING, "sts-service reports an error", "stream_id", self->stream_id, "code",
                       event->code, "message", event->message, NULL);
}

static void on_event(G_GNUC_UNUSED SioClient *client, const SioEvent *event, void *user_data)
{
    Remote *self = user_data;
    self->heard_ns = dub_clock_now();
    const DubJson *payload = sio_event_get_arg(event, 0);
    if (strcmp(event->name, DUB_EVENT_STREAM_READY) == 0)
        on_stream_ready(self, payload);
    else if (strcmp(event->name, DUB_EVENT_ERROR) == 0)
        on_error_event(self, payload);
    else if (self->state != READY && self->state != ENDING)
        return;
    else if (strcmp(event->name, DUB_EVENT_FRAGMENT_PROCESSED) == 0)
        on_processed(self, payload);
    else if (strcmp(event->name, DUB_EVENT_BACKPRESSURE) == 0)
        on_backpressure(self, payload);
    else if (strcmp(event->name, DUB_EVENT_STREAM_COMPLETE) == 0)
        on_stream_complete(self);
    /* fragment:ack tells nothing that a deadline does not; other events are for others. */
}

/* ---- the connection ---- */

static void on_connect(G_GNUC_UNUSED SioClient *client, void *user_data)
{
    Remote *self = user_data;
    if (self->state == CONNECTING)
        send_init(self);
}

static void on_connect_error(G_GNUC_UNUSED SioClient *client, const GError *error, const json_t *data,
                             G_GNUC_UNUSED guint retry_ms, void *user_data)
{
    Remote *self = user_data;
    if (self->state != CONNECTING)
        return;
    const bool refused = g_error_matches(error, SIO_ERROR, SIO_ERROR_REFUSED);
    g_autoptr(DubErrorEvent) event = refused ? dub_error_event_parse(data, NULL) : NULL;
    if (refused && !event)
        event = dub_error_event_new_for("AUTH_FAILED", NULL, NULL, error->message);
    if (event)
        on_refused(self, event);
    else
        lose_because(self, DUB_ERROR_NETWORK, "sts-service at %s: %s", peer(self), error->message);
}

static void on_disconnect(G_GNUC_UNUSED SioClient *client, SioDisconnectReason reason, G_GNUC_UNUSED guint retry_ms,
                          void *user_data)
{
    Remote *self = user_data;
    if (self->state == WAITING || self->state == CLOSED)
        return;
    if (self->state == ENDING && self->is_completed_by_peer)
        return; /* all has come; the last of it is being decoded */
    lose_because(self, DUB_ERROR_NETWORK, "sts-service at %s: disconnected: %s", peer(self),
                 sio_disconnect_reason_to_string(reason));
}

static SioClient *client_of(Remote *self)
{
    static const SioClientCallbacks callbacks = { on_connect, on_connect_error, on_event, on_disconnect };
    const char *headers[] = { "X-Stream-ID", self->init->stream_id, "X-Worker-ID", self->init->worker_id, NULL };
    g_autoptr(DubJson) auth = self->token ? json_pack("{s:s}", "token", self->token) : NULL;
    SioClientOptions sio;
    sio_client_options_init(&sio);
    sio.engine.url = dub_remote_services_url(self->services);
    sio.engine.path = self->path;
    sio.engine.headers = headers;
    sio.engine.connect_timeout_ms = self->ready_timeout_ms;
    sio.nsp = self->nsp;
    sio.auth = auth;
    return sio_client_new(&sio, &callbacks, self);
}

/* To the current service. */
static void connect_now(Remote *self)
{
    enter(self, CONNECTING);
    g_clear_pointer(&self->client, sio_client_free);
    self->client = client_of(self);
    sio_client_connect(self->client);
}

/* ---- what the owner does ---- */

static void remote_start(DubSpeech *base)
{
    Remote *self = (Remote *) base;
    g_return_if_fail(self->state == IDLE);
    connect_now(self);
}

static void remote_submit(DubSpeech *base, DubFragment *fragment)
{
    Remote *self = (Remote *) base;
    if (self->state != READY) {
        dub_debug("stream %s: fragment %" G_GUINT64_FORMAT " submitted while not ready", self->stream_id,
                  fragment->sequence_number);
        dub_fragment_free(fragment);
        return;
    }
    Flight *flight = g_new0(Flight, 1);
    flight->sequence_number = fragment->sequence_number;
    flight->fragment_id = g_uuid_string_random();
    flight->sent_ns = dub_clock_now();
    flight->deadline_ns = flight->sent_ns + self->timeout_ms * DUB_NS_PER_MS;
    g_queue_push_tail(&self->flights, flight);
    if (self->flights.length > MAX_IN_FLIGHT) {
        flight->is_answered = true;
        flight->result =
            dub_remote_failed_result(flight->sequence_number, "QUEUE_FULL", "too many fragments in flight");
        dub_fragment_free(fragment);
    } else {
        self->n_encoding++;
        dub_remote_codec_encode(self->codec, self->link, fragment);
    }
    watch_flights(self);
}

static void remote_applied(DubSpeech *base, uint64_t sequence_number)
{
    Remote *self = (Remote *) base;
    GList *at = self->answered.head;
    while (at && ((Flight *) at->data)->sequence_number != sequence_number)
        at = at->next;
    if (!at || (self->state != READY && self->state != ENDING))
        return;
    Flight *flight = at->data;
    g_queue_delete_link(&self->answered, at);
    send_receipt(self, flight->fragment_id, DUB_RECEIPT_APPLIED);
    flight_free(flight);
}

static void remote_end(DubSpeech *base)
{
    Remote *self = (Remote *) base;
    if (self->state == ENDING || self->state == CLOSED)
        return;
    const bool was_ready = self->state == READY;
    enter(self, ENDING);
    if (was_ready) {
        send_end_if_due(self);
    } else {
        drop_flights(self);
        self->is_completed_by_peer = true; /* there is no stream to end */
    }
    complete_if_done(self);
}

static void remote_free(DubSpeech *base)
{
    Remote *self = (Remote *) base;
    self->is_freed = true;
    clear_source(&self->timer);
    clear_source(&self->flight_timer);
    g_clear_pointer(&self->client, sio_client_free);
    g_clear_pointer(&self->codec, dub_remote_codec_free);
    dub_remote_services_watch(self->services, false);
    unref(self);
}

static const DubSpeechClass remote_class = {
    .name = "remote",
    .start = remote_start,
    .submit = remote_submit,
    .applied = remote_applied,
    .end = remote_end,
    .free = remote_free,
};

/* ---- creation ---- */

void dub_speech_remote_options_init(DubSpeechRemoteOptions *options)
{
    *options = (DubSpeechRemoteOptions){
        .path = "/socket.io/",
        .nsp = "/",
        .format = DUB_FORMAT_M4A,
        .ready_timeout_ms = 10000,
        .complete_timeout_ms = 5000,
        .attempts = 5,
        .first_wait_ms = 2000,
    };
}

DubSpeech *dub_speech_remote_new(const DubSpeechConfig *config, const DubSpeechRemoteOptions *options,
                                 const DubSpeechCallbacks *callbacks, void *user_data)
{
    static const DubRemoteCodecCallbacks codec_callbacks = { on_encoded, on_decoded };
    Remote *self = g_new0(Remote, 1);
    self->base = (DubSpeech){ &remote_class, *callbacks, user_data };
    g_ref_count_init(&self->refs);
    self->stream_id = g_strdup(config->stream_id);
    self->path = g_strdup(options->path);
    self->nsp = g_strdup(options->nsp);
    self->token = g_strdup(options->token);
    self->init = dub_remote_init_of(config, options->format);
    self->timeout_ms = self->init->timeout_ms;
    self->ready_timeout_ms = options->ready_timeout_ms;
    self->complete_timeout_ms = options->complete_timeout_ms;
    self->attempts = options->attempts;
    self->rest_ms = options->rest_ms;
    self->retry = (SioReconnectPolicy){ options->attempts, options->first_wait_ms, MAX_WAIT_MS, 2, 0.1 };
    self->context = g_main_context_ref_thread_default();
    self->codec =
        dub_remote_codec_new(options->format, self->init->sample_rate_hz, config->rate_hz, &codec_callbacks, self);
    self->services = dub_remote_services_new(options->url, on_service_back, self);
    return &self->base;
}

DubSpeechRemoteStats dub_speech_remote_stats(const DubSpeech *base)
{
    return ((const Remote *) base)->stats;
}
