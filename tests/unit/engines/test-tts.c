/* The synthesiser: real eSpeak NG. */
#include "audio/level.h"
#include "base/clock.h"
#include "base/error.h"
#include "engines/chain.h"
#include "engines/drivers.h"
#include "fuse.h"
#include "rig.h"

#include <string.h>

static const char sentence[] = "La multitud está de pie en el estadio.";

static DubEngine *open_spanish(void)
{
    return rig_open(&dub_engine_espeak, "en", "es");
}

/* Returns: (transfer full): the sound alone */
static DubPcm *run(DubEngine *tts, const DubEngineRequest *request, GError **error)
{
    g_autoptr(DubEngineReply) reply = dub_engine_run(tts, request, error);
    return reply ? g_steal_pointer(&reply->pcm) : NULL;
}

static DubPcm *speak_by(DubEngine *tts, const char *voice, const char *text, double pace)
{
    const DubEngineRequest request = { .text = text, .from = "en", .to = "es", .voice = voice, .pace = pace };
    g_autoptr(GError) error = NULL;
    DubPcm *pcm = run(tts, &request, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(pcm->channels, ==, 1);
    return pcm;
}

static DubPcm *speak(DubEngine *tts, const char *text, double pace)
{
    return speak_by(tts, NULL, text, pace);
}

static DubPcm *try_to_speak(DubEngine *tts, const char *text, GCancellable *cancellable, GError **error)
{
    const DubEngineRequest request = { .text = text, .from = "en", .to = "es", .cancellable = cancellable };
    return run(tts, &request, error);
}

/* eSpeak NG says the same text differently by some samples: within 1 %. */
static void assert_as_long(const DubPcm *a, const DubPcm *b)
{
    g_assert_cmpuint(MAX(a->n_frames, b->n_frames) - MIN(a->n_frames, b->n_frames), <, a->n_frames / 100);
}

static void test_speaks(void)
{
    g_autoptr(DubEngine) tts = open_spanish();
    g_autoptr(DubPcm) pcm = speak(tts, sentence, 1.0);
    g_assert_cmpint(dub_pcm_duration_ns(pcm), >, 1 * DUB_NS_PER_S);
    g_assert_cmpint(dub_pcm_duration_ns(pcm), <, 5 * DUB_NS_PER_S);
    g_assert_cmpfloat(dub_level_rms_dbfs(pcm, 0, pcm->n_frames), >, -35);
}

static void test_trimmed(void)
{
    g_autoptr(DubEngine) tts = open_spanish();
    g_autoptr(DubPcm) pcm = speak(tts, sentence, 1.0);
    gsize first = 0, end = 0;
    g_assert_true(dub_level_active_span(pcm, -50, &first, &end));
    g_assert_cmpuint(first, <=, pcm->rate_hz / 100 + 1);
    g_assert_cmpuint(pcm->n_frames - end, <=, pcm->rate_hz / 100 + 1);
}

static void test_pace(void)
{
    g_autoptr(DubEngine) tts = open_spanish();
    g_autoptr(DubPcm) natural = speak(tts, sentence, 1.0);
    g_autoptr(DubPcm) hurried = speak(tts, sentence, 1.4);
    g_autoptr(DubPcm) natural_again = speak(tts, sentence, 1.0);
    const double ratio = (double) natural->n_frames / (double) hurried->n_frames;
    g_test_message("pace 1.4 is %.2f times as fast", ratio);
    g_assert_cmpfloat(ratio, >, 1.2);
    g_assert_cmpfloat(ratio, <, 1.6);
    assert_as_long(natural, natural_again);
}

static void test_blank(void)
{
    g_autoptr(DubEngine) tts = open_spanish();
    g_autoptr(DubPcm) pcm = speak(tts, " ", 1.0);
    g_assert_cmpuint(pcm->n_frames, ==, 0);
}

static void test_voices_differ(void)
{
    g_autoptr(DubEngine) tts = open_spanish();
    g_autoptr(DubPcm) a = speak(tts, sentence, 1.0);
    g_autoptr(DubPcm) b = speak_by(tts, "es+f2", sentence, 1.0);
    const gsize n = MIN(a->n_frames, b->n_frames);
    g_assert_cmpint(memcmp(a->samples, b->samples, n * sizeof(float)), !=, 0);
}

static gpointer speak_often(gpointer data)
{
    g_autoptr(DubEngine) tts = open_spanish();
    g_autoptr(DubPcm) first = speak_by(tts, data, sentence, 1.0);
    for (int i = 0; i < 10; i++) {
        g_autoptr(DubPcm) again = speak_by(tts, data, sentence, 1.0);
        assert_as_long(again, first);
    }
    return NULL;
}

/* The library is one global state: voices must not get into each other's way. */
static void test_threads(void)
{
    GThread *one = g_thread_new("one", speak_often, (gpointer) "es");
    GThread *other = g_thread_new("other", speak_often, (gpointer) "es-419+f5");
    g_thread_join(one);
    g_thread_join(other);
}

static void test_cancelled(void)
{
    g_autoptr(DubEngine) tts = open_spanish();
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_cancellable_cancel(cancellable);
    g_autoptr(GError) error = NULL;
    g_assert_null(try_to_speak(tts, sentence, cancellable, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_CANCELLED);
}

static char *make_long_text(void)
{
    GString *text = g_string_new(NULL);
    for (int i = 0; i < 100; i++)
        g_string_append_printf(text, "%s ", sentence);
    return g_string_free(text, FALSE);
}

/* Minutes of speech, stopped in the middle: little is still done. */
static void test_cancelled_in_the_middle(void)
{
    g_autoptr(DubEngine) tts = open_spanish();
    g_autofree char *text = make_long_text();
    g_autoptr(GError) error = NULL;
    const int64_t begin_ns = fuse_work();
    g_autoptr(DubPcm) whole = try_to_speak(tts, text, NULL, &error);
    g_assert_no_error(error);
    const int64_t whole_ns = fuse_work() - begin_ns;

    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    Fuse *fuse = fuse_light(cancellable, fuse_work, whole_ns / 4);
    g_assert_null(try_to_speak(tts, text, cancellable, &error));
    const int64_t end_ns = fuse_work();
    const int64_t after_ns = end_ns - fuse_burnt(fuse);
    g_assert_error(error, DUB_ERROR, DUB_ERROR_CANCELLED);
    g_test_message("%d ms of work, %d ms of it after the cancelling", (int) (whole_ns / DUB_NS_PER_MS),
                   (int) (after_ns / DUB_NS_PER_MS));
    g_assert_cmpint(after_ns, <, whole_ns / 10);

    g_clear_error(&error);
    g_autoptr(DubPcm) again = try_to_speak(tts, sentence, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(again->n_frames, >, 0);
}

typedef struct {
    char *text;
    gint speaking; /* atomic */
} LongSpeech;

static gpointer speak_long(gpointer data)
{
    LongSpeech *speech = data;
    g_autoptr(DubEngine) tts = open_spanish();
    g_autoptr(GError) error = NULL;
    g_atomic_int_set(&speech->speaking, 1);
    g_autoptr(DubPcm) pcm = try_to_speak(tts, speech->text, NULL, &error);
    g_atomic_int_set(&speech->speaking, 0);
    g_assert_no_error(error);
    return NULL;
}

/* Returns: true when the call was back while the other still had the library. */
static bool is_back_before_other(DubEngine *tts)
{
    LongSpeech speech = { make_long_text(), 0 };
    GThread *other = g_thread_new("other", speak_long, &speech);
    while (!g_atomic_int_get(&speech.speaking))
        g_thread_yield();
    const int64_t begun_ns = fuse_work();
    while (fuse_work() - begun_ns < 5 * DUB_NS_PER_MS) /* it is in the library by then */
        g_usleep(500);

    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    Fuse *fuse = fuse_light(cancellable, dub_clock_now, 5 * DUB_NS_PER_MS);
    g_autoptr(DubPcm) pcm = try_to_speak(tts, sentence, cancellable, &error);
    const bool back = g_atomic_int_get(&speech.speaking) && !pcm;
    g_assert_true(pcm || g_error_matches(error, DUB_ERROR, DUB_ERROR_CANCELLED));
    fuse_burnt(fuse);
    g_thread_join(other);
    g_free(speech.text);
    return back;
}

/* Another has the library: who waits for it can be cancelled. The other speaks for a tenth of a second only, which a
 * busy machine may let pass unused: one try of many will do. */
static void test_cancelled_while_waiting(void)
{
    g_autoptr(DubEngine) tts = open_spanish();
    bool back = false;
    for (int attempt = 0; attempt < 20 && !back; attempt++)
        back = is_back_before_other(tts);
    g_assert_true(back);
}

typedef struct {
    const char *name, *voice;
} UnknownVoice;

static const UnknownVoice unknown_voices[] = { { "voice", "nobody" }, { "variant", "es+nobody" } };

static void test_unknown_voice(const void *data)
{
    const UnknownVoice *c = data;
    g_autoptr(DubEngine) tts = open_spanish();
    const DubEngineRequest request = { .text = sentence, .from = "en", .to = "es", .voice = c->voice };
    g_autoptr(GError) error = NULL;
    g_assert_null(run(tts, &request, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error->message, c->voice));
}

static void test_unknown_language(void)
{
    g_autoptr(DubEngineSettings) settings = rig_settings("TTS_PROVIDER=espeak-ng", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_engine_chain_open(settings, DUB_STAGE_TTS, "en", "tlh", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED);
    g_assert_nonnull(strstr(error->message, "\"tlh\""));
    g_clear_error(&error);
    const DubEngineConfig config = { .from = "en", .to = "tlh", .n_cores = 1 };
    g_assert_null(dub_engine_open(&dub_engine_espeak, &config, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED);
}

static void test_unknown_driver(void)
{
    char *environment[] = { (char *) "TTS_PROVIDER=parrot", NULL };
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_engine_settings_load(environment, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    g_assert_nonnull(strstr(error->message, "parrot"));
}

static void test_list(void)
{
    g_autoptr(GError) error = NULL;
    const DubEngineConfig config = { .n_cores = 1 };
    g_autoptr(GPtrArray) voices = dub_engine_espeak.list(&config, NULL, &error);
    g_assert_no_error(error);
    guint spanish = 0;
    for (guint i = 0; i < voices->len; i++)
        spanish += dub_engine_covers(((DubEngineOffer *) g_ptr_array_index(voices, i))->language, "es");
    g_assert_cmpuint(spanish, >=, 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(unknown_voices); i++) {
        g_autofree char *path = g_strconcat("/engines/tts/refused/", unknown_voices[i].name, NULL);
        g_test_add_data_func(path, &unknown_voices[i], test_unknown_voice);
    }
    g_test_add_func("/engines/tts/refused/language", test_unknown_language);
    g_test_add_func("/engines/tts/refused/driver", test_unknown_driver);
    g_test_add_func("/engines/tts/speaks", test_speaks);
    g_test_add_func("/engines/tts/trimmed", test_trimmed);
    g_test_add_func("/engines/tts/pace", test_pace);
    g_test_add_func("/engines/tts/blank", test_blank);
    g_test_add_func("/engines/tts/voices-differ", test_voices_differ);
    g_test_add_func("/engines/tts/threads", test_threads);
    g_test_add_func("/engines/tts/cancelled", test_cancelled);
    g_test_add_func("/engines/tts/cancelled-in-the-middle", test_cancelled_in_the_middle);
    g_test_add_func("/engines/tts/cancelled-while-waiting", test_cancelled_while_waiting);
    g_test_add_func("/engines/tts/list", test_list);
    return g_test_run();
}
