/* A source that is away for a while, under virtual time (worker-world.h): players see its last picture and hear
 * silence, in the output that they had, and the stream goes on in it. */
#include "worker-world.h"

#include "base/error.h"
#include "base/log.h"

#define LIVE(label) .name = (label), .live = true, .has_video = true, .ready_at_ms = 500, .answer_after_ms = 1500

static const Case cases[] = {
    { LIVE("within-the-delay"), .length_ms = 40000, .away_at_ms = 20000, .away_ms = 4000, .patience_ms = 60000 },
    { LIVE("longer-than-the-delay"), .length_ms = 80000, .away_at_ms = 20000, .away_ms = 30000, .patience_ms = 60000 },
    { LIVE("almost-too-long"), .length_ms = 110000, .away_at_ms = 20000, .away_ms = 59900, .patience_ms = 60000 },
    { LIVE("soon-after-its-beginning"), .length_ms = 60000, .away_at_ms = 1000, .away_ms = 30000,
      .patience_ms = 60000 },
    { LIVE("back-in-the-middle-of-a-group"), .length_ms = 80000, .away_at_ms = 20000, .away_ms = 30000,
      .back_age_ms = 1800, .patience_ms = 60000 },
    { LIVE("breaks-and-is-tried"), .length_ms = 80000, .away_at_ms = 20000, .away_ms = 25000, .breaks_away = true,
      .patience_ms = 60000 },
    { LIVE("breaks-and-is-told-to-be-back"), .length_ms = 80000, .away_at_ms = 20000, .away_ms = 19000,
      .breaks_away = true, .told_back = true, .patience_ms = 60000 },
    { LIVE("another-rate"), .length_ms = 80000, .away_at_ms = 20000, .away_ms = 30000, .back_rate_hz = 44100,
      .patience_ms = 60000 },
    { LIVE("another-rate-and-stereo"), .length_ms = 60000, .away_at_ms = 20000, .away_ms = 4000, .back_rate_hz = 48000,
      .back_channels = 2, .patience_ms = 60000 },
    { LIVE("another-rate-without-patience"), .length_ms = 60000, .away_at_ms = 20000, .away_ms = 4000,
      .back_rate_hz = 48000, .back_channels = 2 },
};

/* The source's time is the clock's, so its length is the output's: nothing is added, nothing is missing. */
static void expect_gone_on(const World *w)
{
    DubWorkerStats stats;
    dub_worker_stats(w->worker, &stats);
    g_assert_no_error(w->error);
    g_assert_true(w->complete);
    g_assert_cmpuint(w->n_sinks, ==, 1);
    g_assert_cmpuint(w->live_payloads, ==, 0);
    g_assert_cmpint(ABS(w->out_frames * 1000 / RATE - (int64_t) w->c->length_ms), <=, 2 * BLOCK_MS);
    g_assert_cmpint(ABS(w->last_video_pts_ns / MS + FRAME_MS - (int64_t) w->c->length_ms), <=, FRAME_MS + BLOCK_MS);
    const int64_t delay_ns = w->now_ns - w->start_ns - w->c->length_ms * MS;
    g_assert_cmpint(ABS(delay_ns - stats.delay_ns), <=, 4 * BLOCK_MS * MS);
    g_assert_cmpuint(stats.rebuffers, ==, 0);
    g_assert_cmpuint(stats.epochs, ==, 1);
    g_assert_cmpuint(stats.video_dropped, ==, 0);
    g_assert_cmpuint(stats.fallbacks[DUB_FALLBACK_BACKPRESSURE], ==, 0); /* what is away is nobody's to dub */
    g_assert_cmpint(w->worst_gap_ns[0], <=, 2 * BLOCK_MS * MS);
    if (w->c->patience_ms)
        g_assert_cmpint(w->worst_gap_ns[1], <=, 220 * MS);
    const int64_t away_ms = (int64_t) w->c->away_ms - w->c->back_age_ms;
    const int64_t stood_in_ms = w->c->away_ms * MS > stats.delay_ns ? away_ms : 0;
    if (!w->c->breaks_away)
        g_assert_cmpint(ABS(stats.stood_in_ns / MS - stood_in_ms), <=, 100);
    g_assert_cmpuint(stats.fallbacks[DUB_FALLBACK_DEADLINE], <=, stood_in_ms > 0 ? 0 : 1);
}

static void test_case(const void *data)
{
    world_run_case(data, world_run, expect_gone_on);
}

/* It does not come back. */
static const Case lost[] = {
    { LIVE("does-not-come-back"), .length_ms = 20000, .patience_ms = 60000 },
    { LIVE("does-not-come-back-within-the-delay"), .length_ms = 20000, .patience_ms = 5000 },
    { LIVE("is-not-waited-for"), .length_ms = 20000 },
};

