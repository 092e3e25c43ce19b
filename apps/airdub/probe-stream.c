/* airdub/probe-stream.c */
#include "airdub/probe-stream.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "socketio/client.h"
#include "speech/remote-messages.h"
#include "wire/events.h"

#include <string.h>
#include <unistd.h>

#define READY_NS    (10 * DUB_NS_PER_S) /* PROTOCOL.md, Rules */
#define COMPLETE_NS (10 * DUB_NS_PER_S) /* from stream:end */
#define GRACE_NS    DUB_NS_PER_S        /* after a fragment's time: the service's own TIMEOUT says more than ours */
#define LOG_BYTES   200                 /* of what a peer wrote */

typedef enum { CONNECTING, INITIALISING, SENDING, ENDING, DONE } State;

typedef struct {
    uint64_t number;
    char *id;
    int64_t sent_ns, acked_ns; /* acked_ns: 0, not yet */
} Flight;

struct _ProbeStream {
    ProbeStreamConfig config;
    guint index;
    char *name;
    ProbeStreamCallbacks callbacks;
    void *user_data;
    State state;
    SioClient *client;
    GQueue flights; /* of Flight, in the order they were sent; at most config.window */
    uint64_t next;  /* number of the next fragment */
    int64_t first_due_ns, state_due_ns;
    GSource *timer;
    int64_t timer_due_ns;
};

const char *probe_status_to_string(ProbeStatus status)
{
    switch (status) {
    case PROBE_SUCCESS: return "success";
    case PROBE_PARTIAL: return "partial";
    case PROBE_FAILED: return "failed";
    case PROBE_REFUSED: return "refused";
    case PROBE_TIMEOUT: return "timeout";
    case PROBE_LOST: return "lost";
    case PROBE_N_STATUSES: break;
    }
    return "invalid";
}

bool probe_status_is_answer(ProbeStatus status)
{
    return status == PROBE_SUCCESS || status == PROBE_PARTIAL || status == PROBE_FAILED;
}

static void flight_free(void *data)
{
    Flight *flight = data;
    g_free(flight->id);
    g_free(flight);
}

static double since_ms(int64_t from_ns, int64_t to_ns)
{
    return (double) (to_ns - from_ns) / (double) DUB_NS_PER_MS;
}

static void stop_timer(ProbeStream *self)
{
    if (!self->timer)
        return;
    g_source_destroy(self->timer);
    g_clear_pointer(&self->timer, g_source_unref);
}

/* ---- endings ---- */

static void report(ProbeStream *self, const Flight *flight, ProbeResult *result)
{
    result->stream = self->index;
    result->number = flight->number;
    result->ack_ms = flight->acked_ns ? since_ms(flight->sent_ns, flight->acked_ns) : -1;
    self->callbacks.on_result(result, self->user_data);
}

/* What is not answered will not be. */
static void give_up(ProbeStream *self, Flight *flight, ProbeStatus status)
{
    ProbeResult result = { .status = status,
                           .processed_ms = -1,
                           .server_ms = -1,
                           .asr_ms = -1,
                           .translation_ms = -1,
                           .tts_ms = -1 };
    g_queue_remove(&self->flights, flight);
    report(self, flight, &result);
    flight_free(flight);
}

/* The only end. @error: nullable */
static void finish(ProbeStream *self, const GError *error)
{
    if (self->state == DONE)
        return;
    self->state = DONE;
    stop_timer(self);
    while (self->flights.head)
        give_up(self, self->flights.head->data, PROBE_LOST);
    sio_client_disconnect(self->client);
    self->callbacks.on_done(error, self->user_data);
}

G_GNUC_PRINTF(3, 4)
static void fail(ProbeStream *self, DubErrorCode code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *printable = dub_log_printable(message, 2 * LOG_BYTES);
    g_autoptr(GError) error = g_error_new(DUB_ERROR, (int) code, "sts-service at %s: %s", self->config.url, printable);
    finish(self, error);
}

static const char *cure_of(DubErrorCode code)
{
    switch (code) {
    case DUB_ERROR_AUTH: return "; give its key with --key or STS_API_KEY";
    case DUB_ERROR_BACKPRESSURE: return "; use fewer --streams, or raise MAX_CONCURRENT_SESSIONS there";
    case DUB_ERROR_NOT_FOUND: return "; 'airdub voices' lists them";
    case DUB_ERROR_INVALID_ARGUMENT: return "; check --from, --to and --voice";
    default: return "; see the log of the sts-service";
    }
}

