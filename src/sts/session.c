/* sts/session.c: what each event does in each state. */
#include "sts/session.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "sts/errors.h"
#include "sts/faults.h"
#include "sts/order.h"
#include "sts/stats.h"

#include <math.h>
#include <string.h>

#define NEWEST_WEIGHT       0.3   /* of the newest fragment in the expected time */
#define MIN_DELAY_MS        100.0 /* that a worker is asked to wait */
#define MAX_DELAY_MS        30000.0
#define COMFORTABLE_IN_FLIGHT 3   /* PROTOCOL.md: 1–3 in flight are "low" */

typedef struct {
    DubStsFragment *fragment;
    DubStsOutcome *fault; /* (nullable) what is said of it, whatever comes of the work: a simulated failure */
    int64_t deadline_ns; /* DUB_TIME_NONE in echo mode */
    bool again;          /* counted before */
} Out;

struct _DubStsSession {
    DubStsSessionConfig config;
    char *session_id;
    const DubStsEffects *effects;
    void *user_data;

    DubStsState state;
    DubStsInit *init; /* NULL while idle */
    DubStsOrder *order;
    DubStsStats stats;
    DubStsFaults faults;
    GPtrArray *out; /* of Out: being processed; at most DUB_STS_WINDOW */
    guint parallel;
    double expected_ms; /* 0: not known */
    DubStsPressureLevel level;
    int64_t blocked_since_ns; /* DUB_TIME_NONE: no answer waits for a number that never came */
    int64_t close_at_ns;      /* DUB_TIME_NONE: not complete */
};

const char *dub_sts_state_to_string(DubStsState state)
{
    switch (state) {
    case DUB_STS_IDLE:     return "idle";
    case DUB_STS_OPENING:  return "opening";
    case DUB_STS_ACTIVE:   return "active";
    case DUB_STS_PAUSED:   return "paused";
    case DUB_STS_ENDING:   return "ending";
    case DUB_STS_COMPLETE: return "complete";
    }
    return "invalid";
}

static void out_free(void *data)
{
    Out *out = data;
    dub_sts_fragment_free(out->fragment);
    dub_sts_outcome_free(out->fault);
    g_free(out);
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
    self->blocked_since_ns = self->close_at_ns = DUB_TIME_NONE;
    dub_sts_faults_init(&self->faults);
    return self;
}

