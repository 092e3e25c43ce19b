/* A stream's whole life under virtual time: a scripted source and speech backend, a sink that checks what it gets.
 * No socket, pipeline, engine or clock: a minute of streaming takes milliseconds. */
#include "worker/worker.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <math.h>
#include <string.h>

#define RATE     16000u
#define BLOCK_MS 20
#define FRAME_MS 40
#define MS       DUB_NS_PER_MS
#define NEVER    G_MAXUINT

typedef struct {
    const char *name;
    bool live, has_video;
    unsigned length_ms;              /* of the source */
    unsigned ready_at_ms;            /* NEVER: the link does not come up */
    unsigned answer_after_ms;        /* NEVER: no answers */
    unsigned fail_from, fail_to;     /* sequence numbers answered with a retryable failure, [from, to) */
    unsigned lose_at_ms, lost_ms;    /* the link breaks, 0: it does not; it is back so much later, or 3 s */
    unsigned leap_at_ms, leap_ms;    /* from there on the sound is so much later */
    unsigned jump_at_ms;             /* the source's timestamps start again from 0 */
    unsigned stall_at_ms, stall_ms;  /* nothing arrives for this long, then all of it at once */
    unsigned head_ms;                /* so much has happened when the source opens: all of it comes at once */
    unsigned stop_at_ms;             /* asked to stop within 10 s */
    unsigned away_at_ms, away_ms;    /* the publisher ends, and is back with timestamps from 0 */
    unsigned back_age_ms;            /* … and so much of what comes then has waited for its key frame */
    bool told_back;                  /* … which the worker is told, and need not find out */
    bool breaks_away;                /* … it ends as an error, and so does what is tried meanwhile */
    unsigned claim_ms;               /* so long it takes to be told that the output is ours */
    bool dts_repeats;                /* every third picture has the DTS of the one before it, as some muxers write */
    unsigned n_hidden;               /* so many pictures that an edit list hides come before the first one shown */
    unsigned breaks, break_after_ms; /* so often the output breaks, so long after it was opened */
    /* expected */
    bool gives_up; /* over the breaks */
    int min_dubbed, max_dubbed;
    DubFallback reason; /* at least one of these */
    unsigned max_rebuffers;
} Case;

