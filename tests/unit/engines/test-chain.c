/* Chains: which engine is opened, which is asked, and who takes over. */
#include "base/clock.h"
#include "base/error.h"
#include "engines/chain.h"
#include "fakes.h"
#include "leap.h"
#include "rig.h"

#include <string.h>

#define RESERVE_NS (300 * DUB_NS_PER_MS)
#define TEXT       "Un, dos, tres, cuatro, cinco" /* a third of the text by which costs are first measured */

static DubEngineChain *try_to_open(const char *entry, DubEngineStage stage, const char *from, const char *to,
                                   GError **error)
{
    g_autoptr(DubEngineSettings) settings = rig_settings(entry, NULL);
    return dub_engine_chain_open(settings, stage, from, to, error);
}

static DubEngineChain *open_chain(const char *entry, DubEngineStage stage)
{
    g_autoptr(GError) error = NULL;
    DubEngineChain *chain = try_to_open(entry, stage, "en", "es", &error);
    g_assert_no_error(error);
    return chain;
}

/* "voice", and "espeak-ng" behind it. */
static DubEngineChain *open_voices(void)
{
    return open_chain("TTS_PROVIDER=voice,espeak-ng", DUB_STAGE_TTS);
}

/* Returns: who did it */
static const DubEngineClass *run(DubEngineChain *chain, const DubEngineRequest *request)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) replies = dub_engine_chain_run(chain, request, 1, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(replies->len, ==, 1);
    return ((const DubEngineReply *) g_ptr_array_index(replies, 0))->engine;
}

static const DubEngineClass *say(DubEngineChain *chain)
{
    const DubEngineRequest request = { .text = TEXT };
    return run(chain, &request);
}

/* ── Who is opened when nobody is named ── */

/* Neither who works on another machine, nor who must be asked for: not even whether they could. */
static void test_default(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) chain = open_chain("X=", DUB_STAGE_ASR);
    g_assert_cmpstr(dub_engine_chain_name(chain), ==, "ear");
    g_assert_cmpint(fake_opened(&fake_cloud_ear), ==, 0);
    g_assert_cmpint(fake_cloud_ear.n_listed, ==, 0);
    g_assert_cmpint(fake_opened(&fake_named_ear), ==, 0);
    g_assert_cmpint(fake_opened(&fake_other_ear), ==, 0); /* one is enough */
    g_assert_cmpuint(dub_engine_chain_count(chain), ==, 1);
}

static void test_default_is_who_can(void)
{
    fakes_reset();
    fake_ear.offers = "fr de";
    fake_other_ear.offers = "fr en-GB";
    g_autoptr(DubEngineChain) chain = open_chain("X=", DUB_STAGE_ASR);
    g_assert_cmpstr(dub_engine_chain_name(chain), ==, "whisper");
    g_assert_cmpint(fake_opened(&fake_ear), ==, 0);
}

/* Who is there and broken is told, and the next does it. */
static void test_default_without_the_broken(void)
{
    fakes_reset();
    fake_ear.open_error = "no model";
    g_autoptr(DubEngineChain) chain = open_chain("X=", DUB_STAGE_ASR);
    g_assert_cmpstr(dub_engine_chain_name(chain), ==, "whisper");
    g_clear_pointer(&chain, dub_engine_chain_close);
    fakes_reset();
    fake_ear.list_error = "no folder";
    chain = open_chain("X=", DUB_STAGE_ASR);
    g_assert_cmpstr(dub_engine_chain_name(chain), ==, "whisper");
}

/* A quick voice stands behind one that may be slow; a quick one needs none. */
static void test_default_voices(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) both = open_chain("X=", DUB_STAGE_TTS);
    g_assert_cmpstr(dub_engine_chain_name(both), ==, "voice");
    g_assert_cmpint(fake_opened(&fake_quick), ==, 1);
    g_assert_cmpint(fake_opened(&fake_cloud_voice), ==, 0);
    fakes_reset();
    fake_voice.offers = "fr:marie";
    g_autoptr(DubEngineChain) quick = open_chain("X=", DUB_STAGE_TTS);
    g_assert_cmpstr(dub_engine_chain_name(quick), ==, "espeak-ng");
    g_assert_cmpint(fake_opened(&fake_quick), ==, 1);
}

