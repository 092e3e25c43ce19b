/* worker/worker.c: the states of a stream and what each event does to them; intake.c has what the source delivers,
 * play.c the path of the sound.
 * set_state() is the only writer of the state. */
#include "worker/private.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#define OVERHANG(segment_ns)   ((segment_ns) / 6) /* live, a pause is looked for up to here past the nominal length, */
#define MOST_OVERHANG(segment) ((segment) / 4)    /* or up to here, where a longer delay was chosen */
#define EXPECTED_COST          0.2                /* processing seconds a second of sound, until the engines say */
#define MARGIN_NS              (1150 * DUB_NS_PER_MS) /* a busy machine, the network, the codecs */
#define FIRST_RETRY_NS         (2 * DUB_NS_PER_S)     /* 2, 4, 8, 16, 32 s */
#define SINK_BREAKS            5                      /* in a row */
#define SINK_SOON_NS           (250 * DUB_NS_PER_MS)  /* a server that is being restarted refuses at once */
#define SINK_SOON_FOR_NS       (10 * DUB_NS_PER_S)    /* that often for so long, then as FIRST_RETRY_NS */
#define SINK_HELD_NS           DUB_NS_PER_S           /* what was open for so long had been taken */
#define WELL_NS                (60 * DUB_NS_PER_S)    /* what ran for so long was mended: connecting gives up sooner */
#define SOON_NS                (2 * DUB_NS_PER_S)     /* before the first frame leaves: the output is being opened */
#define SPEECH_REST_NS         (30 * DUB_NS_PER_S)    /* after a backend gave up */

const char *dub_worker_state_to_string(DubWorkerState state)
{
    switch (state) {
    case DUB_WORKER_IDLE: return "idle";
    case DUB_WORKER_CONNECTING: return "connecting";
    case DUB_WORKER_RUNNING: return "running";
    case DUB_WORKER_RECOVERING: return "recovering";
    case DUB_WORKER_DRAINING: return "draining";
    case DUB_WORKER_STOPPED: return "stopped";
    }
    return "invalid";
}

const char *dub_fallback_to_string(DubFallback reason)
{
    switch (reason) {
    case DUB_FALLBACK_NONE: return "none";
    case DUB_FALLBACK_DEADLINE: return "deadline";
    case DUB_FALLBACK_FAILED: return "failed";
    case DUB_FALLBACK_DISCONNECTED: return "disconnected";
    case DUB_FALLBACK_CIRCUIT_OPEN: return "circuit_open";
    case DUB_FALLBACK_BACKPRESSURE: return "backpressure";
    case DUB_N_FALLBACKS: break;
    }
    return "invalid";
}

int64_t dub_worker_default_delay(int64_t segment_ns, int64_t timeout_ns, int64_t processing_ns)
{
    const int64_t longest = segment_ns + OVERHANG(segment_ns);
    const double cost = processing_ns > 0 ? (double) processing_ns / (double) segment_ns : EXPECTED_COST;
    const int64_t wanted = longest + (int64_t) ((double) longest * cost) + MARGIN_NS;
    return MIN(wanted, segment_ns + MAX(timeout_ns, OVERHANG(segment_ns) + MARGIN_NS));
}

/* The longest segment: of a live stream, what its delay has time for. */
static int64_t longest_segment(const DubWorker *self)
{
    const int64_t segment_ns = self->config.segment_ns;
    if (!self->paced)
        return segment_ns + segment_ns / 2;
    const int64_t usual_ns = dub_worker_default_delay(segment_ns, self->config.timeout_ns, 0);
    const int64_t room_ns = self->config.playout_delay_ns > 0 ? (self->config.playout_delay_ns - usual_ns) / 2 : 0;
    return segment_ns + CLAMP(OVERHANG(segment_ns) + room_ns, OVERHANG(segment_ns), MOST_OVERHANG(segment_ns));
}

