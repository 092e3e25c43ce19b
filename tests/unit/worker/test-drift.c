/* An hour of sound whose clock is not that of its timestamps: nobody hears that it is corrected, and sound stays with
 * the picture. A tone tells both: any step in it stands out, and its zero crossings tell where each moment of the
 * source went. */
#include "worker/worker.h"

#include "base/clock.h"
#include "base/log.h"

#include <math.h>

#define RATE    16000u
#define BLOCK   320 /* frames, 20 ms */
#define TONE_HZ 440.0
#define LEVEL   0.5
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define LENGTH_S 300
#else
#define LENGTH_S 3600
#endif

typedef struct {
    const char *name;
    int ppm;       /* the sound's seconds are longer than those of its timestamps */
    int jitter_ms; /* of the timestamps, either way */
    int clock_ppm; /* the source's seconds are longer than this machine's */
    bool is_exact; /* not one sample is touched */
} Case;

static const Case cases[] = {
    { "none", 0, 0, 0, true },
    { "jitter", 0, 20, 0, true },
    { "fast", 200, 0, 0, false },
    { "slow", -200, 0, 0, false },
    { "fast-jitter", 200, 20, 0, false },
    { "source-is-slower-than-the-machine", 0, 0, 200, true },
    { "source-is-faster-than-the-machine", 0, 0, -200, true },
};

typedef struct {
    const Case *c;
    int64_t n_out, n_crossings;
    float last[2];
    int64_t start_ns, now_ns, delay_ns, worst_late_ns; /* against the delay from its arrival */
    double worst_step, worst_off_s;
    bool differs, stopped;
} Heard;

static float tone_at(int64_t frame)
{
    return (float) (LEVEL * sin(2 * G_PI * TONE_HZ / RATE * (double) (frame % RATE)));
}

/* Three samples of a sine lie on a line with a known slope; @x is off it by what is no sine. */
static double step_of(const Heard *h, float x)
{
    return fabs(x - 2 * cos(2 * G_PI * TONE_HZ / RATE) * h->last[1] + h->last[0]);
}

static void hear(Heard *h, float x)
{
    if (h->n_out >= 2)
        h->worst_step = MAX(h->worst_step, step_of(h, x));
    if (h->n_out > 0 && h->last[1] < 0 && x >= 0) {
        const double at_s = ((double) h->n_out - x / (x - h->last[1])) / RATE;
        const double due_s = (double) ++h->n_crossings / TONE_HZ * (1 + h->c->ppm * 1e-6);
        h->worst_off_s = MAX(h->worst_off_s, fabs(at_s - due_s));
    }
    h->differs |= fabsf(x - tone_at(h->n_out)) > 0;
    h->last[0] = h->last[1];
    h->last[1] = x;
    h->n_out++;
}

static int64_t arrival_ns(const Case *c, int64_t source_ns)
{
    return source_ns / 1000000 * (1000000 + c->clock_ppm);
}

static void on_push_audio(DubPcm *pcm, void *data)
{
    Heard *h = data;
    const int64_t came_ns = h->start_ns + arrival_ns(h->c, dub_samples_to_ns(h->n_out, RATE));
    h->worst_late_ns = MAX(h->worst_late_ns, ABS(h->now_ns - came_ns - h->delay_ns));
    for (gsize i = 0; i < pcm->n_frames; i++)
        hear(h, pcm->samples[i]);
    dub_pcm_unref(pcm);
}

static void on_stopped(G_GNUC_UNUSED const GError *error, void *data)
{
    ((Heard *) data)->stopped = true;
}

static void on_nothing(G_GNUC_UNUSED void *data)
{
}

static void on_start_speech(G_GNUC_UNUSED const DubWorkerInput *input, G_GNUC_UNUSED void *data)
{
}

static bool on_open_sink(G_GNUC_UNUSED const DubWorkerInput *input, G_GNUC_UNUSED void *data)
{
    return true;
}

static void on_end_sink(G_GNUC_UNUSED bool complete, G_GNUC_UNUSED void *data)
{
}

