/* The recogniser on speech of flite's voices: real engine, real model. */
#include "base/clock.h"
#include "base/error.h"
#include "engines/asr/activity.h"
#include "engines/chain.h"
#include "engines/drivers.h"
#include "fuse.h"
#include "rig.h"
#include "say.h"

#include <math.h>
#include <string.h>

static DubEngine *open_english(void)
{
    return rig_open(&dub_engine_pocketsphinx, "en", "es");
}

static DubEngineReply *try_to_hear(DubEngine *asr, DubEngineMemory *memory, DubPcm *pcm, GCancellable *cancellable,
                                   GError **error)
{
    const DubEngineRequest request = { .pcm = pcm,
                                       .from = "en",
                                       .to = "es",
                                       .memory = memory,
                                       .cancellable = cancellable };
    return dub_engine_run(asr, &request, error);
}

static DubEngineReply *hear(DubEngine *asr, DubEngineMemory *memory, DubPcm *pcm)
{
    g_autoptr(GError) error = NULL;
    DubEngineReply *heard = try_to_hear(asr, memory, pcm, NULL, &error);
    g_assert_no_error(error);
    return heard;
}

typedef struct {
    const char *name, *voice, *text;
    unsigned errors_most;
} Spoken;

static const Spoken spoken[] = {
    { "slt", "slt", "the receiver catches the ball at the twenty yard line and runs for a touchdown", 2 },
    { "rms", "rms", "good evening and welcome to the stadium on this cold winter night", 1 },
};

static void test_speech(const void *data)
{
    const Spoken *c = data;
    g_autoptr(DubEngine) asr = open_english();
    g_autoptr(DubPcm) pcm = say(c->voice, c->text);
    g_autoptr(DubEngineReply) heard = hear(asr, NULL, pcm);
    g_test_message("heard: %s", heard->text);
    g_assert_cmpuint(say_word_errors(c->text, heard->text), <=, c->errors_most);
}

/* A pause of 1.2 s: the words after it keep their time, and the pause is seen between the words. */
static void test_word_times(void)
{
    g_autoptr(DubEngine) asr = open_english();
    DubPcm *first = say("slt", "good evening and welcome");
    const int64_t second_ns = dub_pcm_duration_ns(first) + 1200 * DUB_NS_PER_MS;
    g_autoptr(DubPcm) pcm = say_joined(first, say_silence(1.2), say("slt", "the weather is clear tonight"), NULL);
    g_autoptr(DubEngineReply) heard = hear(asr, NULL, pcm);
    g_test_message("heard: %s", heard->text);
    g_assert_cmpuint(heard->words->len, >=, 7);

    int64_t longest_ns = 0, after_ns = 0, before_ns = -1;
    for (guint i = 0; i < heard->words->len; i++) {
        const DubEngineSpan *word = &g_array_index(heard->words, DubEngineSpan, i);
        g_assert_cmpint(word->start_ns, >=, before_ns);
        g_assert_cmpint(word->end_ns, >, word->start_ns);
        if (i && word->start_ns - before_ns > longest_ns) {
            longest_ns = word->start_ns - before_ns;
            after_ns = word->start_ns;
        }
        before_ns = word->end_ns;
    }
    g_assert_cmpint(before_ns, <=, dub_pcm_duration_ns(pcm));
    g_assert_cmpint(longest_ns, >, 900 * DUB_NS_PER_MS);
    /* flite itself begins with some 150 ms of silence */
    g_assert_cmpint(ABS(after_ns - (second_ns + 150 * DUB_NS_PER_MS)), <, 200 * DUB_NS_PER_MS);
}

typedef struct {
    const char *name;
    DubPcm *(*make)(void);
} Unspoken;

static DubPcm *make_nothing(void)
{
    return say_silence(0);
}
static DubPcm *make_silence(void)
{
    return say_silence(3);
}
static DubPcm *make_blink(void)
{
    return say_silence(0.005);
}
static DubPcm *make_quiet_noise(void)
{
    return say_pink_noise(3, -60);
}
static DubPcm *make_loud_noise(void)
{
    return say_pink_noise(3, -15);
}

/* A crowd that roars up by 20 dB and down again. */
static DubPcm *make_roar(void)
{
    DubPcm *pcm = say_pink_noise(5, -20);
    for (gsize i = 0; i < pcm->n_frames; i++) {
        const double swell = 0.5 - 0.5 * cos(2 * G_PI * (double) i / (double) pcm->n_frames);
        pcm->samples[i] *= (float) pow(10, -1 + swell);
    }
    return pcm;
}