DubWorker *dub_worker_new(const DubWorkerConfig *config, const DubWorkerEffects *effects, void *user_data)
{
    DubWorker *self = g_new0(DubWorker, 1);
    self->config = *config;
    self->effects = *effects;
    self->user_data = user_data;
    self->stream_id = g_strdup(config->stream_id);
    self->config.stream_id = self->stream_id;
    self->stats.delay_ns = config->playout_delay_ns > 0
                               ? config->playout_delay_ns
                               : dub_worker_default_delay(config->segment_ns, config->timeout_ns, 0);
    g_queue_init(&self->early);
    g_queue_init(&self->delayed);
    g_queue_init(&self->changes);
    self->early_since_ns = self->speech_retry_ns = self->source_retry_ns = self->decide_by_ns = DUB_TIME_NONE;
    self->last_dts_ns = self->sink_broken_ns = self->arrived_ns = DUB_TIME_NONE;
    self->fragments = dub_fragments_new();
    self->max_inflight = 1;
    self->sink_room = true;
    dub_breaker_init(&self->breaker, config->breaker_threshold, config->breaker_cooldown_ns);
    return self;
}

void dub_worker_free(DubWorker *self)
{
    if (!self)
        return;
    dub_worker_clear_intake(self);
    dub_fragments_free(self->fragments);
    dub_speech_mix_free(self->speech_mix);
    dub_segmenter_free(self->segmenter);
    dub_companion_free(self->commentary);
    dub_mixer_free(self->mixer);
    dub_drift_free(self->drift);
    dub_resampler_free(self->resampler);
    dub_worker_forget_still(self);
    dub_playout_free(self->playout);
    g_clear_error(&self->error);
    g_clear_error(&self->sink_error);
    g_free(self->stream_id);
    g_free(self);
}

DubWorkerState dub_worker_state(const DubWorker *self)
{
    return self->state;
}

void dub_worker_stats(const DubWorker *self, DubWorkerStats *stats)
{
    *stats = self->stats;
    stats->breaker = self->breaker.state;
    stats->breaker_failures = self->breaker.total_failures;
    stats->inflight = dub_fragments_inflight(self->fragments);
    stats->played_arrived_ns = DUB_TIME_NONE;
    if (!self->known)
        return;
    stats->video_queued = dub_playout_length(self->playout);
    stats->audio_queued_ns =
        dub_worker_frames_to_ns(self, dub_mixer_received(self->mixer) - dub_mixer_rendered(self->mixer));
    stats->played_ns = dub_worker_frames_to_ns(self, dub_mixer_rendered(self->mixer));
    stats->epochs = self->epochs.epoch;
    if (self->input.live && self->arrived_ns != DUB_TIME_NONE)
        stats->played_arrived_ns = self->arrived_ns - stats->audio_queued_ns;
}

static void set_state(DubWorker *self, DubWorkerState state)
{
    if (self->state == state)
        return;
    dub_info("stream %s: %s -> %s", self->stream_id, dub_worker_state_to_string(self->state),
             dub_worker_state_to_string(state));
    self->state = state;
    self->effects.state_changed(state, self->user_data);
}

static bool is_over(const DubWorker *self)
{
    return self->state == DUB_WORKER_STOPPED || self->state == DUB_WORKER_IDLE;
}

static void finish(DubWorker *self)
{
    if (self->state == DUB_WORKER_STOPPED)
        return;
    set_state(self, DUB_WORKER_STOPPED);
    dub_worker_forget_still(self);
    self->effects.stopped(self->error, self->user_data);
}

static void remember_error(DubWorker *self, const GError *error)
{
    if (!self->error && error)
        self->error = g_error_copy(error);
}

static void end_sink(DubWorker *self)
{
    self->effects.end_speech(self->user_data);
    self->link = LINK_ENDED;
    if (self->sink != SINK_OPEN) {
        if (!self->stop_asked)
            remember_error(self, self->sink_error); /* the end has reached nobody, or nothing has */
        finish(self);
        return;
    }
    self->sink = SINK_ENDING;
    /* A live source has no other end than being stopped; a file that was stopped is only a part. */
    self->effects.end_sink(!self->error && !(self->stop_asked && !self->input.live), self->user_data);
}

