/* sts/session.c: what each event does in each state. */
#include "sts/session.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "sts/faults.h"
#include "sts/order.h"
#include "sts/stats.h"
#include "wire/events.h"

#include <math.h>
#include <string.h>

#define NEWEST_WEIGHT         0.3   /* of the newest fragment in the expected time */
#define MIN_DELAY_MS          100.0 /* that a worker is asked to wait */
#define MAX_DELAY_MS          30000.0
#define COMFORTABLE_IN_FLIGHT 3                    /* PROTOCOL.md: 1–3 in flight are "low" */
#define MAX_EARLY             (DUB_STS_WINDOW + 4) /* events kept while the engines are opened: a window, and controls */

typedef struct {
    DubFragmentData *fragment;
    DubFragmentProcessed *fault; /* (nullable) its answer, whatever comes of the work: a simulated error */
    int64_t deadline_ns;         /* DUB_TIME_NONE in echo mode */
    double turns;                /* of the work that it takes, its own and what was before it */
    bool again;                  /* counted before */
} Out;

typedef struct {
    char *event;
    DubJson *payload;
    int64_t arrived_ns;
} Early;

struct _DubStsSession {
    DubStsSessionConfig config;
    char *session_id;
    const DubStsEffects *effects;
    void *user_data;

    DubStsState state;
    DubStreamInit *init; /* NULL while idle */
    DubStsOrder *order;
    DubStsStats stats;
    DubStsFaults faults;
    GPtrArray *out; /* of Out: being processed; at most DUB_STS_WINDOW */
    GQueue early;   /* of Early: came before the stream was ready; at most MAX_EARLY */
    guint parallel;
    double turn_ms; /* what the work takes for a fragment once it has begun; 0: not known */
    DubStsPressureLevel level;
    int64_t blocked_since_ns; /* DUB_TIME_NONE: no answer waits for a number that never came */
    int64_t close_at_ns;      /* DUB_TIME_NONE: not complete */
    int64_t hang_up_at_ns;    /* DUB_TIME_NONE: not asked for */
};

const char *dub_sts_state_to_string(DubStsState state)
{
    switch (state) {
    case DUB_STS_IDLE: return "idle";
    case DUB_STS_OPENING: return "opening";
    case DUB_STS_ACTIVE: return "active";
    case DUB_STS_PAUSED: return "paused";
    case DUB_STS_ENDING: return "ending";
    case DUB_STS_COMPLETE: return "complete";
    }
    return "invalid";
}

static void out_free(void *data)
{
    Out *out = data;
    dub_fragment_data_free(out->fragment);
    dub_fragment_processed_free(out->fault);
    g_free(out);
}

static void early_free(void *data)
{
    Early *early = data;
    g_free(early->event);
    json_decref(early->payload);
    g_free(early);
}

DubStsSession *dub_sts_session_new(const DubStsSessionConfig *config, const DubStsEffects *effects, void *user_data)
{
    DubStsSession *self = g_new0(DubStsSession, 1);
    self->config = *config;
    self->session_id = g_strdup(config->session_id);
    self->config.session_id = self->session_id;
    self->effects = effects;
    self->user_data = user_data;
    self->out = g_ptr_array_new_with_free_func(out_free);
    self->order = dub_sts_order_new();
    g_queue_init(&self->early);
    self->blocked_since_ns = self->close_at_ns = self->hang_up_at_ns = DUB_TIME_NONE;
    return self;
}

void dub_sts_session_free(DubStsSession *self)
{
    if (!self)
        return;
    g_queue_clear_full(&self->early, early_free);
    dub_sts_faults_set(&self->faults, NULL);
    dub_sts_order_free(self->order);
    dub_stream_init_free(self->init);
    g_ptr_array_unref(self->out);
    g_free(self->session_id);
    g_free(self);
}

DubStsState dub_sts_session_get_state(const DubStsSession *self)
{
    return self->state;
}

const char *dub_sts_session_get_stream_id(const DubStsSession *self)
{
    return self->init ? self->init->stream_id : NULL;
}