static void test_default_is_broken(void)
{
    fakes_reset();
    fake_rules.open_error = "apt-get install rules";
    fake_model.list_error = "another reason";
    g_autoptr(GError) error = NULL;
    g_assert_null(try_to_open("X=", DUB_STAGE_MT, "en", "es", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
    g_assert_cmpstr(error->message, ==, "apt-get install rules"); /* of the best one */
}

typedef struct {
    const char *name, *entry;
    DubEngineStage stage;
    const char *from, *to, *says[3];
} Unsupported;

static const Unsupported unsupported[] = {
    { "recognition", "X=", DUB_STAGE_ASR, "tlh", "es", { "\"tlh\"", "en (ear)", "fr, en (whisper)" } },
    { "translation",
      "X=",
      DUB_STAGE_MT,
      "es",
      "en",
      { "\"es-en\"", "en-es, es-fr (rules)", "apt-cache search apertium-" } },
    { "voice", "X=", DUB_STAGE_TTS, "en", "tlh", { "\"tlh\"", "es, fr (voice)", "airdub voices" } },
    { "region-of-another", "X=", DUB_STAGE_TTS, "en", "ko", { "\"ko\"", "es (espeak-ng)", "airdub voices" } },
    { "by-name", "ASR_PROVIDER=ear", DUB_STAGE_ASR, "fr", "es", { "\"fr\"", "en (ear)", "fr, en (whisper)" } },
};

/* The message lists what there is, each language once. */
static void test_unsupported(const void *data)
{
    const Unsupported *c = data;
    fakes_reset();
    fake_other_ear.offers = "fr en en-GB";
    fake_rules.offers = "en-es es-fr";
    fake_voice.offers = "es:maria es-419:juan fr:marie";
    g_autoptr(GError) error = NULL;
    g_assert_null(try_to_open(c->entry, c->stage, c->from, c->to, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED);
    g_test_message("%s", error->message);
    for (gsize i = 0; i < G_N_ELEMENTS(c->says); i++)
        g_assert_nonnull(strstr(error->message, c->says[i]));
    g_assert_null(strstr(error->message, "named-ear"));
    fakes_assert_closed();
}

static void test_nothing_installed(void)
{
    fakes_reset();
    fake_rules.offers = fake_model.offers = NULL;
    g_autoptr(GError) error = NULL;
    g_assert_null(try_to_open("X=", DUB_STAGE_MT, "en", "es", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED);
    g_assert_nonnull(strstr(error->message, "none installed"));
}

/* ── Who is opened by name ── */

static void test_named(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) chain = open_chain("ASR_PROVIDER=cloud-ear, named-ear:fast ,ear", DUB_STAGE_ASR);
    g_assert_cmpstr(dub_engine_chain_name(chain), ==, "cloud-ear");
    g_assert_cmpint(fake_opened(&fake_named_ear), ==, 1);
    g_assert_cmpstr(fake_named_ear.argument, ==, "fast");
    g_assert_cmpint(fake_opened(&fake_ear), ==, 1);
    g_assert_cmpint(fake_opened(&fake_other_ear), ==, 0);
    g_assert_cmpuint(dub_engine_chain_count(chain), ==, DUB_ENGINE_CONNECTIONS); /* the most of any */
    g_assert_cmpint(dub_engine_chain_loading_cpu_ns(chain), >, 0);
}

static void test_named_without_the_broken(void)
{
    fakes_reset();
    fake_ear.open_error = "no model";
    g_autoptr(DubEngineChain) chain = open_chain("ASR_PROVIDER=ear,whisper", DUB_STAGE_ASR);
    g_assert_cmpstr(dub_engine_chain_name(chain), ==, "whisper");
    g_autoptr(DubEngineChain) other = open_chain("ASR_PROVIDER=whisper,ear", DUB_STAGE_ASR);
    g_assert_cmpstr(dub_engine_chain_name(other), ==, "whisper");
}

static void test_named_all_broken(void)
{
    fakes_reset();
    fake_ear.open_error = "no model";
    fake_other_ear.list_error = "no folder";
    g_autoptr(GError) error = NULL;
    g_assert_null(try_to_open("ASR_PROVIDER=ear,whisper", DUB_STAGE_ASR, "en", "es", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
}

/* A server that does not list what it has may still do it. */
static void test_named_cloud_without_a_list(void)
{
    fakes_reset();
    fake_cloud_ear.list_error = "no answer";
    g_autoptr(DubEngineChain) chain = open_chain("ASR_PROVIDER=cloud-ear", DUB_STAGE_ASR);
    g_assert_cmpstr(dub_engine_chain_name(chain), ==, "cloud-ear");
}

/* Nobody needs nine. */
static void test_named_at_most_eight(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) chain = open_chain("ASR_PROVIDER=ear,ear,ear,ear,ear,ear,ear,ear,whisper", DUB_STAGE_ASR);
    g_assert_cmpint(fake_opened(&fake_ear), ==, 8);
    g_assert_cmpint(fake_opened(&fake_other_ear), ==, 0);
}

/* Settings of another system name what is not here: what is here does it. Our own names mean what they say. */
static void test_borrowed_name(void)
{
    fakes_reset();
    fake_other_ear.offers = NULL;
    g_autoptr(DubEngineChain) chain = open_chain("ASR_PROVIDER=faster-whisper", DUB_STAGE_ASR);
    g_assert_cmpstr(dub_engine_chain_name(chain), ==, "ear");
    g_autoptr(GError) error = NULL;
    g_assert_null(try_to_open("ASR_PROVIDER=whisper", DUB_STAGE_ASR, "en", "es", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED);
    g_clear_error(&error);
    fake_ear.offers = NULL; /* and nothing else is here, either */
    g_assert_null(try_to_open("ASR_PROVIDER=faster-whisper", DUB_STAGE_ASR, "en", "es", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED);
}

/* ── Who is asked ── */

static void test_first_is_asked(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) chain = open_voices();
    const int before = fake_runs(&fake_quick);
    g_assert_true(say(chain) == &fake_voice_class);
    g_assert_cmpint(fake_runs(&fake_quick), ==, before);
}

static void test_next_takes_over(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) chain = open_voices();
    FAKE_SET(&fake_voice, run_error, "hoarse");
    g_assert_true(say(chain) == &fake_quick_class);
    FAKE_SET(&fake_voice, run_error, NULL);
    g_assert_true(say(chain) == &fake_voice_class);
}

static void test_all_fail(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) chain = open_voices();
    FAKE_SET(&fake_voice, run_error, "hoarse");
    FAKE_SET(&fake_quick, run_error, "mute");
    const DubEngineRequest request = { .text = TEXT };
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_engine_chain_run(chain, &request, 1, NULL, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
    g_assert_cmpstr(error->message, ==, "mute");
}

/* All pieces of a fragment are one voice's: where it fails at the second, the next does the first again. */
static void test_pieces_stay_together(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) chain = open_voices();
    const int before = fake_runs(&fake_voice);
    g_autoptr(GError) error = NULL;
    FAKE_SET(&fake_voice, fails_from, before + 2); /* the second of these three */
    const DubEngineRequest requests[] = { { .text = "Uno." }, { .text = "Dos." }, { .text = "Tres." } };
    g_autoptr(GPtrArray) all = dub_engine_chain_run(chain, requests, 3, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(all->len, ==, 3);
    for (guint i = 0; i < all->len; i++)
        g_assert_true(((const DubEngineReply *) g_ptr_array_index(all, i))->engine == &fake_quick_class);
    g_assert_cmpint(fake_runs(&fake_voice), ==, before + 2); /* its third was not begun */
}

static void test_no_pieces(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) chain = open_voices();
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) replies = dub_engine_chain_run(chain, NULL, 0, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(replies->len, ==, 0);
}

/* ── Deadlines ── */

/* By what it took until now the first would be late, so it is not even asked. */
static void test_expected_lateness(void)
{
    fakes_reset();
    fake_voice.takes_ms = 1200;
    g_autoptr(DubEngineChain) chain = open_voices();
    const int before = fake_runs(&fake_voice);
    DubEngineRequest request = { .text = TEXT, .deadline_ns = dub_clock_now() + 700 * DUB_NS_PER_MS };
    g_assert_true(run(chain, &request) == &fake_quick_class);
    g_assert_cmpint(fake_runs(&fake_voice), ==, before);
    request.deadline_ns = dub_clock_now() + 60 * DUB_NS_PER_S;
    g_assert_true(run(chain, &request) == &fake_voice_class);
    request.deadline_ns = 0;
    g_assert_true(run(chain, &request) == &fake_voice_class);
}

/* Five pieces take five times as long. */
static void test_expected_lateness_of_all_pieces(void)
{
    fakes_reset();
    fake_voice.takes_ms = 600;
    g_autoptr(DubEngineChain) chain = open_voices();
    const int before = fake_runs(&fake_voice);
    DubEngineRequest requests[5];
    for (gsize i = 0; i < G_N_ELEMENTS(requests); i++)
        requests[i] = (DubEngineRequest){ .text = TEXT, .deadline_ns = dub_clock_now() + 1000 * DUB_NS_PER_MS };
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) replies = dub_engine_chain_run(chain, requests, 5, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpint(fake_runs(&fake_voice), ==, before);
}

/* What the first is given ends so early that the next could still do it all; the last has all there is. */
static void test_room_for_the_next(void)
{
    fakes_reset();
    fake_quick.takes_ms = 180; /* 60 ms for the text below, which is a third as long as the text that counts */
    g_autoptr(DubEngineChain) chain = open_voices();
    FAKE_SET(&fake_voice, holds, true);
    const DubEngineRequest request = { .text = TEXT, .deadline_ns = dub_clock_now() + 2 * DUB_NS_PER_S };
    g_assert_true(run(chain, &request) == &fake_quick_class);
    g_assert_cmpint(FAKE_LAST(&fake_voice, deadline_ns), <=, request.deadline_ns - RESERVE_NS - 60 * DUB_NS_PER_MS);
    g_assert_cmpint(FAKE_LAST(&fake_quick, deadline_ns), ==, request.deadline_ns);
}

/* Nobody is left: the last is asked, however late it may be. */
static void test_last_is_asked_anyway(void)
{
    fakes_reset();
    fake_voice.takes_ms = fake_quick.takes_ms = 100;
    g_autoptr(DubEngineChain) chain = open_voices();
    const int before = fake_runs(&fake_quick);
    const DubEngineRequest request = { .text = TEXT, .deadline_ns = dub_clock_now() + 20 * DUB_NS_PER_MS };
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_engine_chain_run(chain, &request, 1, NULL, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_TIMEOUT);
    g_assert_cmpint(fake_runs(&fake_quick), <=, before + 1);
}

/* ── Rest ── */

static void fail_voice(DubEngineChain *chain, int times)
{
    FAKE_SET(&fake_voice, run_error, "hoarse");
    for (int i = 0; i < times; i++) {
        const int before = fake_runs(&fake_voice);
        g_assert_true(say(chain) == &fake_quick_class);
        g_assert_cmpint(fake_runs(&fake_voice), ==, before + 1);
    }
    FAKE_SET(&fake_voice, run_error, NULL);
}

static void test_rests(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) chain = open_voices();
    fail_voice(chain, 3);
    const int before = fake_runs(&fake_voice);
    g_assert_true(say(chain) == &fake_quick_class); /* though it would work */
    leap(29 * DUB_NS_PER_S);
    g_assert_true(say(chain) == &fake_quick_class);
    g_assert_cmpint(fake_runs(&fake_voice), ==, before);
    leap(2 * DUB_NS_PER_S);
    g_assert_true(say(chain) == &fake_voice_class);
}

/* After its rest one failure is enough, and one success makes it whole. */
static void test_rests_again(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) chain = open_voices();
    fail_voice(chain, 3);
    leap(31 * DUB_NS_PER_S);
    fail_voice(chain, 1);
    g_assert_true(say(chain) == &fake_quick_class);
    leap(31 * DUB_NS_PER_S);
    g_assert_true(say(chain) == &fake_voice_class);
    fail_voice(chain, 2);
    g_assert_true(say(chain) == &fake_voice_class);
    fail_voice(chain, 2); /* not in a row with those before */
    g_assert_true(say(chain) == &fake_voice_class);
}

/* Nobody is behind the last, so it never rests. */
static void test_last_never_rests(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) chain = open_chain("TTS_PROVIDER=voice", DUB_STAGE_TTS);
    FAKE_SET(&fake_voice, run_error, "hoarse");
    const DubEngineRequest request = { .text = TEXT };
    for (int i = 0; i < 5; i++)
        g_assert_null(dub_engine_chain_run(chain, &request, 1, NULL, NULL));
    FAKE_SET(&fake_voice, run_error, NULL);
    g_assert_true(say(chain) == &fake_voice_class);
}