/* The end of every event: play on, and see whether that was all. */
void dub_worker_go_on(DubWorker *self, int64_t now_ns)
{
    if (is_over(self) || !self->known)
        return;
    do {
        dub_worker_play(self, now_ns);
    } while (dub_worker_take_owed(self, now_ns));
    if (self->state == DUB_WORKER_DRAINING && self->sink != SINK_ENDING && self->sink != SINK_DONE &&
        dub_worker_all_played(self) && !dub_worker_awaits(self, DUB_TRACK_AUDIO, now_ns))
        end_sink(self);
}

void dub_worker_start(DubWorker *self, G_GNUC_UNUSED int64_t now_ns)
{
    g_return_if_fail(self->state == DUB_WORKER_IDLE);
    set_state(self, DUB_WORKER_CONNECTING);
    self->effects.open_source(self->user_data);
}

/* --- the source's shape ----------------------------------------------------------------------------------------- */

static void make_parts(DubWorker *self)
{
    const DubSegmenterConfig segmenter = {
        .rate_hz = self->input.rate_hz,
        .channels = dub_speech_mix_channels(self->input.channels),
        .nominal_ns = self->config.segment_ns,
        .longest_ns = longest_segment(self),
        .mode = self->config.segment_mode,
        .eager = self->paced,
    };
    const DubMixerConfig mixer = { self->input.rate_hz, self->input.channels, self->config.bed_gain };
    self->speech_mix = dub_speech_mix_new(self->input.rate_hz, self->input.channels);
    self->segmenter = dub_segmenter_new(&segmenter);
    self->mixer = dub_mixer_new(&mixer);
    self->resampler = dub_resampler_new(self->input.rate_hz, self->input.channels);
    self->drift = dub_drift_new(self->input.rate_hz, self->input.channels);
    if (self->input.has_commentary)
        self->commentary = dub_companion_new(self->input.rate_hz, segmenter.channels);
    self->playout = dub_playout_new(self->stats.delay_ns, DUB_WORKER_VIDEO_BYTES_MAX, self->effects.free_payload);
    dub_epochs_init(&self->epochs, self->input.live ? DUB_EPOCH_LIVE_GAP_NS : DUB_EPOCH_FILE_GAP_NS);
}

static bool needs_another_output(const DubWorkerInput *a, const DubWorkerInput *b)
{
    return a->has_video != b->has_video || (a->has_video && a->video_codec != b->video_codec);
}

/* The source has come back. Its sound is made what it was; pictures of another size bring their own headers. */
static void compare_input(DubWorker *self, const DubWorkerInput *input)
{
    if (self->input.rate_hz != input->rate_hz || self->input.channels != input->channels)
        dub_info(
            "stream %s: the source came back with sound of %u Hz and %u channels: it is made %u Hz and %u channels",
            self->stream_id, input->rate_hz, input->channels, self->input.rate_hz, self->input.channels);
    if (!self->epochs.anchored) { /* there is no output yet */
        self->input.has_video = input->has_video;
        self->input.video_codec = input->video_codec;
        return;
    }
    DubOutputChange *unused = g_queue_peek_tail(&self->changes);
    if (unused && unused->at_ns == DUB_TIME_NONE)
        g_free(g_queue_pop_tail(&self->changes));
    const DubOutputChange *last = g_queue_peek_tail(&self->changes);
    if (!needs_another_output(last ? &last->input : &self->input, input))
        return;
    const DubOutputChange change = { DUB_TIME_NONE, *input };
    g_queue_push_tail(&self->changes, g_memdup2(&change, sizeof change));
}

void dub_worker_source_info(DubWorker *self, const DubWorkerInput *input, int64_t now_ns)
{
    if (is_over(self) || self->state == DUB_WORKER_DRAINING)
        return;
    self->source_opened_ns = now_ns;
    if (self->known) {
        compare_input(self, input);
    } else {
        self->input = *input;
        self->known = true;
        self->paced = input->live || self->config.paced;
        make_parts(self);
        self->effects.start_speech(input, self->user_data);
    }
    self->age_ns = input->head_ns;
    self->first_ns = input->first_ns;
    set_state(self, DUB_WORKER_RUNNING);
    dub_worker_go_on(self, now_ns);
}