guint dub_sts_session_count_in_flight(const DubStsSession *self)
{
    return dub_sts_order_count_out(self->order);
}

guint dub_sts_session_count_waiting(const DubStsSession *self)
{
    return self->out->len > self->parallel ? self->out->len - self->parallel : 0;
}

/* The only writer of state. */
static void set_state(DubStsSession *self, DubStsState state)
{
    if (self->state == state)
        return;
    if (self->init)
        dub_log_fields(DUB_LOG_DEBUG, dub_sts_state_to_string(state), "stream_id", self->init->stream_id, "session_id",
                       self->session_id, NULL);
    self->state = state;
}

static void emit(DubStsSession *self, const char *event, DubJson *payload)
{
    self->effects->emit(event, payload, self->user_data);
}

/* @stream_id, @fragment_id: nullable */
static void emit_error_of(DubStsSession *self, const char *code, const char *stream_id, const char *fragment_id,
                          const char *message)
{
    g_autoptr(DubErrorEvent) error = dub_error_event_new_for(code, stream_id, fragment_id, message);
    emit(self, DUB_EVENT_ERROR, dub_error_event_to_json(error));
}

static void emit_error(DubStsSession *self, const char *code, const char *fragment_id, const char *message)
{
    emit_error_of(self, code, dub_sts_session_get_stream_id(self), fragment_id, message);
}

/* Returns: (transfer none) (nullable): what the payload of a refused event calls itself, where that may be an id */
static const char *peek_id(const DubJson *payload, const char *key)
{
    const DubJson *value = json_object_get(payload, key);
    const char *id = json_string_value(value);
    const bool is_id = id && *id && strlen(id) <= DUB_WIRE_MAX_ID_BYTES && strlen(id) == json_string_length(value);
    return is_id ? id : NULL;
}

/* @error names the field already; in front of it goes the event. */
static void refuse_event(DubStsSession *self, const char *event, const DubJson *payload, const GError *error)
{
    g_autofree char *message = g_strdup_printf("%s: %s", event, error->message);
    const char *stream_id = dub_sts_session_get_stream_id(self);
    emit_error_of(self, dub_wire_code_of_error(error), stream_id ? stream_id : peek_id(payload, "stream_id"),
                  peek_id(payload, "fragment_id"), message);
}

/* ── Backpressure ── */

static DubStsThresholds thresholds(const DubStsSession *self)
{
    DubStsThresholds t = self->config.thresholds;
    if (self->config.echo) {
        t.low *= self->init->max_inflight;
        t.medium *= self->init->max_inflight;
        t.high *= self->init->max_inflight;
    }
    return t;
}

/* Until about as many are out as it takes to be at rest again. -1: not known. */
static double recommended_delay_ms(const DubStsSession *self, guint in_flight)
{
    if (self->turn_ms <= 0 || in_flight <= COMFORTABLE_IN_FLIGHT)
        return -1;
    const double delay_ms = self->turn_ms * (in_flight - COMFORTABLE_IN_FLIGHT) / MAX(self->parallel, 1u);
    return CLAMP(delay_ms, MIN_DELAY_MS, MAX_DELAY_MS);
}

static DubJson *pressure_to_json(const DubStsSession *self, DubStsPressureLevel level, guint in_flight)
{
    static const DubLoad severities[] = { DUB_LOAD_LOW, DUB_LOAD_LOW, DUB_LOAD_MEDIUM, DUB_LOAD_HIGH };
    static const DubPressureAction actions[] = { DUB_ACTION_NONE, DUB_ACTION_NONE, DUB_ACTION_SLOW_DOWN,
                                                 DUB_ACTION_PAUSE };
    g_autoptr(DubBackpressure) event = dub_backpressure_new();
    event->stream_id = g_strdup(self->init->stream_id);
    event->severity = severities[level];
    event->action = actions[level];
    event->current_inflight = in_flight;
    event->queue_depth = dub_sts_session_count_waiting(self);
    event->recommended_delay_ms = level >= DUB_STS_PRESSURE_MEDIUM ? recommended_delay_ms(self, in_flight) : -1;
    return dub_backpressure_to_json(event);
}

