/* tests/unit/worker/worker-world.c */
#include "worker-world.h"

#include "base/error.h"

#include <math.h>

/* --- effects ---------------------------------------------------------------------------------------------------- */

static void on_open_source(void *data)
{
    World *w = data;
    w->source_open = true;
    w->n_opens++;
}

static void on_close_source(void *data)
{
    ((World *) data)->source_open = false;
}

static void on_hold_source(bool held, void *data)
{
    World *w = data;
    g_assert_false(w->c->live);
    w->held = held;
}

static void on_start_speech(G_GNUC_UNUSED const DubWorkerInput *input, void *data)
{
    ((World *) data)->speech_started = true;
}

static void on_submit(DubFragment *fragment, void *data)
{
    World *w = data;
    g_assert_true(w->speech_up);
    g_assert_cmpuint(fragment->sequence_number, ==, w->last_sequence++);
    w->n_submitted++;
    if (w->c->answer_after_ms != NEVER) {
        const Answer answer = { fragment->sequence_number, w->now_ns + w->c->answer_after_ms * MS,
                                fragment->pcm->n_frames };
        g_array_append_val(w->answers, answer);
    }
    dub_fragment_free(fragment);
}

static void on_applied(G_GNUC_UNUSED uint64_t sequence_number, G_GNUC_UNUSED void *data)
{
}

static void on_end_speech(void *data)
{
    ((World *) data)->speech_up = false;
}

static bool on_open_sink(G_GNUC_UNUSED const DubWorkerInput *input, void *data)
{
    World *w = data;
    const bool changes = w->c->back_codec || w->c->back_without_video;
    g_assert_false((w->sink_open && !changes) || w->sink_opening);
    w->n_sinks++;
    w->sink_frames = 0;
    w->sink_open = false;
    w->sink_asked_ns = w->now_ns;
    if (w->c->claim_ms) {
        w->sink_opening = true;
        return false;
    }
    w->sink_open = true;
    w->sink_opened_ns = w->now_ns;
    w->last_dts_ns = w->c->n_hidden ? -DUB_NS_PER_S : -1;
    return true;
}

static void note_came(World *w, int track)
{
    if (w->came_ns[track])
        w->worst_gap_ns[track] = MAX(w->worst_gap_ns[track], w->now_ns - w->came_ns[track]);
    w->came_ns[track] = w->now_ns;
}

static void on_push_video(void *payload, int64_t pts_ns, int64_t dts_ns, void *data)
{
    World *w = data;
    g_assert_true(w->sink_open && !w->ended);
    g_assert_cmpint(dts_ns, >, w->last_dts_ns);
    w->last_dts_ns = dts_ns;
    w->last_video_pts_ns = pts_ns;
    note_came(w, 1);
    DubWorkerStats stats;
    dub_worker_stats(w->worker, &stats);
    const int64_t late = w->now_ns - (w->start_ns + dts_ns + stats.delay_ns);
    const bool is_overdue = w->c->head_ms * MS > stats.delay_ns && dts_ns < w->c->head_ms * MS;
    if (w->c->live && !is_overdue && !w->c->stop_at_ms && stats.rebuffers == 0 && w->n_breaks == 0) {
        g_assert_cmpint(late, >=, 0);
        w->worst_late_ns = MAX(w->worst_late_ns, late);
    }
    w->live_payloads--;
    g_free(payload);
}

/* What is played came the delay ago, as long as nothing has disturbed the source. */
static void expect_arrival(const World *w)
{
    const Case *c = w->c;
    DubWorkerStats stats;
    dub_worker_stats(w->worker, &stats);
    if (!c->live || c->length_ms == 0 || c->head_ms || c->stall_ms || c->jump_at_ms || c->away_ms || c->stop_at_ms ||
        w->n_breaks)
        return;
    const int64_t source_end_ns = w->start_ns + (int64_t) c->length_ms * MS;
    if (w->now_ns < source_end_ns)
        g_assert_cmpint(ABS(stats.played_arrived_ns + stats.delay_ns - w->now_ns), <=, 3 * BLOCK_MS * MS);
    else
        g_assert_cmpint(stats.played_arrived_ns, <=, source_end_ns);
}