void dub_sts_session_free(DubStsSession *self)
{
    if (!self)
        return;
    dub_sts_faults_clear(&self->faults);
    dub_sts_order_free(self->order);
    dub_sts_init_free(self->init);
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

static void emit_error(DubStsSession *self, const char *code, const char *fragment_id, const char *message)
{
    emit(self, "error", dub_sts_error_to_json(code, dub_sts_session_get_stream_id(self), fragment_id, message));
}

/* The error that a parser's GError means on the wire. */
static const char *code_of(const GError *error)
{
    if (g_error_matches(error, DUB_ERROR, DUB_ERROR_CORRUPT))
        return "INVALID_AUDIO";
    return g_error_matches(error, DUB_ERROR, DUB_ERROR_NO_SPACE) ? "FRAGMENT_TOO_LARGE" : "INVALID_CONFIG";
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

/* Until about as many are out as it takes to be at rest again. 0: not known. */
static double recommended_delay_ms(const DubStsSession *self, guint in_flight)
{
    if (self->expected_ms <= 0 || in_flight <= COMFORTABLE_IN_FLIGHT)
        return 0;
    const double delay_ms = self->expected_ms * (in_flight - COMFORTABLE_IN_FLIGHT) / MAX(self->parallel, 1u);
    return CLAMP(delay_ms, MIN_DELAY_MS, MAX_DELAY_MS);
}

static DubJson *pressure_to_json(const DubStsSession *self, DubStsPressureLevel level, guint in_flight)
{
    static const char *const severities[] = { "low", "low", "medium", "high" };
    static const char *const actions[] = { "none", "none", "slow_down", "pause" };
    DubJson *payload = json_pack("{s:s, s:s, s:i, s:i, s:s}", "stream_id", self->init->stream_id, "severity",
                                 severities[level], "current_inflight", (int) in_flight, "queue_depth",
                                 (int) dub_sts_session_count_waiting(self), "action", actions[level]);
    const double delay_ms = level >= DUB_STS_PRESSURE_MEDIUM ? recommended_delay_ms(self, in_flight) : 0;
    if (delay_ms > 0)
        json_object_set_new(payload, "recommended_delay_ms", json_integer((json_int_t) lround(delay_ms)));
    return payload;
}

static void update_pressure(DubStsSession *self)
{
    const guint in_flight = dub_sts_session_count_in_flight(self);
    const DubStsThresholds t = thresholds(self);
    const DubStsPressureLevel before = self->level;
    self->level = dub_sts_pressure_level(&t, in_flight);
    if (self->config.pressure_events && dub_sts_pressure_is_news(before, self->level))
        emit(self, "backpressure", pressure_to_json(self, self->level, in_flight));
}

/* ── Answers ── */

static double round_tenth(double value)
{
    return round(value * 10) / 10;
}

static void emit_complete(DubStsSession *self)
{
    const DubStsStats *s = &self->stats;
    emit(self, "stream:complete",
         json_pack("{s:s, s:I, s:I, s:{s:I, s:I, s:I, s:f, s:f}}", "stream_id", self->init->stream_id, "total_fragments",
                   (json_int_t) (s->success + s->partial + s->failed), "total_duration_ms", (json_int_t) s->audio_ms,
                   "statistics", "success_count", (json_int_t) s->success, "partial_count", (json_int_t) s->partial,
                   "failed_count", (json_int_t) s->failed, "avg_processing_time_ms",
                   round_tenth(dub_sts_stats_average_ms(s)), "p95_processing_time_ms",
                   round_tenth(dub_sts_stats_p95_ms(s))));
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
        emit(self, "fragment:processed", answer);
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

static uint64_t *count_of(DubStsStats *stats, DubSpeechStatus status)
{
    switch (status) {
    case DUB_SPEECH_SUCCESS: return &stats->success;
    case DUB_SPEECH_PARTIAL: return &stats->partial;
    case DUB_SPEECH_FAILED:  break;
    }
    return &stats->failed;
}

static void count(DubStsSession *self, const Out *out, const DubStsOutcome *outcome)
{
    if (out->again) {
        self->stats.failed--; /* what it was counted as before: only failures are done again */
    } else {
        self->stats.audio_ms += out->fragment->duration_ms;
        dub_sts_stats_add_time(&self->stats, outcome->processing_ms);
    }
    ++*count_of(&self->stats, outcome->status);
    if (outcome->status != DUB_SPEECH_FAILED)
        self->expected_ms += self->expected_ms > 0
                                 ? NEWEST_WEIGHT * (outcome->processing_ms - self->expected_ms)
                                 : outcome->processing_ms;
}

static Out *find_out(const DubStsSession *self, uint64_t sequence_number)
{
    for (guint i = 0; i < self->out->len; i++) {
        Out *out = g_ptr_array_index(self->out, i);
        if (out->fragment->sequence_number == sequence_number)
            return out;
    }
    return NULL;
}

void dub_sts_session_finished(DubStsSession *self, uint64_t sequence_number, DubStsOutcome *outcome, int64_t now_ns)
{
    g_autoptr(DubStsOutcome) owned = outcome;
    Out *out = find_out(self, sequence_number);
    if (!out)
        return; /* cancelled: its answer is out already */
    if (out->fault) {
        out->fault->processing_ms = owned->processing_ms;
        dub_sts_outcome_free(owned);
        owned = g_steal_pointer(&out->fault);
    }
    count(self, out, owned);
    self->effects->answered(out->fragment, owned, self->user_data);
    const bool may_redo = owned->status == DUB_SPEECH_FAILED && owned->retryable;
    dub_sts_order_finish(self->order, sequence_number, dub_sts_outcome_to_json(owned, out->fragment),
                         dub_sts_outcome_size(owned), may_redo);
    g_ptr_array_remove(self->out, out);
    send_answers(self, now_ns);
}

/* ── Fragments ── */

static DubJson *ack_to_json(const DubStsSession *self, const char *fragment_id)
{
    const guint waiting = dub_sts_session_count_waiting(self);
    DubJson *payload = json_pack("{s:s, s:s}", "fragment_id", fragment_id, "status", waiting ? "queued" : "processing");
    if (waiting)
        json_object_set_new(payload, "queue_position", json_integer(waiting));
    if (self->expected_ms > 0) {
        const double rounds = 1 + floor((double) waiting / MAX(self->parallel, 1u));
        json_object_set_new(payload, "estimated_completion_ms",
                            json_integer((json_int_t) llround(self->expected_ms * rounds)));
    }
    return payload;
}

static DubStsOutcome *simulated_fault(DubStsSession *self, const DubStsFragment *fragment)
{
    if (!self->config.echo)
        return NULL;
    const DubStsFault *fault = dub_sts_faults_next(&self->faults, fragment->fragment_id, fragment->sequence_number);
    return fault ? dub_sts_outcome_new_failed(fault->code, fault->stage, fault->retryable, fault->message) : NULL;
}

static void take_fragment(DubStsSession *self, DubStsFragment *fragment, bool again, int64_t now_ns)
{
    Out *out = g_new0(Out, 1);
    out->fragment = fragment;
    out->again = again;
    out->fault = simulated_fault(self, fragment);
    out->deadline_ns = self->config.echo ? DUB_TIME_NONE : now_ns + self->init->timeout_ms * DUB_NS_PER_MS;
    g_ptr_array_add(self->out, out);
    emit(self, "fragment:ack", ack_to_json(self, fragment->fragment_id));
    update_pressure(self);
    self->effects->process(fragment, self->user_data);
}

static void refuse_fragment(DubStsSession *self, const DubStsFragment *fragment, const char *code, const char *message)
{
    emit_error(self, code, fragment->fragment_id, message);
}

static void refuse_number(DubStsSession *self, const DubStsFragment *fragment, const char *why)
{
    g_autofree char *message =
        g_strdup_printf("sequence_number: %" G_GUINT64_FORMAT " %s", fragment->sequence_number, why);
    refuse_fragment(self, fragment, "INVALID_SEQUENCE", message);
}

static void place_fragment(DubStsSession *self, DubStsFragment *fragment /* (transfer full) */, int64_t now_ns)
{
    g_autoptr(DubStsFragment) owned = fragment;
    const DubStsArrival arrival =
        dub_sts_order_arrive(self->order, fragment->fragment_id, fragment->sequence_number);
    switch (arrival) {
    case DUB_STS_ARRIVAL_NEW:
    case DUB_STS_ARRIVAL_REDO:
        take_fragment(self, g_steal_pointer(&owned), arrival == DUB_STS_ARRIVAL_REDO, now_ns);
        return;
    case DUB_STS_ARRIVAL_OUT:
        emit(self, "fragment:ack", ack_to_json(self, fragment->fragment_id));
        return;
    case DUB_STS_ARRIVAL_STORED:
        emit(self, "fragment:processed", json_incref(dub_sts_order_stored(self->order, fragment->fragment_id)));
        return;
    case DUB_STS_ARRIVAL_FULL:
        dub_sts_order_refuse(self->order, fragment->sequence_number);
        refuse_fragment(self, fragment, "BACKPRESSURE_EXCEEDED", "10 fragments are in flight already");
        return;
    case DUB_STS_ARRIVAL_USED:
        refuse_number(self, fragment, "is used already");
        return;
    case DUB_STS_ARRIVAL_BEYOND:
        refuse_number(self, fragment, "is more than 10 ahead of what is answered");
        return;
    }
}

static bool is_open(const DubStsSession *self)
{
    return self->state == DUB_STS_ACTIVE || self->state == DUB_STS_PAUSED;
}

/* Also says so when not. */
static bool is_its_stream(DubStsSession *self, const DubJson *payload)
{
    const char *stream_id = dub_sts_peek_id(payload, "stream_id");
    if (is_open(self) && (!stream_id || strcmp(stream_id, self->init->stream_id) == 0))
        return true; /* one that is missing is named by the event's own checks */
    g_autofree char *message =
        is_open(self) ? g_strdup_printf("stream_id: this connection carries the stream %s", self->init->stream_id)
                      : g_strdup("stream_id: the stream was never initialised on this connection, or has ended");
    emit(self, "error",
         dub_sts_error_to_json("STREAM_NOT_FOUND", stream_id, dub_sts_peek_id(payload, "fragment_id"), message));
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
    g_autoptr(DubStsFragment) fragment = dub_sts_fragment_parse(payload, &error);
    if (!fragment) {
        g_prefix_error_literal(&error, "fragment:data: ");
        emit_error(self, code_of(error), dub_sts_peek_id(payload, "fragment_id"), error->message);
        skip_number_of(self, payload);
    } else if (self->state == DUB_STS_PAUSED) {
        dub_sts_order_refuse(self->order, fragment->sequence_number);
        refuse_fragment(self, fragment, "STREAM_PAUSED", "the stream is paused; send stream:resume first");
    } else {
        place_fragment(self, g_steal_pointer(&fragment), now_ns);
    }
    send_answers(self, now_ns);
}

/* ── The stream ── */

static void forget_stream(DubStsSession *self)
{
    g_clear_pointer(&self->init, dub_sts_init_free);
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
    g_autoptr(DubStsInit) init = dub_sts_init_parse(payload, &error);
    if (init && self->state != DUB_STS_IDLE && self->state != DUB_STS_COMPLETE)
        g_set_error(&error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "stream_id: this connection carries the stream %s already; end it first", self->init->stream_id);
    if (error) {
        g_prefix_error_literal(&error, "stream:init: ");
        emit(self, "error",
             dub_sts_error_to_json("INVALID_CONFIG", dub_sts_peek_id(payload, "stream_id"), NULL, error->message));
        return;
    }
    forget_stream(self);
    self->init = g_steal_pointer(&init);
    set_state(self, DUB_STS_OPENING);
    self->effects->open(self->init, self->user_data);
}

void dub_sts_session_opened(DubStsSession *self, guint parallel, double expected_ms)
{
    if (self->state != DUB_STS_OPENING)
        return;
    self->parallel = parallel;
    self->expected_ms = expected_ms;
    set_state(self, DUB_STS_ACTIVE);
    const DubStsThresholds t = thresholds(self);
    self->level = dub_sts_pressure_level(&t, 0);
    emit(self, "stream:ready",
         json_pack("{s:s, s:s, s:i, s:{s:b, s:b}}", "stream_id", self->init->stream_id, "session_id", self->session_id,
                   "max_inflight", (int) self->init->max_inflight, "capabilities", "batch_processing", false,
                   "async_delivery", true));
}

void dub_sts_session_refused(DubStsSession *self, const char *code, const char *message)
{
    if (self->state != DUB_STS_OPENING)
        return;
    emit_error(self, code, NULL, message);
    forget_stream(self);
    set_state(self, DUB_STS_IDLE);
}

static bool check_stream_id(DubStsSession *self, const char *event, const DubJson *payload)
{
    const char *stream_id, *reason = NULL;
    g_autoptr(GError) error = NULL;
    if (dub_json_get_string(payload, "stream_id", DUB_JSON_REQUIRED, &stream_id, &error) &&
        dub_json_get_string(payload, "reason", DUB_JSON_OPTIONAL, &reason, &error))
        return is_its_stream(self, payload);
    g_prefix_error(&error, "%s: ", event);
    emit_error(self, "INVALID_CONFIG", NULL, error->message);
    return false;
}

static void on_pause(DubStsSession *self, const DubJson *payload, G_GNUC_UNUSED int64_t now_ns)
{
    if (check_stream_id(self, "stream:pause", payload))
        set_state(self, DUB_STS_PAUSED);
}

static void on_resume(DubStsSession *self, const DubJson *payload, G_GNUC_UNUSED int64_t now_ns)
{
    if (check_stream_id(self, "stream:resume", payload))
        set_state(self, DUB_STS_ACTIVE);
}

static void end_stream(DubStsSession *self, int64_t now_ns)
{
    set_state(self, DUB_STS_ENDING);
    send_answers(self, now_ns);
}

static void on_end(DubStsSession *self, const DubJson *payload, int64_t now_ns)
{
    if (check_stream_id(self, "stream:end", payload))
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
    self->effects->release(self->user_data);
    self->effects->close(self->user_data);
}

/* ── The other events ── */

/* The worker has the dub. Its slot is free already: nothing follows but a look at the shape. */
static void on_fragment_ack(DubStsSession *self, const DubJson *payload, G_GNUC_UNUSED int64_t now_ns)
{
    const char *fragment_id = NULL, *status = NULL;
    g_autoptr(GError) error = NULL;
    if (dub_json_get_string(payload, "fragment_id", DUB_JSON_REQUIRED, &fragment_id, &error) &&
        dub_json_get_string(payload, "status", DUB_JSON_REQUIRED, &status, &error) &&
        strcmp(status, "received") != 0 && strcmp(status, "applied") != 0)
        g_set_error_literal(&error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "status: not one of received, applied");
    if (!error)
        return;
    g_prefix_error_literal(&error, "fragment:ack: ");
    emit_error(self, "INVALID_CONFIG", dub_sts_peek_id(payload, "fragment_id"), error->message);
}

static void on_error_simulation(DubStsSession *self, const DubJson *payload, G_GNUC_UNUSED int64_t now_ns)
{
    g_autoptr(GError) error = NULL;
    if (!self->config.echo)
        g_set_error_literal(&error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "errors are simulated in echo mode only");
    else
        dub_sts_faults_configure(&self->faults, payload, &error);
    emit(self, "config:error_simulation:ack",
         error ? json_pack("{s:s, s:s}", "status", "rejected", "error_message", error->message)
               : json_pack("{s:s, s:i}", "status", "accepted", "rules_count", (int) self->faults.rules->len));
}

static const struct {
    const char *event;
    void (*handle)(DubStsSession *self, const DubJson *payload, int64_t now_ns);
} handlers[] = {
    { "fragment:data", on_fragment },     { "fragment:ack", on_fragment_ack },
    { "stream:init", on_init },           { "stream:pause", on_pause },
    { "stream:resume", on_resume },       { "stream:end", on_end },
    { "config:error_simulation", on_error_simulation },
};

bool dub_sts_session_event(DubStsSession *self, const char *event, const DubJson *payload, int64_t now_ns)
{
    for (gsize i = 0; i < G_N_ELEMENTS(handlers); i++) {
        if (strcmp(handlers[i].event, event) == 0) {
            handlers[i].handle(self, payload, now_ns);
            return true;
        }
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
    int64_t next = earlier(self->close_at_ns, give_up_at(self));
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
    const uint64_t number = out->fragment->sequence_number;
    const char *stage = self->effects->cancel(number, self->user_data);
    g_autofree char *message = g_strdup_printf("not done within %u ms", self->init->timeout_ms);
    DubStsOutcome *outcome = dub_sts_outcome_new_failed("TIMEOUT", stage, true, message);
    outcome->processing_ms = self->init->timeout_ms;
    dub_sts_session_finished(self, number, outcome, now_ns);
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
    if (is_due(self->close_at_ns, now_ns)) {
        self->close_at_ns = DUB_TIME_NONE;
        self->effects->close(self->user_data);
    }
}
