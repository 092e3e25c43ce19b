/* Random schedules: whatever source, speech service, output and operator do, in whatever order, a stream's output stays
 * one timeline, and each fragment has one fate. Virtual time; the world here keeps to the contracts of worker.h, no
 * more.
 *
 *   test-schedules                 100,000 schedules from GTest's seed
 *   test-schedules --seed R02S…    the same ones again
 *   test-schedules --schedule N    one, by the number that a failure has printed */
#include "schedule-world.h"

#include "base/error.h"
#include "base/log.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SCHEDULES 5000 /* they are for the code's own mistakes, which the first ones show */
#else
#define SCHEDULES 100000
#endif
#define HANGS_NS (600 * DUB_NS_PER_S)

static const struct {
    const char *name;
    unsigned weight;
} event_types[N_EVENTS] = {
    [PLAY] = { "play", 40 },
    [WAIT] = { "wait", 8 },
    [SKIP] = { "skip", 4 },
    [READY] = { "ready", 5 },
    [ANSWER] = { "answer", 16 },
    [AGAIN] = { "again", 2 },
    [PRESSURE] = { "pressure", 3 },
    [LINK_ERROR] = { "link-error", 2 },
    [EXPECTED] = { "expected", 1 },
    [AWAY] = { "away", 2 },
    [BACK] = { "back", 6 },
    [SINK_BREAKS] = { "sink-breaks", 2 },
    [SINK_OPENS] = { "sink-opens", 4 },
    [ROOM] = { "room", 3 },
    [STOP] = { "stop", 1 },
};

/* --- events ----------------------------------------------------------------------------------------------------- */

static void tick(World *w)
{
    if (w->live || w->config.paced)
        dub_worker_tick(w->worker, w->now_ns);
    if (w->end_asked && !w->stopped && !w->problem) {
        w->sink_open = false;
        dub_worker_sink_finished(w->worker, w->now_ns);
    }
}

static void deliver_picture(World *w)
{
    static const int64_t reordered_ns[] = { 40 * MS, 80 * MS, 0, 0 };
    Picture *picture = g_new0(Picture, 1);
    *picture = (Picture){ w->source_ns, ++w->n_pictures, w->base, w->blocks_since_key == 0,
                          w->source_ns <= w->furthest_ns || (w->may_rejoin && w->pictures_in_base == 0) };
    const int64_t pts_ns = w->source_ns + reordered_ns[w->n_pictures % 4];
    const DubWorkerVideo video = { picture, pts_ns, w->source_ns, 2 * BLOCK_MS * MS, picture->key_frame, 1000, false };
    w->furthest_ns = MAX(w->furthest_ns, w->source_ns);
    w->blocks_since_key = (w->blocks_since_key + 1) % 10;
    w->live_pictures++;
    w->pictures_in++;
    w->pictures_in_base++;
    dub_worker_source_video(w->worker, &video, w->now_ns);
}

static void deliver_block(World *w)
{
    if (w->input.has_video && w->blocks->len % 2 == 0)
        deliver_picture(w);
    g_autoptr(DubPcm) pcm = dub_pcm_new(RATE, w->channels, BLOCK);
    for (gsize i = 0; i < BLOCK * w->channels; i++)
        pcm->samples[i] = (float) (w->next_code + (int64_t) (i / w->channels) + 1) / CODES;
    const bool taken = dub_worker_state(w->worker) == DUB_WORKER_RUNNING;
    const bool is_overdue = w->source_ns <= w->overdue_until_ns; /* silence may stand where it belongs */
    const Block block = {
        w->next_code, w->source_ns, w->base, taken, w->is_late || is_overdue, w->is_early || w->may_rejoin || is_overdue
    };
    g_array_append_val(w->blocks, block);
    w->next_code += BLOCK;
    w->is_late = w->has_skipped = false;
    dub_worker_source_audio(w->worker, pcm, w->source_ns, w->now_ns);
    w->source_ns += BLOCK_MS * MS;
    w->is_early = w->is_early && w->source_ns < w->sound_end_ns;
    w->sound_end_ns = MAX(w->sound_end_ns, w->source_ns);
}

static void play(World *w, unsigned n_blocks)
{
    for (unsigned i = 0; i < n_blocks && !w->problem && !w->stopped; i++) {
        if (w->source_open && w->told && !w->held && w->next_code < CODES * 9 / 10)
            deliver_block(w);
        w->now_ns += BLOCK_MS * MS;
        tick(w);
    }
}