/* A beep in a quiet room: a tone is no voice. */
static DubPcm *make_beep(void)
{
    DubPcm *pcm = say_pink_noise(3, -60);
    for (gsize i = 16000; i < 16000 + 3200; i++)
        pcm->samples[i] += 0.5f * (float) sin(2 * G_PI * 1000 * (double) i / 16000);
    return pcm;
}

static const Unspoken unspoken[] = {
    { "nothing", make_nothing },
    { "blink", make_blink },
    { "silence", make_silence },
    { "quiet-noise", make_quiet_noise },
    { "loud-noise", make_loud_noise },
    { "roar", make_roar },
    { "beep", make_beep },
};

static void test_no_speech(const void *data)
{
    const Unspoken *c = data;
    g_autoptr(DubEngine) asr = open_english();
    g_autoptr(DubPcm) pcm = c->make();
    g_autoptr(DubEngineReply) heard = hear(asr, NULL, pcm);
    g_assert_cmpstr(heard->text, ==, "");
    g_assert_cmpuint(heard->words->len, ==, 0);
}

/* Over a crowd 18 dB below the voice the sentence is still found, and found where it is. */
static void test_speech_over_bed(void)
{
    static const char text[] = "both teams have won their last three games on the road";
    g_autoptr(DubPcm) pcm = say_joined(say_silence(1.5), say("slt", text), say_silence(1.5), NULL);
    g_autoptr(DubPcm) bed = say_pink_noise((double) dub_pcm_duration_ns(pcm) / 1e9, -40);
    say_mix(pcm, bed);
    g_autoptr(DubEngine) asr = open_english();
    g_autoptr(DubEngineReply) heard = hear(asr, NULL, pcm);
    g_test_message("heard: %s", heard->text);
    g_assert_cmpuint(say_word_errors(text, heard->text), <=, 3);
    const DubEngineSpan *first = &g_array_index(heard->words, DubEngineSpan, 0);
    g_assert_cmpint(ABS(first->start_ns - 1650 * DUB_NS_PER_MS), <, 250 * DUB_NS_PER_MS);
}

/* The model alone hears "on the clock and and an ounce": no "and" is ever said twice. */
static void test_no_stutter(void)
{
    g_autoptr(DubPcm) pcm = say_joined(
        say("rms", "the crowd is on its feet as the home team takes the lead in the fourth quarter"), say_silence(0.2),
        say("slt", "there are only two minutes left on the clock and no time outs remaining"), NULL);
    g_autoptr(DubEngine) asr = open_english();
    g_autoptr(DubEngineReply) heard = hear(asr, NULL, pcm);
    g_test_message("heard: %s", heard->text);
    g_assert_nonnull(strstr(heard->text, "clock and"));
    g_assert_null(strstr(heard->text, "and and"));
}

/* The same blocks give the same words whichever decoder goes on with the stream. */
static void test_stream_moves(void)
{
    g_autoptr(DubEngine) one = open_english();
    g_autoptr(DubEngine) other = open_english();
    g_autoptr(DubPcm) first = say("rms", "the film tells the story of a family during the war");
    g_autoptr(DubPcm) second = say("rms", "the city council voted to build a new school near the river");
    g_autoptr(DubEngineMemory) stayed = dub_engine_memory_new();
    g_autoptr(DubEngineMemory) moved = dub_engine_memory_new();
    g_autoptr(DubEngineReply) a1 = hear(one, stayed, first);
    g_autoptr(DubEngineReply) a2 = hear(one, stayed, second);
    g_autoptr(DubEngineReply) b1 = hear(one, moved, first);
    g_autoptr(DubEngineReply) b2 = hear(other, moved, second);
    g_assert_cmpstr(a1->text, ==, b1->text);
    g_assert_cmpstr(a2->text, ==, b2->text);
}

