/* Pools of one driver: who gets an engine, when, and what it is expected to cost. */
#include "base/clock.h"
#include "base/error.h"
#include "engines/drivers.h"
#include "engines/pool.h"
#include "fakes.h"
#include "leap.h"
#include "rig.h"

#include <string.h>

#define LONG_MS 60000

static DubEnginePool *try_to_open(const DubEngineClass *klass, GError **error)
{
    const DubEngineConfig config = { .from = "en", .to = "es", .n_cores = 2 };
    return dub_engine_pool_open(klass, &config, error);
}

static DubEnginePool *open_pool(const DubEngineClass *klass)
{
    g_autoptr(GError) error = NULL;
    DubEnginePool *pool = try_to_open(klass, &error);
    g_assert_no_error(error);
    return pool;
}

/* What a thread of the test asks of a pool. */
typedef struct {
    DubEnginePool *pool;
    DubEngineRequest request;
    DubEngineReply *reply;
    GError *error;
    GThread *thread;
} Asking;

static gpointer run_asking(gpointer data)
{
    Asking *asking = data;
    asking->reply = dub_engine_pool_run(asking->pool, &asking->request, &asking->error);
    return NULL;
}

static Asking *ask(DubEnginePool *pool, const char *text, int64_t deadline_ns, GCancellable *cancellable)
{
    Asking *asking = g_new0(Asking, 1);
    asking->pool = pool;
    asking->request = (DubEngineRequest){ .text = text, .deadline_ns = deadline_ns, .cancellable = cancellable };
    asking->thread = g_thread_new("asking", run_asking, asking);
    return asking;
}

/* Waits for the answer. @code: a DubErrorCode, or -1 for success */
static void finish(Asking *asking, int code)
{
    g_thread_join(asking->thread);
    if (code < 0) {
        g_assert_no_error(asking->error);
        g_assert_nonnull(asking->reply);
    } else {
        g_assert_error(asking->error, DUB_ERROR, code);
        g_assert_null(asking->reply);
    }
    g_clear_error(&asking->error);
    dub_engine_reply_free(asking->reply);
    g_free(asking);
}

static void run_text(DubEnginePool *pool, const char *text)
{
    const DubEngineRequest request = { .text = text };
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineReply) reply = dub_engine_pool_run(pool, &request, &error);
    g_assert_no_error(error);
}

/* ── Opening ── */

typedef struct {
    const char *name;
    const DubEngineClass *klass;
    Fake *fake;
    unsigned count, opened; /* what the driver says, 0: nothing; what comes of it on two cores */
    int warmed;             /* pieces of work meanwhile */
} Size;

static const Size sizes[] = {
    { "one-a-core", &fake_other_ear_class, &fake_other_ear, 0, 2, 2 },
    { "as-the-driver-says", &fake_ear_class, &fake_ear, 3, 3, 3 },
    { "at-most-32", &fake_ear_class, &fake_ear, 1000, 32, 32 },
    { "connections", &fake_cloud_ear_class, &fake_cloud_ear, 0, DUB_ENGINE_CONNECTIONS,
      0 },                                                      /* what is asked costs money */
    { "translators", &fake_rules_class, &fake_rules, 2, 2, 4 }, /* once to warm up, once to be measured */
    { "voices", &fake_voice_class, &fake_voice, 2, 2, 4 },
};

static void test_size(const void *data)
{
    const Size *c = data;
    fakes_reset();
    c->fake->count = c->count;
    DubEnginePool *pool = open_pool(c->klass);
    g_assert_cmpuint(dub_engine_pool_count(pool), ==, c->opened);
    g_assert_true(dub_engine_pool_class(pool) == c->klass);
    g_assert_cmpint(fake_opened(c->fake), ==, (int) c->opened);
    g_assert_cmpint(fake_runs(c->fake), ==, c->warmed);
    g_assert_cmpint(dub_engine_pool_loading_cpu_ns(pool), >, 0);
    dub_engine_pool_close(pool);
    fakes_assert_closed();
}

