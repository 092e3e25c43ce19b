/* The local backend from end to end: flite speaks, real engines hear, translate and speak. */
#include "speech/local.h"

#include "audio/convert.h"
#include "audio/level.h"
#include "base/clock.h"
#include "base/error.h"
#include "rig.h"
#include "say.h"

#include <gio/gio.h>
#include <string.h>

#define RATE_HZ 44100

typedef struct {
    DubSpeech *speech;
    DubEngineSettings *settings; /* NULL: the engines are shared with other tests */
    DubEngineSets *sets;
    GMainLoop *loop;
    GPtrArray *results; /* of DubSpeechResult */
    GError *failure;
    bool is_ready, is_complete;
    guint quit_after; /* results; 0: at completion */
} Watch;

static void on_ready(unsigned max_inflight, void *user_data)
{
    Watch *watch = user_data;
    g_assert_cmpuint(max_inflight, ==, 5);
    watch->is_ready = true;
    g_main_loop_quit(watch->loop);
}

static void on_result(DubSpeechResult *result, void *user_data)
{
    Watch *watch = user_data;
    g_ptr_array_add(watch->results, result);
    if (watch->quit_after && watch->results->len >= watch->quit_after)
        g_main_loop_quit(watch->loop);
}

static void on_failed(const GError *error, void *user_data)
{
    Watch *watch = user_data;
    watch->failure = g_error_copy(error);
    g_main_loop_quit(watch->loop);
}

static void on_complete(void *user_data)
{
    Watch *watch = user_data;
    watch->is_complete = true;
    g_main_loop_quit(watch->loop);
}

static const DubSpeechCallbacks callbacks = {
    .on_ready = on_ready, .on_result = on_result, .on_failed = on_failed, .on_complete = on_complete
};

static gboolean on_too_long(gpointer data G_GNUC_UNUSED)
{
    g_error("the backend did not answer within two minutes");
    return G_SOURCE_REMOVE;
}

static void run(Watch *watch)
{
    const guint guard = g_timeout_add_seconds(120, on_too_long, NULL);
    g_main_loop_run(watch->loop);
    g_source_remove(guard);
}

/* @sets: (nullable): engines of its own, which are not loaded yet */
static void watch_init(Watch *watch, DubEngineSets *sets, const char *to, const char *voice)
{
    const DubSpeechConfig config = { .stream_id = "test",
                                     .worker_id = "test",
                                     .source_language = "en",
                                     .target_language = to,
                                     .voice = voice,
                                     .rate_hz = RATE_HZ,
                                     .channels = 2,
                                     .segment_ms = 6000,
                                     .max_inflight = 5,
                                     .timeout_ms = 30000 };
    *watch = (Watch){ .loop = g_main_loop_new(NULL, FALSE) };
    watch->results = g_ptr_array_new_with_free_func((GDestroyNotify) dub_speech_result_free);
    watch->settings = sets ? NULL : rig_real_settings(2);
    watch->sets = sets ? sets : dub_engine_sets_new(watch->settings);
    watch->speech = dub_speech_local_new(&config, watch->sets, NULL, &callbacks, watch);
    dub_speech_start(watch->speech);
    g_assert_false(watch->is_ready); /* never from inside a call */
}

static void watch_clear(Watch *watch)
{
    dub_speech_free(watch->speech);
    if (watch->settings)
        dub_engine_sets_free(watch->sets);
    g_ptr_array_unref(watch->results);
    g_clear_error(&watch->failure);
    g_main_loop_unref(watch->loop);
    dub_engine_settings_free(watch->settings);
}

/* 44100 Hz stereo, as a broadcast has it. */
static DubPcm *broadcast(DubPcm *spoken)
{
    g_autoptr(DubPcm) mono = spoken;
    g_autoptr(GError) error = NULL;
    DubPcm *pcm = dub_pcm_convert(mono, RATE_HZ, 2, &error);
    g_assert_no_error(error);
    return pcm;
}