static void update_pressure(DubStsSession *self)
{
    const guint in_flight = dub_sts_session_count_in_flight(self);
    const DubStsThresholds t = thresholds(self);
    const DubStsPressureLevel before = self->level;
    self->level = dub_sts_pressure_level(&t, in_flight);
    if (self->config.pressure_events && dub_sts_pressure_is_news(before, self->level))
        emit(self, DUB_EVENT_BACKPRESSURE, pressure_to_json(self, self->level, in_flight));
}

/* ── Answers ── */

static void emit_complete(DubStsSession *self)
{
    const DubStsStats *stats = &self->stats;
    g_autoptr(DubStreamComplete) event = dub_stream_complete_new();
    event->stream_id = g_strdup(self->init->stream_id);
    event->total_fragments = (int64_t) (stats->success + stats->partial + stats->failed);
    event->total_duration_ms = (double) stats->audio_ms;
    event->success_count = (int64_t) stats->success;
    event->partial_count = (int64_t) stats->partial;
    event->failed_count = (int64_t) stats->failed;
    event->avg_processing_time_ms = dub_sts_stats_average_ms(stats);
    event->p95_processing_time_ms = dub_sts_stats_p95_ms(stats);
    emit(self, DUB_EVENT_STREAM_COMPLETE, dub_stream_complete_to_json(event));
}

static void complete_if_drained(DubStsSession *self, int64_t now_ns)
{
    if (self->state != DUB_STS_ENDING || dub_sts_session_count_in_flight(self) > 0)
        return;
    emit_complete(self);
    set_state(self, DUB_STS_COMPLETE);
    self->close_at_ns = now_ns + self->config.disconnect_delay_ns;
    self->effects->release(self->user_data);
}

/* Sends what may leave, and starts or stops the wait for numbers that never came. */
static void send_answers(DubStsSession *self, int64_t now_ns)
{
    DubJson *answer;
    while ((answer = dub_sts_order_leave(self->order)))
        emit(self, DUB_EVENT_FRAGMENT_PROCESSED, answer);
    if (!dub_sts_order_is_blocked(self->order)) {
        self->blocked_since_ns = DUB_TIME_NONE;
    } else if (self->state == DUB_STS_ENDING) { /* nobody will send them any more */
        dub_sts_order_give_up(self->order);
        send_answers(self, now_ns);
        return;
    } else if (self->blocked_since_ns == DUB_TIME_NONE) {
        self->blocked_since_ns = now_ns;
    }
    update_pressure(self);
    complete_if_drained(self, now_ns);
}

static uint64_t *count_of(DubStsStats *stats, DubProcessedStatus status)
{
    switch (status) {
    case DUB_PROCESSED_SUCCESS: return &stats->success;
    case DUB_PROCESSED_PARTIAL: return &stats->partial;
    case DUB_PROCESSED_FAILED: break;
    }
    return &stats->failed;
}

/* The time of a fragment that had to wait is that of several turns. Whatever else holds the work up (other streams, a
 * slow machine) is in the turn, and so in what is expected of the next. */
static void learn_time(DubStsSession *self, const Out *out, double ms)
{
    const double turn_ms = ms / out->turns;
    self->turn_ms += self->turn_ms > 0 ? NEWEST_WEIGHT * (turn_ms - self->turn_ms) : turn_ms;
}

static void count(DubStsSession *self, const Out *out, const DubFragmentProcessed *answer)
{
    if (out->again) {
        self->stats.failed--; /* what it was counted as before: only failures are done again */
    } else {
        self->stats.audio_ms += out->fragment->audio->duration_ms;
        dub_sts_stats_add_time(&self->stats, answer->processing_time_ms);
    }
    ++*count_of(&self->stats, answer->status);
    if (answer->status != DUB_PROCESSED_FAILED)
        learn_time(self, out, answer->processing_time_ms);
}