static void new_base(World *w, int64_t source_ns)
{
    /* Where only sound had left and is back before a picture was, it is where it has been heard already. */
    w->may_rejoin = w->input.has_video && w->pictures_in_base == 0;
    w->pictures_in_base = 0;
    w->base++;
    w->source_ns = source_ns;
    w->furthest_ns = w->sound_end_ns = G_MININT64;
    w->is_late = true;
}

static void skip(World *w, unsigned a, unsigned b)
{
    const int64_t span_ns = (int64_t) (260 + b % 2000) * MS; /* a quarter of it is no jitter either */
    if (w->has_skipped)
        return; /* two steps at once are one, which may be none */
    w->has_skipped = true;
    switch (a % 4) {
    case 0:
        w->source_ns += span_ns;
        w->is_late = true;
        break;
    case 1:
        w->furthest_ns = MAX(w->furthest_ns, w->source_ns);
        w->source_ns -= span_ns / 4;
        w->base += w->furthest_ns - w->source_ns > 900 * MS; /* steps may add up to a jump */
        w->is_early = w->is_late = true;                     /* and what was left out may be made up for with silence */
        break;
    case 2: new_base(w, w->source_ns + 7200 * DUB_NS_PER_S); break; /* further than the gaps of files */
    case 3: new_base(w, w->source_ns - 7200 * DUB_NS_PER_S); break;
    }
}

static void answer_at(World *w, guint i, unsigned how)
{
    Sent *sent = &g_array_index(w->sent, Sent, i);
    DubSpeechResult *result = dub_speech_result_new(sent->sequence_number);
    const bool fails = how % 8 < 3;
    if (fails)
        dub_fragment_processed_fail(result->answer, "MODEL_ERROR", "asr", how % 8 < 2, "made to fail");
    else
        result->dub = dub_pcm_new(RATE, 1, sent->n_frames);
    if (!fails)
        memcpy(result->dub->samples, sent->samples, sent->n_frames * sizeof(float));
    if (how % 8 == 7)
        result->answer->status = DUB_PROCESSED_PARTIAL;
    sent->is_out = false;
    sent->failed = fails;
    sent->succeeded = !fails;
    w->results++;
    dub_worker_speech_result(w->worker, result, w->now_ns);
}

/* Mostly the oldest; @a chooses. */
static void answer(World *w, unsigned a, unsigned b)
{
    const unsigned n_out = schedule_world_count_out(w);
    if (!w->speech_up || n_out == 0)
        return;
    unsigned nth = a % 3 > 0 ? 0 : a / 3 % n_out;
    for (guint i = 0; i < w->sent->len; i++) {
        if (g_array_index(w->sent, Sent, i).is_out && nth-- == 0) {
            answer_at(w, i, b);
            return;
        }
    }
}

/* For a fragment that has its answer, is decided, or never was. */
static void answer_again(World *w, unsigned a)
{
    if (!w->speech_up)
        return;
    uint64_t number = a % 2 && w->next_sequence > 0 ? a / 2 % w->next_sequence : w->next_sequence + a;
    for (guint i = 0; i < w->sent->len; i++) {
        const Sent *sent = &g_array_index(w->sent, Sent, i);
        if (sent->is_out && sent->sequence_number == number)
            number = w->next_sequence + a;
    }
    DubSpeechResult *result = dub_speech_result_new(number);
    result->dub = dub_pcm_new(RATE, 1, BLOCK);
    w->results++;
    w->late++;
    dub_worker_speech_result(w->worker, result, w->now_ns);
}

static void link_is_ready(World *w, unsigned a)
{
    if (!w->speech_started || w->speech_up)
        return;
    w->speech_up = true;
    w->next_sequence = 0;
    w->max_inflight = 1 + a % 4;
    dub_worker_speech_ready(w->worker, w->max_inflight, w->now_ns);
}