static const Case cases[] = {
    { "live-all-dubbed", true, true, 40000, 500, 1500, .min_dubbed = 7, .max_dubbed = 7 },
    { "live-no-video", true, false, 40000, 500, 1500, .min_dubbed = 7, .max_dubbed = 7 },
    { "live-link-never-up", true, true, 40000, NEVER, 0, .reason = DUB_FALLBACK_DISCONNECTED },
    { "live-no-answers", true, true, 100000, 500, NEVER, .reason = DUB_FALLBACK_DEADLINE },
    { "live-breaker-opens", true, true, 100000, 500, 300, 2, 7, .min_dubbed = 2, .max_dubbed = 8,
      .reason = DUB_FALLBACK_CIRCUIT_OPEN },
    { "live-link-lost-and-back", true, true, 60000, 500, 1500, .lose_at_ms = 18500, .lost_ms = 1000, .min_dubbed = 10,
      .max_dubbed = 10 },
    { "live-link-lost-for-long", true, true, 60000, 500, 1500, .lose_at_ms = 18500, .lost_ms = 9000, .min_dubbed = 8,
      .max_dubbed = 9, .reason = DUB_FALLBACK_DISCONNECTED },
    { "live-too-slow", true, true, 40000, 500, 7000, .max_dubbed = 1, .reason = DUB_FALLBACK_DEADLINE },
    { "live-timestamps-restart", true, true, 40000, 500, 1500, .jump_at_ms = 15000, .min_dubbed = 6, .max_dubbed = 7 },
    { "live-short-stall", true, true, 40000, 500, 1500, .stall_at_ms = 15000, .stall_ms = 4000, .min_dubbed = 5,
      .max_dubbed = 7 },
    { "live-long-stall-rebuffers", true, true, 40000, 500, 1500, .stall_at_ms = 15000, .stall_ms = 15000,
      .min_dubbed = 3, .max_dubbed = 7, .max_rebuffers = 1 },
    { "live-head-recovered", true, true, 40000, 500, 1500, .head_ms = 4600, .min_dubbed = 7, .max_dubbed = 7 },
    { "live-stopped", true, true, 60000, 500, 1500, .stop_at_ms = 31000, .min_dubbed = 4, .max_dubbed = 6 },
    { "live-publisher-comes-back", true, true, 40000, 500, 1500, .away_at_ms = 20000, .away_ms = 4000, .min_dubbed = 5,
      .max_dubbed = 8 },
    { "live-publisher-comes-back-mid-group", true, true, 40000, 500, 1500, .away_at_ms = 20000, .away_ms = 4000,
      .back_age_ms = 1800, .min_dubbed = 5, .max_dubbed = 8 },
    { "file-all-dubbed", false, true, 60000, 500, 1500, .min_dubbed = 10, .max_dubbed = 10 },
    { "live-dts-repeats", true, true, 40000, 500, 1500, .dts_repeats = true, .min_dubbed = 7, .max_dubbed = 7 },
    { "file-dts-repeats", false, true, 60000, 500, 1500, .dts_repeats = true, .min_dubbed = 10, .max_dubbed = 10 },
    { "file-hidden-pictures", false, true, 60000, 500, 1500, .n_hidden = 12, .min_dubbed = 10, .max_dubbed = 10 },
    { "file-hidden-pictures-alone", false, true, 60000, 500, 1500, .n_hidden = 1030, .min_dubbed = 10,
      .max_dubbed = 10 },
    { "file-late-engines", false, true, 30000, 9000, 9000, .min_dubbed = 5, .max_dubbed = 5 },
    { "file-one-fails", false, true, 30000, 0, 500, 1, 2, .min_dubbed = 4, .max_dubbed = 4,
      .reason = DUB_FALLBACK_FAILED },
    { "file-shorter-than-a-segment", false, true, 2500, 0, 500, .min_dubbed = 1, .max_dubbed = 1 },
    { "file-sound-an-hour-later", false, false, 30000, 0, 300, .leap_at_ms = 15000, .leap_ms = 3500000,
      .min_dubbed = 589, .max_dubbed = 589 },
    { "file-link-lost-sends-again", false, true, 60000, 0, 1500, .lose_at_ms = 3000, .min_dubbed = 10,
      .max_dubbed = 10 },
};

static const Case breaks[] = {
    { "output-breaks-now-and-then", true, true, 1000000, 500, 1500, .breaks = 12, .break_after_ms = 61000 },
    { "output-breaks-at-once", true, true, 300000, 500, 1500, .breaks = 60, .break_after_ms = 20, .gives_up = true },
    { "output-is-claimed", true, true, 60000, 500, 1500, .claim_ms = 40, .breaks = 1, .break_after_ms = 20000 },
    { "output-breaks-soon", true, true, 400000, 500, 1500, .breaks = 6, .break_after_ms = 30000, .gives_up = true },
    { "output-never-there", true, true, 12000, 500, 1500, .breaks = 60, .break_after_ms = 20, .gives_up = true },
    { "output-breaks-five-times", true, true, 200000, 500, 1500, .breaks = 5, .break_after_ms = 20 },
};

static const Case source_is_told = { "source-is-told-to-be-back",
                                     true,
                                     true,
                                     80000,
                                     500,
                                     1500,
                                     .away_at_ms = 20000,
                                     .away_ms = 19000,
                                     .breaks_away = true,
                                     .told_back = true,
                                     .min_dubbed = 10 };
static const Case source_breaks = {
    "source-breaks-and-is-back", true,           true, 80000, 500, 1500, .away_at_ms = 20000, .away_ms = 25000,
    .breaks_away = true,         .min_dubbed = 9
};

typedef struct {
    uint64_t sequence_number;
    int64_t at_ns;
    gsize n_frames;
} Answer;