static Out *find_out(const DubStsSession *self, uint64_t sequence_number)
{
    for (guint i = 0; i < self->out->len; i++) {
        Out *out = g_ptr_array_index(self->out, i);
        if ((uint64_t) out->fragment->sequence_number == sequence_number)
            return out;
    }
    return NULL;
}

static void address(DubFragmentProcessed *answer, const DubFragmentData *fragment)
{
    answer->fragment_id = g_strdup(fragment->fragment_id);
    answer->stream_id = g_strdup(fragment->stream_id);
    answer->sequence_number = fragment->sequence_number;
    answer->processing_time_ms = MAX(answer->processing_time_ms, 0);
}

/* What is said of it in the end. */
static DubFragmentProcessed *apply_fault(Out *out, DubFragmentProcessed *answer)
{
    if (!out->fault)
        return answer;
    out->fault->processing_time_ms = answer->processing_time_ms;
    dub_fragment_processed_free(answer);
    return g_steal_pointer(&out->fault);
}

void dub_sts_session_finished(DubStsSession *self, uint64_t sequence_number, DubFragmentProcessed *answer,
                              int64_t now_ns)
{
    g_autoptr(DubFragmentProcessed) owned = answer;
    Out *out = find_out(self, sequence_number);
    if (!out)
        return; /* cancelled: its answer is out already */
    owned = apply_fault(out, owned);
    address(owned, out->fragment);
    count(self, out, owned);
    self->effects->answered(out->fragment, owned, self->user_data);
    dub_sts_order_finish(self->order, sequence_number, dub_fragment_processed_to_json(owned),
                         dub_sts_answer_size(owned), owned->status == DUB_PROCESSED_FAILED && owned->error_retryable);
    g_ptr_array_remove(self->out, out);
    send_answers(self, now_ns);
}

/* ── Fragments ── */

/* Returns: its place among those that are not worked on yet, from 1; 0: it is. The lowest numbers are taken first. */
static guint queue_position(const DubStsSession *self, const Out *out)
{
    guint before = 0;
    for (guint i = 0; i < self->out->len; i++) {
        const Out *other = g_ptr_array_index(self->out, i);
        before += other->fragment->sequence_number < out->fragment->sequence_number;
    }
    return before < self->parallel ? 0 : before - self->parallel + 1;
}

static double turns_until_done(const DubStsSession *self, guint position)
{
    return 1 + (double) position / MAX(self->parallel, 1u);
}

/* The first ack of a fragment is "queued" whatever its place: existing workers wait for just that. */
static void acknowledge(DubStsSession *self, const Out *out, bool first)
{
    const guint position = queue_position(self, out);
    const bool queued = first || position > 0;
    g_autoptr(DubFragmentAck) ack = dub_fragment_ack_new();
    ack->fragment_id = g_strdup(out->fragment->fragment_id);
    ack->status = queued ? DUB_ACK_QUEUED : DUB_ACK_PROCESSING;
    ack->queue_position = queued ? (int64_t) position : -1;
    if (self->turn_ms > 0)
        ack->estimated_completion_ms = self->turn_ms * turns_until_done(self, position);
    emit(self, DUB_EVENT_FRAGMENT_ACK, dub_fragment_ack_to_json(ack));
}

/* Sent again while it is out. Its work may be done: its answer waits for the ones before it. */
static void acknowledge_again(DubStsSession *self, const DubFragmentData *fragment)
{
    const Out *out = find_out(self, (uint64_t) fragment->sequence_number);
    if (out) {
        acknowledge(self, out, false);
        return;
    }
    g_autoptr(DubFragmentAck) ack = dub_fragment_ack_new();
    ack->fragment_id = g_strdup(fragment->fragment_id);
    ack->status = DUB_ACK_PROCESSING;
    ack->queue_position = -1;
    emit(self, DUB_EVENT_FRAGMENT_ACK, dub_fragment_ack_to_json(ack));
}