static DubPcm *make_fragment(unsigned index)
{
    static const char *const texts[] = {
        "the coach is talking to his players on the side of the field",
        "the house is big",
        NULL, /* nobody speaks */
        "the weather is clear tonight",
        "thank you for watching and we hope to see you again next week",
    };
    const char *text = texts[index % G_N_ELEMENTS(texts)];
    if (!text)
        return broadcast(say_silence(3.123));
    return broadcast(say_joined(say_silence(0.5), say("slt", text), say_silence(0.7), NULL));
}

static void assert_dubbed(const DubSpeechResult *result, const DubPcm *fragment)
{
    g_assert_cmpint(result->answer->status, ==, DUB_PROCESSED_SUCCESS);
    g_assert_cmpstr(result->answer->transcript, !=, "");
    g_assert_cmpstr(result->answer->translated_text, !=, "");
    g_assert_cmpuint(result->dub->rate_hz, ==, RATE_HZ);
    g_assert_cmpuint(result->dub->channels, ==, 2);
    g_assert_cmpuint(result->dub->n_frames, ==, fragment->n_frames);
    g_assert_cmpfloat(result->answer->asr_ms, >, 0);
    const int64_t *threads_ns = result->cpu.threads_ns, *programs_ns = result->cpu.programs_ns;
    g_assert_cmpint(threads_ns[DUB_STAGE_ASR], >, 0);
    g_assert_cmpint(threads_ns[DUB_STAGE_ASR], <=, (int64_t) (result->answer->asr_ms * DUB_NS_PER_MS));
    g_assert_cmpint(programs_ns[DUB_STAGE_MT], >, 0);
    g_assert_cmpint(threads_ns[DUB_STAGE_TTS], >, 0);
    g_assert_cmpfloat(result->answer->processing_time_ms, >=,
                      result->answer->asr_ms + result->answer->translation_ms + result->answer->tts_ms - 0.1);

    gsize spoken = 0, spoken_end = 0, dubbed = 0, dubbed_end = 0;
    g_assert_true(dub_level_active_span(fragment, -40, &spoken, &spoken_end));
    g_assert_true(dub_level_active_span(result->dub, -40, &dubbed, &dubbed_end));
    const int64_t late_ms = ((int64_t) dubbed - (int64_t) spoken) * 1000 / RATE_HZ;
    g_test_message("\"%s\" -> \"%s\", %d ms after the original", result->answer->transcript,
                   result->answer->translated_text, (int) late_ms);
    g_assert_cmpint(ABS(late_ms), <=, 300);
    int64_t start_ns, end_ns;
    g_assert_true(dub_speech_result_span(result, &start_ns, &end_ns));
    g_assert_cmpint(ABS(start_ns - dub_samples_to_ns((int64_t) spoken, RATE_HZ)), <, 300 * DUB_NS_PER_MS);
    g_assert_cmpint(end_ns, >, start_ns);
}

static void assert_silent(const DubSpeechResult *result, const DubPcm *fragment)
{
    g_assert_cmpint(result->answer->status, ==, DUB_PROCESSED_SUCCESS);
    g_assert_cmpstr(result->answer->transcript, ==, "");
    g_assert_cmpstr(result->answer->translated_text, ==, "");
    int64_t start_ns, end_ns;
    g_assert_false(dub_speech_result_span(result, &start_ns, &end_ns));
    g_assert_cmpuint(result->dub->n_frames, ==, fragment->n_frames);
    g_assert_cmpfloat(dub_level_rms_dbfs(result->dub, 0, result->dub->n_frames), <=, -120);
}