static void expect_end(const World *w)
{
    DubWorkerStats stats;
    dub_worker_stats(w->worker, &stats);
    g_assert_no_error(w->error);
    g_assert_true(w->complete);
    const int64_t ends_ms = w->c->length_ms + MAX((int64_t) w->c->patience_ms, stats.delay_ns / MS);
    g_assert_cmpint(ABS((w->now_ns - w->start_ns) / MS - ends_ms), <=, 3 * BLOCK_MS);
    g_assert_cmpint(ABS(w->out_frames * 1000 / RATE - (ends_ms - stats.delay_ns / MS)), <=, 3 * BLOCK_MS);
    g_assert_cmpuint(w->n_submitted, ==, 4); /* no fragment of silence */
    g_assert_cmpuint(w->live_payloads, ==, 0);
}

static void test_lost(const void *data)
{
    world_run_case(data, world_run, expect_end);
}

/* What no output takes in its middle: it is opened anew exactly there, and all else goes on. */
static const Case changes[] = {
    { LIVE("another-codec"), .length_ms = 80000, .away_at_ms = 20000, .away_ms = 30000, .back_codec = 1,
      .patience_ms = 60000 },
    { LIVE("another-codec-within-the-delay"), .length_ms = 50000, .away_at_ms = 20000, .away_ms = 4000, .back_codec = 1,
      .patience_ms = 60000 },
    { LIVE("another-codec-and-a-claim"), .length_ms = 80000, .away_at_ms = 20000, .away_ms = 30000, .back_codec = 1,
      .claim_ms = 60, .patience_ms = 60000 },
    { LIVE("without-a-picture"), .length_ms = 80000, .away_at_ms = 20000, .away_ms = 30000, .back_without_video = true,
      .patience_ms = 60000 },
};

static void expect_changed(const World *w)
{
    DubWorkerStats stats;
    dub_worker_stats(w->worker, &stats);
    g_assert_no_error(w->error);
    g_assert_true(w->complete);
    g_assert_cmpuint(w->n_sinks, ==, 2);
    g_assert_cmpuint(w->live_payloads, ==, 0);
    g_assert_cmpuint(stats.video_dropped, ==, 0);
    g_assert_cmpuint(stats.rebuffers, ==, 0);
    const int64_t back_ms = w->c->away_at_ms + w->c->away_ms, rest_ms = w->c->length_ms - back_ms;
    g_assert_cmpint(ABS(w->out_frames * 1000 / RATE - (int64_t) w->c->length_ms), <=, 2 * BLOCK_MS);
    g_assert_cmpint(ABS(w->sink_frames * 1000 / RATE - rest_ms), <=, 2 * BLOCK_MS);
    if (!w->c->back_without_video)
        g_assert_cmpint(ABS(w->last_video_pts_ns / MS + FRAME_MS - rest_ms), <=, FRAME_MS + BLOCK_MS);
}

static void test_change(const void *data)
{
    world_run_case(data, world_run, expect_changed);
}

/* A stop does not wait for it. */
static const Case stopped = { LIVE("stopped-while-away"), .length_ms = 20000, .patience_ms = 60000 };

static void stop_while_away(World *w)
{
    const DubWorkerInput input = { true, true, RATE, 1, 0, world_source_time(w, 0) };
    const int64_t stop_ns = w->start_ns + 40 * DUB_NS_PER_S;
    dub_worker_start(w->worker, w->now_ns);
    dub_worker_source_info(w->worker, &input, w->now_ns);
    while (!w->stopped) {
        g_assert_cmpint(w->now_ns, <=, stop_ns + DUB_NS_PER_S);
        if (w->source_open)
            world_move_source(w);
        world_move_speech(w);
        if (w->now_ns == stop_ns)
            dub_worker_stop(w->worker, 2 * DUB_NS_PER_S, w->now_ns);
        dub_worker_tick(w->worker, w->now_ns);
        if (w->ended && !w->stopped)
            dub_worker_sink_finished(w->worker, w->now_ns);
        w->now_ns += BLOCK_MS * MS;
    }
    g_assert_cmpint(w->now_ns, >=, stop_ns);
}

static void expect_stopped(const World *w)
{
    g_assert_no_error(w->error);
    g_assert_true(w->complete);
}

static void test_stopped(void)
{
    world_run_case(&stopped, stop_while_away, expect_stopped);
}

static void add_cases(const Case *all, gsize n_cases, GTestDataFunc function)
{
    for (gsize i = 0; i < n_cases; i++) {
        g_autofree char *path = g_strdup_printf("/worker/patience/%s", all[i].name);
        g_test_add_data_func(path, &all[i], function);
    }
}

int main(int argc, char **argv)
{
    dub_log_setup("test-patience", DUB_LOG_ERROR, DUB_LOG_TEXT);
    g_test_init(&argc, &argv, NULL);
    add_cases(cases, G_N_ELEMENTS(cases), test_case);
    add_cases(lost, G_N_ELEMENTS(lost), test_lost);
    add_cases(changes, G_N_ELEMENTS(changes), test_change);
    g_test_add_func("/worker/patience/stopped-while-away", test_stopped);
    return g_test_run();
}