typedef struct {
    const Case *c;
    DubWorker *worker;
    int64_t now_ns, start_ns;
    bool source_open, held, speech_started, speech_up, sink_open, ended, complete, stopped, lost, is_back;
    int64_t arrived_ms; /* of the source */
    GArray *answers;
    unsigned live_payloads, n_opens;
    int64_t worst_queued_ns; /* of original sound */
    int n_waited;            /* blocks of sound, for the first picture */
    int64_t out_frames, last_dts_ns, last_video_pts_ns, first_out_ns;
    int64_t worst_late_ns; /* of a picture against p + D */
    GError *error;
    unsigned n_breaks;
    int64_t sink_opened_ns, sink_asked_ns;
    bool sink_opening;
    int decided, dubbed, reasons[DUB_N_FALLBACKS];
    uint64_t next_index, last_sequence;
} World;

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
    g_assert_false(w->sink_open || w->sink_opening);
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

static void on_push_video(void *payload, int64_t pts_ns, int64_t dts_ns, void *data)
{
    World *w = data;
    g_assert_true(w->sink_open && !w->ended);
    g_assert_cmpint(dts_ns, >, w->last_dts_ns);
    w->last_dts_ns = dts_ns;
    w->last_video_pts_ns = pts_ns;
    DubWorkerStats stats;
    dub_worker_stats(w->worker, &stats);
    const int64_t late = w->now_ns - (w->start_ns + dts_ns + stats.delay_ns);
    if (w->c->live && !w->c->stop_at_ms && stats.rebuffers == 0 && w->n_breaks == 0) {
        g_assert_cmpint(late, >=, 0);
        w->worst_late_ns = MAX(w->worst_late_ns, late);
    }
    w->live_payloads--;
    g_free(payload);
}

static void on_push_audio(DubPcm *pcm, void *data)
{
    World *w = data;
    g_assert_true(w->sink_open && !w->ended);
    if (w->out_frames == 0)
        w->first_out_ns = w->now_ns;
    w->out_frames += (int64_t) pcm->n_frames;
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
    .free_payload = on_free_payload,
};

/* --- the world moves -------------------------------------------------------------------------------------------- */

static int64_t source_time(const World *w, int64_t ms)
{
    const unsigned anew_at = w->c->jump_at_ms ? w->c->jump_at_ms : w->c->away_at_ms + w->c->away_ms - w->c->back_age_ms;
    return (anew_at && ms >= anew_at ? ms - anew_at : ms + 1000000) * MS;
}

