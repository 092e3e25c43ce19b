/* Anybody's program as an engine: the example of the documentation, and one that hears and speaks. */
#include "base/clock.h"
#include "base/error.h"
#include "engines/drivers.h"
#include "engines/list.h"

#include <string.h>

static const char shout[] = "/usr/bin/python3 '" SOURCE_ROOT "/examples/engine.py'";
static const char evil[] = "/usr/bin/python3 '" SOURCE_ROOT "/tests/support/evil_engine.py'";

static DubEngine *try_to_open(const DubEngineClass *klass, const char *argument, GError **error)
{
    const DubEngineConfig config = { .argument = argument, .from = "en", .to = "es", .n_cores = 1 };
    return dub_engine_open(klass, &config, error);
}

static DubEngine *open_exec(const DubEngineClass *klass, const char *argument)
{
    g_autoptr(GError) error = NULL;
    DubEngine *engine = try_to_open(klass, argument, &error);
    g_assert_no_error(error);
    return engine;
}

static void test_example(void)
{
    g_autoptr(DubEngine) engine = open_exec(&dub_engine_exec_mt, shout);
    g_autoptr(GError) error = NULL;
    const DubEngineRequest request = { .text = "The house is big. ¿Sí?", .from = "en", .to = "es" };
    for (int i = 0; i < 3; i++) {
        g_autoptr(DubEngineReply) reply = dub_engine_run(engine, &request, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(reply->text, ==, "THE HOUSE IS BIG. ¿SÍ?");
        g_assert_true(reply->engine == &dub_engine_exec_mt);
    }
}

static void test_example_list(void)
{
    const DubEngineConfig config = { .argument = shout, .n_cores = 1 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) offers = dub_engine_exec_mt.list(&config, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(offers->len, ==, 1);
    const DubEngineOffer *offer = g_ptr_array_index(offers, 0);
    g_assert_cmpstr(offer->language, ==, "en");
    g_assert_cmpstr(offer->target, ==, "es");
}

/* Nothing is offered before somebody names a program, and that is no error. */
static void test_nothing_named(void)
{
    const DubEngineClass *const classes[] = { &dub_engine_exec_asr, &dub_engine_exec_mt, &dub_engine_exec_tts };
    for (gsize i = 0; i < G_N_ELEMENTS(classes); i++) {
        const DubEngineConfig config = { .n_cores = 1 };
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) offers = classes[i]->list(&config, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(offers->len, ==, 0);
        g_assert_null(try_to_open(classes[i], NULL, &error));
        g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    }
}

static void test_missing(void)
{
    static const char *const arguments[] = { "/no/such/program", "'unbalanced", "" };
    static const DubErrorCode codes[] = { DUB_ERROR_ENGINE, DUB_ERROR_INVALID_ARGUMENT, DUB_ERROR_INVALID_ARGUMENT };
    for (gsize i = 0; i < G_N_ELEMENTS(arguments); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(try_to_open(&dub_engine_exec_tts, arguments[i], &error));
        g_assert_true(g_error_matches(error, DUB_ERROR, (int) codes[i]));
    }
}

static DubEngineReply *hear(DubEngine *engine, const char *told, GError **error)
{
    g_autoptr(DubPcm) pcm = dub_pcm_new(16000, 1, 16000 * 2);
    const DubEngineRequest request = { .pcm = pcm, .from = "en", .to = "es", .terms = told, .context = "before" };
    return dub_engine_run(engine, &request, error);
}

/* Times are moved into the block; a confidence that was not told is negative. */
static void test_hears(void)
{
    g_autoptr(DubEngine) engine = open_exec(&dub_engine_exec_asr, evil);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineReply) reply = hear(engine, "spans", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(reply->text, ==, "one two");
    g_assert_cmpstr(reply->model, ==, "mine");
    g_assert_cmpint(reply->usage.cost_micros, ==, 12);
    g_assert_cmpuint(reply->segments->len, ==, 1);
    g_assert_cmpuint(reply->words->len, ==, 2);
    const DubEngineSpan *segment = &g_array_index(reply->segments, DubEngineSpan, 0);
    const DubEngineSpan *word = &g_array_index(reply->words, DubEngineSpan, 1);
    g_assert_cmpint(segment->start_ns, ==, 100 * DUB_NS_PER_MS);
    g_assert_cmpint(segment->end_ns, ==, 2000 * DUB_NS_PER_MS);
    g_assert_cmpfloat(segment->confidence, ==, 0.5);
    g_assert_cmpfloat(word->confidence, <, 0);
    g_assert_cmpint(word->start_ns, <=, word->end_ns);
}

static void test_bad_replies(void)
{
    static const char *const told[] = { "no-text", "bad-span", "text-is-number" };
    g_autoptr(DubEngine) engine = open_exec(&dub_engine_exec_asr, evil);
    for (gsize i = 0; i < G_N_ELEMENTS(told); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(hear(engine, told[i], &error));
        g_test_message("%s", error->message);
        g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
        g_assert_true(g_str_has_prefix(error->message, "evil: "));
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineReply) reply = hear(engine, "spans", &error);
    g_assert_no_error(error);
}

static void test_by_name(void)
{
    g_autofree char *argument = NULL;
    g_autoptr(GError) error = NULL;
    const DubEngineClass *klass = dub_engine_find(DUB_STAGE_TTS, "exec:/usr/bin/mine --fast", &argument, &error);
    g_assert_true(klass == &dub_engine_exec_tts);
    g_assert_cmpstr(argument, ==, "/usr/bin/mine --fast");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engines/exec/example", test_example);
    g_test_add_func("/engines/exec/example-list", test_example_list);
    g_test_add_func("/engines/exec/nothing-named", test_nothing_named);
    g_test_add_func("/engines/exec/missing", test_missing);
    g_test_add_func("/engines/exec/hears", test_hears);
    g_test_add_func("/engines/exec/bad-replies", test_bad_replies);
    g_test_add_func("/engines/exec/by-name", test_by_name);
    return g_test_run();
}