static void test_five_in_order(void)
{
    Watch watch;
    watch_init(&watch, NULL, "es", NULL);
    run(&watch);
    g_assert_no_error(watch.failure);
    g_assert_true(watch.is_ready);

    DubPcm *fragments[5];
    for (unsigned i = 0; i < 5; i++) {
        fragments[i] = make_fragment(i);
        dub_speech_submit(watch.speech, dub_fragment_new(i, 0, dub_pcm_ref(fragments[i])));
    }
    dub_speech_end(watch.speech);
    g_assert_false(watch.is_complete);
    run(&watch);

    g_assert_true(watch.is_complete);
    g_assert_cmpuint(watch.results->len, ==, 5);
    for (unsigned i = 0; i < 5; i++) {
        const DubSpeechResult *result = g_ptr_array_index(watch.results, i);
        g_assert_cmpuint(result->sequence_number, ==, i);
        if (i == 2)
            assert_silent(result, fragments[i]);
        else
            assert_dubbed(result, fragments[i]);
        dub_pcm_unref(fragments[i]);
    }
    const DubSpeechResult *weather = g_ptr_array_index(watch.results, 3);
    g_assert_cmpstr(weather->answer->translated_text, ==, "El tiempo es claro esta noche.");
    watch_clear(&watch);
}

/* Ended with nothing submitted: complete at once, but not from inside the call. */
static void test_end_of_nothing(gconstpointer data)
{
    Watch watch;
    watch_init(&watch, (DubEngineSets *) data, "es", NULL);
    run(&watch);
    g_assert_true(watch.is_ready);
    dub_speech_end(watch.speech);
    g_assert_false(watch.is_complete);
    run(&watch);
    g_assert_true(watch.is_complete);
    watch_clear(&watch);
}

/* Two phrases with a second between them: each dub begins where its original does. */
static void test_phrases_placed(gconstpointer data)
{
    Watch watch;
    watch_init(&watch, (DubEngineSets *) data, "es", NULL);
    run(&watch);
    DubPcm *first = say("slt", "good evening");
    const int64_t second_ns = dub_pcm_duration_ns(first) + 1500 * DUB_NS_PER_MS;
    g_autoptr(DubPcm) pcm = broadcast(
        say_joined(first, say_silence(1.5), say("slt", "the weather is clear tonight"), say_silence(1.5), NULL));
    dub_speech_submit(watch.speech, dub_fragment_new(0, 0, dub_pcm_ref(pcm)));
    dub_speech_end(watch.speech);
    run(&watch);

    const DubSpeechResult *result = g_ptr_array_index(watch.results, 0);
    g_assert_cmpstr(result->answer->translated_text, ==, "Tarde buena. El tiempo es claro esta noche.");
    const gsize second = (gsize) dub_ns_to_samples(second_ns, RATE_HZ);
    g_autoptr(DubPcm) before = dub_pcm_slice(result->dub, second - RATE_HZ / 2, RATE_HZ / 2);
    g_assert_cmpfloat(dub_level_rms_dbfs(before, 0, before->n_frames), <, -60); /* the pause is there */
    gsize begins = 0, ends = 0;
    g_autoptr(DubPcm) after = dub_pcm_slice(result->dub, second, pcm->n_frames);
    g_assert_true(dub_level_active_span(after, -40, &begins, &ends));
    g_assert_cmpuint(begins, <, RATE_HZ * 300 / 1000);
    watch_clear(&watch);
}

/* More than can be said in the fragment's time: a failure with the reason, and not retryable. */
static void test_too_much_speech(gconstpointer data)
{
    Watch watch;
    watch_init(&watch, (DubEngineSets *) data, "es", NULL);
    run(&watch);
    g_autoptr(DubPcm) slow = say("slt", "there were two thousand seven hundred seventy seven people at the match");
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) fast = dub_pcm_stretch(slow, 1.7, &error);
    g_assert_no_error(error);
    DubPcm *pcm = broadcast(g_steal_pointer(&fast));
    dub_speech_submit(watch.speech, dub_fragment_new(0, 0, pcm));
    dub_speech_end(watch.speech);
    run(&watch);
    const DubSpeechResult *result = g_ptr_array_index(watch.results, 0);
    g_test_message("\"%s\" -> %s %s", result->answer->transcript,
                   dub_processed_status_to_string(result->answer->status), result->answer->error_message);
    if (result->answer->status == DUB_PROCESSED_FAILED) {
        g_assert_cmpstr(result->answer->error_code, ==, "DURATION_MISMATCH_EXCEEDED");
        g_assert_cmpstr(result->answer->error_stage, ==, "tts");
        g_assert_false(result->answer->error_retryable);
        g_assert_null(result->dub);
    } else { /* the recogniser heard less than was said */
        g_assert_nonnull(result->dub);
    }
    watch_clear(&watch);
}