static void deliver(World *w, int64_t ms)
{
    if (w->c->has_video && ms % FRAME_MS == 0) {
        const bool repeats = w->c->dts_repeats && ms / FRAME_MS % 3 == 1;
        const int64_t dts_ns = w->c->dts_repeats ? source_time(w, repeats ? ms - FRAME_MS : ms) : DUB_TIME_NONE;
        const DubWorkerVideo video = { g_malloc(1), source_time(w, ms), dts_ns, FRAME_MS * MS, ms % 1000 == 0, 1000,
                                       false };
        w->live_payloads++;
        dub_worker_source_video(w->worker, &video, w->now_ns);
    }
    g_autoptr(DubPcm) pcm = dub_pcm_new(RATE, 1, RATE * BLOCK_MS / 1000);
    for (gsize i = 0; i < pcm->n_frames; i++)
        pcm->samples[i] = 0.3f * (float) sin((double) (ms * 16 + (int64_t) i) * 0.1);
    const unsigned leap_ms = w->c->leap_ms && ms >= w->c->leap_at_ms ? w->c->leap_ms : 0;
    dub_worker_source_audio(w->worker, pcm, source_time(w, ms) + leap_ms * MS, w->now_ns);
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
            source_time(w, 0) - 500 * MS * (int64_t) (w->c->n_hidden - i) / (int64_t) w->c->n_hidden;
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
    const DubWorkerInput input = { w->c->has_video, true, RATE, 1, w->c->back_age_ms * MS, 0 };
    if (elapsed_ms == w->c->away_at_ms)
        dub_worker_source_eos(w->worker, w->now_ns);
    if (elapsed_ms != w->c->away_at_ms + w->c->away_ms)
        return;
    w->arrived_ms = elapsed_ms - w->c->back_age_ms;
    g_assert_true(dub_worker_resume(w->worker, false, w->now_ns));
    dub_worker_tick(w->worker, w->now_ns);
    g_assert_true(w->source_open);
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

static void move_source(World *w)
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
    if (w->source_open && !w->held && w->arrived_ms >= (int64_t) w->c->length_ms)
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

static void move_speech(World *w)
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

static void run_world(World *w)
{
    const DubWorkerInput input = { w->c->has_video, w->c->live, RATE, 1, w->c->head_ms * MS, source_time(w, 0) };
    w->now_ns += w->c->head_ms * MS;
    dub_worker_start(w->worker, w->now_ns);
    dub_worker_source_info(w->worker, &input, w->now_ns);
    deliver_hidden(w);
    for (int steps = 0; !w->stopped; steps++) {
        g_assert_cmpint(steps, <, 60 * 60 * 50); /* an hour of virtual time: it hangs */
        move_source(w);
        move_speech(w);
        if (w->c->stop_at_ms && (w->now_ns - w->start_ns) / MS == w->c->stop_at_ms)
            dub_worker_stop(w->worker, 10 * DUB_NS_PER_S, w->now_ns);
        if (w->c->live)
            dub_worker_tick(w->worker, w->now_ns);
        move_sink(w);
        w->now_ns += BLOCK_MS * MS;
    }
}

static void expect_outcome(const World *w)
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

static void run_case(const Case *c, void (*run)(World *w), void (*expect)(const World *w))
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
    };
    w.worker = dub_worker_new(&config, &effects, &w);
    run(&w);
    expect(&w);
    g_clear_error(&w.error);
    dub_worker_free(w.worker);
    g_array_unref(w.answers);
}

static void test_case(const void *data)
{
    run_case(data, run_world, expect_outcome);
}

static void expect_break(const World *w)
{
    if (w->c->gives_up)
        g_assert_cmpuint(w->n_breaks, <=, w->c->breaks);
    else
        g_assert_cmpuint(w->n_breaks, ==, w->c->breaks);
    if (w->c->gives_up)
        g_assert_error(w->error, DUB_ERROR, DUB_ERROR_NETWORK);
    else
        g_assert_no_error(w->error);
    g_assert_true(w->ended != w->c->gives_up); /* the last output is closed, and whole */
}

static void test_break(const void *data)
{
    run_case(data, run_world, expect_break);
}

/* A media server is restarted, and refuses at once while it is away; the source is gone with it and the stream
 * drains. */
static const Case server_away = { "output-is-away-for-a-second", true, true, 60000, 500, 1500 };

static void restart_server(World *w)
{
    const DubWorkerInput input = { true, true, RATE, 1, 0, source_time(w, 0) };
    g_autoptr(GError) error = g_error_new_literal(DUB_ERROR, DUB_ERROR_NETWORK, "connection refused");
    const int64_t away_ns = w->start_ns + 30 * DUB_NS_PER_S, back_ns = away_ns + DUB_NS_PER_S;
    dub_worker_start(w->worker, w->now_ns);
    dub_worker_source_info(w->worker, &input, w->now_ns);
    while (!w->stopped) {
        g_assert_cmpint(w->now_ns - w->start_ns, <, 60 * DUB_NS_PER_S);
        if (w->now_ns < away_ns)
            move_source(w);
        if (w->now_ns == away_ns)
            dub_worker_source_eos(w->worker, w->now_ns);
        move_speech(w);
        dub_worker_tick(w->worker, w->now_ns);
        if (w->now_ns >= away_ns && w->now_ns < back_ns && w->sink_open && !w->ended) {
            w->sink_open = false;
            dub_worker_sink_error(w->worker, error, w->now_ns);
        }
        if (w->ended && !w->stopped)
            dub_worker_sink_finished(w->worker, w->now_ns);
        w->now_ns += BLOCK_MS * MS;
    }
}

