/* A stream's whole life under virtual time (worker-world.h). */
#include "worker-world.h"

#include "base/error.h"
#include "base/log.h"

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
    { "live-head-overdue", true, true, 60000, 500, 1500, .head_ms = 14000, .min_dubbed = 10, .max_dubbed = 11 },
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

static void test_case(const void *data)
{
    world_run_case(data, world_run, world_expect_outcome);
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
    world_run_case(data, world_run, expect_break);
}

/* A media server is restarted, and refuses at once while it is away; the source is gone with it and the stream
 * drains. */
static const Case server_away = { "output-is-away-for-a-second", true, true, 60000, 500, 1500 };

static void restart_server(World *w)
{
    const DubWorkerInput input = { true, true, RATE, 1, 0, world_source_time(w, 0) };
    g_autoptr(GError) error = g_error_new_literal(DUB_ERROR, DUB_ERROR_NETWORK, "connection refused");
    const int64_t away_ns = w->start_ns + 30 * DUB_NS_PER_S, back_ns = away_ns + DUB_NS_PER_S;
    dub_worker_start(w->worker, w->now_ns);
    dub_worker_source_info(w->worker, &input, w->now_ns);
    while (!w->stopped) {
        g_assert_cmpint(w->now_ns - w->start_ns, <, 60 * DUB_NS_PER_S);
        if (w->now_ns < away_ns)
            world_move_source(w);
        if (w->now_ns == away_ns)
            dub_worker_source_eos(w->worker, w->now_ns);
        world_move_speech(w);
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
    world_run_case(&server_away, restart_server, expect_played_on);
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
    world_run_case(data, world_run, expect_dubbed_to_the_break);
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
    world_run_case(data, stand_still, expect_placed_in_time);
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
    world_run_case(&dies_young, die_young, expect_given_up);
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
    world_run_case(&ends_young, end_young, expect_ended);
}

/* What is heard twice is left out to the frame, and an epoch begins on its frame, also where that is within the jitter
 * of timestamps: the rest of it is no drift. */
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
    world_run_case(&overlaps, overlap, expect_exact);
}

/* Told to be gone in two seconds: what is in hand goes out evenly, and dubs that are on their way are waited for. */
static const Case soon = { "stopped-soon", true, true, 60000, 500, 960, .stop_at_ms = 31000 };

static void stop_soon(World *w)
{
    const DubWorkerInput input = { true, true, RATE, 1, 0, world_source_time(w, 0) };
    const int64_t stop_ns = w->start_ns + w->c->stop_at_ms * MS;
    int64_t most_at_once = 0;
    dub_worker_start(w->worker, w->now_ns);
    dub_worker_source_info(w->worker, &input, w->now_ns);
    while (!w->stopped) {
        const int64_t before = w->out_frames;
        if (w->now_ns < stop_ns)
            world_move_source(w);
        world_move_speech(w);
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
    world_run_case(&soon, stop_soon, expect_all_out);
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