/* What one program has learnt of a voice, another goes on with, to the last bit. */
static void test_stream_goes_on_elsewhere(void)
{
    g_autoptr(DubEngine) asr = open_english();
    g_autoptr(DubPcm) first = say("rms", "the film tells the story of a family during the war");
    g_autoptr(DubPcm) second = say("rms", "the city council voted to build a new school near the river");
    g_autoptr(DubEngineMemory) stayed = dub_engine_memory_new();
    g_autoptr(DubEngineMemory) restored = dub_engine_memory_new();
    g_autoptr(DubEngineReply) a1 = hear(asr, stayed, first);
    g_autoptr(DubJson) saved = dub_engine_memory_save(stayed);
    g_autofree char *text = dub_json_to_text(saved);
    g_autoptr(DubJson) read = dub_json_parse(text, strlen(text), NULL);
    dub_engine_memory_restore(restored, read);
    g_autoptr(DubEngineReply) a2 = hear(asr, stayed, second);
    g_autoptr(DubEngineReply) b2 = hear(asr, restored, second);
    g_autoptr(DubJson) after = dub_engine_memory_save(stayed);
    g_autoptr(DubJson) after_restored = dub_engine_memory_save(restored);
    g_assert_cmpstr(a2->text, ==, b2->text);
    g_assert_true(json_equal(after, after_restored));
    g_assert_false(json_equal(after, saved));
}

static void test_memory_of_something_else(void)
{
    static const char *const texts[] = { "",
                                         "1 2",
                                         "x 0 0 0 0 0 0 0 0 0 0 0 0 0",
                                         "-1 0 0 0 0 0 0 0 0 0 0 0 0 0",
                                         "1 inf 0 0 0 0 0 0 0 0 0 0 0 0",
                                         "1 0 0 0 0 0 0 0 0 0 0 0 0 0 0" };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(DubEngineMemory) memory = dub_engine_memory_new();
        g_autoptr(DubJson) saved = json_pack("{s:s}", "pocketsphinx", texts[i]);
        dub_engine_memory_restore(memory, saved);
        g_assert_null(dub_engine_memory_save(memory));
    }
}

static void test_cancelled(void)
{
    g_autoptr(DubEngine) asr = open_english();
    g_autoptr(DubPcm) pcm = say("rms", "many people are waiting at the station because the train is late");
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_cancellable_cancel(cancellable);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineReply) heard = try_to_hear(asr, NULL, pcm, cancellable, &error);
    g_assert_null(heard);
    g_assert_error(error, DUB_ERROR, DUB_ERROR_CANCELLED);

    g_autoptr(DubEngineReply) again = hear(asr, NULL, pcm); /* and it still works */
    g_assert_cmpstr(again->text, !=, "");
}

/* Returns: work from the cancelling to the end of the call */
static int64_t work_to_stop(DubEngine *asr, DubPcm *pcm, int64_t after_ns)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    Fuse *fuse = fuse_light(cancellable, fuse_work, after_ns);
    g_autoptr(DubEngineReply) heard = try_to_hear(asr, NULL, pcm, cancellable, &error);
    const int64_t end_ns = fuse_work();
    g_assert_null(heard);
    g_assert_error(error, DUB_ERROR, DUB_ERROR_CANCELLED);
    return end_ns - fuse_burnt(fuse);
}

/* Long speech, stopped anywhere: little is still done. The decoder's last passes over all of it, which cannot be
 * stopped once they have begun, would be a fifth of the whole. */
static void test_cancelled_in_the_middle(void)
{
    static const char text[] = "many people are waiting at the station because the train is late and the receiver "
                               "catches the ball at the twenty yard line and runs for a touchdown";
    g_autoptr(DubEngine) asr = open_english();
    g_autoptr(DubPcm) pcm = say_joined(say("rms", text), say("slt", text), say("rms", text), say("slt", text), NULL);
    const int64_t begin_ns = fuse_work();
    g_autoptr(DubEngineReply) before = hear(asr, NULL, pcm);
    const int64_t whole_ns = fuse_work() - begin_ns;

    int64_t most_ns = 0;
    for (int percent = 50; percent <= 66; percent += 16)
        most_ns = MAX(most_ns, work_to_stop(asr, pcm, whole_ns * percent / 100));
    g_test_message("%d ms of work, %d ms of it at most after the cancelling", (int) (whole_ns / DUB_NS_PER_MS),
                   (int) (most_ns / DUB_NS_PER_MS));
    g_assert_cmpint(most_ns, <, whole_ns / 10);

    g_assert_cmpstr(before->text, !=, "");

    g_autoptr(DubPcm) one = say("rms", "the weather is clear tonight");
    g_autoptr(DubEngineReply) after = hear(asr, NULL, one); /* and nothing is left of it */
    g_assert_cmpuint(say_word_errors("the weather is clear tonight", after->text), <=, 1);
}