static DubErrorCode code_of(const char *code)
{
    static const struct {
        const char *code;
        DubErrorCode error;
    } known[] = {
        { "AUTH_FAILED", DUB_ERROR_AUTH },
        { "INVALID_VOICE_PROFILE", DUB_ERROR_NOT_FOUND },
        { "INVALID_CONFIG", DUB_ERROR_INVALID_ARGUMENT },
        { "RATE_LIMIT_EXCEEDED", DUB_ERROR_BACKPRESSURE },
        { "RATE_LIMIT", DUB_ERROR_BACKPRESSURE },
        { "QUEUE_FULL", DUB_ERROR_BACKPRESSURE },
        { "MODEL_ERROR", DUB_ERROR_ENGINE },
        { "TIMEOUT", DUB_ERROR_TIMEOUT },
    };
    for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
        if (strcmp(known[i].code, code) == 0)
            return known[i].error;
    }
    return DUB_ERROR_PROTOCOL;
}

static void fail_by_event(ProbeStream *self, const DubErrorEvent *event)
{
    const DubErrorCode code = code_of(event->code);
    fail(self, code, "%s: %.*s%s", event->code, LOG_BYTES, event->message, cure_of(code));
}

/* ---- sending ---- */

static void arm(ProbeStream *self);

static void send_next(ProbeStream *self)
{
    const ProbeClip *clip = self->config.clip;
    const DubWireAudio *audio = clip->audio->pdata[self->next % clip->audio->len];
    const DubFragment fragment = { .sequence_number = self->next,
                                   .start_ns = (int64_t) self->next * self->config.segment_ns };
    Flight *flight = g_new0(Flight, 1);
    flight->number = self->next++;
    flight->id = g_uuid_string_random();
    g_queue_push_tail(&self->flights, flight);
    DubJson *payload = dub_remote_fragment_to_json(flight->id, self->name, &fragment, dub_wire_audio_share(audio));
    flight->sent_ns = dub_clock_now();
    if (!sio_client_emit(self->client, DUB_EVENT_FRAGMENT_DATA, payload))
        fail(self, DUB_ERROR_NETWORK, "fragment %" G_GUINT64_FORMAT " could not be sent: the service does not read",
             flight->number);
}

static int64_t next_due_ns(const ProbeStream *self)
{
    return self->first_due_ns + (int64_t) self->next * self->config.interval_ns;
}

static bool may_send(const ProbeStream *self)
{
    return self->state == SENDING && self->next < self->config.n_fragments &&
           self->flights.length < self->config.window;
}

static void end_if_answered(ProbeStream *self)
{
    if (self->state != SENDING || self->next < self->config.n_fragments || self->flights.length > 0)
        return;
    g_autoptr(DubStreamControl) end = dub_stream_control_new();
    end->stream_id = g_strdup(self->name);
    end->reason = g_strdup("end of stream");
    self->state = ENDING;
    self->state_due_ns = dub_clock_now() + COMPLETE_NS;
    sio_client_emit(self->client, DUB_EVENT_STREAM_END, dub_stream_control_to_json(end));
}

static void proceed(ProbeStream *self)
{
    while (may_send(self) && next_due_ns(self) <= dub_clock_now())
        send_next(self);
    end_if_answered(self);
    arm(self);
}

/* ---- time ---- */

static int64_t answer_due_ns(const ProbeStream *self, const Flight *flight)
{
    return flight->sent_ns + self->config.timeout_ms * DUB_NS_PER_MS + GRACE_NS;
}

static int64_t first_due_ns(const ProbeStream *self)
{
    int64_t due_ns = self->state == SENDING ? INT64_MAX : self->state_due_ns;
    const Flight *oldest = self->flights.head ? self->flights.head->data : NULL;
    if (oldest)
        due_ns = MIN(due_ns, answer_due_ns(self, oldest));
    return may_send(self) ? MIN(due_ns, next_due_ns(self)) : due_ns;
}

static void check_state_due(ProbeStream *self)
{
    if (self->state == INITIALISING)
        fail(self, DUB_ERROR_TIMEOUT, "no stream:ready within %d s; see its log", (int) (READY_NS / DUB_NS_PER_S));
    else if (self->state == ENDING)
        fail(self, DUB_ERROR_TIMEOUT, "no stream:complete within %d s; see its log",
             (int) (COMPLETE_NS / DUB_NS_PER_S));
}

static gboolean on_timer(void *data)
{
    ProbeStream *self = data;
    const int64_t now_ns = dub_clock_now();
    stop_timer(self);
    if (self->state != SENDING && self->state_due_ns <= now_ns)
        check_state_due(self);
    Flight *oldest;
    while ((oldest = g_queue_peek_head(&self->flights)) && answer_due_ns(self, oldest) <= now_ns)
        give_up(self, oldest, PROBE_TIMEOUT);
    if (self->state != DONE)
        proceed(self);
    return G_SOURCE_REMOVE;
}