/* A request that makes no sense is not the engine's failure, so it is asked the next time. */
static void test_bad_request(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) chain = open_voices();
    const int before = fake_runs(&fake_quick);
    const DubEngineRequest request = { .text = "caf\xc3" };
    for (int i = 0; i < 4; i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(dub_engine_chain_run(chain, &request, 1, NULL, &error));
        g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    }
    g_assert_true(say(chain) == &fake_voice_class);
    g_assert_cmpint(fake_runs(&fake_quick), ==, before);
}

/* ── Cancelling ── */

static gpointer cancel_when_running(gpointer data)
{
    fake_wait_running(&fake_voice, 1);
    g_cancellable_cancel(data);
    return NULL;
}

/* Nobody takes over what nobody wants any more, and nobody is to blame for it. */
static void test_cancelled(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) chain = open_voices();
    const int before = fake_runs(&fake_quick);
    FAKE_SET(&fake_voice, holds, true);
    for (int i = 0; i < 4; i++) {
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        g_autoptr(GError) error = NULL;
        const DubEngineRequest request = { .text = TEXT, .cancellable = cancellable };
        GThread *thread = g_thread_new("cancelling", cancel_when_running, cancellable);
        g_assert_null(dub_engine_chain_run(chain, &request, 1, NULL, &error));
        g_assert_error(error, DUB_ERROR, DUB_ERROR_CANCELLED);
        g_thread_join(thread);
    }
    g_assert_cmpint(fake_runs(&fake_quick), ==, before);
    fake_let_go(&fake_voice);
    g_assert_true(say(chain) == &fake_voice_class);
}