static DubFragmentProcessed *simulated_fault(DubStsSession *self, const DubFragmentData *fragment)
{
    const DubErrorRule *rule = self->config.echo ? dub_sts_faults_next(&self->faults, fragment) : NULL;
    if (!rule)
        return NULL;
    return dub_sts_answer_new_failed(rule->error_code, rule->stage ? rule->stage : "asr", rule->retryable,
                                     rule->error_message ? rule->error_message : "Simulated error");
}

static void take_fragment(DubStsSession *self, DubFragmentData *fragment, bool again, int64_t now_ns)
{
    Out *out = g_new0(Out, 1);
    out->fragment = fragment;
    out->again = again;
    out->fault = simulated_fault(self, fragment);
    out->deadline_ns = self->config.echo ? DUB_TIME_NONE : now_ns + self->init->timeout_ms * DUB_NS_PER_MS;
    g_ptr_array_add(self->out, out);
    out->turns = turns_until_done(self, queue_position(self, out));
    acknowledge(self, out, true);
    update_pressure(self);
    self->effects->process(fragment, self->user_data);
}

static void refuse_fragment(DubStsSession *self, const DubFragmentData *fragment, const char *code, const char *message)
{
    emit_error(self, code, fragment->fragment_id, message);
}

static void refuse_number(DubStsSession *self, const DubFragmentData *fragment, const char *why)
{
    g_autofree char *message =
        g_strdup_printf("sequence_number: %" G_GINT64_FORMAT " %s", fragment->sequence_number, why);
    refuse_fragment(self, fragment, "INVALID_SEQUENCE", message);
}

static void place_fragment(DubStsSession *self, DubFragmentData *fragment /* (transfer full) */, int64_t now_ns)
{
    g_autoptr(DubFragmentData) owned = fragment;
    const uint64_t number = (uint64_t) fragment->sequence_number;
    const DubStsArrival arrival = dub_sts_order_arrive(self->order, fragment->fragment_id, number);
    switch (arrival) {
    case DUB_STS_ARRIVAL_NEW:
    case DUB_STS_ARRIVAL_REDO:
        take_fragment(self, g_steal_pointer(&owned), arrival == DUB_STS_ARRIVAL_REDO, now_ns);
        return;
    case DUB_STS_ARRIVAL_OUT: acknowledge_again(self, fragment); return;
    case DUB_STS_ARRIVAL_STORED:
        emit(self, DUB_EVENT_FRAGMENT_PROCESSED, json_incref(dub_sts_order_stored(self->order, fragment->fragment_id)));
        return;
    case DUB_STS_ARRIVAL_FULL:
        dub_sts_order_refuse(self->order, number);
        refuse_fragment(self, fragment, "BACKPRESSURE_EXCEEDED", "10 fragments are in flight already");
        return;
    case DUB_STS_ARRIVAL_USED: refuse_number(self, fragment, "is used already"); return;
    case DUB_STS_ARRIVAL_BEYOND: refuse_number(self, fragment, "is more than 10 ahead of what is answered"); return;
    }
}

static bool is_open(const DubStsSession *self)
{
    return self->state == DUB_STS_ACTIVE || self->state == DUB_STS_PAUSED;
}

/* Also says so when not. */
static bool is_its_stream(DubStsSession *self, const DubJson *payload)
{
    const char *stream_id = peek_id(payload, "stream_id");
    if (is_open(self) && (!stream_id || strcmp(stream_id, self->init->stream_id) == 0))
        return true; /* one that is missing is named by the event's own checks */
    g_autofree char *message =
        is_open(self) ? g_strdup_printf("stream_id: this connection carries the stream %s", self->init->stream_id)
                      : g_strdup("stream_id: the stream was never initialised on this connection, or has ended");
    emit_error_of(self, "STREAM_NOT_FOUND", stream_id, peek_id(payload, "fragment_id"), message);
    return false;
}

/* A fragment that was refused for what it holds must not keep the ones after it waiting. */
static void skip_number_of(DubStsSession *self, const DubJson *payload)
{
    const DubJson *number = json_object_get(payload, "sequence_number");
    if (json_is_integer(number) && json_integer_value(number) >= 0)
        dub_sts_order_refuse(self->order, (uint64_t) json_integer_value(number));
}