static void on_push_audio(DubPcm *pcm, void *data)
{
    World *w = data;
    g_assert_true(w->sink_open && !w->ended);
    if (w->out_frames == 0)
        w->first_out_ns = w->now_ns;
    w->out_frames += (int64_t) pcm->n_frames;
    w->sink_frames += (int64_t) pcm->n_frames;
    note_came(w, 0);
    expect_arrival(w);
    dub_pcm_unref(pcm);
}

static void on_end_sink(bool complete, void *data)
{
    World *w = data;
    w->ended = true;
    w->complete = complete;
}

static void on_decided(const DubWorkerFragment *fragment, void *data)
{
    World *w = data;
    g_assert_cmpuint(fragment->index, ==, w->next_index++);
    w->decided++;
    w->dubbed += fragment->fallback == DUB_FALLBACK_NONE;
    w->reasons[fragment->fallback]++;
}

static void on_state(G_GNUC_UNUSED DubWorkerState state, G_GNUC_UNUSED void *data)
{
}

static void on_stopped(const GError *error, void *data)
{
    World *w = data;
    g_assert_false(w->stopped);
    w->stopped = true;
    w->error = error ? g_error_copy(error) : NULL;
}

static World *world_of_payload;

static void *on_copy_still(const void *payload)
{
    world_of_payload->live_payloads++;
    world_of_payload->n_stills++;
    return g_memdup2(payload, 1);
}

static void on_free_payload(void *payload)
{
    world_of_payload->live_payloads--;
    g_free(payload);
}

static const DubWorkerEffects effects = {
    .open_source = on_open_source,
    .close_source = on_close_source,
    .hold_source = on_hold_source,
    .start_speech = on_start_speech,
    .submit = on_submit,
    .applied = on_applied,
    .end_speech = on_end_speech,
    .open_sink = on_open_sink,
    .push_video = on_push_video,
    .push_audio = on_push_audio,
    .end_sink = on_end_sink,
    .fragment_decided = on_decided,
    .state_changed = on_state,
    .stopped = on_stopped,
    .copy_still = on_copy_still,
    .free_payload = on_free_payload,
};

/* --- the world moves -------------------------------------------------------------------------------------------- */

int64_t world_source_time(const World *w, int64_t ms)
{
    const unsigned anew_at = w->c->jump_at_ms ? w->c->jump_at_ms : w->c->away_at_ms + w->c->away_ms - w->c->back_age_ms;
    return (anew_at && ms >= anew_at ? ms - anew_at : ms + 1000000) * MS;
}

static bool has_video(const World *w)
{
    return w->c->has_video && !(w->is_back && w->c->back_without_video);
}

static DubWorkerInput input_now(const World *w)
{
    return (DubWorkerInput){ .has_video = has_video(w),
                             .live = true,
                             .rate_hz = w->is_back && w->c->back_rate_hz ? w->c->back_rate_hz : RATE,
                             .channels = w->is_back && w->c->back_channels ? w->c->back_channels : 1,
                             .head_ns = w->c->back_age_ms * MS,
                             .video_codec = w->is_back ? w->c->back_codec : 0 };
}