static void link_breaks(World *w, unsigned a)
{
    if (!w->speech_started)
        return;
    g_autoptr(GError) error = g_error_new_literal(DUB_ERROR, DUB_ERROR_NETWORK, "the link broke");
    w->speech_up = false;
    for (guint i = 0; i < w->sent->len; i++) {
        Sent *sent = &g_array_index(w->sent, Sent, i);
        sent->was_lost |= sent->is_out;
        sent->is_out = false;
    }
    w->speech_started = a % 4 > 0;
    if (w->speech_started)
        dub_worker_speech_lost(w->worker, w->now_ns);
    else
        dub_worker_speech_failed(w->worker, error, w->now_ns);
}

static void source_goes(World *w, unsigned a)
{
    if (!w->source_open)
        return;
    const int code = a % 8 == 7 ? DUB_ERROR_UNSUPPORTED : DUB_ERROR_NETWORK;
    g_autoptr(GError) error = g_error_new_literal(DUB_ERROR, code, "the source broke");
    if (w->told && w->held)
        return; /* a source that is held does not get to its end */
    if (w->told && a % 3 == 0)
        dub_worker_source_eos(w->worker, w->now_ns);
    else
        dub_worker_source_error(w->worker, error, w->now_ns);
}

static void source_comes(World *w, unsigned a, unsigned b)
{
    if (!w->source_open && w->live)
        dub_worker_resume(w->worker, a % 2, w->now_ns);
    tick(w);
    if (!w->source_open || w->told)
        return;
    new_base(w, b % 2 ? w->source_ns : 0);
    w->blocks_since_key = a % 2; /* from a key frame on, or from the middle of a group */
    DubWorkerInput input = w->input;
    input.head_ns = b % 3 ? 0 : (int64_t) (b % 500) * MS;
    input.first_ns = w->source_ns;
    w->overdue_until_ns = w->config.patience_ns > 0 && input.head_ns > 0 ? w->source_ns + input.head_ns : G_MININT64;
    w->channels = input.channels = w->is_known && b % 4 == 3 ? 2 : 1;
    input.video_codec = w->is_known && b % 16 == 14 ? b : w->video_codec;
    input.has_video = w->input.has_video != (w->is_known && b % 16 == 13);
    w->may_change += input.has_video != w->input.has_video || input.video_codec != w->video_codec;
    w->video_codec = input.video_codec;
    w->input.has_video = input.has_video;
    w->told = w->is_known = true;
    dub_worker_source_info(w->worker, &input, w->now_ns);
}

static void sink_breaks(World *w, unsigned a)
{
    if ((!w->sink_open && !w->sink_opening))
        return;
    static const int codes[] = { DUB_ERROR_NETWORK, DUB_ERROR_NETWORK, DUB_ERROR_TIMEOUT, DUB_ERROR_BUSY,
                                 DUB_ERROR_NETWORK, DUB_ERROR_NETWORK, DUB_ERROR_NETWORK, DUB_ERROR_NO_SPACE };
    g_autoptr(GError) error = g_error_new_literal(DUB_ERROR, codes[a % 8], "the output broke");
    w->sink_open = w->sink_opening = false;
    w->sink_broke = true;
    dub_worker_sink_error(w->worker, error, w->now_ns);
}

static void sink_opens(World *w)
{
    if (!w->sink_opening)
        return;
    schedule_world_new_sink(w);
    dub_worker_sink_opened(w->worker, w->now_ns);
}

static void stop(World *w, unsigned a)
{
    const bool drains = dub_worker_state(w->worker) == DUB_WORKER_DRAINING, paced = w->live || w->config.paced;
    const int64_t within_ns = a % 3 ? (int64_t) (1 + a % 2000) * MS : 0;
    w->cut_short |= drains && (w->hurried || !paced || within_ns == 0);
    w->hurried |= paced && within_ns > 0;
    if (w->live && w->is_known && within_ns > 0 && (w->stop_by_ns == 0 || w->cut_short))
        w->stop_by_ns = MIN(w->stop_by_ns > 0 ? w->stop_by_ns : G_MAXINT64, w->now_ns + within_ns);
    w->stop_asked |= !drains || w->live;
    dub_worker_stop(w->worker, within_ns, w->now_ns);
}