/* Long speech is several utterances to the decoder; no word is lost or moved where they meet. */
static void test_long_speech(void)
{
    static const char text[] = "the city council voted to build a new school near the river and the mayor said that "
                               "the work will begin next month";
    g_autoptr(DubEngine) asr = open_english();
    g_autoptr(DubPcm) all = say_joined(say("slt", text), say("slt", text), say("slt", text), say("slt", text), NULL);
    g_autoptr(DubEngineReply) heard = hear(asr, NULL, all);
    g_autofree char *said = g_strjoin(" ", text, text, text, text, NULL);
    g_test_message("heard: %s", heard->text);
    g_assert_cmpuint(say_word_errors(said, heard->text), <=, 10); /* of 96 words */
    const DubEngineSpan *last = &g_array_index(heard->words, DubEngineSpan, heard->words->len - 1);
    const int64_t end_ns = dub_pcm_duration_ns(all);
    g_assert_cmpint(end_ns - last->end_ns, <, 500 * DUB_NS_PER_MS);
    for (guint i = 1; i < heard->words->len; i++)
        g_assert_cmpint(g_array_index(heard->words, DubEngineSpan, i).start_ns, >=,
                        g_array_index(heard->words, DubEngineSpan, i - 1).end_ns);
}

typedef struct {
    const char *name, *provider, *language, *model;
    int code;
    const char *says;
} Refused;

static const Refused refused[] = {
    { "language", "", "tlh", "", DUB_ERROR_UNSUPPORTED, "en (pocketsphinx)" },
    { "language-by-name", "pocketsphinx", "tlh", "", DUB_ERROR_UNSUPPORTED, "en (pocketsphinx)" },
    { "driver", "telepathy", "en", "", DUB_ERROR_INVALID_ARGUMENT, "telepathy" },
    { "model", "pocketsphinx", "en", "/nowhere", DUB_ERROR_ENGINE, "apt-get install pocketsphinx-en-us" },
};

static void test_refused(const void *data)
{
    const Refused *c = data;
    g_autofree char *provider = g_strconcat("ASR_PROVIDER=", c->provider, NULL);
    g_autofree char *model = g_strconcat("ASR_MODEL=", c->model, NULL);
    char *environment[] = { provider, model, NULL };
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineSettings) settings = dub_engine_settings_load(environment, &error);
    if (settings)
        g_assert_null(dub_engine_chain_open(settings, DUB_STAGE_ASR, c->language, "es", &error));
    g_assert_error(error, DUB_ERROR, c->code);
    g_assert_nonnull(strstr(error->message, c->says));
}

static void test_null_hears_nothing(void)
{
    g_autoptr(DubEngine) asr = rig_open(&dub_engine_null_asr, "tlh", "es");
    g_autoptr(DubPcm) pcm = say_pink_noise(1, -20);
    g_autoptr(DubEngineReply) heard = hear(asr, NULL, pcm);
    g_assert_cmpstr(heard->text, ==, "");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(spoken); i++) {
        g_autofree char *path = g_strconcat("/engines/asr/speech/", spoken[i].name, NULL);
        g_test_add_data_func(path, &spoken[i], test_speech);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(unspoken); i++) {
        g_autofree char *path = g_strconcat("/engines/asr/no-speech/", unspoken[i].name, NULL);
        g_test_add_data_func(path, &unspoken[i], test_no_speech);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *path = g_strconcat("/engines/asr/refused/", refused[i].name, NULL);
        g_test_add_data_func(path, &refused[i], test_refused);
    }
    g_test_add_func("/engines/asr/word-times", test_word_times);
    g_test_add_func("/engines/asr/speech-over-bed", test_speech_over_bed);
    g_test_add_func("/engines/asr/no-stutter", test_no_stutter);
    g_test_add_func("/engines/asr/stream-moves", test_stream_moves);
    g_test_add_func("/engines/asr/stream-goes-on-elsewhere", test_stream_goes_on_elsewhere);
    g_test_add_func("/engines/asr/memory-of-something-else", test_memory_of_something_else);
    g_test_add_func("/engines/asr/cancelled", test_cancelled);
    g_test_add_func("/engines/asr/cancelled-in-the-middle", test_cancelled_in_the_middle);
    g_test_add_func("/engines/asr/long-speech", test_long_speech);
    g_test_add_func("/engines/asr/null", test_null_hears_nothing);
    return g_test_run();
}