/* Where fewer fragments are dubbed at once than there are cores, or connections, no engine is opened that would only
 * wait. */
static void test_no_more_than_lanes(void)
{
    fakes_reset();
    const DubEngineConfig config = { .from = "en", .to = "es", .n_cores = 4, .n_lanes = 2 };
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEnginePool) local = dub_engine_pool_open(&fake_other_ear_class, &config, &error);
    g_assert_cmpuint(dub_engine_pool_count(local), ==, 2);
    g_autoptr(DubEnginePool) cloud = dub_engine_pool_open(&fake_cloud_ear_class, &config, &error);
    g_assert_cmpuint(dub_engine_pool_count(cloud), ==, 2);
    g_autoptr(DubEnginePool) one = dub_engine_pool_open(&fake_ear_class, &config, &error);
    g_assert_cmpuint(dub_engine_pool_count(one), ==, 1);
    g_assert_no_error(error);
}

/* No core at all counts as one. */
static void test_no_core(void)
{
    fakes_reset();
    const DubEngineConfig config = { .from = "en", .to = "es" };
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEnginePool) pool = dub_engine_pool_open(&fake_other_ear_class, &config, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(dub_engine_pool_count(pool), ==, 1);
    dub_engine_pool_close(NULL);
}

/* The caller's strings may go; languages are the pool's, whatever a request says. */
static void test_config_is_copied(void)
{
    fakes_reset();
    char from[] = "en", to[] = "es", model[] = "tiny", argument[] = "fast";
    const DubEngineConfig config = { .from = from, .to = to, .model = model, .argument = argument, .n_cores = 1 };
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEnginePool) pool = dub_engine_pool_open(&fake_rules_class, &config, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(fake_rules.model, ==, "tiny");
    g_assert_cmpstr(fake_rules.argument, ==, "fast");
    memset(from, 'x', 2);
    memset(to, 'x', 2);
    const DubEngineRequest request = { .text = "The house.", .from = "fr", .to = "de" };
    g_autoptr(DubEngineReply) reply = dub_engine_pool_run(pool, &request, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(FAKE_LAST(&fake_rules, from), ==, "en");
    g_assert_cmpstr(FAKE_LAST(&fake_rules, to), ==, "es");
}

/* Two of three open: that is no pool, and the two are closed again. */
static void test_open_fails(void)
{
    fakes_reset();
    fake_ear.count = 3;
    fake_ear.opens_most = 2;
    g_autoptr(GError) error = NULL;
    g_assert_null(try_to_open(&fake_ear_class, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
    g_assert_cmpint(fake_opened(&fake_ear), ==, 2);
    fakes_assert_closed();
}

/* ── Warming up ── */

/* A translator's and a voice's cost is known before the first fragment; what silence costs says nothing of speech. */
static void test_warm_up(void)
{
    fakes_reset();
    fake_voice.takes_ms = 20;
    g_autoptr(DubEnginePool) voice = open_pool(&fake_voice_class);
    g_assert_cmpint(dub_engine_pool_estimate_ns(voice, 84), >=, 20 * DUB_NS_PER_MS);
    g_assert_cmpint(dub_engine_pool_mean_ns(voice, 84), >=, 20 * DUB_NS_PER_MS);
    g_assert_cmpint(FAKE_LAST(&fake_voice, deadline_ns), >, 0);
    g_assert_cmpstr(FAKE_LAST(&fake_voice, to), ==, "es");
    g_autoptr(DubEnginePool) ear = open_pool(&fake_ear_class);
    g_assert_cmpint(dub_engine_pool_estimate_ns(ear, 6), ==, 0);
    g_assert_cmpint(dub_engine_pool_mean_ns(ear, 6), ==, 0);
    g_assert_cmpuint(fake_ear.n_frames, ==, FAKE_RATE_HZ); /* a second */
}

/* What is read and made for the first time is not what work takes: only the second piece counts. */
static void test_first_piece_does_not_count(void)
{
    fakes_reset();
    fake_voice.first_takes_ms = 300;
    g_autoptr(DubEnginePool) pool = open_pool(&fake_voice_class);
    g_assert_cmpint(dub_engine_pool_mean_ns(pool, 28), >, 0);
    g_assert_cmpint(dub_engine_pool_mean_ns(pool, 28), <, 300 * DUB_NS_PER_MS);
}

/* It is told, and that is all: whoever needs the engine hears why, and it may work by then. */
static void test_warm_up_fails(void)
{
    fakes_reset();
    fake_voice.run_error = "not today";
    g_autoptr(DubEnginePool) pool = open_pool(&fake_voice_class);
    g_assert_cmpint(fake_runs(&fake_voice), ==, 1); /* no second try */
    g_assert_cmpint(dub_engine_pool_estimate_ns(pool, 84), ==, 0);
    const DubEngineRequest request = { .text = "Hola." };
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_engine_pool_run(pool, &request, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
    FAKE_SET(&fake_voice, run_error, NULL);
    run_text(pool, "Hola.");
}

static gpointer open_in_thread(gpointer data)
{
    return open_pool(data);
}

/* One that hangs at its first words holds nobody up for ever. */
static void test_warm_up_hangs(void)
{
    fakes_reset();
    fake_voice.holds = true;
    GThread *thread = g_thread_new("opening", open_in_thread, (gpointer) &fake_voice_class);
    fake_wait_running(&fake_voice, 1);
    leap(30 * DUB_NS_PER_S);
    g_autoptr(DubEnginePool) pool = g_thread_join(thread);
    g_assert_cmpuint(dub_engine_pool_count(pool), ==, 1);
}

/* ── Waiting ── */

static void test_waits_for_a_free_engine(void)
{
    fakes_reset();
    g_autoptr(DubEnginePool) pool = open_pool(&fake_rules_class);
    const int before = fake_runs(&fake_rules);
    FAKE_SET(&fake_rules, holds, true);
    Asking *one = ask(pool, "One.", 0, NULL), *two = ask(pool, "Two.", 0, NULL), *three = ask(pool, "Three.", 0, NULL);
    fake_wait_running(&fake_rules, 1);
    fake_let_go(&fake_rules);
    finish(one, -1);
    finish(two, -1);
    finish(three, -1);
    g_assert_cmpint(fake_runs(&fake_rules), ==, before + 3);
    g_assert_cmpint(fake_most_running(&fake_rules), ==, 1);
}

static void test_side_by_side(void)
{
    fakes_reset();
    fake_rules.count = 2;
    g_autoptr(DubEnginePool) pool = open_pool(&fake_rules_class);
    FAKE_SET(&fake_rules, holds, true);
    Asking *one = ask(pool, "One.", 0, NULL), *two = ask(pool, "Two.", 0, NULL), *three = ask(pool, "Three.", 0, NULL);
    fake_wait_running(&fake_rules, 2); /* and the third waits */
    fake_let_go(&fake_rules);
    finish(one, -1);
    finish(two, -1);
    finish(three, -1);
    g_assert_cmpint(fake_most_running(&fake_rules), ==, 2);
}

static void test_deadline_while_waiting(void)
{
    fakes_reset();
    g_autoptr(DubEnginePool) pool = open_pool(&fake_rules_class);
    FAKE_SET(&fake_rules, holds, true);
    Asking *busy = ask(pool, "One.", 0, NULL);
    fake_wait_running(&fake_rules, 1);
    const int64_t deadline_ns = dub_clock_now() + 50 * DUB_NS_PER_MS;
    finish(ask(pool, "Two.", deadline_ns, NULL), DUB_ERROR_TIMEOUT);
    const int64_t late_ns = dub_clock_now() - deadline_ns;
    g_test_message("%d ms after the deadline", (int) (late_ns / DUB_NS_PER_MS));
    g_assert_cmpint(late_ns, >=, 0);
    g_assert_cmpint(late_ns, <, 1000 * DUB_NS_PER_MS); /* some 20 ms on an idle machine */
    fake_let_go(&fake_rules);
    finish(busy, -1);
}

static void test_cancelled_while_waiting(void)
{
    fakes_reset();
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(DubEnginePool) pool = open_pool(&fake_rules_class);
    FAKE_SET(&fake_rules, holds, true);
    Asking *busy = ask(pool, "One.", 0, NULL);
    fake_wait_running(&fake_rules, 1);
    Asking *waiting = ask(pool, "Two.", 0, cancellable);
    const int64_t cancelled_ns = dub_clock_now();
    g_cancellable_cancel(cancellable);
    finish(waiting, DUB_ERROR_CANCELLED);
    const int64_t late_ns = dub_clock_now() - cancelled_ns;
    g_test_message("%d ms after the cancelling", (int) (late_ns / DUB_NS_PER_MS));
    g_assert_cmpint(late_ns, <, 1000 * DUB_NS_PER_MS); /* some 20 ms on an idle machine */
    fake_let_go(&fake_rules);
    finish(busy, -1);
}

static void test_cancelled_at_work(void)
{
    fakes_reset();
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(DubEnginePool) pool = open_pool(&fake_rules_class);
    FAKE_SET(&fake_rules, holds, true);
    Asking *asking = ask(pool, "One.", 0, cancellable);
    fake_wait_running(&fake_rules, 1);
    g_cancellable_cancel(cancellable);
    finish(asking, DUB_ERROR_CANCELLED);
    fake_let_go(&fake_rules);
    run_text(pool, "Two."); /* the engine is free again */
}

/* Nobody asks an engine for what nobody wants any more, though one is free. */
static void test_over_before_it_begins(void)
{
    fakes_reset();
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(DubEnginePool) pool = open_pool(&fake_rules_class);
    const int before = fake_runs(&fake_rules);
    g_cancellable_cancel(cancellable);
    finish(ask(pool, "One.", 0, cancellable), DUB_ERROR_CANCELLED);
    finish(ask(pool, "Two.", dub_clock_now() - 1, NULL), DUB_ERROR_TIMEOUT);
    g_assert_cmpint(fake_runs(&fake_rules), ==, before);
}

/* ── What it is expected to cost ── */

static void wait_for_estimate(DubEnginePool *pool, double amount, int64_t estimate_ns)
{
    const int64_t end_us = g_get_monotonic_time() + LONG_MS * 1000;
    while (ABS(dub_engine_pool_estimate_ns(pool, amount) - estimate_ns) > 2) {
        g_assert_cmpint(g_get_monotonic_time(), <, end_us);
        g_thread_yield();
    }
}

/* Half of what is at work or waits, spread over the engines, comes on top. */
static void test_estimate_with_work_before(void)
{
    static const char hundred[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    g_assert_cmpuint(strlen(hundred), ==, 100);
    fakes_reset();
    fake_rules.takes_ms = 5;
    g_autoptr(DubEnginePool) pool = open_pool(&fake_rules_class);
    const int64_t alone_ns = dub_engine_pool_estimate_ns(pool, 100);
    g_assert_cmpint(dub_engine_pool_estimate_ns(pool, 200), >=, 2 * alone_ns - 2);
    FAKE_SET(&fake_rules, run_error, "it does not count"); /* a failure teaches nothing of the cost */
    FAKE_SET(&fake_rules, holds, true);
    Asking *one = ask(pool, hundred, 0, NULL);
    wait_for_estimate(pool, 100, alone_ns * 3 / 2);
    Asking *two = ask(pool, hundred, 0, NULL);
    wait_for_estimate(pool, 100, alone_ns * 2);
    const int64_t deadline_ns = dub_clock_now() + 10 * DUB_NS_PER_MS;
    finish(ask(pool, hundred, deadline_ns, NULL), DUB_ERROR_TIMEOUT); /* waited, and waits no more */
    g_assert_cmpint(ABS(dub_engine_pool_estimate_ns(pool, 100) - alone_ns * 2), <=, 2);
    fake_let_go(&fake_rules);
    finish(one, DUB_ERROR_ENGINE);
    finish(two, DUB_ERROR_ENGINE);
    g_assert_cmpint(ABS(dub_engine_pool_estimate_ns(pool, 100) - alone_ns), <=, 2);
}

static void test_amount(void)
{
    fakes_reset();
    g_autoptr(DubPcm) pcm = dub_pcm_new(48000, 2, 120000);
    const DubEngineRequest sound = { .pcm = pcm }, text = { .text = "ñandú" };
    g_autoptr(DubEnginePool) ear = open_pool(&fake_ear_class);
    g_assert_cmpfloat(dub_engine_pool_amount(ear, &sound), ==, 2.5);
    g_autoptr(DubEnginePool) voice = open_pool(&fake_voice_class);
    g_assert_cmpfloat(dub_engine_pool_amount(voice, &text), ==, 5);
}

/* A broken engine before it may have cut a character: that is told, and nothing is read beyond the end. */
static void test_text_is_cut_in_a_character(void)
{
    fakes_reset();
    g_autoptr(DubEnginePool) pool = open_pool(&fake_rules_class);
    g_autofree char *text = g_strdup("caf\xf0");
    const DubEngineRequest request = { .text = text };
    g_assert_cmpfloat(dub_engine_pool_amount(pool, &request), <=, 5);
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_engine_pool_run(pool, &request, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
}

/* ── Voices ── */

static void test_voices(void)
{
    fakes_reset();
    fake_voice.offers = "es:maria es:juan fr:marie";
    g_autoptr(DubEnginePool) pool = open_pool(&fake_voice_class);
    g_assert_true(dub_engine_pool_has_voice(pool, "juan"));
    g_assert_false(dub_engine_pool_has_voice(pool, "nobody"));
    g_assert_false(dub_engine_pool_has_voice(pool, "es"));
    DubEngineRequest request = { .text = "Hola.", .voice = "juan" };
    g_autoptr(DubEngineReply) own = dub_engine_pool_run(pool, &request, NULL);
    g_assert_cmpstr(FAKE_LAST(&fake_voice, voice), ==, "juan");
    request.voice = "nobody"; /* somebody else's: here the language's own speaks */
    g_autoptr(DubEngineReply) other = dub_engine_pool_run(pool, &request, NULL);
    g_assert_null(FAKE_LAST(&fake_voice, voice));
}

static void test_voices_not_asked(void)
{
    fakes_reset();
    g_autoptr(DubEnginePool) ear = open_pool(&fake_ear_class);
    g_assert_true(dub_engine_pool_has_voice(ear, "anybody")); /* it is no voice's business */
    g_autoptr(DubEnginePool) null = open_pool(&dub_engine_null_tts);
    g_assert_true(dub_engine_pool_has_voice(null, "anybody"));
}

/* A program that cannot say what it has is broken; a server may still speak. */
static void test_voices_not_known(void)
{
    fakes_reset();
    fake_voice.list_error = fake_cloud_voice.list_error = "no list";
    g_autoptr(GError) error = NULL;
    g_assert_null(try_to_open(&fake_voice_class, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
    g_assert_cmpint(fake_opened(&fake_voice), ==, 0);
    g_autoptr(DubEnginePool) cloud = open_pool(&fake_cloud_voice_class);
    g_assert_true(dub_engine_pool_has_voice(cloud, "anybody"));
}

/* ── Many at once ── */

typedef struct {
    DubEnginePool *pool;
    unsigned seed;
    int n_done;
} Crowd;

static gpointer run_crowd(gpointer data)
{
    Crowd *crowd = data;
    for (unsigned i = 0; i < 40; i++) {
        const unsigned kind = (crowd->seed + i) % 4;
        g_autoptr(GCancellable) cancellable = kind == 1 ? g_cancellable_new() : NULL;
        if (cancellable)
            g_cancellable_cancel(cancellable);
        const DubEngineRequest request = { .text = "The house is big.",
                                           .cancellable = cancellable,
                                           .deadline_ns = kind == 2 ? dub_clock_now() + DUB_NS_PER_MS : 0 };
        g_autoptr(DubEngineReply) reply = dub_engine_pool_run(crowd->pool, &request, NULL);
        crowd->n_done += reply != NULL;
        dub_engine_pool_estimate_ns(crowd->pool, 10);
    }
    return NULL;
}

/* For the thread sanitizer above all; no engine is ever used by two, and none gets lost. */
static void test_crowd(void)
{
    fakes_reset();
    fake_rules.count = 3;
    g_autoptr(DubEnginePool) pool = open_pool(&fake_rules_class);
    Crowd crowds[8];
    GThread *threads[8];
    for (unsigned i = 0; i < 8; i++) {
        crowds[i] = (Crowd){ .pool = pool, .seed = i };
        threads[i] = g_thread_new("crowd", run_crowd, &crowds[i]);
    }
    for (unsigned i = 0; i < 8; i++) {
        g_thread_join(threads[i]);
        g_assert_cmpint(crowds[i].n_done, >=, 20); /* those in no hurry */
    }
    g_assert_cmpint(fake_most_running(&fake_rules), <=, 3);
    FAKE_SET(&fake_rules, holds, true);
    Asking *askings[3];
    for (unsigned i = 0; i < 3; i++)
        askings[i] = ask(pool, "One.", 0, NULL);
    fake_wait_running(&fake_rules, 3);
    fake_let_go(&fake_rules);
    for (unsigned i = 0; i < 3; i++)
        finish(askings[i], -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *path = g_strconcat("/engines/pool/size/", sizes[i].name, NULL);
        g_test_add_data_func(path, &sizes[i], test_size);
    }
    g_test_add_func("/engines/pool/no-more-than-lanes", test_no_more_than_lanes);
    g_test_add_func("/engines/pool/no-core", test_no_core);
    g_test_add_func("/engines/pool/config-is-copied", test_config_is_copied);
    g_test_add_func("/engines/pool/open-fails", test_open_fails);
    g_test_add_func("/engines/pool/warm-up/cost", test_warm_up);
    g_test_add_func("/engines/pool/warm-up/first-piece-does-not-count", test_first_piece_does_not_count);
    g_test_add_func("/engines/pool/warm-up/fails", test_warm_up_fails);
    g_test_add_func("/engines/pool/warm-up/hangs", test_warm_up_hangs);
    g_test_add_func("/engines/pool/waits/for-a-free-engine", test_waits_for_a_free_engine);
    g_test_add_func("/engines/pool/waits/side-by-side", test_side_by_side);
    g_test_add_func("/engines/pool/waits/deadline", test_deadline_while_waiting);
    g_test_add_func("/engines/pool/waits/cancelled", test_cancelled_while_waiting);
    g_test_add_func("/engines/pool/waits/over-before", test_over_before_it_begins);
    g_test_add_func("/engines/pool/cancelled-at-work", test_cancelled_at_work);
    g_test_add_func("/engines/pool/estimate-with-work-before", test_estimate_with_work_before);
    g_test_add_func("/engines/pool/amount", test_amount);
    g_test_add_func("/engines/pool/text-is-cut-in-a-character", test_text_is_cut_in_a_character);
    g_test_add_func("/engines/pool/voices/found", test_voices);
    g_test_add_func("/engines/pool/voices/not-asked", test_voices_not_asked);
    g_test_add_func("/engines/pool/voices/not-known", test_voices_not_known);
    g_test_add_func("/engines/pool/crowd", test_crowd);
    const int status = g_test_run();
    fakes_reset();
    return status;
}