/* --- a source that is away -------------------------------------------------------------------------------------- */

bool dub_worker_awaits(const DubWorker *self, DubTrack track, int64_t now_ns)
{
    return self->awaits[track] && now_ns < self->away_until_ns;
}

/* Nothing has come since it went, as long as it is tried in vain: the time counts from the first break. */
static void await_source(DubWorker *self, int64_t now_ns)
{
    if (self->config.patience_ns == 0 || !self->input.live || !self->epochs.anchored)
        return;
    if (!self->awaits[DUB_TRACK_AUDIO]) {
        self->away_since_ns = now_ns;
        self->away_until_ns = now_ns + self->config.patience_ns;
    }
    self->awaits[DUB_TRACK_AUDIO] = self->awaits[DUB_TRACK_VIDEO] = true;
}

/* --- the ends --------------------------------------------------------------------------------------------------- */

/* Nothing follows soon, so nothing is gained by waiting for a better place to cut. */
static void cut_here(DubWorker *self)
{
    if (!self->epochs.anchored)
        return;
    dub_worker_end_drift(self);
    dub_worker_hear_commentary(self, true);
    dub_segmenter_finish(self->segmenter);
    dub_worker_take_segments(self);
}

static void start_draining(DubWorker *self, int64_t now_ns)
{
    self->effects.close_source(self->user_data);
    if (!self->known) {
        finish(self);
        return;
    }
    dub_worker_finish_intake(self, now_ns);
    set_state(self, DUB_WORKER_DRAINING);
    cut_here(self);
}

static void note_source_ran(DubWorker *self, int64_t now_ns)
{
    if (self->state == DUB_WORKER_RUNNING && now_ns - self->source_opened_ns >= WELL_NS)
        self->source_attempts = 0;
}

void dub_worker_source_eos(DubWorker *self, int64_t now_ns)
{
    if (is_over(self) || self->state == DUB_WORKER_DRAINING)
        return;
    note_source_ran(self, now_ns);
    if (!self->known || (!self->epochs.anchored && self->early.length == 0)) {
        g_autoptr(GError) error =
            g_error_new_literal(DUB_ERROR, DUB_ERROR_CORRUPT, "the source ended before its first frame");
        remember_error(self, error);
    }
    start_draining(self, now_ns);
    if (!self->error)
        await_source(self, now_ns);
    dub_worker_go_on(self, now_ns);
}

static int64_t retry_wait(unsigned attempt) /* 0, 1, 2, … */
{
    return FIRST_RETRY_NS << MIN(attempt, 4u);
}

static bool worth_retrying(const GError *error)
{
    return g_error_matches(error, DUB_ERROR, DUB_ERROR_NETWORK) ||
           g_error_matches(error, DUB_ERROR, DUB_ERROR_TIMEOUT) || g_error_matches(error, DUB_ERROR, DUB_ERROR_STALLED);
}

void dub_worker_source_error(DubWorker *self, const GError *error, int64_t now_ns)
{
    if (is_over(self) || self->state == DUB_WORKER_DRAINING)
        return;
    const bool was_live = self->known && self->input.live;
    note_source_ran(self, now_ns);
    if (was_live && worth_retrying(error) && self->source_attempts < self->config.source_attempts) {
        const int64_t wait = retry_wait(self->source_attempts++);
        dub_warning("stream %s: source: %s; attempt %u of %u in %d s", self->stream_id, error->message,
                    self->source_attempts, self->config.source_attempts, (int) (wait / DUB_NS_PER_S));
        self->source_retry_ns = now_ns + wait;
        self->effects.close_source(self->user_data);
        dub_worker_finish_intake(self, now_ns);
        cut_here(self);
        dub_segmenter_resume(self->segmenter);
        dub_epochs_break(&self->epochs);
        await_source(self, now_ns);
        set_state(self, DUB_WORKER_RECOVERING);
        return;
    }
    remember_error(self, error);
    start_draining(self, now_ns);
    dub_worker_go_on(self, now_ns);
}