/* A timer that is set for earlier stays: it sets the next when it is due. */
static void arm(ProbeStream *self)
{
    const int64_t due_ns = self->state == DONE ? INT64_MAX : first_due_ns(self);
    if (due_ns == INT64_MAX || (self->timer && self->timer_due_ns <= due_ns))
        return;
    const int64_t wait_ms = (due_ns - dub_clock_now() + DUB_NS_PER_MS - 1) / DUB_NS_PER_MS;
    stop_timer(self);
    self->timer = g_timeout_source_new((guint) CLAMP(wait_ms, 0, G_MAXINT32));
    self->timer_due_ns = due_ns;
    g_source_set_callback(self->timer, on_timer, self, NULL);
    g_source_attach(self->timer, NULL);
}

/* ---- what comes ---- */

static Flight *find_flight(ProbeStream *self, const char *id)
{
    for (GList *at = self->flights.head; id && at; at = at->next) {
        Flight *flight = at->data;
        if (strcmp(flight->id, id) == 0)
            return flight;
    }
    return NULL;
}

static void on_ready(ProbeStream *self, const DubJson *payload)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubStreamReady) ready = dub_stream_ready_parse(payload, &error);
    if (!ready) {
        fail(self, DUB_ERROR_PROTOCOL, "stream:ready: %s", error->message);
        return;
    }
    self->state = SENDING;
    self->config.window = MIN(self->config.window, ready->max_inflight);
    self->first_due_ns = dub_clock_now() + self->config.offset_ns;
    proceed(self);
}

static void on_ack(ProbeStream *self, const DubJson *payload, int64_t now_ns)
{
    Flight *flight = find_flight(self, json_string_value(json_object_get(payload, "fragment_id")));
    if (flight && !flight->acked_ns)
        flight->acked_ns = now_ns;
}

static ProbeResult result_of(const DubFragmentProcessed *processed)
{
    static const ProbeStatus statuses[] = {
        [DUB_PROCESSED_SUCCESS] = PROBE_SUCCESS,
        [DUB_PROCESSED_PARTIAL] = PROBE_PARTIAL,
        [DUB_PROCESSED_FAILED] = PROBE_FAILED,
    };
    return (ProbeResult){
        .status = statuses[processed->status],
        .server_ms = processed->processing_time_ms,
        .asr_ms = processed->asr_ms,
        .translation_ms = processed->translation_ms,
        .tts_ms = processed->tts_ms,
        .code = processed->error_code,
        .message = processed->error_message,
    };
}

static void on_processed(ProbeStream *self, const DubJson *payload, int64_t now_ns)
{
    g_autoptr(GError) error = NULL;
    Flight *flight = find_flight(self, json_string_value(json_object_get(payload, "fragment_id")));
    if (!flight)
        return; /* its time is over */
    g_autoptr(DubFragmentProcessed) processed = dub_fragment_processed_parse(payload, &error);
    if (!processed) {
        fail(self, DUB_ERROR_PROTOCOL, "fragment:processed: %s", error->message);
        return;
    }
    ProbeResult result = result_of(processed);
    result.processed_ms = since_ms(flight->sent_ns, now_ns);
    g_queue_remove(&self->flights, flight);
    sio_client_emit(self->client, DUB_EVENT_FRAGMENT_ACK, dub_remote_receipt_to_json(flight->id, DUB_RECEIPT_RECEIVED));
    report(self, flight, &result);
    flight_free(flight);
    proceed(self);
}

static void on_refused(ProbeStream *self, Flight *flight, const DubErrorEvent *event)
{
    ProbeResult result = { .status = PROBE_REFUSED,
                           .processed_ms = -1,
                           .server_ms = -1,
                           .asr_ms = -1,
                           .translation_ms = -1,
                           .tts_ms = -1,
                           .code = event->code,
                           .message = event->message };
    g_queue_remove(&self->flights, flight);
    report(self, flight, &result);
    flight_free(flight);
    proceed(self);
}

static void on_error(ProbeStream *self, const DubJson *payload)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubErrorEvent) event = dub_error_event_parse(payload, &error);
    Flight *flight = event ? find_flight(self, event->fragment_id) : NULL;
    if (!event)
        fail(self, DUB_ERROR_PROTOCOL, "error: %s", error->message);
    else if (flight)
        on_refused(self, flight, event);
    else if (!event->fragment_id)
        fail_by_event(self, event);
}

static void on_backpressure(ProbeStream *self, const DubJson *payload)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubBackpressure) pressure = dub_backpressure_parse(payload, &error);
    if (!pressure)
        fail(self, DUB_ERROR_PROTOCOL, "backpressure: %s", error->message);
    else if (pressure->action != DUB_ACTION_NONE)
        self->callbacks.on_pressure(self->user_data);
}

