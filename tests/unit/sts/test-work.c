/* Unit tests of sts/echo and sts/dubber on a real loop; the engines are mostly the null ones, which hear nothing. */
#include "audio/fragment-codec.h"
#include "base/clock.h"
#include "fuse.h"
#include "rig.h"
#include "say.h"
#include "sts/dubber.h"
#include "sts/echo.h"

#include <math.h>
#include <string.h>

#define RATE_HZ 44100

typedef struct {
    DubEngineSettings *settings;
    DubEngineSets *engines;
    DubStsPool *pool;
    DubStsWork *work;
    bool ready;
    char *refused; /* code */
    GPtrArray *answers;
    GArray *numbers;
} Rig;

static void on_ready(guint parallel, G_GNUC_UNUSED double expected_ms, void *user_data)
{
    g_assert_cmpuint(parallel, >, 0);
    ((Rig *) user_data)->ready = true;
}

static void on_refused(const char *code, const char *message, void *user_data)
{
    g_test_message("%s: %s", code, message);
    ((Rig *) user_data)->refused = g_strdup(code);
}

static void on_finished(uint64_t sequence_number, DubFragmentProcessed *answer, void *user_data)
{
    Rig *rig = user_data;
    g_ptr_array_add(rig->answers, answer);
    g_array_append_val(rig->numbers, sequence_number);
}

static const DubStsWorkCallbacks callbacks = { on_ready, on_refused, on_finished };

static void set_up(Rig *rig)
{
    *rig = (Rig){ .answers = g_ptr_array_new_with_free_func((GDestroyNotify) dub_fragment_processed_free),
                  .numbers = g_array_new(FALSE, FALSE, sizeof(uint64_t)) };
}

static void tear_down(Rig *rig)
{
    dub_sts_work_free(rig->work);
    dub_sts_pool_free(rig->pool);
    dub_engine_sets_free(rig->engines);
    dub_engine_settings_free(rig->settings);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_ptr_array_unref(rig->answers);
    g_array_unref(rig->numbers);
    g_free(rig->refused);
}

/* @settings: (transfer full) */
static void open_dubber_with(Rig *rig, DubEngineSettings *settings, bool empty_original)
{
    set_up(rig);
    rig->settings = settings;
    rig->engines = dub_engine_sets_new(settings);
    rig->pool = dub_sts_pool_new(2);
    const DubStsDubberConfig config = { rig->engines, rig->pool, empty_original };
    g_autoptr(DubStreamInit) init = dub_stream_init_new();
    rig->work = dub_sts_dubber_new(&config, init, &callbacks, rig);
    g_assert_false(rig->ready); /* never from inside the call */
    while (!rig->ready && !rig->refused)
        g_main_context_iteration(NULL, TRUE);
}

static void open_dubber(Rig *rig, bool empty_original)
{
    open_dubber_with(rig, rig_null_settings(2), empty_original);
}

static DubFragmentData *new_fragment(int64_t number, const char *format, GBytes *bytes)
{
    DubFragmentData *fragment = dub_fragment_data_new();
    fragment->fragment_id = g_strdup("f");
    fragment->stream_id = g_strdup("s");
    fragment->sequence_number = number;
    fragment->audio = dub_wire_audio_new(format, 48000, 2, 500, bytes); /* its label is wrong about the rate */
    return fragment;
}

static GBytes *tone(DubFragmentFormat format, unsigned channels)
{
    g_autoptr(DubPcm) pcm = dub_pcm_new(RATE_HZ, channels, RATE_HZ / 2);
    for (gsize i = 0; i < pcm->n_frames * channels; i++)
        pcm->samples[i] = 0.3f * sinf((float) i * 0.05f);
    g_autoptr(GError) error = NULL;
    GBytes *bytes = dub_fragment_encode(pcm, format, &error);
    g_assert_no_error(error);
    return bytes;
}

static void process(Rig *rig, int64_t number, const char *format, GBytes *bytes)
{
    g_autoptr(DubFragmentData) fragment = new_fragment(number, format, bytes);
    dub_sts_work_process(rig->work, fragment, NULL);
}

static void wait_answers(Rig *rig, guint n)
{
    while (rig->answers->len < n)
        g_main_context_iteration(NULL, TRUE);
}

static void test_echo(void)
{
    Rig rig;
    set_up(&rig);
    rig.work = dub_sts_echo_new(20, &callbacks, &rig);
    while (!rig.ready)
        g_main_context_iteration(NULL, TRUE);
    g_autoptr(GBytes) bytes = g_bytes_new_static("\0any bytes\xff", 11);
    const int64_t begin_ns = dub_clock_now();
    for (int64_t number = 0; number < 3; number++)
        process(&rig, number, "m4a", bytes);
    dub_sts_work_cancel(rig.work, 1);
    g_assert_cmpuint(rig.answers->len, ==, 0);
    wait_answers(&rig, 2);
    g_assert_cmpint(dub_clock_now() - begin_ns, >=, 20 * DUB_NS_PER_MS);
    g_assert_cmpuint(g_array_index(rig.numbers, uint64_t, 0), ==, 0);
    g_assert_cmpuint(g_array_index(rig.numbers, uint64_t, 1), ==, 2);
    const DubFragmentProcessed *answer = g_ptr_array_index(rig.answers, 0);
    g_autoptr(GBytes) echoed = dub_wire_audio_decode(answer->dubbed_audio);
    g_assert_true(g_bytes_equal(bytes, echoed));
    g_assert_cmpfloat(answer->processing_time_ms, >=, 20);
    tear_down(&rig);
}