static void on_fragment(DubStsSession *self, const DubJson *payload, int64_t now_ns)
{
    if (!is_its_stream(self, payload))
        return;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubFragmentData) fragment = dub_fragment_data_parse(payload, &error);
    if (!fragment) {
        refuse_event(self, DUB_EVENT_FRAGMENT_DATA, payload, error);
        skip_number_of(self, payload);
    } else if (self->state == DUB_STS_PAUSED) {
        dub_sts_order_refuse(self->order, (uint64_t) fragment->sequence_number);
        refuse_fragment(self, fragment, "STREAM_PAUSED", "the stream is paused; send stream:resume first");
    } else {
        place_fragment(self, g_steal_pointer(&fragment), now_ns);
    }
    send_answers(self, now_ns);
}

/* ── The stream ── */

static void forget_stream(DubStsSession *self)
{
    g_clear_pointer(&self->init, dub_stream_init_free);
    g_clear_pointer(&self->order, dub_sts_order_free);
    self->order = dub_sts_order_new();
    self->stats = (DubStsStats){ 0 };
    g_ptr_array_set_size(self->out, 0);
    self->level = DUB_STS_PRESSURE_REST;
    self->blocked_since_ns = self->close_at_ns = DUB_TIME_NONE;
    self->faults.n_seen = 0;
}

static void on_init(DubStsSession *self, const DubJson *payload, G_GNUC_UNUSED int64_t now_ns)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubStreamInit) init = dub_stream_init_parse(payload, &error);
    if (init && self->state != DUB_STS_IDLE && self->state != DUB_STS_COMPLETE)
        g_set_error(&error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "stream_id: this connection carries the stream %s already; end it first", self->init->stream_id);
    if (error) {
        refuse_event(self, DUB_EVENT_STREAM_INIT, payload, error);
        return;
    }
    forget_stream(self);
    self->init = g_steal_pointer(&init);
    set_state(self, DUB_STS_OPENING);
    self->effects->open(self->init, self->user_data);
}

/* What came early is taken as if it came now, in its order; each keeps the time it came at. */
static void replay_early(DubStsSession *self)
{
    GQueue early = self->early;
    g_queue_init(&self->early);
    Early *next;
    while ((next = g_queue_pop_head(&early))) {
        dub_sts_session_event(self, next->event, next->payload, next->arrived_ns);
        early_free(next);
    }
}

void dub_sts_session_opened(DubStsSession *self, guint parallel, double expected_ms)
{
    if (self->state != DUB_STS_OPENING)
        return;
    self->parallel = parallel;
    self->turn_ms = expected_ms;
    set_state(self, DUB_STS_ACTIVE);
    const DubStsThresholds t = thresholds(self);
    self->level = dub_sts_pressure_level(&t, 0);
    g_autoptr(DubStreamReady) ready = dub_stream_ready_new();
    ready->stream_id = g_strdup(self->init->stream_id);
    ready->session_id = g_strdup(self->session_id);
    ready->max_inflight = self->init->max_inflight;
    ready->async_delivery = true;
    ready->expected_processing_ms = expected_ms > 0 ? expected_ms : -1;
    emit(self, DUB_EVENT_STREAM_READY, dub_stream_ready_to_json(ready));
    replay_early(self);
}

void dub_sts_session_refused(DubStsSession *self, const char *code, const char *message)
{
    if (self->state != DUB_STS_OPENING)
        return;
    emit_error(self, code, NULL, message);
    forget_stream(self);
    set_state(self, DUB_STS_IDLE);
    replay_early(self);
}

static bool check_stream_id(DubStsSession *self, const char *event, const DubJson *payload)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubStreamControl) control = dub_stream_control_parse(payload, &error);
    if (control)
        return is_its_stream(self, payload);
    refuse_event(self, event, payload, error);
    return false;
}

static void on_pause(DubStsSession *self, const DubJson *payload, G_GNUC_UNUSED int64_t now_ns)
{
    if (check_stream_id(self, DUB_EVENT_STREAM_PAUSE, payload))
        set_state(self, DUB_STS_PAUSED);
}