/* Freed with work in flight: no callback comes any more, and nothing is left behind (the sanitizers look). */
static void test_freed_in_flight(gconstpointer data)
{
    Watch watch;
    watch_init(&watch, (DubEngineSets *) data, "es", NULL);
    run(&watch);
    for (unsigned i = 0; i < 4; i++)
        dub_speech_submit(watch.speech, dub_fragment_new(i, 0, make_fragment(0)));
    g_clear_pointer(&watch.speech, dub_speech_free);

    Watch other; /* takes the same lanes after it */
    watch_init(&other, (DubEngineSets *) data, "es", NULL);
    other.quit_after = 2;
    run(&other);
    for (unsigned i = 0; i < 2; i++)
        dub_speech_submit(other.speech, dub_fragment_new(i, 0, make_fragment(1)));
    run(&other);
    g_assert_cmpuint(other.results->len, ==, 2);
    g_assert_cmpuint(watch.results->len, ==, 0);
    watch_clear(&other);
    watch_clear(&watch);
}

static void test_freed_while_opening(void)
{
    Watch watch;
    watch_init(&watch, NULL, "es", NULL);
    watch_clear(&watch);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

/* ---- who is next: sessions by themselves, which answer in any order ---- */

typedef struct {
    DubSpeechSession *session;
    GString *order; /* shared: of the letters */
    char letter;    /* this stream's, as its answers come */
} Speaker;

static void on_spoken(DubSpeechResult *result, void *user_data)
{
    const Speaker *speaker = user_data;
    g_string_append_printf(speaker->order, "%c%u ", speaker->letter, (unsigned) result->sequence_number);
    dub_speech_result_free(result);
}

static void speaker_init(Speaker *speaker, DubLanes *lanes, char letter, GString *order)
{
    const DubSpeechSessionConfig config = { .rate_hz = RATE_HZ, .channels = 2 };
    g_autoptr(GError) error = NULL;
    *speaker = (Speaker){ .order = order, .letter = letter };
    speaker->session = dub_speech_session_new(lanes, &config, on_spoken, speaker, &error);
    g_assert_no_error(error);
}

/* @copies: of the same sentence */
static DubPcm *make_speech(unsigned copies)
{
    g_autoptr(DubPcm) sentence = say("slt", "the weather is clear tonight");
    DubPcm *pcm = say_silence(0.5);
    for (unsigned i = 0; i < copies; i++)
        pcm = say_joined(pcm, dub_pcm_ref(sentence), say_silence(0.5), NULL);
    return broadcast(pcm);
}

static void speak(const Speaker *speaker, uint64_t number, const DubPcm *pcm)
{
    dub_speech_session_submit(speaker->session, dub_fragment_new(number, 0, dub_pcm_ref((DubPcm *) pcm)));
}

static void wait_for_answers(const GString *order, gsize n)
{
    const guint guard = g_timeout_add_seconds(120, on_too_long, NULL);
    while (order->len < n * strlen("a0 "))
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(guard);
}

static void on_lanes(DubLanes *lanes, const GError *error, void *user_data)
{
    g_assert_no_error(error);
    *(DubLanes **) user_data = lanes;
}

static DubEngineLease *lease_lanes(DubEngineSets *sets, DubLanes **lanes)
{
    DubEngineLease *lease = dub_engine_sets_lease(sets, "en", "es", on_lanes, lanes);
    while (!*lanes)
        g_main_context_iteration(NULL, TRUE);
    return lease;
}

/* A free lane is used, whoever has the others: while a long fragment has one, all of another session go through the
 * other. */
static void test_no_lane_waits(gconstpointer data)
{
    if (g_get_num_processors() < 2) {
        g_test_skip("there is an engine for each core, and this machine has one core");
        return;
    }
    Speaker slow, quick;
    GString *order = g_string_new(NULL);
    DubLanes *lanes = NULL;
    g_autoptr(DubEngineLease) lease = lease_lanes((DubEngineSets *) data, &lanes);
    speaker_init(&slow, lanes, 's', order);
    speaker_init(&quick, lanes, 'q', order);
    g_autoptr(DubPcm) minute = make_speech(25);
    g_autoptr(DubPcm) sentence = make_speech(1);
    speak(&slow, 0, minute);
    for (unsigned i = 0; i < 3; i++)
        speak(&quick, i, sentence);
    wait_for_answers(order, 4);
    g_assert_cmpstr(order->str, ==, "q0 q1 q2 s0 ");
    dub_speech_session_free(slow.session);
    dub_speech_session_free(quick.session);
    g_string_free(order, TRUE);
}

/* Whose sound began first is next, though it came last: a longer fragment is due sooner after it came. A session's own
 * keep their order all the same. */
static void test_first_begun_is_next(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineSettings) settings = rig_real_settings(1);
    DubEngineSet *engines = dub_engine_set_open(settings, "en", "es", &error);
    g_assert_no_error(error);
    DubLanes *lanes = dub_lanes_new(engines, settings->n_lanes);
    Speaker a, b;
    GString *order = g_string_new(NULL);
    speaker_init(&a, lanes, 'a', order);
    speaker_init(&b, lanes, 'b', order);
    g_autoptr(DubPcm) sentence = make_speech(1);
    g_autoptr(DubPcm) three = make_speech(3);
    g_autoptr(DubPcm) five = make_speech(5);
    speak(&a, 0, three); /* has the lane */
    speak(&a, 1, sentence);
    speak(&b, 0, three);
    speak(&b, 1, five);
    wait_for_answers(order, 4);
    g_assert_cmpstr(order->str, ==, "a0 b0 b1 a1 ");
    dub_speech_session_free(a.session);
    dub_speech_session_free(b.session);
    dub_lanes_free(lanes);
    g_string_free(order, TRUE);
}