static void deliver(World *w, int64_t ms)
{
    if (has_video(w) && ms % FRAME_MS == 0) {
        const bool repeats = w->c->dts_repeats && ms / FRAME_MS % 3 == 1;
        const int64_t dts_ns = w->c->dts_repeats ? world_source_time(w, repeats ? ms - FRAME_MS : ms) : DUB_TIME_NONE;
        const DubWorkerVideo video = { g_malloc(1),   world_source_time(w, ms), dts_ns,
                                       FRAME_MS * MS, ms % 1000 == 0,           1000,
                                       false };
        w->live_payloads++;
        dub_worker_source_video(w->worker, &video, w->now_ns);
    }
    const unsigned rate_hz = w->is_back && w->c->back_rate_hz ? w->c->back_rate_hz : RATE;
    const unsigned channels = w->is_back && w->c->back_channels ? w->c->back_channels : 1;
    g_autoptr(DubPcm) pcm = dub_pcm_new(rate_hz, channels, rate_hz * BLOCK_MS / 1000);
    for (gsize i = 0; i < pcm->n_frames * channels; i++)
        pcm->samples[i] = 0.3f * (float) sin(((double) ms / 1000 + (double) (i / channels) / rate_hz) * 1600);
    const unsigned leap_ms = w->c->leap_ms && ms >= w->c->leap_at_ms ? w->c->leap_ms : 0;
    dub_worker_source_audio(w->worker, pcm, world_source_time(w, ms) + leap_ms * MS, w->now_ns);
}

static void note_queue(World *w)
{
    DubWorkerStats stats;
    dub_worker_stats(w->worker, &stats);
    w->worst_queued_ns = MAX(w->worst_queued_ns, stats.audio_queued_ns);
}

/* Half a second, whatever their number: the source packs them into it. */
static void deliver_hidden(World *w)
{
    for (unsigned i = 0; i < w->c->n_hidden; i++) {
        const int64_t time_ns =
            world_source_time(w, 0) - 500 * MS * (int64_t) (w->c->n_hidden - i) / (int64_t) w->c->n_hidden;
        const DubWorkerVideo video = { g_malloc(1), time_ns, time_ns, FRAME_MS * MS, i == 0, 1000, true };
        w->live_payloads++;
        dub_worker_source_video(w->worker, &video, w->now_ns);
    }
}

static bool stalled(const World *w, int64_t elapsed_ms)
{
    return w->c->stall_ms && elapsed_ms >= w->c->stall_at_ms && elapsed_ms < w->c->stall_at_ms + w->c->stall_ms;
}

/* The publisher leaves, and comes back while its stream still drains. */
static void move_publisher(World *w, int64_t elapsed_ms)
{
    if (elapsed_ms == w->c->away_at_ms)
        dub_worker_source_eos(w->worker, w->now_ns);
    if (elapsed_ms != w->c->away_at_ms + w->c->away_ms)
        return;
    w->arrived_ms = elapsed_ms - w->c->back_age_ms;
    g_assert_true(dub_worker_resume(w->worker, false, w->now_ns));
    dub_worker_tick(w->worker, w->now_ns);
    g_assert_true(w->source_open);
    w->is_back = true;
    const DubWorkerInput input = input_now(w);
    dub_worker_source_info(w->worker, &input, w->now_ns);
}

/* The source is tried again and again; once it is there, it goes on. */
static void move_broken_source(World *w, int64_t elapsed_ms)
{
    const DubWorkerInput input = { w->c->has_video, true, RATE, 1 };
    if (w->c->told_back && elapsed_ms == w->c->away_at_ms + w->c->away_ms) {
        g_assert_true(dub_worker_resume(w->worker, false, w->now_ns));
        dub_worker_tick(w->worker, w->now_ns);
        g_assert_true(w->source_open); /* the next attempt by itself would be at 50 s */
    }
    if (elapsed_ms < w->c->away_at_ms || !w->source_open || w->is_back)
        return;
    w->is_back = elapsed_ms >= w->c->away_at_ms + w->c->away_ms;
    w->arrived_ms = elapsed_ms;
    if (w->is_back) {
        dub_worker_source_info(w->worker, &input, w->now_ns);
        return;
    }
    g_autoptr(GError) error = g_error_new_literal(DUB_ERROR, DUB_ERROR_NETWORK, "the server does not answer");
    dub_worker_source_error(w->worker, error, w->now_ns);
}