static void on_resume(DubStsSession *self, const DubJson *payload, G_GNUC_UNUSED int64_t now_ns)
{
    if (check_stream_id(self, DUB_EVENT_STREAM_RESUME, payload))
        set_state(self, DUB_STS_ACTIVE);
}

static void end_stream(DubStsSession *self, int64_t now_ns)
{
    set_state(self, DUB_STS_ENDING);
    send_answers(self, now_ns);
}

static void on_end(DubStsSession *self, const DubJson *payload, int64_t now_ns)
{
    if (check_stream_id(self, DUB_EVENT_STREAM_END, payload))
        end_stream(self, now_ns);
}

void dub_sts_session_drain(DubStsSession *self, int64_t now_ns)
{
    if (is_open(self))
        end_stream(self, now_ns);
    else if (self->state == DUB_STS_OPENING)
        dub_sts_session_refused(self, "RATE_LIMIT_EXCEEDED", "the service is shutting down");
}

void dub_sts_session_superseded(DubStsSession *self)
{
    emit_error(self, "STREAM_NOT_FOUND", NULL, "stream_id: a newer connection carries this stream now");
    forget_stream(self);
    set_state(self, DUB_STS_IDLE);
    g_queue_clear_full(&self->early, early_free);
    self->effects->release(self->user_data);
    self->effects->close(self->user_data);
}

/* ── The other events ── */

/* The worker has the dub. Its slot is free already: nothing follows but a look at the shape. */
static void on_fragment_ack(DubStsSession *self, const DubJson *payload, G_GNUC_UNUSED int64_t now_ns)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubFragmentReceipt) receipt = dub_fragment_receipt_parse(payload, &error);
    if (!receipt)
        refuse_event(self, DUB_EVENT_FRAGMENT_ACK, payload, error);
}

static void on_error_simulation(DubStsSession *self, const DubJson *payload, G_GNUC_UNUSED int64_t now_ns)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubErrorSimulation) simulation = self->config.echo ? dub_error_simulation_parse(payload, &error) : NULL;
    g_autoptr(DubErrorSimulationAck) ack = dub_error_simulation_ack_new();
    if (simulation) {
        ack->status = DUB_SIMULATION_ACCEPTED;
        ack->rules_count = simulation->rules->len;
        dub_sts_faults_set(&self->faults, g_steal_pointer(&simulation));
    } else {
        ack->status = DUB_SIMULATION_REJECTED;
        ack->error_message = g_strdup(error ? error->message : "errors are simulated in echo mode only");
    }
    emit(self, DUB_EVENT_ERROR_SIMULATION_ACK, dub_error_simulation_ack_to_json(ack));
}

/* Any connection can be made to break, also one without a stream. Asked again, the newer time counts. */
static void on_disconnect(DubStsSession *self, const DubJson *payload, int64_t now_ns)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubDisconnectSimulation) simulation =
        self->config.echo ? dub_disconnect_simulation_parse(payload, &error) : NULL;
    g_autoptr(DubDisconnectAck) ack = dub_disconnect_ack_new();
    if (simulation) {
        self->hang_up_at_ns = now_ns + simulation->delay_ms * DUB_NS_PER_MS;
        ack->status = DUB_DISCONNECT_SCHEDULED;
        ack->disconnect_at_ms = dub_clock_unix_ms() + simulation->delay_ms;
    } else {
        ack->status = DUB_DISCONNECT_REJECTED;
        ack->error_message = g_strdup(error ? error->message : "a disconnect is simulated in echo mode only");
    }
    emit(self, DUB_EVENT_DISCONNECT_ACK, dub_disconnect_ack_to_json(ack));
}

