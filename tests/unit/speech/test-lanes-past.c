/* What a stream's fragments know of those before them, who is let in, and what becomes of engines' errors: lanes with
 * engines that do what they are told. */
#include "speech/lanes.h"

#include "base/clock.h"
#include "base/error.h"
#include "fakes.h"
#include "rig.h"

#include <string.h>

#define RATE_HZ 16000

typedef struct {
    DubLanes *lanes;
    DubSpeechSession *session;
    GPtrArray *results; /* of DubSpeechResult */
} Rig;

static void on_done(DubSpeechResult *result, void *user_data)
{
    g_ptr_array_add(((Rig *) user_data)->results, result);
}

static DubLanes *open_lanes(unsigned n_lanes)
{
    g_autoptr(DubEngineSettings) settings = rig_settings("TTS_PROVIDER=espeak-ng", NULL);
    g_autoptr(GError) error = NULL;
    DubEngineSet *engines = dub_engine_set_open(settings, "en", "es", &error);
    g_assert_no_error(error);
    return dub_lanes_new(engines, n_lanes);
}

static void begin(Rig *rig, DubLanes *lanes)
{
    const DubSpeechSessionConfig config = { .rate_hz = RATE_HZ, .channels = 1, .timeout_ms = 60000 };
    g_autoptr(GError) error = NULL;
    rig->lanes = lanes;
    rig->results = g_ptr_array_new_with_free_func((GDestroyNotify) dub_speech_result_free);
    rig->session = dub_speech_session_new(lanes, &config, on_done, rig, &error);
    g_assert_no_error(error);
}

static void end(Rig *rig)
{
    dub_speech_session_free(rig->session);
    g_ptr_array_unref(rig->results);
}

static gboolean on_too_long(G_GNUC_UNUSED gpointer data)
{
    g_error("no answer within a minute");
    return G_SOURCE_REMOVE;
}

static const DubSpeechResult *wait_result(Rig *rig, guint n)
{
    const guint guard = g_timeout_add_seconds(60, on_too_long, NULL);
    while (rig->results->len < n)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(guard);
    return g_ptr_array_index(rig->results, n - 1);
}

static void submit(Rig *rig, uint64_t number)
{
    dub_speech_session_submit(rig->session, dub_fragment_new(number, 0, dub_pcm_new(RATE_HZ, 1, RATE_HZ)));
}

static const DubSpeechResult *run(Rig *rig, uint64_t number)
{
    submit(rig, number);
    return wait_result(rig, rig->results->len + 1);
}

static void run_saying(Rig *rig, uint64_t number, const char *says)
{
    FAKE_SET(&fake_ear, says, says);
    const DubSpeechResult *result = run(rig, number);
    g_assert_cmpint(result->answer->status, ==, DUB_PROCESSED_SUCCESS);
    g_assert_cmpstr(result->answer->transcript, ==, says);
}

/* ── What was said before ── */

/* The recogniser and the translator are told; to the voice it is another language. */
static void test_context(void)
{
    fakes_reset();
    Rig rig;
    g_autoptr(DubLanes) lanes = open_lanes(1);
    begin(&rig, lanes);
    run_saying(&rig, 0, "Good evening.");
    g_assert_null(FAKE_LAST(&fake_ear, context));
    g_assert_null(FAKE_LAST(&fake_rules, context));
    run_saying(&rig, 1, "The weather is clear.");
    g_assert_cmpstr(FAKE_LAST(&fake_ear, context), ==, "Good evening.");
    g_assert_cmpstr(FAKE_LAST(&fake_rules, context), ==, "Good evening.");
    g_assert_null(FAKE_LAST(&fake_quick, context));
    run_saying(&rig, 2, "");
    g_assert_cmpstr(FAKE_LAST(&fake_ear, context), ==, "The weather is clear.");
    run_saying(&rig, 3, "Thank you."); /* a pause does not make it forget */
    g_assert_cmpstr(FAKE_LAST(&fake_ear, context), ==, "The weather is clear.");
    end(&rig);
}