/* The rest is played: all but what its second, the wait for the next attempt and for a key frame took. */
static void expect_played_on(const World *w)
{
    g_assert_no_error(w->error);
    g_assert_true(w->ended && w->complete);
    const int64_t lost_ms = 30000 - w->out_frames * 1000 / RATE;
    g_assert_cmpint(lost_ms, >=, 1000);
    g_assert_cmpint(lost_ms, <=, 1000 + 250 + 1000);
}

static void test_server_away(void)
{
    run_case(&server_away, restart_server, expect_played_on);
}

/* What had come before the break is dubbed to its last sample. */
static void expect_dubbed_to_the_break(const World *w)
{
    g_assert_no_error(w->error);
    g_assert_true(w->is_back && w->complete);
    g_assert_cmpint(w->dubbed, >=, w->c->min_dubbed);
    g_assert_cmpint(w->reasons[DUB_FALLBACK_BACKPRESSURE], ==, 0); /* never sent */
    g_assert_cmpuint(w->live_payloads, ==, 0);
}

static void test_source_break(const void *data)
{
    run_case(data, run_world, expect_dubbed_to_the_break);
}

/* Video is announced and never comes, and the timestamps of the sound stand still: what waits for a first picture is
 * bounded. */
static const Case still[] = {
    { "live-stands-still", true, true, 0, NEVER, 0 },
    { "file-stands-still", false, true, 0, NEVER, 0 },
};

static void stand_still(World *w)
{
    const DubWorkerInput input = { true, w->c->live, RATE, 1, 0, 0 };
    g_autoptr(DubPcm) pcm = dub_pcm_new(RATE, 1, RATE * BLOCK_MS / 1000);
    dub_worker_start(w->worker, w->now_ns);
    dub_worker_source_info(w->worker, &input, w->now_ns);
    for (int i = 0; i < 2000; i++) {
        dub_worker_source_audio(w->worker, pcm, 5 * DUB_NS_PER_S, w->now_ns);
        w->now_ns += BLOCK_MS * MS;
        DubWorkerStats stats;
        dub_worker_stats(w->worker, &stats);
        if (stats.overlaps_dropped == 0) /* it is placed, all in one place */
            w->n_waited = i + 1;
    }
}

static void expect_placed_in_time(const World *w)
{
    g_assert_cmpint(w->n_waited, >=, 50);
    g_assert_cmpint(w->n_waited, <=,
                    w->c->live ? 110 : 1024); /* two seconds; in a file, which has no clock, a number */
}

static void test_still(const void *data)
{
    run_case(data, stand_still, expect_placed_in_time);
}

/* A source that shows its header and dies is no source that works: the waits grow, and end. */
static const Case dies_young = { "dies-after-its-header", true, false, 0, NEVER, 0 };

static void die_young(World *w)
{
    const DubWorkerInput input = { false, true, RATE, 1, 0, 0 };
    g_autoptr(DubPcm) pcm = dub_pcm_new(RATE, 1, RATE * BLOCK_MS / 1000);
    g_autoptr(GError) error = g_error_new_literal(DUB_ERROR, DUB_ERROR_NETWORK, "the connection was reset");
    dub_worker_start(w->worker, w->now_ns);
    while (!w->stopped && w->now_ns - w->start_ns < 600 * DUB_NS_PER_S) {
        if (w->source_open) {
            dub_worker_source_info(w->worker, &input, w->now_ns);
            dub_worker_source_audio(w->worker, pcm, w->now_ns, w->now_ns);
            dub_worker_source_error(w->worker, error, w->now_ns);
        }
        dub_worker_tick(w->worker, w->now_ns);
        if (w->ended && !w->stopped)
            dub_worker_sink_finished(w->worker, w->now_ns);
        w->now_ns += BLOCK_MS * MS;
    }
}