static void happen(World *w, const Event *event)
{
    const unsigned a = event->a, b = event->b;
    switch (event->type) {
    case PLAY: play(w, 1 + a % 9); break;
    case WAIT:
        w->now_ns += (b % 16 ? a % 300 : a % 40000) * MS;
        w->is_late |= w->live; /* what comes of a live source then may belong later, too */
        break;
    case SKIP: skip(w, a, b); break;
    case READY: link_is_ready(w, a); break;
    case ANSWER: answer(w, a, b); break;
    case AGAIN: answer_again(w, a); break;
    case PRESSURE: dub_worker_speech_pressure(w->worker, (DubPressure) (a % 3), b % 3000, w->now_ns); break;
    case LINK_ERROR: link_breaks(w, a); break;
    case EXPECTED:
        if (w->speech_started && !w->speech_up)
            dub_worker_speech_expected(w->worker, a % 1000 * MS, w->now_ns);
        break;
    case AWAY: source_goes(w, a); break;
    case BACK: source_comes(w, a, b); break;
    case SINK_BREAKS: sink_breaks(w, a); break;
    case SINK_OPENS: sink_opens(w); break;
    case ROOM: dub_worker_sink_room(w->worker, a % 2, w->now_ns); break;
    case STOP: stop(w, a); break;
    case N_EVENTS: break;
    }
    tick(w);
}

/* --- a schedule ------------------------------------------------------------------------------------------------- */

static EventType choose(GRand *random)
{
    unsigned sum = 0;
    for (int i = 0; i < N_EVENTS; i++)
        sum += event_types[i].weight;
    unsigned at = g_rand_int(random) % sum;
    int type = 0;
    while (at >= event_types[type].weight)
        at -= event_types[type++].weight;
    return (EventType) type;
}

static void draw(Schedule *schedule, unsigned number)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(number);
    schedule->number = number;
    for (gsize i = 0; i < G_N_ELEMENTS(schedule->setting); i++)
        schedule->setting[i] = g_rand_int(random);
    schedule->n_events = g_rand_int(random) % 8 ? 10 + g_rand_int(random) % 30 : 10 + g_rand_int(random) % 150;
    for (unsigned i = 0; i < schedule->n_events; i++)
        schedule->events[i] = (Event){ choose(random), g_rand_int(random) >> 8, g_rand_int(random) >> 8 };
}

static void set_up(World *w)
{
    const unsigned *setting = w->schedule->setting;
    w->live = setting[1] % 4 > 0;
    w->config = (DubWorkerConfig){
        .stream_id = "schedule",
        .segment_ns = (100 + setting[2] % 200) * MS,
        .segment_mode = setting[2] % 2 ? DUB_SEGMENT_FIXED : DUB_SEGMENT_PAUSE,
        .playout_delay_ns = setting[3] % 4 ? (150 + setting[3] % 600) * MS : 0,
        .timeout_ns = (200 + setting[4] % 800) * MS,
        .paced = setting[1] % 8 == 0,
        .bed_gain = 0,
        .breaker_threshold = 1 + setting[5] % 5,
        .breaker_cooldown_ns = (200 + setting[5] % 3000) * MS,
        .source_attempts = setting[6] % 6,
        .patience_ns = setting[6] / 6 % 3 ? setting[6] / 18 % 3000 * MS : 0,
        .first_fragment = setting[6] % 3,
    };
    w->input = (DubWorkerInput){ .has_video = setting[7] % 4 > 0, .live = w->live, .rate_hz = RATE, .channels = 1 };
    w->now_ns = 1000 * DUB_NS_PER_S;
    w->channels = 1;
    w->overdue_until_ns = G_MININT64;
    w->furthest_ns = w->sound_end_ns = G_MININT64;
    w->decided_end_ns = 0;
    w->last_code = -1;
    w->blocks = g_array_new(FALSE, FALSE, sizeof(Block));
    w->sent = g_array_new(FALSE, FALSE, sizeof(Sent));
    w->fades = g_array_new(FALSE, FALSE, sizeof(FadeIn));
    w->worker = dub_worker_new(&w->config, &schedule_world_effects, w);
}

static void tear_down(World *w)
{
    dub_worker_free(w->worker);
    CHECK(w, w->live_pictures == 0, "%d pictures are held for ever", (int) w->live_pictures);
    for (guint i = 0; i < w->sent->len; i++)
        g_free(g_array_index(w->sent, Sent, i).samples);
    g_array_unref(w->sent);
    g_array_unref(w->fades);
    g_array_unref(w->blocks);
}