/* All in hand leaves within @within_ns, evenly. Half of it is for the dubs that are still awaited. */
static void hurry(DubWorker *self, int64_t within_ns, int64_t now_ns)
{
    if (!self->known || !self->paced || within_ns <= 0 || !dub_playout_anchored(self->playout))
        return;
    self->decide_by_ns = now_ns + within_ns / 2;
    self->hurry_ns = within_ns / 2;
    dub_worker_hurry_from(self, dub_playout_position(self->playout, now_ns), now_ns);
}

/* No more waiting: what is in hand leaves now. */
static void play_at_once(DubWorker *self, int64_t now_ns)
{
    if (!self->known || !self->paced || !dub_playout_anchored(self->playout))
        return;
    self->decide_by_ns = now_ns;
    const int64_t end_ns = dub_worker_end(self);
    dub_playout_go_on_at(self->playout, MAX(end_ns, dub_playout_position(self->playout, now_ns)), 1, now_ns);
}

static void cut_short(DubWorker *self, int64_t now_ns)
{
    play_at_once(self, now_ns);
    dub_fragments_lose_sent(self->fragments, DUB_FRAGMENT_LOST);
    if (self->link != LINK_ENDED) { /* what has ended well stays ended */
        self->link = LINK_DOWN;
        self->speech_retry_ns = G_MAXINT64;
    }
}

void dub_worker_stop(DubWorker *self, int64_t within_ns, int64_t now_ns)
{
    if (is_over(self))
        return;
    const bool drains = self->state == DUB_WORKER_DRAINING;
    self->away_until_ns = now_ns;
    const bool can_hurry = self->decide_by_ns == DUB_TIME_NONE && self->paced && within_ns > 0;
    if (drains && !can_hurry) {
        cut_short(self, now_ns);
    } else {
        self->stop_asked |= !drains || self->input.live;
        if (!drains)
            start_draining(self, now_ns);
        hurry(self, within_ns, now_ns);
    }
    dub_worker_go_on(self, now_ns);
}

/* At once the first time, then later and later. */
static int64_t wait_for_same(DubWorker *self)
{
    const unsigned attempt = self->source_attempts++;
    return attempt > 0 ? retry_wait(attempt - 1) : 0;
}

bool dub_worker_resume(DubWorker *self, bool is_same, int64_t now_ns)
{
    if (self->state == DUB_WORKER_RECOVERING &&
        !is_same) { /* nobody need wait for the next attempt, if none is under way */
        self->source_attempts = 0;
        self->source_retry_ns = self->source_retry_ns == G_MAXINT64 ? G_MAXINT64 : now_ns;
        return true;
    }
    if (is_same && self->source_attempts >= self->config.source_attempts)
        self->away_until_ns = now_ns; /* it is there, and does not work: another worker may fare better */
    if (is_same && (self->error || self->source_attempts >= self->config.source_attempts))
        return false;
    const bool can = self->state == DUB_WORKER_DRAINING && self->known && self->input.live && !self->stop_asked &&
                     self->sink != SINK_ENDING && self->sink != SINK_DONE && self->link != LINK_ENDED &&
                     self->epochs.anchored;
    if (!can)
        return false;
    g_clear_error(&self->error); /* what ended it is mended */
    dub_epochs_break(&self->epochs);
    dub_segmenter_resume(self->segmenter);
    if (!is_same)
        self->source_attempts = 0;
    self->source_retry_ns = now_ns + (is_same ? wait_for_same(self) : 0);
    set_state(self, DUB_WORKER_RECOVERING); /* the next tick opens the source */
    return true;
}

/* --- speech ----------------------------------------------------------------------------------------------------- */