static void on_decided(G_GNUC_UNUSED const DubWorkerFragment *fragment, G_GNUC_UNUSED void *data)
{
}

static void on_state(G_GNUC_UNUSED DubWorkerState state, G_GNUC_UNUSED void *data)
{
}

static const DubWorkerEffects effects = {
    .open_source = on_nothing,
    .close_source = on_nothing,
    .start_speech = on_start_speech,
    .end_speech = on_nothing,
    .open_sink = on_open_sink,
    .push_audio = on_push_audio,
    .end_sink = on_end_sink,
    .fragment_decided = on_decided,
    .state_changed = on_state,
    .stopped = on_stopped,
};

static void play_an_hour(DubWorker *worker, Heard *h)
{
    const DubWorkerInput input = { .live = true, .rate_hz = RATE, .channels = 1 };
    const Case *c = h->c;
    const int64_t start_ns = h->start_ns;
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    dub_worker_start(worker, start_ns);
    dub_worker_source_info(worker, &input, start_ns);
    for (int64_t frame = 0; frame < (int64_t) LENGTH_S * RATE; frame += BLOCK) {
        g_autoptr(DubPcm) pcm = dub_pcm_new(RATE, 1, BLOCK);
        for (int64_t i = 0; i < BLOCK; i++)
            pcm->samples[i] = tone_at(frame + i);
        const int64_t true_ns = dub_samples_to_ns(frame, RATE) / 1000000 * (1000000 + c->ppm);
        const int64_t jitter_ns =
            frame > 0 && c->jitter_ms ? g_rand_int_range(random, -c->jitter_ms, c->jitter_ms + 1) : 0;
        h->now_ns = start_ns + arrival_ns(c, true_ns);
        const int64_t late_ns = frame > 0 ? g_rand_int_range(random, 0, 40) * DUB_NS_PER_MS : 0; /* on the network */
        dub_worker_source_audio(worker, pcm, true_ns + jitter_ns * DUB_NS_PER_MS, h->now_ns + late_ns);
        dub_worker_tick(worker, h->now_ns);
    }
}

static void test_hour(const void *data)
{
    const Case *c = data;
    Heard heard = { .c = c, .start_ns = 1000 * DUB_NS_PER_S };
    const DubWorkerConfig config = { .stream_id = c->name,
                                     .segment_ns = 6 * DUB_NS_PER_S,
                                     .timeout_ns = 8 * DUB_NS_PER_S,
                                     .segment_mode = DUB_SEGMENT_FIXED,
                                     .breaker_threshold = 5,
                                     .breaker_cooldown_ns = DUB_NS_PER_S };
    g_autoptr(DubWorker) worker = dub_worker_new(&config, &effects, &heard);
    DubWorkerStats stats;
    dub_worker_stats(worker, &stats);
    heard.delay_ns = stats.delay_ns;
    play_an_hour(worker, &heard);
    dub_worker_stats(worker, &stats);
    g_test_message("off by %.2f ms at most, step %.6f, %.1f ms from the delay", heard.worst_off_s * 1000,
                   heard.worst_step, (double) heard.worst_late_ns / DUB_NS_PER_MS);
    g_assert_cmpint(heard.n_out, >, (int64_t) (LENGTH_S - 12) * RATE);
    g_assert_cmpuint(stats.gaps_filled + stats.overlaps_dropped + stats.rebuffers, ==, 0);
    g_assert_cmpint(heard.worst_late_ns, <, 60 * DUB_NS_PER_MS); /* two blocks, and what is left alone */
    g_assert_cmpfloat(heard.worst_off_s, <, 0.015);
    g_assert_cmpfloat(heard.worst_step, <, 0.0002); /* 68 dB below the tone */
    g_assert_true(heard.differs != c->is_exact);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dub_log_setup("test-drift", DUB_LOG_ERROR, DUB_LOG_TEXT);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/worker/drift/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_hour);
    }
    return g_test_run();
}