static void test_echo_freed_in_the_middle(void)
{
    Rig rig;
    set_up(&rig);
    rig.work = dub_sts_echo_new(0, &callbacks, &rig);
    g_autoptr(GBytes) bytes = g_bytes_new_static("x", 1);
    process(&rig, 0, "m4a", bytes);
    g_clear_pointer(&rig.work, dub_sts_work_free);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(rig.answers->len, ==, 0);
    tear_down(&rig);
}

static void assert_silent(const DubWireAudio *audio, unsigned channels)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = dub_wire_audio_decode(audio);
    g_autoptr(DubPcm) pcm = dub_fragment_decode(bytes, audio->sample_rate_hz, audio->channels, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(pcm->rate_hz, ==, RATE_HZ); /* the fragment's own, not the label's */
    g_assert_cmpuint(pcm->channels, ==, channels);
    g_assert_cmpuint(pcm->n_frames, ==, RATE_HZ / 2);
    for (gsize i = 0; i < pcm->n_frames * channels; i++)
        g_assert_cmpfloat(fabsf(pcm->samples[i]), <, 1e-4f);
}

static void test_dubber_answers_in_the_fragments_shape(void)
{
    Rig rig;
    open_dubber(&rig, false);
    g_assert_true(rig.ready);
    for (unsigned channels = 1; channels <= 2; channels++) {
        g_autoptr(GBytes) bytes = tone(DUB_FORMAT_M4A, channels);
        process(&rig, channels, "m4a", bytes);
        wait_answers(&rig, channels);
        const DubFragmentProcessed *answer = g_ptr_array_index(rig.answers, channels - 1);
        g_assert_cmpint(answer->status, ==, DUB_PROCESSED_SUCCESS);
        g_assert_cmpstr(answer->transcript, ==, "");
        g_assert_cmpstr(answer->dubbed_audio->format, ==, "m4a");
        assert_silent(answer->dubbed_audio, channels);
    }
    tear_down(&rig);
}

static void test_dubber_gives_the_original_of_silence(void)
{
    Rig rig;
    open_dubber(&rig, true);
    g_autoptr(GBytes) bytes = tone(DUB_FORMAT_M4A, 2);
    process(&rig, 0, "m4a", bytes);
    wait_answers(&rig, 1);
    const DubFragmentProcessed *answer = g_ptr_array_index(rig.answers, 0);
    g_autoptr(GBytes) same = dub_wire_audio_decode(answer->dubbed_audio);
    g_assert_true(g_bytes_equal(bytes, same));
    tear_down(&rig);
}

typedef struct {
    const char *name, *format, *bytes;
    gsize size;
    DubProcessedStatus status;
} Content;

static const Content contents[] = {
    { "broken-mp4", "m4a",
      "\0\0\0\x20"
      "ftypM4A but no more",
      24, DUB_PROCESSED_FAILED },
    { "text-called-m4a", "m4a", "this is not audio at all", 24, DUB_PROCESSED_FAILED },
    { "text-called-pcm", "pcm_s16le", "this is not audio at all", 24, DUB_PROCESSED_SUCCESS },
    { "nothing-called-m4a", "m4a", "", 0, DUB_PROCESSED_FAILED },
    { "nothing-called-pcm", "pcm_s16le", "", 0, DUB_PROCESSED_FAILED },
};

static void test_dubber_content(const void *data)
{
    const Content *c = data;
    Rig rig;
    open_dubber(&rig, false);
    g_autoptr(GBytes) bytes = g_bytes_new_static(c->bytes, c->size);
    process(&rig, 0, c->format, bytes);
    wait_answers(&rig, 1);
    const DubFragmentProcessed *answer = g_ptr_array_index(rig.answers, 0);
    g_assert_cmpint(answer->status, ==, c->status);
    if (c->status == DUB_PROCESSED_FAILED) {
        g_assert_cmpstr(answer->error_code, ==, "INVALID_AUDIO");
        g_assert_false(answer->error_retryable);
    }
    tear_down(&rig);
}

static void test_dubber_cancels_one(void)
{
    Rig rig;
    open_dubber(&rig, false);
    g_autoptr(GBytes) bytes = tone(DUB_FORMAT_M4A, 2);
    for (int64_t number = 0; number < 4; number++)
        process(&rig, number, "m4a", bytes);
    g_assert_nonnull(dub_sts_work_cancel(rig.work, 2));
    wait_answers(&rig, 3);
    for (guint i = 0; i < 3; i++)
        g_assert_cmpuint(g_array_index(rig.numbers, uint64_t, i), !=, 2);
    tear_down(&rig);
}