static void test_context_is_the_streams_own(void)
{
    fakes_reset();
    Rig one, other;
    g_autoptr(DubLanes) lanes = open_lanes(1);
    begin(&one, lanes);
    begin(&other, lanes);
    run_saying(&one, 0, "Good evening.");
    run_saying(&other, 1, "Nothing of it is yours.");
    g_assert_null(FAKE_LAST(&fake_ear, context));
    end(&one);
    end(&other);
}

/* Of two side by side the earlier one ends last: what goes along is what was said later. */
static void test_context_out_of_order(void)
{
    fakes_reset();
    fake_ear.count = 2;
    Rig rig;
    g_autoptr(DubLanes) lanes = open_lanes(2);
    begin(&rig, lanes);
    FAKE_SET(&fake_ear, takes_ms, 300);
    submit(&rig, 0);
    fake_wait_running(&fake_ear, 1);
    FAKE_SET(&fake_ear, takes_ms, 0);
    run_saying(&rig, 1, "One.");
    FAKE_SET(&fake_ear, says, "Zero.");
    g_assert_cmpstr(wait_result(&rig, 2)->answer->transcript, ==, "Zero.");
    run_saying(&rig, 2, "Two.");
    g_assert_cmpstr(FAKE_LAST(&fake_ear, context), ==, "One.");
    end(&rig);
}

typedef struct {
    const char *name, *unit; /* said a hundred times */
} Long;

static const Long longs[] = { { "words", "many words " }, { "no-blanks", "言葉" } };

/* What is told of a long fragment is its end: whole words, or whole characters where there are no blanks. */
static void test_long_context(const void *data)
{
    const Long *c = data;
    fakes_reset();
    g_autoptr(GString) said = g_string_new("First. ");
    for (int i = 0; i < 100; i++)
        g_string_append(said, c->unit);
    g_strchomp(said->str);
    Rig rig;
    g_autoptr(DubLanes) lanes = open_lanes(1);
    begin(&rig, lanes);
    run_saying(&rig, 0, said->str);
    run_saying(&rig, 1, "Second.");
    const char *context = FAKE_LAST(&fake_ear, context);
    g_assert_nonnull(context);
    g_assert_cmpuint(strlen(context), <=, 400);
    g_assert_cmpuint(strlen(context), >, 380);
    g_assert_true(g_str_has_suffix(said->str, context));
    g_assert_true(g_utf8_validate(context, -1, NULL));
    g_assert_false(g_ascii_isspace(*context));
    end(&rig);
}

/* What engines learn of a voice: fragment n uses what n - lanes left behind, whichever lane takes it. */
static void test_memory(void)
{
    fakes_reset();
    Rig rig;
    g_autoptr(DubLanes) lanes = open_lanes(2);
    begin(&rig, lanes);
    const void *memories[4];
    for (uint64_t i = 0; i < 4; i++) {
        run_saying(&rig, i, "Again.");
        memories[i] = FAKE_LAST(&fake_ear, memory);
        g_assert_nonnull(memories[i]);
        g_assert_true(FAKE_LAST(&fake_quick, memory) == memories[i]);
    }
    g_assert_true(memories[0] == memories[2]);
    g_assert_true(memories[1] == memories[3]);
    g_assert_true(memories[0] != memories[1]);
    end(&rig);
}

/* ── When it is due ── */

/* The earlier of the session's time and the fragment's own counts, for every stage. */
static void test_deadline(void)
{
    fakes_reset();
    Rig rig;
    g_autoptr(DubLanes) lanes = open_lanes(1);
    begin(&rig, lanes);
    DubFragment *fragment = dub_fragment_new(0, 0, dub_pcm_new(RATE_HZ, 1, RATE_HZ));
    const int64_t deadline_ns = fragment->deadline_ns = dub_clock_now() + 30 * DUB_NS_PER_S;
    dub_speech_session_submit(rig.session, fragment);
    wait_result(&rig, 1);
    g_assert_cmpint(FAKE_LAST(&fake_ear, deadline_ns), ==, deadline_ns);
    g_assert_cmpint(FAKE_LAST(&fake_rules, deadline_ns), ==, deadline_ns);
    g_assert_cmpint(FAKE_LAST(&fake_quick, deadline_ns), ==, deadline_ns);
    const int64_t begin_ns = dub_clock_now();
    run_saying(&rig, 1, "In no hurry.");
    g_assert_cmpint(FAKE_LAST(&fake_ear, deadline_ns), >=, begin_ns + 60 * DUB_NS_PER_S);
    end(&rig);
}