void dub_worker_speech_expected(DubWorker *self, int64_t processing_ns, int64_t now_ns)
{
    const bool plays = dub_playout_anchored(self->playout) && dub_playout_position(self->playout, now_ns) > -SOON_NS;
    if (is_over(self) || self->config.playout_delay_ns > 0 || plays || self->sink != SINK_CLOSED)
        return;
    self->stats.delay_ns = dub_worker_default_delay(self->config.segment_ns, self->config.timeout_ns, processing_ns);
    dub_playout_set_delay(self->playout, self->stats.delay_ns);
    dub_info("stream %s: the engines take %.2f s for a fragment: played %.2f s behind", self->stream_id,
             (double) processing_ns / DUB_NS_PER_S, (double) self->stats.delay_ns / DUB_NS_PER_S);
}

void dub_worker_speech_ready(DubWorker *self, unsigned max_inflight, int64_t now_ns)
{
    if (is_over(self) || self->link == LINK_ENDED)
        return;
    self->link = LINK_READY;
    dub_breaker_alive(&self->breaker, now_ns);
    self->next_sequence = 0;
    self->max_inflight = MAX(max_inflight, 1);
    self->speech_retry_ns = DUB_TIME_NONE;
    self->send_after_ns = 0;
    dub_worker_go_on(self, now_ns);
}

/* @late: the fragment's deadline has passed, which has counted as its failure. Its answer does not count again; one
 * that the service itself gave shows that it lives. */
static void tell_breaker(DubWorker *self, const DubFragmentProcessed *answer, bool late, int64_t now_ns)
{
    if (late && answer->status != DUB_PROCESSED_FAILED)
        dub_breaker_late(&self->breaker, now_ns);
    else if (late)
        return;
    else if (answer->status == DUB_PROCESSED_FAILED)
        dub_breaker_failure(&self->breaker, answer->error_retryable, now_ns);
    else
        dub_breaker_success(&self->breaker, now_ns);
}

void dub_worker_speech_result(DubWorker *self, DubSpeechResult *result, int64_t now_ns)
{
    DubOpenFragment *fragment = dub_fragments_find_sent(self->fragments, result->sequence_number);
    self->stats.answered[result->answer->status]++;
    tell_breaker(self, result->answer, !fragment, now_ns);
    if (!fragment) {
        self->stats.late++;
        dub_info("stream %s: answer %" G_GUINT64_FORMAT " came after its deadline: dropped", self->stream_id,
                 result->sequence_number);
        dub_speech_result_free(result);
    } else {
        fragment->state = DUB_FRAGMENT_ANSWERED;
        fragment->answered_ns = now_ns;
        fragment->result = result;
    }
    dub_worker_go_on(self, now_ns);
}

void dub_worker_speech_pressure(DubWorker *self, DubPressure pressure, unsigned delay_ms, int64_t now_ns)
{
    self->stats.pressure_events[pressure]++;
    switch (pressure) {
    case DUB_PRESSURE_NONE: self->send_after_ns = 0; break;
    case DUB_PRESSURE_SLOW_DOWN: self->send_after_ns = now_ns + delay_ms * DUB_NS_PER_MS; break;
    case DUB_PRESSURE_PAUSE: self->send_after_ns = now_ns + MAX(delay_ms, 1000) * DUB_NS_PER_MS; break;
    }
    dub_worker_go_on(self, now_ns);
}

/* However the link ends, what was out on it will not be answered, the probe neither. */
static void lose_link(DubWorker *self, DubFragmentState sent_become)
{
    self->link = LINK_DOWN;
    dub_breaker_forget_probe(&self->breaker);
    dub_fragments_lose_sent(self->fragments, sent_become);
}

void dub_worker_speech_lost(DubWorker *self, int64_t now_ns)
{
    if (self->link == LINK_ENDED)
        return;
    self->stats.reconnections++;
    lose_link(self, DUB_FRAGMENT_WAITING); /* sent again, live while there is time */
    dub_worker_go_on(self, now_ns);
}