/* Cancelled at whatever step it is, and sent again: there is one answer, and it is the second's. */
static void test_dubber_same_number_again(void)
{
    for (guint turns = 0; turns < 8; turns++) {
        Rig rig;
        open_dubber(&rig, false);
        g_autoptr(GBytes) broken = g_bytes_new_static("not audio", 9);
        g_autoptr(GBytes) bytes = tone(DUB_FORMAT_M4A, 2);
        process(&rig, 0, "m4a", turns % 2 ? bytes : broken);
        for (guint i = 0; i < turns / 2 && rig.answers->len == 0; i++)
            g_main_context_iteration(NULL, TRUE);
        const guint before = rig.answers->len;
        dub_sts_work_cancel(rig.work, 0);
        process(&rig, 0, "m4a", bytes);
        process(&rig, 1, "m4a", bytes);
        wait_answers(&rig, before + 2);
        for (guint i = before; i < rig.answers->len; i++)
            g_assert_cmpint(((DubFragmentProcessed *) g_ptr_array_index(rig.answers, i))->status, ==,
                            DUB_PROCESSED_SUCCESS);
        while (g_main_context_iteration(NULL, FALSE))
            ;
        g_assert_cmpuint(rig.answers->len, ==, before + 2);
        tear_down(&rig);
    }
}

static GBytes *speech(guint n_sentences)
{
    g_autoptr(DubPcm) pcm = say_silence(0.5);
    for (guint i = 0; i < n_sentences; i++)
        pcm = say_joined(g_steal_pointer(&pcm),
                         say("slt", "many people are waiting at the station because the train is late"), NULL);
    g_autoptr(GError) error = NULL;
    GBytes *bytes = dub_fragment_encode(pcm, DUB_FORMAT_M4A, &error);
    g_assert_no_error(error);
    return bytes;
}

static gboolean wake(G_GNUC_UNUSED void *data)
{
    return G_SOURCE_CONTINUE;
}

/* The only lane is seconds deep in one fragment, and another waits for it. */
static void test_dubber_goes_on_after_a_cancel(void)
{
    Rig rig;
    open_dubber_with(&rig, rig_real_settings(1), false);
    g_autoptr(GBytes) much = speech(8);
    g_autoptr(GBytes) little = tone(DUB_FORMAT_M4A, 2);
    process(&rig, 0, "m4a", much);
    process(&rig, 1, "m4a", little);
    const guint waker = g_timeout_add(5, wake, NULL);
    const int64_t begin_ns = fuse_work();
    while (fuse_work() - begin_ns < 300 * DUB_NS_PER_MS)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(waker);
    g_assert_cmpstr(dub_sts_work_cancel(rig.work, 0), ==, "asr");
    const int64_t cancelled_ns = fuse_work();
    wait_answers(&rig, 1);
    g_assert_cmpuint(g_array_index(rig.numbers, uint64_t, 0), ==, 1);
    g_test_message("%d ms of work until the next", (int) ((fuse_work() - cancelled_ns) / DUB_NS_PER_MS));
    g_assert_cmpint(fuse_work() - cancelled_ns, <, 500 * DUB_NS_PER_MS); /* of the first one's seconds */
    tear_down(&rig);
}

static void test_dubber_freed_in_the_middle(void)
{
    for (guint turns = 0; turns < 6; turns++) {
        Rig rig;
        open_dubber(&rig, false);
        g_autoptr(GBytes) bytes = tone(DUB_FORMAT_M4A, 2);
        for (int64_t number = 0; number < 6; number++)
            process(&rig, number, "m4a", bytes);
        for (guint i = 0; i < turns; i++)
            g_main_context_iteration(NULL, TRUE);
        tear_down(&rig);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sts/echo/answers", test_echo);
    g_test_add_func("/sts/echo/freed-in-the-middle", test_echo_freed_in_the_middle);
    g_test_add_func("/sts/dubber/fragments-shape", test_dubber_answers_in_the_fragments_shape);
    g_test_add_func("/sts/dubber/original-of-silence", test_dubber_gives_the_original_of_silence);
    for (gsize i = 0; i < G_N_ELEMENTS(contents); i++) {
        g_autofree char *path = g_strdup_printf("/sts/dubber/content/%s", contents[i].name);
        g_test_add_data_func(path, &contents[i], test_dubber_content);
    }
    g_test_add_func("/sts/dubber/cancels-one", test_dubber_cancels_one);
    g_test_add_func("/sts/dubber/same-number-again", test_dubber_same_number_again);
    g_test_add_func("/sts/dubber/goes-on-after-a-cancel", test_dubber_goes_on_after_a_cancel);
    g_test_add_func("/sts/dubber/freed-in-the-middle", test_dubber_freed_in_the_middle);
    return g_test_run();
}