static void expect_given_up(const World *w)
{
    g_assert_error(w->error, DUB_ERROR, DUB_ERROR_NETWORK);
    g_assert_cmpuint(w->n_opens, ==, 6);
    g_assert_cmpint(w->now_ns - w->start_ns, >=, 62 * DUB_NS_PER_S);
}

static void test_dies_young(void)
{
    run_case(&dies_young, die_young, expect_given_up);
}

/* One that ends as soon as it has begun, while its publisher is listed all along. */
static const Case ends_young = { "ends-after-its-header", true, false, 0, NEVER, 0 };

static void end_young(World *w)
{
    const DubWorkerInput input = { false, true, RATE, 1, 0, 0 };
    g_autoptr(DubPcm) pcm = dub_pcm_new(RATE, 1, RATE * BLOCK_MS / 1000);
    dub_worker_start(w->worker, w->now_ns);
    while (!w->stopped && w->now_ns - w->start_ns < 600 * DUB_NS_PER_S) {
        if (w->source_open) {
            dub_worker_source_info(w->worker, &input, w->now_ns);
            dub_worker_source_audio(w->worker, pcm, w->now_ns, w->now_ns);
            dub_worker_source_eos(w->worker, w->now_ns);
        }
        dub_worker_resume(w->worker, true, w->now_ns);
        dub_worker_tick(w->worker, w->now_ns);
        if (w->ended && !w->stopped)
            dub_worker_sink_finished(w->worker, w->now_ns);
        w->now_ns += BLOCK_MS * MS;
    }
}

static void expect_ended(const World *w)
{
    g_assert_no_error(w->error);
    g_assert_true(w->stopped);
    g_assert_cmpuint(w->n_opens, ==, 6);
}

static void test_ends_young(void)
{
    run_case(&ends_young, end_young, expect_ended);
}

/* What is heard twice is left out to the frame, and an epoch begins on its frame, also where that is within the jitter of
 * timestamps: the rest of it is no drift. */
static const Case overlaps = { "overlap-is-exact", true, false, 0, NEVER, 0 };

static void overlap(World *w)
{
    const DubWorkerInput input = { false, true, RATE, 1, 0, 0 };
    g_autoptr(DubPcm) pcm = dub_pcm_new(RATE, 1, RATE * BLOCK_MS / 1000);
    int64_t source_ns = 0;
    dub_worker_start(w->worker, w->now_ns);
    dub_worker_source_info(w->worker, &input, w->now_ns);
    for (int i = 0; i < 500; i++) {
        source_ns -= i == 300 ? 142 * MS : 0;
        source_ns -= i == 200 ? 3600 * DUB_NS_PER_S : 0;
        dub_worker_source_audio(w->worker, pcm, source_ns, w->now_ns);
        DubWorkerStats stats;
        dub_worker_stats(w->worker, &stats);
        g_assert_cmpuint(stats.gaps_filled, ==, i >= 200); /* at once */
        source_ns += BLOCK_MS * MS;
        w->now_ns += (i == 199 ? 30 + BLOCK_MS : BLOCK_MS) * MS;
        dub_worker_tick(w->worker, w->now_ns);
    }
    dub_worker_source_eos(w->worker, w->now_ns);
    while (!w->stopped) {
        w->now_ns += BLOCK_MS * MS;
        dub_worker_tick(w->worker, w->now_ns);
        if (w->ended && !w->stopped)
            dub_worker_sink_finished(w->worker, w->now_ns);
    }
}

static void expect_exact(const World *w)
{
    DubWorkerStats stats;
    dub_worker_stats(w->worker, &stats);
    /* The jump is seen 30 ms of the clock after the sound before it has ended. */
    g_assert_cmpint(w->out_frames, ==, (500 * BLOCK_MS + 30 - 142) * (int64_t) RATE / 1000);
    g_assert_cmpuint(stats.overlaps_dropped, ==, 8); /* seven whole blocks, and a part of one */
    g_assert_cmpuint(stats.gaps_filled, ==, 1);
}