void dub_worker_speech_failed(DubWorker *self, const GError *error, int64_t now_ns)
{
    if (is_over(self) || self->link == LINK_ENDED)
        return;
    lose_link(self, DUB_FRAGMENT_LOST);
    if (!self->paced) { /* nobody is watching: a file that would come out undubbed is no result */
        remember_error(self, error);
        self->speech_retry_ns = G_MAXINT64;
        if (self->state != DUB_WORKER_DRAINING)
            start_draining(self, now_ns);
    } else {
        dub_warning("stream %s: speech: %s; the original plays, next try in %d s", self->stream_id, error->message,
                    (int) (SPEECH_REST_NS / DUB_NS_PER_S));
        self->speech_retry_ns = now_ns + SPEECH_REST_NS;
    }
    dub_worker_go_on(self, now_ns);
}

/* --- the sink --------------------------------------------------------------------------------------------------- */

void dub_worker_sink_room(DubWorker *self, bool room, int64_t now_ns)
{
    self->sink_room = room;
    if (room)
        dub_worker_go_on(self, now_ns);
}

void dub_worker_sink_finished(DubWorker *self, G_GNUC_UNUSED int64_t now_ns)
{
    self->sink = SINK_DONE;
    finish(self);
}

void dub_worker_sink_opened(DubWorker *self, int64_t now_ns)
{
    if (self->sink != SINK_OPENING)
        return;
    self->sink = SINK_OPEN;
    self->sink_opened_ns = now_ns;
    dub_worker_go_on(self, now_ns);
}

/* A new break counts, and so does each attempt that is not one of the quick ones. */
static void break_sink(DubWorker *self, const GError *error, int64_t now_ns)
{
    const bool had_it = self->sink == SINK_OPEN && now_ns - self->sink_opened_ns >= SINK_HELD_NS;
    const bool is_new = had_it || self->sink_broken_ns == DUB_TIME_NONE;
    if (is_new)
        self->sink_broken_ns = now_ns;
    const bool soon = now_ns - self->sink_broken_ns < SINK_SOON_FOR_NS;
    self->sink_breaks += is_new || !soon;
    self->sink_retry_ns = now_ns + (soon ? SINK_SOON_NS : retry_wait(self->sink_breaks - 1));
    self->sink = SINK_BROKEN;
    self->sink_was_broken = true;
    g_clear_error(&self->sink_error);
    self->sink_error = g_error_copy(error);
    if (is_new || !soon)
        dub_warning("stream %s: output: %s; tried again, %u of %u", self->stream_id, error->message, self->sink_breaks,
                    SINK_BREAKS);
}

void dub_worker_sink_error(DubWorker *self, const GError *error, int64_t now_ns)
{
    if (is_over(self))
        return;
    if (self->sink == SINK_OPEN && now_ns - self->sink_opened_ns >= WELL_NS) {
        self->sink_breaks = 0;
        self->sink_broken_ns = DUB_TIME_NONE;
    }
    const bool was_open = self->sink == SINK_OPEN || self->sink == SINK_OPENING;
    /* What had the path was we ourselves, over a connection that the server has not missed yet. */
    const bool own_rest =
        self->sink == SINK_OPEN && self->sink_was_broken && g_error_matches(error, DUB_ERROR, DUB_ERROR_BUSY);
    if (self->paced && (worth_retrying(error) || own_rest) && was_open && self->sink_breaks <= SINK_BREAKS) {
        break_sink(self, error, now_ns);
        if (self->sink_breaks <= SINK_BREAKS)
            return;
    }
    remember_error(self, error);
    self->sink = SINK_DONE;
    self->effects.close_source(self->user_data);
    self->effects.end_speech(self->user_data);
    finish(self);
}

/* --- time ------------------------------------------------------------------------------------------------------- */

void dub_worker_tick(DubWorker *self, int64_t now_ns)
{
    if (is_over(self))
        return;
    if (self->state == DUB_WORKER_RECOVERING && now_ns >= self->source_retry_ns) {
        self->source_retry_ns = G_MAXINT64; /* until this attempt has failed too */
        self->effects.open_source(self->user_data);
    }
    if (self->speech_retry_ns != DUB_TIME_NONE && now_ns >= self->speech_retry_ns && self->link == LINK_DOWN &&
        self->known) {
        self->speech_retry_ns = DUB_TIME_NONE;
        self->effects.start_speech(&self->input, self->user_data);
    }
    dub_worker_go_on(self, now_ns);
}