void world_move_source(World *w)
{
    const int64_t elapsed_ms = (w->now_ns - w->start_ns) / MS;
    if (w->c->breaks_away)
        move_broken_source(w, elapsed_ms);
    else if (w->c->away_ms)
        move_publisher(w, elapsed_ms);
    /* A file gives as much as it is asked for, but no second's worth at a time; live gives what has happened. */
    const int64_t until = w->c->live ? elapsed_ms + BLOCK_MS : w->arrived_ms + 1000;
    while (w->source_open && !w->held && !stalled(w, elapsed_ms) &&
           w->arrived_ms < MIN(until, (int64_t) w->c->length_ms)) {
        deliver(w, w->arrived_ms);
        note_queue(w);
        w->arrived_ms += BLOCK_MS;
    }
    if (!w->source_open || w->held || w->arrived_ms < (int64_t) w->c->length_ms)
        return;
    if (w->c->patience_ms && w->c->away_ms) /* it would be waited for once more */
        dub_worker_stop(w->worker, 0, w->now_ns);
    else
        dub_worker_source_eos(w->worker, w->now_ns);
}

static DubSpeechResult *make_result(const World *w, const Answer *answer)
{
    DubSpeechResult *result = dub_speech_result_new(answer->sequence_number);
    const bool fails = answer->sequence_number >= w->c->fail_from && answer->sequence_number < w->c->fail_to;
    g_free(result->answer->transcript);
    result->answer->transcript = g_strdup("hello");
    if (fails)
        dub_fragment_processed_fail(result->answer, "MODEL_ERROR", "asr", true, "made to fail");
    else
        result->dub = dub_pcm_new(RATE, 1, answer->n_frames);
    return result;
}

static void bring_up(World *w)
{
    w->speech_up = true;
    w->last_sequence = 0;
    dub_worker_speech_ready(w->worker, 3, w->now_ns);
}

void world_move_speech(World *w)
{
    const unsigned elapsed_ms = (unsigned) ((w->now_ns - w->start_ns) / MS);
    if (w->c->lose_at_ms && !w->lost && elapsed_ms >= w->c->lose_at_ms) {
        w->lost = true;
        w->speech_up = false;
        g_array_set_size(w->answers, 0);
        dub_worker_speech_lost(w->worker, w->now_ns);
    }
    const unsigned up_at = w->lost ? w->c->lose_at_ms + (w->c->lost_ms ? w->c->lost_ms : 3000) : w->c->ready_at_ms;
    if (w->speech_started && !w->speech_up && !w->ended && elapsed_ms >= up_at)
        bring_up(w);
    while (w->answers->len > 0 && g_array_index(w->answers, Answer, 0).at_ns <= w->now_ns) {
        const Answer answer = g_array_index(w->answers, Answer, 0);
        g_array_remove_index(w->answers, 0);
        dub_worker_speech_result(w->worker, make_result(w, &answer), w->now_ns);
    }
}

static void move_claim(World *w)
{
    if (!w->sink_opening || w->now_ns - w->sink_asked_ns < w->c->claim_ms * MS)
        return;
    w->sink_opening = false;
    w->sink_open = true;
    w->sink_opened_ns = w->now_ns;
    w->last_dts_ns = -1;
    dub_worker_sink_opened(w->worker, w->now_ns);
}

static void move_sink(World *w)
{
    move_claim(w);
    if (w->sink_open && !w->ended && w->n_breaks < w->c->breaks &&
        w->now_ns - w->sink_opened_ns >= w->c->break_after_ms * MS) {
        g_autoptr(GError) error = g_error_new_literal(DUB_ERROR, DUB_ERROR_NETWORK, "the connection was reset");
        w->n_breaks++;
        w->sink_open = false;
        dub_worker_sink_error(w->worker, error, w->now_ns);
    }
    if (w->ended && !w->stopped)
        dub_worker_sink_finished(w->worker, w->now_ns);
}