/* ── What engines' errors are on the wire ── */

typedef struct {
    const char *name;
    Fake *fake;
    int error;
    const char *code, *stage;
    bool retryable;
} Failure;

static const Failure failures[] = {
    { "recogniser", &fake_ear, DUB_ERROR_ENGINE, "MODEL_ERROR", "asr", true },
    { "translator", &fake_rules, DUB_ERROR_ENGINE, "MODEL_ERROR", "translation", true },
    { "voice", &fake_quick, DUB_ERROR_ENGINE, "MODEL_ERROR", "tts", true },
    { "late", &fake_ear, DUB_ERROR_TIMEOUT, "TIMEOUT", "asr", true },
    { "corrupt", &fake_ear, DUB_ERROR_CORRUPT, "INVALID_AUDIO", "asr", false },
    { "no-voice", &fake_quick, DUB_ERROR_NOT_FOUND, "INVALID_VOICE_PROFILE", "tts", false },
    { "rate-limit", &fake_rules, DUB_ERROR_BACKPRESSURE, "RATE_LIMIT", "translation", true },
    { "key", &fake_rules, DUB_ERROR_AUTH, "MODEL_ERROR", "translation", false },
    { "quota", &fake_rules, DUB_ERROR_NO_SPACE, "MODEL_ERROR", "translation", false },
    { "network", &fake_rules, DUB_ERROR_NETWORK, "TRANSLATION_API_UNAVAILABLE", "translation", true },
    { "network-of-a-recogniser", &fake_ear, DUB_ERROR_NETWORK, "MODEL_ERROR", "asr", true },
};

static void test_failure(const void *data)
{
    const Failure *c = data;
    fakes_reset();
    Rig rig;
    g_autoptr(DubLanes) lanes = open_lanes(1);
    begin(&rig, lanes);
    FAKE_SET(c->fake, error_code, c->error);
    FAKE_SET(c->fake, run_error, "made to fail");
    const DubFragmentProcessed *answer = run(&rig, 0)->answer;
    g_assert_cmpint(answer->status, ==, DUB_PROCESSED_FAILED);
    g_assert_cmpstr(answer->error_code, ==, c->code);
    g_assert_cmpstr(answer->error_stage, ==, c->stage);
    g_assert_cmpint(answer->error_retryable, ==, c->retryable);
    g_assert_nonnull(strstr(answer->error_message, "made to fail"));
    FAKE_SET(c->fake, run_error, NULL);
    run_saying(&rig, 1, "It works again.");
    end(&rig);
}

/* ── Who is let in ── */