typedef struct {
    const char *name, *to, *voice;
    int code;
    const char *says;
} Refused;

static const Refused refused[] = {
    { "language", "tlh", NULL, DUB_ERROR_UNSUPPORTED, "\"en-tlh\"" },
    { "pair", "fr", NULL, DUB_ERROR_UNSUPPORTED, "\"en-fr\"" },
    { "voice", "es", "nobody", DUB_ERROR_NOT_FOUND, "\"nobody\"" },
};

static void test_refused(const void *data)
{
    const Refused *c = data;
    Watch watch;
    watch_init(&watch, NULL, c->to, c->voice);
    run(&watch);
    g_assert_false(watch.is_ready);
    g_assert_error(watch.failure, DUB_ERROR, c->code);
    g_test_message("%s", watch.failure->message);
    g_assert_nonnull(strstr(watch.failure->message, c->says));
    watch_clear(&watch);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autoptr(DubEngineSettings) settings = rig_real_settings(2);
    g_autoptr(DubEngineSets) sets = dub_engine_sets_new(settings);
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *path = g_strconcat("/speech/local/refused/", refused[i].name, NULL);
        g_test_add_data_func(path, &refused[i], test_refused);
    }
    g_test_add_func("/speech/local/five-in-order", test_five_in_order);
    g_test_add_func("/speech/local/first-begun-is-next", test_first_begun_is_next);
    g_test_add_data_func("/speech/local/no-lane-waits", sets, test_no_lane_waits);
    g_test_add_func("/speech/local/freed-while-opening", test_freed_while_opening);
    g_test_add_data_func("/speech/local/end-of-nothing", sets, test_end_of_nothing);
    g_test_add_data_func("/speech/local/phrases-placed", sets, test_phrases_placed);
    g_test_add_data_func("/speech/local/too-much-speech", sets, test_too_much_speech);
    g_test_add_data_func("/speech/local/freed-in-flight", sets, test_freed_in_flight);
    return g_test_run();
}