/* ── Only one, and voices ── */

static void test_only(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) chain = open_voices();
    const int before = fake_runs(&fake_voice);
    const DubEngineRequest request = { .text = TEXT };
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) replies = dub_engine_chain_run(chain, &request, 1, &fake_quick_class, &error);
    g_assert_no_error(error);
    g_assert_true(((const DubEngineReply *) g_ptr_array_index(replies, 0))->engine == &fake_quick_class);
    g_assert_cmpint(fake_runs(&fake_voice), ==, before);

    FAKE_SET(&fake_quick, run_error, "mute");
    g_assert_null(dub_engine_chain_run(chain, &request, 1, &fake_quick_class, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
    g_assert_cmpint(fake_runs(&fake_voice), ==, before);
}

static void test_only_one_that_is_not_there(void)
{
    fakes_reset();
    g_autoptr(DubEngineChain) chain = open_voices();
    const DubEngineRequest request = { .text = TEXT };
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_engine_chain_run(chain, &request, 1, &fake_cloud_voice_class, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
    g_assert_nonnull(strstr(error->message, "cloud-voice"));
}

typedef struct {
    const char *name, *voice;
    const DubEngineClass *speaks;
    const char *as; /* the voice that it is asked for */
} Voice;

static const Voice voices[] = {
    { "own", NULL, &fake_voice_class, NULL },
    { "of-the-first", "maria", &fake_voice_class, "maria" },
    { "of-the-next", "juan", &fake_quick_class, "juan" },
    { "of-both", "luz", &fake_voice_class, "luz" },
    { "of-nobody", "nobody", &fake_voice_class, NULL },
};

static DubEngineChain *open_choir(void)
{
    fakes_reset();
    fake_voice.offers = "es:maria es:luz";
    fake_quick.offers = "es:juan es:luz";
    return open_voices();
}

static void test_voice(const void *data)
{
    const Voice *c = data;
    g_autoptr(DubEngineChain) chain = open_choir();
    const DubEngineRequest request = { .text = TEXT, .voice = c->voice };
    g_assert_true(run(chain, &request) == c->speaks);
    g_assert_cmpstr(fake_last(c->speaks == &fake_voice_class ? &fake_voice : &fake_quick)->voice, ==, c->as);
}

/* Who has the voice fails: the other speaks with its own. */
static void test_voice_is_lost(void)
{
    g_autoptr(DubEngineChain) chain = open_choir();
    FAKE_SET(&fake_quick, run_error, "mute");
    const DubEngineRequest request = { .text = TEXT, .voice = "juan" };
    g_assert_true(run(chain, &request) == &fake_voice_class);
    g_assert_null(FAKE_LAST(&fake_voice, voice));
}

static void test_has_voice(void)
{
    g_autoptr(DubEngineChain) chain = open_choir();
    g_assert_true(dub_engine_chain_has_voice(chain, "maria"));
    g_assert_true(dub_engine_chain_has_voice(chain, "juan"));
    g_assert_false(dub_engine_chain_has_voice(chain, "nobody"));
}

/* ── Costs ── */

static void test_costs(void)
{
    fakes_reset();
    fake_voice.takes_ms = 200;
    g_autoptr(DubEngineChain) chain = open_voices();
    g_assert_cmpint(dub_engine_chain_estimate_ns(chain, 84), >=, 300 * DUB_NS_PER_MS); /* of the first */
    g_assert_cmpint(dub_engine_chain_least_ns(chain, 84), <, 200 * DUB_NS_PER_MS);     /* of the quickest */
    g_assert_cmpint(dub_engine_chain_least_ns(chain, 84), >, 0);
    g_autoptr(DubEngineChain) ears = open_chain("ASR_PROVIDER=ear,whisper", DUB_STAGE_ASR);
    g_assert_cmpint(dub_engine_chain_estimate_ns(ears, 6), ==, 0);
    g_assert_cmpint(dub_engine_chain_least_ns(ears, 6), ==, 0);
}

/* ── Many at once ── */

static gpointer run_crowd(gpointer data)
{
    for (unsigned i = 0; i < 40; i++) {
        const DubEngineRequest request = { .text = TEXT,
                                           .deadline_ns = i % 3 ? dub_clock_now() + 60 * DUB_NS_PER_S : 0 };
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) replies = dub_engine_chain_run(data, &request, 1, NULL, &error);
        g_assert_no_error(error);
        dub_engine_chain_estimate_ns(data, 10);
        dub_engine_chain_least_ns(data, 10);
    }
    return NULL;
}

/* For the thread sanitizer above all: one that fails now and then, one behind it. */
static void test_crowd(void)
{
    fakes_reset();
    fake_voice.count = 2;
    g_autoptr(DubEngineChain) chain = open_voices();
    GThread *threads[6];
    for (unsigned i = 0; i < 6; i++)
        threads[i] = g_thread_new("crowd", run_crowd, chain);
    for (unsigned i = 0; i < 20; i++) {
        FAKE_SET(&fake_voice, run_error, i % 2 ? "hoarse" : NULL);
        g_thread_yield();
    }
    for (unsigned i = 0; i < 6; i++)
        g_thread_join(threads[i]);
}

/* ── Asked beforehand ── */

typedef struct {
    const char *name, *entry;
    DubEngineStage stage;
    const char *to, *voice;
    int error; /* -1: it can be done */
    const char *says;
} Check;

static const Check checks[] = {
    { "recogniser", NULL, DUB_STAGE_ASR, "es", NULL, -1, NULL },
    { "translator", NULL, DUB_STAGE_MT, "es", NULL, -1, NULL },
    { "no-translator", NULL, DUB_STAGE_MT, "fr", NULL, DUB_ERROR_UNSUPPORTED,
      "no translation for \"en-fr\"; there is: en-es" },
    { "named-translator", "TRANSLATION_PROVIDER=rules", DUB_STAGE_MT, "fr", NULL, DUB_ERROR_UNSUPPORTED, "\"en-fr\"" },
    { "second-of-two", "TTS_PROVIDER=espeak-ng,voice", DUB_STAGE_TTS, "es", "voice", -1, NULL },
    { "no-voice", "TTS_PROVIDER=espeak-ng,voice", DUB_STAGE_TTS, "es", "nobody", DUB_ERROR_NOT_FOUND, "\"nobody\"" },
    { "voice-by-default", NULL, DUB_STAGE_TTS, "es", "quick", -1, NULL },
    { "voices-language", NULL, DUB_STAGE_TTS, "fr", NULL, DUB_ERROR_UNSUPPORTED, "no voice speaks \"fr\"" },
    { "borrowed", "ASR_PROVIDER=faster-whisper", DUB_STAGE_ASR, "es", NULL, -1, NULL },
};

/* Nothing is opened for it. */
static void test_check(const void *data)
{
    const Check *c = data;
    fakes_reset();
    g_autoptr(DubEngineSettings) settings = c->entry ? rig_settings(c->entry, NULL) : rig_default_settings();
    g_autoptr(GError) error = NULL;
    const bool can = dub_engine_chain_check(settings, c->stage, "en", c->to, c->voice, &error);
    g_assert_cmpint(can, ==, c->error < 0);
    if (!can) {
        g_assert_error(error, DUB_ERROR, c->error);
        g_assert_nonnull(strstr(error->message, c->says));
    }
    Fake *const all[] = { &fake_ear, &fake_other_ear, &fake_rules, &fake_model, &fake_voice, &fake_quick };
    for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
        g_assert_cmpint(fake_opened(all[i]), ==, 0);
}

static void test_close_nothing(void)
{
    dub_engine_chain_close(NULL);
}

#define ADD(name, test) g_test_add_func("/engines/chain/" name, test)
#define ADD_ROWS(group, rows, test)                                                             \
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {                                            \
        g_autofree char *path = g_strconcat("/engines/chain/" group "/", (rows)[i].name, NULL); \
        g_test_add_data_func(path, &(rows)[i], test);                                           \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("default/no-cloud-none-by-name", test_default);
    ADD("default/who-can", test_default_is_who_can);
    ADD("default/without-the-broken", test_default_without_the_broken);
    ADD("default/voices", test_default_voices);
    ADD("default/is-broken", test_default_is_broken);
    ADD_ROWS("unsupported", unsupported, test_unsupported)
    ADD("unsupported/nothing-installed", test_nothing_installed);
    ADD("named/in-order", test_named);
    ADD("named/without-the-broken", test_named_without_the_broken);
    ADD("named/all-broken", test_named_all_broken);
    ADD("named/cloud-without-a-list", test_named_cloud_without_a_list);
    ADD("named/at-most-eight", test_named_at_most_eight);
    ADD("named/borrowed", test_borrowed_name);
    ADD("run/first-is-asked", test_first_is_asked);
    ADD("run/next-takes-over", test_next_takes_over);
    ADD("run/all-fail", test_all_fail);
    ADD("run/pieces-stay-together", test_pieces_stay_together);
    ADD("run/no-pieces", test_no_pieces);
    ADD("deadline/expected-lateness", test_expected_lateness);
    ADD("deadline/expected-lateness-of-all-pieces", test_expected_lateness_of_all_pieces);
    ADD("deadline/room-for-the-next", test_room_for_the_next);
    ADD("deadline/last-is-asked-anyway", test_last_is_asked_anyway);
    ADD("rest/after-three", test_rests);
    ADD("rest/again", test_rests_again);
    ADD("rest/last-never", test_last_never_rests);
    ADD("rest/bad-request", test_bad_request);
    ADD("cancelled", test_cancelled);
    ADD("only/one", test_only);
    ADD("only/not-there", test_only_one_that_is_not_there);
    ADD_ROWS("voice", voices, test_voice)
    ADD("voice/is-lost", test_voice_is_lost);
    ADD("voice/has", test_has_voice);
    ADD_ROWS("check", checks, test_check)
    ADD("costs", test_costs);
    ADD("crowd", test_crowd);
    ADD("close-nothing", test_close_nothing);
    const int status = g_test_run();
    fakes_reset();
    return status;
}