/* One second of sound takes the recogniser a second: one lane carries no second stream. */
static void test_admits(void)
{
    fakes_reset();
    Rig one, two;
    g_autoptr(DubLanes) lanes = open_lanes(1);
    g_autoptr(GError) error = NULL;
    g_assert_true(dub_lanes_admits(lanes, 6 * DUB_NS_PER_S, &error));
    begin(&one, lanes);
    g_assert_true(dub_lanes_admits(lanes, 6 * DUB_NS_PER_S, &error)); /* nothing was measured yet */
    FAKE_SET(&fake_ear, takes_ms, 1000);
    run_saying(&one, 0, "Slow.");
    g_assert_false(dub_lanes_admits(lanes, 6 * DUB_NS_PER_S, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_BACKPRESSURE);
    g_assert_nonnull(strstr(error->message, "1 streams"));
    g_clear_error(&error);
    end(&one);
    g_assert_true(dub_lanes_admits(lanes, 6 * DUB_NS_PER_S, &error)); /* nobody else would be late */
    begin(&two, lanes);
    g_assert_false(dub_lanes_admits(lanes, 6 * DUB_NS_PER_S, NULL));
    FAKE_SET(&fake_ear, takes_ms, 0);
    for (uint64_t i = 0; i < 30; i++)
        run_saying(&two, i, "Quick again.");
    g_assert_true(dub_lanes_admits(lanes, 6 * DUB_NS_PER_S, &error));
    g_assert_no_error(error);
    end(&two);
}

static void test_voices(void)
{
    fakes_reset();
    g_autoptr(DubLanes) lanes = open_lanes(1);
    g_autoptr(GError) error = NULL;
    DubSpeechSessionConfig config = { .voice = "nobody", .rate_hz = RATE_HZ, .channels = 1 };
    g_assert_null(dub_speech_session_new(lanes, &config, on_done, NULL, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error->message, "\"nobody\""));
    g_clear_error(&error);
    for (gsize i = 0; i < 4; i++) {
        static const char *const names[] = { NULL, "default", "", "quick" };
        config.voice = names[i];
        g_autoptr(DubSpeechSession) session = dub_speech_session_new(lanes, &config, on_done, NULL, &error);
        g_assert_no_error(error);
    }
}

/* ── How many lanes ── */

static void test_count(void)
{
    fakes_reset();
    fake_rules.count = 3;
    g_autoptr(DubLanes) as_engines = open_lanes(0);
    g_assert_cmpuint(dub_lanes_count(as_engines), ==, 3);
    g_autoptr(DubLanes) many = open_lanes(1000);
    g_assert_cmpuint(dub_lanes_count(many), ==, DUB_LANES_MOST);
    g_assert_cmpstr(dub_engine_set_from(dub_lanes_engines(many)), ==, "en");
    dub_lanes_free(NULL);
}

/* ── Many at once ── */

/* For the thread sanitizer above all: streams that come, cancel and go. */
static void test_crowd(void)
{
    fakes_reset();
    fake_ear.count = fake_rules.count = 2;
    g_autoptr(DubLanes) lanes = open_lanes(3);
    FAKE_SET(&fake_ear, takes_ms, 2);
    for (int turn = 0; turn < 5; turn++) {
        Rig rigs[4];
        for (int i = 0; i < 4; i++)
            begin(&rigs[i], lanes);
        for (uint64_t number = 0; number < 6; number++)
            for (int i = 0; i < 4; i++)
                submit(&rigs[i], number);
        for (int i = 0; i < 4; i++)
            dub_speech_session_cancel(rigs[i].session, 3);
        dub_speech_session_free(g_steal_pointer(&rigs[0].session));
        for (int i = 1; i < 4; i++)
            wait_result(&rigs[i], 5);
        g_assert_cmpuint(rigs[0].results->len, ==, 0);
        for (int i = 0; i < 4; i++)
            end(&rigs[i]);
    }
}

#define ADD(name, test) g_test_add_func("/speech/lanes/" name, test)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("context/said-before", test_context);
    ADD("context/own", test_context_is_the_streams_own);
    ADD("context/out-of-order", test_context_out_of_order);
    for (gsize i = 0; i < G_N_ELEMENTS(longs); i++) {
        g_autofree char *path = g_strconcat("/speech/lanes/context/long/", longs[i].name, NULL);
        g_test_add_data_func(path, &longs[i], test_long_context);
    }
    ADD("memory", test_memory);
    ADD("deadline", test_deadline);
    for (gsize i = 0; i < G_N_ELEMENTS(failures); i++) {
        g_autofree char *path = g_strconcat("/speech/lanes/failure/", failures[i].name, NULL);
        g_test_add_data_func(path, &failures[i], test_failure);
    }
    ADD("admits", test_admits);
    ADD("voices", test_voices);
    ADD("count", test_count);
    ADD("crowd", test_crowd);
    const int status = g_test_run();
    fakes_reset();
    return status;
}