/* From now on everything works, but the source: it ends, or the stream is stopped. */
static void wind_down(World *w)
{
    const int64_t since_ns = w->now_ns;
    int64_t step_ns = BLOCK_MS * MS;
    w->winding_down = true;
    if (w->schedule->setting[0] % 2)
        stop(w, w->schedule->setting[0]);
    while (!w->stopped && !w->problem && w->now_ns - since_ns < HANGS_NS) {
        dub_worker_sink_room(w->worker, true, w->now_ns);
        sink_opens(w);
        link_is_ready(w, 1);
        if (w->source_open && !w->held)
            source_goes(w, w->told ? 0 : 1);
        answer(w, 1, 7);
        tick(w);
        schedule_world_check(w);
        w->now_ns += step_ns;
        step_ns = MIN(step_ns + step_ns / 8, DUB_NS_PER_S);
    }
}

/* Returns: (transfer full) (nullable): what is wrong */
static char *run(const Schedule *schedule)
{
    World w = { .schedule = schedule };
    schedule_world_running = &w;
    set_up(&w);
    dub_worker_start(w.worker, w.now_ns);
    if (schedule->setting[0] % 8) /* most begin as a stream does */
        source_comes(&w, schedule->setting[4], 0);
    if (schedule->setting[0] % 4)
        link_is_ready(&w, schedule->setting[5]);
    for (unsigned i = 0; i < schedule->n_events && !w.stopped && !w.problem; i++) {
        happen(&w, &schedule->events[i]);
        schedule_world_check(&w);
    }
    wind_down(&w);
    schedule_world_check(&w);
    schedule_world_check_end(&w);
    tear_down(&w);
    return w.problem;
}

/* Leaves out what the failure does not need: halves first, then less, then single events. */
static void shrink(Schedule *schedule)
{
    for (unsigned n = schedule->n_events / 2; n > 0; n /= 2) {
        for (unsigned from = 0; from + n <= schedule->n_events;) {
            g_autofree Schedule *less = g_memdup2(schedule, sizeof *schedule);
            less->n_events -= n;
            memmove(less->events + from, less->events + from + n, (less->n_events - from) * sizeof *less->events);
            g_autofree char *problem = run(less);
            if (problem)
                *schedule = *less;
            else
                from += n;
        }
    }
}

static void tell_schedule(const Schedule *schedule)
{
    for (int i = 0; i < 8; i++)
        g_printerr("%s%u", i ? " " : "# settings: ", schedule->setting[i]);
    g_printerr("\n");
    for (unsigned i = 0; i < schedule->n_events; i++)
        g_printerr("# %s %u %u\n", event_types[schedule->events[i].type].name, schedule->events[i].a,
                   schedule->events[i].b);
}

static void fail_with(Schedule *schedule, const char *problem)
{
    g_printerr("# %s\n", problem);
    shrink(schedule);
    tell_schedule(schedule);
    g_autofree char *still = run(schedule);
    g_error("schedule %u: %s; again: --schedule %u", schedule->number, still, schedule->number);
}

static void run_number(unsigned number)
{
    Schedule schedule;
    draw(&schedule, number);
    g_autofree char *problem = run(&schedule);
    if (problem)
        fail_with(&schedule, problem);
}

static void test_schedules(void)
{
    const unsigned first = (unsigned) g_test_rand_int();
    for (unsigned i = 0; i < SCHEDULES; i++)
        run_number(first + i);
}

static unsigned only;

static void test_one(void)
{
    run_number(only);
}

/* An assertion of the worker's own, or a sanitizer, ends the program: which schedule it was must be known all the same.
 */
static void on_abort(int signal)
{
    char text[64];
    const int length = g_snprintf(text, sizeof text, "# in --schedule %u\n", schedule_world_running->schedule->number);
    if (write(STDERR_FILENO, text, (size_t) length) < 0)
        _exit(1);
    (void) signal;
}

int main(int argc, char **argv)
{
    signal(SIGABRT, on_abort);
    dub_log_setup("test-schedules", DUB_LOG_ERROR, DUB_LOG_TEXT);
    if (argc == 3 && g_str_equal(argv[1], "--schedule")) {
        only = (unsigned) g_ascii_strtoull(argv[2], NULL, 10);
        argc = 1;
    }
    g_test_init(&argc, &argv, NULL);
    if (only)
        g_test_add_func("/worker/schedules/one", test_one);
    else
        g_test_add_func("/worker/schedules/all", test_schedules);
    return g_test_run();
}