static void on_event(G_GNUC_UNUSED SioClient *client, const SioEvent *event, void *user_data)
{
    ProbeStream *self = user_data;
    const int64_t now_ns = dub_clock_now();
    const DubJson *payload = sio_event_get_arg(event, 0);
    if (self->state == INITIALISING && strcmp(event->name, DUB_EVENT_STREAM_READY) == 0)
        on_ready(self, payload);
    else if (strcmp(event->name, DUB_EVENT_FRAGMENT_ACK) == 0)
        on_ack(self, payload, now_ns);
    else if (strcmp(event->name, DUB_EVENT_FRAGMENT_PROCESSED) == 0)
        on_processed(self, payload, now_ns);
    else if (strcmp(event->name, DUB_EVENT_BACKPRESSURE) == 0)
        on_backpressure(self, payload);
    else if (strcmp(event->name, DUB_EVENT_ERROR) == 0)
        on_error(self, payload);
    else if (self->state == ENDING && strcmp(event->name, DUB_EVENT_STREAM_COMPLETE) == 0)
        finish(self, NULL);
}

/* ---- the connection ---- */

static void on_connect(G_GNUC_UNUSED SioClient *client, void *user_data)
{
    ProbeStream *self = user_data;
    const ProbeStreamConfig *c = &self->config;
    g_autofree char *worker_id = g_strdup_printf("airdub-probe-%d", getpid());
    const DubSpeechConfig config = {
        .stream_id = self->name,
        .worker_id = worker_id,
        .source_language = c->from,
        .target_language = c->to,
        .voice = c->voice,
        .rate_hz = c->clip->rate_hz,
        .channels = c->clip->channels,
        .segment_ms = (unsigned) (c->segment_ns / DUB_NS_PER_MS),
        .max_inflight = c->window,
        .timeout_ms = c->timeout_ms,
    };
    g_autoptr(DubStreamInit) init = dub_remote_init_of(&config, DUB_FORMAT_M4A);
    self->state = INITIALISING;
    self->state_due_ns = dub_clock_now() + READY_NS;
    sio_client_emit(self->client, DUB_EVENT_STREAM_INIT, dub_stream_init_to_json(init));
    arm(self);
}

static void on_connect_error(G_GNUC_UNUSED SioClient *client, const GError *error, const json_t *data,
                             G_GNUC_UNUSED guint retry_ms, void *user_data)
{
    ProbeStream *self = user_data;
    g_autoptr(DubErrorEvent) event = data ? dub_error_event_parse(data, NULL) : NULL;
    if (event)
        fail_by_event(self, event);
    else if (g_error_matches(error, SIO_ERROR, SIO_ERROR_REFUSED))
        fail(self, DUB_ERROR_PROTOCOL, "refused: %.*s; check --namespace", LOG_BYTES, error->message);
    else
        fail(self, DUB_ERROR_NETWORK, "no answer: %.*s; start it, or check the address", LOG_BYTES, error->message);
}

static void on_disconnect(G_GNUC_UNUSED SioClient *client, SioDisconnectReason reason, G_GNUC_UNUSED guint retry_ms,
                          void *user_data)
{
    fail(user_data, DUB_ERROR_NETWORK, "the connection broke (%s); see whether it still runs, and its log",
         sio_disconnect_reason_to_string(reason));
}

/* ---- life ---- */

static SioClient *client_new(ProbeStream *self)
{
    static const SioClientCallbacks callbacks = { on_connect, on_connect_error, on_event, on_disconnect };
    const char *const headers[] = { "X-Stream-ID", self->name, "X-Worker-ID", "airdub-probe", NULL };
    const ProbeStreamConfig *config = &self->config;
    g_autoptr(DubJson) auth = config->token ? json_pack("{s:s}", "token", config->token) : NULL;
    SioClientOptions options;
    sio_client_options_init(&options);
    options.engine.url = config->url;
    options.engine.path = config->path;
    options.engine.headers = headers;
    options.nsp = config->nsp;
    options.auth = auth;
    return sio_client_new(&options, &callbacks, self);
}

ProbeStream *probe_stream_new(guint index, const char *name, const ProbeStreamConfig *config,
                              const ProbeStreamCallbacks *callbacks, void *user_data)
{
    ProbeStream *self = g_new0(ProbeStream, 1);
    self->config = *config;
    self->index = index;
    self->name = g_strdup(name);
    self->callbacks = *callbacks;
    self->user_data = user_data;
    g_queue_init(&self->flights);
    self->client = client_new(self);
    sio_client_connect(self->client);
    return self;
}

guint probe_stream_count_in_flight(const ProbeStream *self)
{
    return self->flights.length;
}

void probe_stream_free(ProbeStream *self)
{
    if (!self)
        return;
    self->state = DONE;
    stop_timer(self);
    sio_client_free(self->client);
    g_queue_clear_full(&self->flights, flight_free);
    g_free(self->name);
    g_free(self);
}