static void test_overlap(void)
{
    run_case(&overlaps, overlap, expect_exact);
}

/* Told to be gone in two seconds: what is in hand goes out evenly, and dubs that are on their way are waited for. */
static const Case soon = { "stopped-soon", true, true, 60000, 500, 960, .stop_at_ms = 31000 };

static void stop_soon(World *w)
{
    const DubWorkerInput input = { true, true, RATE, 1, 0, source_time(w, 0) };
    const int64_t stop_ns = w->start_ns + w->c->stop_at_ms * MS;
    int64_t most_at_once = 0;
    dub_worker_start(w->worker, w->now_ns);
    dub_worker_source_info(w->worker, &input, w->now_ns);
    while (!w->stopped) {
        const int64_t before = w->out_frames;
        if (w->now_ns < stop_ns)
            move_source(w);
        move_speech(w);
        if (w->now_ns == stop_ns)
            dub_worker_stop(w->worker, 2 * DUB_NS_PER_S, w->now_ns);
        dub_worker_tick(w->worker, w->now_ns);
        if (w->ended && !w->stopped)
            dub_worker_sink_finished(w->worker, w->now_ns);
        if (w->now_ns >= stop_ns)
            most_at_once = MAX(most_at_once, w->out_frames - before);
        w->now_ns += BLOCK_MS * MS;
        g_assert_cmpint(w->now_ns - stop_ns, <=, 2 * DUB_NS_PER_S + BLOCK_MS * MS);
    }
    g_assert_cmpint(most_at_once * 1000 / RATE, <=, 10 * BLOCK_MS);
}

static void expect_all_out(const World *w)
{
    g_assert_no_error(w->error);
    g_assert_true(w->complete);
    g_assert_cmpint(ABS(w->out_frames * 1000 / RATE - 31000), <=, BLOCK_MS);
    g_assert_cmpint(ABS(w->last_video_pts_ns / MS + FRAME_MS - 31000), <=, FRAME_MS);
    g_assert_cmpint(w->dubbed, ==, 6); /* the last of them is a second long, and was cut by the stop */
    g_assert_cmpint(w->decided, ==, 6);
    g_assert_cmpuint(w->live_payloads, ==, 0);
}

static void test_stop_soon(void)
{
    run_case(&soon, stop_soon, expect_all_out);
}

static void test_delay(void)
{
    /* The promise of `live`: ten seconds from the first frame in to the first frame out. */
    g_assert_cmpint(dub_worker_default_delay(6 * DUB_NS_PER_S, 8 * DUB_NS_PER_S, 0), <=, 9600 * MS);
    /* Never past segment + timeout. */
    g_assert_cmpint(dub_worker_default_delay(10 * DUB_NS_PER_S, 1 * DUB_NS_PER_S, 0), <=, 13 * DUB_NS_PER_S);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dub_log_setup("test-worker", DUB_LOG_ERROR, DUB_LOG_TEXT);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/worker/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(breaks); i++) {
        g_autofree char *path = g_strdup_printf("/worker/%s", breaks[i].name);
        g_test_add_data_func(path, &breaks[i], test_break);
    }
    g_test_add_func("/worker/output-is-away-for-a-second", test_server_away);
    g_test_add_data_func("/worker/source-breaks-and-is-back", &source_breaks, test_source_break);
    g_test_add_data_func("/worker/source-is-told-to-be-back", &source_is_told, test_source_break);
    for (gsize i = 0; i < G_N_ELEMENTS(still); i++) {
        g_autofree char *path = g_strdup_printf("/worker/%s", still[i].name);
        g_test_add_data_func(path, &still[i], test_still);
    }
    g_test_add_func("/worker/dies-after-its-header", test_dies_young);
    g_test_add_func("/worker/ends-after-its-header", test_ends_young);
    g_test_add_func("/worker/overlap-is-exact", test_overlap);
    g_test_add_func("/worker/stopped-soon", test_stop_soon);
    g_test_add_func("/worker/default-delay", test_delay);
    return g_test_run();
}
