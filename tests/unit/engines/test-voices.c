/* Neural voices: the real program and models. */
#include "audio/level.h"
#include "base/clock.h"
#include "base/error.h"
#include "engines/drivers.h"
#include "fuse.h"
#include "own-models.h"

#include <string.h>

static const char english[] = "The crowd is on its feet, and the game is about to begin.";
static const char spanish[] = "La multitud está de pie, y el partido va a comenzar.";

static DubEngine *open_voice(const DubEngineClass *klass, const char *to)
{
    const DubEngineConfig config = { .model_dir = own_models(), .from = "en", .to = to, .n_cores = 2 };
    g_autoptr(GError) error = NULL;
    DubEngine *engine = dub_engine_open(klass, &config, &error);
    g_assert_no_error(error);
    return engine;
}

static DubEngineReply *try_to_speak(DubEngine *engine, const char *voice, const char *text, double pace, GError **error)
{
    const bool is_spanish = g_str_equal(text, spanish);
    const DubEngineRequest request = { .text = text,
                                       .from = "en",
                                       .to = is_spanish ? "es" : "en",
                                       .voice = voice,
                                       .pace = pace };
    return dub_engine_run(engine, &request, error);
}

static DubPcm *speak(DubEngine *engine, const char *voice, const char *text, double pace)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineReply) reply = try_to_speak(engine, voice, text, pace, &error);
    g_assert_no_error(error);
    g_test_message("%s: %.2f s of sound, %.2f s of work", reply->model, (double) dub_pcm_duration_ns(reply->pcm) / 1e9,
                   (double) reply->usage.programs_cpu_ns / 1e9);
    g_assert_cmpint(reply->usage.programs_cpu_ns, >, 0);
    return dub_pcm_ref(reply->pcm);
}

static void assert_speech(const DubPcm *pcm, unsigned rate_hz)
{
    g_assert_cmpuint(pcm->rate_hz, ==, rate_hz);
    g_assert_cmpint(dub_pcm_duration_ns(pcm), >, 2 * DUB_NS_PER_S);
    g_assert_cmpint(dub_pcm_duration_ns(pcm), <, 7 * DUB_NS_PER_S);
    g_assert_cmpfloat(dub_level_rms_dbfs(pcm, 0, pcm->n_frames), >, -35);
    g_assert_cmpfloat(dub_level_rms_dbfs(pcm, 0, pcm->n_frames), <, -8);
}

static void test_vits(void)
{
    g_autoptr(DubEngine) vits = open_voice(&dub_engine_vits, "en");
    gsize n_usual = 0, n_hurried = 0; /* of several: its lengths vary from one time to the next */
    for (int i = 0; i < 4; i++) {
        g_autoptr(DubPcm) usual = speak(vits, NULL, english, 1);
        g_autoptr(DubPcm) hurried = speak(vits, NULL, english, 1.4);
        assert_speech(usual, 22050);
        n_usual += usual->n_frames;
        n_hurried += hurried->n_frames;
    }
    const double ratio = (double) n_usual / (double) n_hurried;
    g_test_message("pace 1.4 is %.2f times as fast", ratio);
    g_assert_cmpfloat(ratio, >, 1.2);
    g_assert_cmpfloat(ratio, <, 1.6);
    g_assert_true(dub_engine_vits.flags & DUB_ENGINE_PACES);
}

static void test_kokoro(void)
{
    g_autoptr(DubEngine) kokoro = open_voice(&dub_engine_kokoro, "es");
    g_autoptr(DubPcm) usual = speak(kokoro, NULL, spanish, 1);
    g_autoptr(DubPcm) hurried = speak(kokoro, NULL, spanish, 1.4);
    assert_speech(usual, 24000);
    g_assert_cmpuint(usual->n_frames, ==, hurried->n_frames); /* others stretch it */
    g_assert_false(dub_engine_kokoro.flags & DUB_ENGINE_PACES);
    const DubEngineConfig config = { .n_cores = 8 };
    g_assert_cmpuint(dub_engine_kokoro.count(&config), ==, 1);
    g_assert_cmpuint(dub_engine_vits.count(&config), ==, 8);
}

/* Two voices say the same differently; each speaks its own language. */
static void test_voices(void)
{
    g_autoptr(DubEngine) kokoro = open_voice(&dub_engine_kokoro, "es");
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineReply) dora = try_to_speak(kokoro, "ef_dora", spanish, 1, &error);
    g_assert_no_error(error);
    g_autoptr(DubEngineReply) alex = try_to_speak(kokoro, "em_alex", spanish, 1, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(dora->model, ==, "ef_dora");
    g_assert_cmpstr(alex->model, ==, "em_alex");
    g_assert_cmpuint(dora->pcm->n_frames, !=, alex->pcm->n_frames);
    g_assert_null(try_to_speak(kokoro, "nobody", spanish, 1, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    g_assert_nonnull(strstr(error->message, "\"nobody\""));
}

/* A text of several chunks is said whole. */
static void test_long_text(void)
{
    g_autoptr(DubEngine) vits = open_voice(&dub_engine_vits, "en");
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 10; i++)
        g_string_append_printf(text, "%s ", english);
    g_autoptr(DubPcm) once = speak(vits, NULL, english, 1);
    g_autoptr(DubPcm) often = speak(vits, NULL, text->str, 1);
    g_assert_cmpfloat((double) often->n_frames, >, 9.0 * (double) once->n_frames);
    g_assert_cmpfloat((double) often->n_frames, <, 12.0 * (double) once->n_frames);
}

static void test_odd_text(void)
{
    static const char *const texts[] = { "\xf0\x9f\x8e\x89 \xe6\xbc\xa2\xe5\xad\x97 hello", "...", "\xf0\x9f\x8e\x89",
                                         "a", "{}[]\\\"'<>&\t\n1" };
    g_autoptr(DubEngine) vits = open_voice(&dub_engine_vits, "en");
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(DubEngineReply) reply = try_to_speak(vits, NULL, texts[i], 1, &error);
        g_assert_no_error(error);
        g_assert_cmpint(dub_pcm_duration_ns(reply->pcm), <, 5 * DUB_NS_PER_S);
    }
}