void world_run(World *w)
{
    const DubWorkerInput input = { w->c->has_video, w->c->live, RATE, 1, w->c->head_ms * MS, world_source_time(w, 0) };
    w->now_ns += w->c->head_ms * MS;
    dub_worker_start(w->worker, w->now_ns);
    dub_worker_source_info(w->worker, &input, w->now_ns);
    deliver_hidden(w);
    for (int steps = 0; !w->stopped; steps++) {
        g_assert_cmpint(steps, <, 60 * 60 * 50); /* an hour of virtual time: it hangs */
        world_move_source(w);
        world_move_speech(w);
        if (w->c->stop_at_ms && (w->now_ns - w->start_ns) / MS == w->c->stop_at_ms)
            dub_worker_stop(w->worker, 10 * DUB_NS_PER_S, w->now_ns);
        if (w->c->live)
            dub_worker_tick(w->worker, w->now_ns);
        move_sink(w);
        w->now_ns += BLOCK_MS * MS;
    }
}

void world_expect_outcome(const World *w)
{
    DubWorkerStats stats;
    dub_worker_stats(w->worker, &stats);
    g_assert_no_error(w->error);
    g_assert_cmpint(w->dubbed, >=, w->c->min_dubbed);
    g_assert_cmpint(w->dubbed, <=, w->c->max_dubbed);
    if (w->c->reason)
        g_assert_cmpint(w->reasons[w->c->reason], >, 0);
    else
        g_assert_true(w->dubbed == w->decided || w->c->stall_ms || w->c->jump_at_ms || w->c->away_ms ||
                      w->c->stop_at_ms);
    g_assert_cmpuint(stats.rebuffers, <=, w->c->max_rebuffers);
    g_assert_cmpuint(w->live_payloads, ==, 0);
    g_assert_true(stats.video_dropped == 0 || w->c->stop_at_ms || w->c->away_ms);
    g_assert_cmpint(w->worst_late_ns, <=, 2 * BLOCK_MS * MS);
    if (!w->c->live) /* 8 fragments, and what was cut in one go */
        g_assert_cmpint(w->worst_queued_ns, <=, 70 * DUB_NS_PER_S);
    const int64_t expected_ms = w->c->stop_at_ms ? w->c->stop_at_ms : w->c->length_ms + w->c->leap_ms;
    g_assert_cmpint(ABS(w->out_frames * 1000 / RATE - expected_ms), <=, w->c->jump_at_ms ? 60 : 20);
    if (w->c->has_video)
        g_assert_cmpint(ABS(w->last_video_pts_ns / MS + FRAME_MS - expected_ms), <=,
                        FRAME_MS + (w->c->jump_at_ms ? 60 : 20));
    if (w->c->stop_at_ms)
        g_assert_cmpint(w->now_ns - w->start_ns, <=, (w->c->stop_at_ms + 10100) * MS);
    g_assert_true(w->complete);
}

void world_run_case(const Case *c, void (*run)(World *w), void (*expect)(const World *w))
{
    World w = { .c = c, .start_ns = 1000 * DUB_NS_PER_S, .last_dts_ns = -1 };
    world_of_payload = &w;
    w.now_ns = w.start_ns;
    w.answers = g_array_new(FALSE, FALSE, sizeof(Answer));
    const DubWorkerConfig config = {
        .stream_id = w.c->name,
        .segment_ns = 6 * DUB_NS_PER_S,
        .segment_mode = DUB_SEGMENT_FIXED,
        .timeout_ns = 8 * DUB_NS_PER_S,
        .bed_gain = 0,
        .breaker_threshold = 5,
        .breaker_cooldown_ns = 30 * DUB_NS_PER_S,
        .source_attempts = 5,
        .patience_ns = w.c->patience_ms * MS,
    };
    w.worker = dub_worker_new(&config, &effects, &w);
    run(&w);
    expect(&w);
    g_clear_error(&w.error);
    dub_worker_free(w.worker);
    g_array_unref(w.answers);
}