static const struct {
    const char *event;
    void (*handle)(DubStsSession *self, const DubJson *payload, int64_t now_ns);
    bool waits; /* for the stream to be ready, when it comes early */
} handlers[] = {
    { DUB_EVENT_FRAGMENT_DATA, on_fragment, true },
    { DUB_EVENT_FRAGMENT_ACK, on_fragment_ack, false },
    { DUB_EVENT_STREAM_INIT, on_init, false },
    { DUB_EVENT_STREAM_PAUSE, on_pause, true },
    { DUB_EVENT_STREAM_RESUME, on_resume, true },
    { DUB_EVENT_STREAM_END, on_end, true },
    { DUB_EVENT_ERROR_SIMULATION, on_error_simulation, false },
    { DUB_EVENT_DISCONNECT, on_disconnect, false },
};

static void keep_early(DubStsSession *self, const char *event, const DubJson *payload, int64_t now_ns)
{
    Early *early = g_new0(Early, 1);
    early->event = g_strdup(event);
    early->payload = json_incref((DubJson *) payload);
    early->arrived_ns = now_ns;
    g_queue_push_tail(&self->early, early);
}

bool dub_sts_session_event(DubStsSession *self, const char *event, const DubJson *payload, int64_t now_ns)
{
    for (gsize i = 0; i < G_N_ELEMENTS(handlers); i++) {
        if (strcmp(handlers[i].event, event) != 0)
            continue;
        if (handlers[i].waits && self->state == DUB_STS_OPENING && self->early.length < MAX_EARLY)
            keep_early(self, event, payload, now_ns);
        else
            handlers[i].handle(self, payload, now_ns);
        return true;
    }
    return false;
}

/* ── Time ── */

static int64_t earlier(int64_t a, int64_t b)
{
    if (a == DUB_TIME_NONE || b == DUB_TIME_NONE)
        return a == DUB_TIME_NONE ? b : a;
    return MIN(a, b);
}

static int64_t give_up_at(const DubStsSession *self)
{
    if (self->blocked_since_ns == DUB_TIME_NONE)
        return DUB_TIME_NONE;
    return self->blocked_since_ns + self->init->timeout_ms * DUB_NS_PER_MS;
}

int64_t dub_sts_session_next_tick(const DubStsSession *self)
{
    int64_t next = earlier(earlier(self->close_at_ns, self->hang_up_at_ns), give_up_at(self));
    for (guint i = 0; i < self->out->len; i++)
        next = earlier(next, ((const Out *) g_ptr_array_index(self->out, i))->deadline_ns);
    return next;
}

static bool is_due(int64_t when_ns, int64_t now_ns)
{
    return when_ns != DUB_TIME_NONE && when_ns <= now_ns;
}

static Out *find_overdue(const DubStsSession *self, int64_t now_ns)
{
    for (guint i = 0; i < self->out->len; i++) {
        Out *out = g_ptr_array_index(self->out, i);
        if (is_due(out->deadline_ns, now_ns))
            return out;
    }
    return NULL;
}

static void expire(DubStsSession *self, const Out *out, int64_t now_ns)
{
    const uint64_t number = (uint64_t) out->fragment->sequence_number;
    const char *stage = self->effects->cancel(number, self->user_data);
    g_autofree char *message = g_strdup_printf("not done within %u ms", self->init->timeout_ms);
    DubFragmentProcessed *answer = dub_sts_answer_new_failed("TIMEOUT", stage, true, message);
    answer->processing_time_ms = self->init->timeout_ms;
    dub_sts_session_finished(self, number, answer, now_ns);
}

void dub_sts_session_tick(DubStsSession *self, int64_t now_ns)
{
    const Out *out;
    while ((out = find_overdue(self, now_ns)))
        expire(self, out, now_ns);
    if (is_due(give_up_at(self), now_ns)) {
        self->blocked_since_ns = DUB_TIME_NONE;
        dub_sts_order_give_up(self->order);
        send_answers(self, now_ns);
    }
    if (is_due(self->hang_up_at_ns, now_ns)) {
        self->hang_up_at_ns = DUB_TIME_NONE;
        self->effects->hang_up(self->user_data);
    }
    if (is_due(self->close_at_ns, now_ns)) {
        self->close_at_ns = DUB_TIME_NONE;
        self->effects->close(self->user_data);
    }
}
