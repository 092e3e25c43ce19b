/* What was heard once is not heard again, and is the same; and a backend that is silent. Engines that do what they are
 * told. */
#include "speech/hearings.h"

#include "base/error.h"
#include "fakes.h"
#include "rig.h"
#include "speech/lanes.h"
#include "speech/silent.h"

#include <string.h>

#define RATE_HZ 16000

static DubFragment *fragment_of(int64_t start_ns, float value)
{
    DubPcm *pcm = dub_pcm_new(RATE_HZ, 1, RATE_HZ);
    pcm->samples[RATE_HZ / 2] = value;
    return dub_fragment_new(0, start_ns, pcm);
}

static DubEngineReply *reply_of(const char *word)
{
    DubEngineReply *reply = dub_engine_reply_new();
    dub_engine_reply_add_word(reply, word, 123456789, 987654321, 0.25);
    return reply;
}

static void test_find(void)
{
    g_autoptr(DubHearings) hearings = dub_hearings_new(0);
    g_autoptr(DubFragment) fragment = fragment_of(7, 0.5f), again = fragment_of(7, 0.5f);
    g_autoptr(DubFragment) later = fragment_of(8, 0.5f), other = fragment_of(7, 0.25f);
    g_assert_null(dub_hearings_find(hearings, fragment));
    dub_hearings_add(hearings, fragment, reply_of("one"));
    dub_hearings_add(hearings, fragment, reply_of("two")); /* of two lanes: the first stays */
    g_assert_cmpuint(dub_hearings_count(hearings), ==, 1);
    const DubEngineReply *found = dub_hearings_find(hearings, again);
    g_assert_cmpstr(found->text, ==, "one");
    const DubEngineSpan *word = &g_array_index(found->words, DubEngineSpan, 0);
    g_assert_cmpint(word->start_ns, ==, 123456789); /* not rounded */
    g_assert_cmpint(word->end_ns, ==, 987654321);
    g_assert_cmpfloat(word->confidence, ==, 0.25);
    g_assert_null(dub_hearings_find(hearings, later));
    g_assert_null(dub_hearings_find(hearings, other));
}

/* It keeps what it may, and goes on without the rest. */
static void test_bound(void)
{
    g_autoptr(DubHearings) hearings = dub_hearings_new(10000);
    for (int i = 0; i < 1000; i++) {
        g_autoptr(DubFragment) fragment = fragment_of(i, 0.5f);
        dub_hearings_add(hearings, fragment, reply_of("a word of some length"));
    }
    g_assert_cmpuint(dub_hearings_count(hearings), >, 10);
    g_assert_cmpuint(dub_hearings_count(hearings), <, 100);
    g_autoptr(DubFragment) first = fragment_of(0, 0.5f), last = fragment_of(999, 0.5f);
    g_assert_nonnull(dub_hearings_find(hearings, first));
    g_assert_null(dub_hearings_find(hearings, last));
}

/* ── In the lanes ── */

static void on_done(DubSpeechResult *result, void *user_data)
{
    DubSpeechResult **slot = user_data;
    *slot = result;
}

static DubSpeechResult *dub_once(DubLanes *lanes, DubHearings *hearings, float value)
{
    DubSpeechResult *result = NULL;
    const DubSpeechSessionConfig config = { .rate_hz = RATE_HZ,
                                            .channels = 1,
                                            .timeout_ms = 60000,
                                            .hearings = hearings };
    g_autoptr(GError) error = NULL;
    g_autoptr(DubSpeechSession) session = dub_speech_session_new(lanes, &config, on_done, &result, &error);
    g_assert_no_error(error);
    dub_speech_session_submit(session, fragment_of(0, value));
    while (!result)
        g_main_context_iteration(NULL, TRUE);
    return result;
}

static void expect(DubSpeechResult *result, DubProcessedStatus status, const char *transcript)
{
    g_assert_cmpint(result->answer->status, ==, status);
    g_assert_cmpstr(result->answer->transcript, ==, transcript);
    dub_speech_result_free(result);
}

static void test_recognised_once(void)
{
    fakes_reset();
    g_autoptr(DubEngineSettings) settings = rig_settings("TTS_PROVIDER=espeak-ng", NULL);
    g_autoptr(DubHearings) hearings = dub_hearings_new(0);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubLanes) lanes = dub_lanes_new(dub_engine_set_open(settings, "en", "es", &error), 1);
    const int warm = fake_runs(&fake_ear);
    FAKE_SET(&fake_ear, says, "Good evening.");
    expect(dub_once(lanes, hearings, 0.5f), DUB_PROCESSED_SUCCESS, "Good evening.");
    g_assert_cmpint(fake_runs(&fake_ear), ==, warm + 1);
    FAKE_SET(&fake_ear, says, "Something else.");
    expect(dub_once(lanes, hearings, 0.5f), DUB_PROCESSED_SUCCESS, "Good evening.");
    g_assert_cmpint(fake_runs(&fake_ear), ==, warm + 1);
    expect(dub_once(lanes, hearings, 0.25f), DUB_PROCESSED_SUCCESS, "Something else.");
    expect(dub_once(lanes, NULL, 0.5f), DUB_PROCESSED_SUCCESS, "Something else.");
    g_assert_cmpint(fake_runs(&fake_ear), ==, warm + 3);
}