static void test_too_late(void)
{
    g_autoptr(DubEngine) vits = open_voice(&dub_engine_vits, "en");
    const DubEngineRequest request = { .text = "x", .from = "en", .to = "en", .deadline_ns = dub_clock_now() - 1 };
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_engine_run(vits, &request, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_TIMEOUT);
    g_autoptr(DubPcm) next = speak(vits, NULL, english, 1);
    assert_speech(next, 22050);
}

static void test_list(void)
{
    const DubEngineConfig config = { .model_dir = own_models(), .n_cores = 2 };
    const DubEngineConfig nowhere = { .model_dir = "/nowhere", .n_cores = 2 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) kokoro = dub_engine_kokoro.list(&config, NULL, &error);
    g_assert_no_error(error);
    g_autoptr(GPtrArray) vits = dub_engine_vits.list(&config, NULL, &error);
    g_assert_no_error(error);
    g_autoptr(GPtrArray) none = dub_engine_vits.list(&nowhere, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(kokoro->len, >, 30);
    g_assert_cmpuint(vits->len, ==, 1);
    g_assert_cmpuint(none->len, ==, 0);
    const DubEngineOffer *dora = g_ptr_array_index(kokoro, 0);
    g_assert_cmpstr(dora->name, ==, "ef_dora");
    g_assert_cmpstr(dora->language, ==, "es");
    g_assert_cmpstr(dora->gender, ==, "female");
}

static void test_no_voice(void)
{
    const DubEngineConfig config = { .model_dir = own_models(), .from = "en", .to = "tlh", .n_cores = 2 };
    const DubEngineClass *const classes[] = { &dub_engine_vits, &dub_engine_kokoro };
    for (gsize i = 0; i < G_N_ELEMENTS(classes); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(dub_engine_open(classes[i], &config, &error));
        g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
        g_assert_nonnull(strstr(error->message, "\"tlh\""));
    }
}

static void test_cancelled(const void *data)
{
    const DubEngineClass *klass = data;
    const bool is_kokoro = klass == &dub_engine_kokoro;
    g_autoptr(DubEngine) engine = open_voice(klass, is_kokoro ? "es" : "en");
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 20; i++)
        g_string_append_printf(text, "%s ", is_kokoro ? spanish : english);
    int64_t best_ns = G_MAXINT64; /* of three: others use this machine as well */
    for (int i = 0; i < 3; i++) {
        g_autoptr(DubPcm) ready = speak(engine, NULL, is_kokoro ? spanish : english, 1);
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        g_autoptr(GError) error = NULL;
        const DubEngineRequest request = { .text = text->str,
                                           .from = "en",
                                           .to = is_kokoro ? "es" : "en",
                                           .cancellable = cancellable };
        Fuse *fuse = fuse_light(cancellable, dub_clock_now, 100 * DUB_NS_PER_MS);
        g_assert_null(dub_engine_run(engine, &request, &error));
        const int64_t end_ns = dub_clock_now();
        const int64_t late_ns = end_ns - fuse_burnt(fuse);
        g_assert_error(error, DUB_ERROR, DUB_ERROR_CANCELLED);
        g_test_message("back %.1f ms after the cancelling", (double) late_ns / DUB_NS_PER_MS);
        best_ns = MIN(best_ns, late_ns);
    }
    g_assert_cmpint(best_ns, <, 300 * DUB_NS_PER_MS);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!own_models_wanted())
        return g_test_run();
    g_test_add_func("/engines/voices/vits", test_vits);
    g_test_add_func("/engines/voices/kokoro", test_kokoro);
    g_test_add_func("/engines/voices/several", test_voices);
    g_test_add_func("/engines/voices/long-text", test_long_text);
    g_test_add_func("/engines/voices/odd-text", test_odd_text);
    g_test_add_func("/engines/voices/too-late", test_too_late);
    g_test_add_func("/engines/voices/list", test_list);
    g_test_add_func("/engines/voices/no-voice", test_no_voice);
    g_test_add_data_func("/engines/voices/cancelled/vits", &dub_engine_vits, test_cancelled);
    g_test_add_data_func("/engines/voices/cancelled/kokoro", &dub_engine_kokoro, test_cancelled);
    return g_test_run();
}