/* What was not understood the first time is tried again by the next. */
static void test_failure_is_not_kept(void)
{
    fakes_reset();
    g_autoptr(DubEngineSettings) settings = rig_settings("TTS_PROVIDER=espeak-ng", NULL);
    g_autoptr(DubHearings) hearings = dub_hearings_new(0);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubLanes) lanes = dub_lanes_new(dub_engine_set_open(settings, "en", "es", &error), 1);
    FAKE_SET(&fake_ear, run_error, "made to fail");
    expect(dub_once(lanes, hearings, 0.5f), DUB_PROCESSED_FAILED, "");
    FAKE_SET(&fake_ear, run_error, NULL);
    FAKE_SET(&fake_ear, says, "Now.");
    expect(dub_once(lanes, hearings, 0.5f), DUB_PROCESSED_SUCCESS, "Now.");
}

/* ── The silent backend ── */

typedef struct {
    unsigned n_ready, n_results, n_complete;
    uint64_t last;
    gsize n_frames;
    DubSpeech *free_in_result;
} Watch;

static void on_ready(unsigned max_inflight, void *user_data)
{
    g_assert_cmpuint(max_inflight, ==, 4);
    ((Watch *) user_data)->n_ready++;
}

static void on_result(DubSpeechResult *result, void *user_data)
{
    Watch *watch = user_data;
    watch->n_results++;
    watch->last = result->sequence_number;
    watch->n_frames = result->dub->n_frames;
    g_assert_cmpint(result->answer->status, ==, DUB_PROCESSED_SUCCESS);
    for (gsize i = 0; i < result->dub->n_frames; i++)
        g_assert_cmpfloat(result->dub->samples[i], ==, 0);
    dub_speech_result_free(result);
    dub_speech_free(g_steal_pointer(&watch->free_in_result));
}

static void on_complete(void *user_data)
{
    ((Watch *) user_data)->n_complete++;
}

static const DubSpeechCallbacks callbacks = { .on_ready = on_ready,
                                              .on_result = on_result,
                                              .on_complete = on_complete };
static const DubSpeechConfig silent_config = { .rate_hz = RATE_HZ, .channels = 1, .max_inflight = 4 };

static void settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void test_silent(void)
{
    Watch watch = { 0 };
    DubSpeech *speech = dub_speech_silent_new(&silent_config, &callbacks, &watch);
    settle();
    g_assert_cmpuint(watch.n_ready, ==, 0);
    dub_speech_start(speech);
    g_assert_cmpuint(watch.n_ready, ==, 0); /* never from inside a call */
    settle();
    g_assert_cmpuint(watch.n_ready, ==, 1);
    for (uint64_t i = 0; i < 3; i++)
        dub_speech_submit(speech, dub_fragment_new(i, 0, dub_pcm_new(RATE_HZ, 1, 100 + i)));
    g_assert_cmpuint(watch.n_results, ==, 0);
    dub_speech_end(speech);
    settle();
    g_assert_cmpuint(watch.n_results, ==, 3);
    g_assert_cmpuint(watch.last, ==, 2);
    g_assert_cmpuint(watch.n_frames, ==, 102);
    g_assert_cmpuint(watch.n_complete, ==, 1);
    dub_speech_free(speech);
}

static void test_silent_freed_in_a_callback(void)
{
    Watch watch = { 0 };
    DubSpeech *speech = dub_speech_silent_new(&silent_config, &callbacks, &watch);
    dub_speech_start(speech);
    for (uint64_t i = 0; i < 3; i++)
        dub_speech_submit(speech, dub_fragment_new(i, 0, dub_pcm_new(RATE_HZ, 1, 100)));
    watch.free_in_result = speech;
    settle();
    g_assert_cmpuint(watch.n_results, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/speech/hearings/find", test_find);
    g_test_add_func("/speech/hearings/bound", test_bound);
    g_test_add_func("/speech/hearings/recognised-once", test_recognised_once);
    g_test_add_func("/speech/hearings/failure-is-not-kept", test_failure_is_not_kept);
    g_test_add_func("/speech/silent/in-order", test_silent);
    g_test_add_func("/speech/silent/freed-in-a-callback", test_silent_freed_in_a_callback);
    return g_test_run();
}
