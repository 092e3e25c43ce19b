/* Lanes and sessions: what becomes of a lane when its work is cancelled or outruns its time. Real engines, one lane. */
#include "speech/lanes.h"

#include "base/clock.h"
#include "fuse.h"
#include "rig.h"
#include "say.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define RATE_HZ 16000

static const char sentence[] = "the weather is clear tonight";
static const char long_text[] = "many people are waiting at the station because the train is late and the receiver "
                                "catches the ball at the twenty yard line and runs for a touchdown";

typedef struct {
    DubSpeechSession *session;
    GPtrArray *results; /* of DubSpeechResult */
} Rig;

static void on_done(DubSpeechResult *result, void *user_data)
{
    g_ptr_array_add(((Rig *) user_data)->results, result);
}

static void set_up(Rig *rig, DubLanes *lanes, unsigned timeout_ms)
{
    const DubSpeechSessionConfig config = { NULL, RATE_HZ, 1, timeout_ms };
    g_autoptr(GError) error = NULL;
    rig->results = g_ptr_array_new_with_free_func((GDestroyNotify) dub_speech_result_free);
    rig->session = dub_speech_session_new(lanes, &config, on_done, rig, &error);
    g_assert_no_error(error);
}

static void tear_down(Rig *rig)
{
    dub_speech_session_free(rig->session);
    g_ptr_array_unref(rig->results);
}

static void submit(Rig *rig, uint64_t number, DubPcm *pcm)
{
    dub_speech_session_submit(rig->session, dub_fragment_new(number, 0, pcm));
}

static gboolean on_too_long(gpointer data G_GNUC_UNUSED)
{
    g_error("no answer within two minutes");
    return G_SOURCE_REMOVE;
}

static const DubSpeechResult *wait_result(Rig *rig, guint n)
{
    const guint guard = g_timeout_add_seconds(120, on_too_long, NULL);
    while (rig->results->len < n)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(guard);
    return g_ptr_array_index(rig->results, n - 1);
}

static DubPcm *make_long(void)
{
    return say_joined(say("rms", long_text), say("slt", long_text), say("rms", long_text), say("slt", long_text), NULL);
}

/* The lane has begun: this much work is done. */
static void let_work(int64_t work_ns)
{
    const int64_t begin_ns = fuse_work();
    while (fuse_work() - begin_ns < work_ns)
        g_usleep(2000);
}

/* Returns: the work until a fragment in which nobody speaks comes back: until the lane is free */
static int64_t work_until_free(Rig *rig, uint64_t number)
{
    const int64_t begin_ns = fuse_work();
    submit(rig, number, say_silence(1));
    const DubSpeechResult *result = wait_result(rig, rig->results->len + 1);
    g_assert_cmpuint(result->sequence_number, ==, number);
    g_assert_cmpint(result->answer->status, ==, DUB_PROCESSED_SUCCESS);
    return fuse_work() - begin_ns;
}

static DubPcm *make_short(void)
{
    return say_joined(say_silence(0.5), say("slt", sentence), say_silence(0.5), NULL);
}

static void assert_dubs(Rig *rig, uint64_t number)
{
    submit(rig, number, make_short());
    const DubSpeechResult *result = wait_result(rig, rig->results->len + 1);
    g_assert_cmpint(result->answer->status, ==, DUB_PROCESSED_SUCCESS);
    g_assert_cmpstr(result->answer->translated_text, ==, "El tiempo es claro esta noche.");
}

/* A few seconds of work are left, and the lane does not do them. */
static void test_cancelled(gconstpointer data)
{
    Rig rig;
    set_up(&rig, (DubLanes *) data, 0);
    submit(&rig, 0, make_long());
    let_work(300 * DUB_NS_PER_MS);
    g_assert_cmpstr(dub_speech_session_cancel(rig.session, 0), ==, "asr");
    const int64_t busy_ns = work_until_free(&rig, 1);
    g_test_message("free after %d ms of work", (int) (busy_ns / DUB_NS_PER_MS));
    g_assert_cmpint(busy_ns, <,
                    400 * DUB_NS_PER_MS); /* under the sanitizers, too; of the fragment it would be ten times that */
    assert_dubs(&rig, 2);
    g_assert_cmpuint(rig.results->len, ==, 2); /* the cancelled one was not answered */
    tear_down(&rig);
}

static void test_session_freed(gconstpointer data)
{
    Rig gone, other;
    set_up(&gone, (DubLanes *) data, 0);
    set_up(&other, (DubLanes *) data, 0);
    for (uint64_t number = 0; number < 3; number++)
        submit(&gone, number, make_long());
    let_work(300 * DUB_NS_PER_MS);
    g_clear_pointer(&gone.session, dub_speech_session_free);
    const int64_t busy_ns = work_until_free(&other, 0);
    g_test_message("free after %d ms of work", (int) (busy_ns / DUB_NS_PER_MS));
    g_assert_cmpint(busy_ns, <, 400 * DUB_NS_PER_MS);
    g_assert_cmpuint(gone.results->len, ==, 0);
    tear_down(&gone);
    tear_down(&other);
}

/* Cancelled, and sent again while the lane still has the first: there is one answer, and it is the second's. */
static void test_same_number_again(gconstpointer data)
{
    Rig rig;
    set_up(&rig, (DubLanes *) data, 0);
    submit(&rig, 7, make_long());
    let_work(100 * DUB_NS_PER_MS);
    dub_speech_session_cancel(rig.session, 7);
    assert_dubs(&rig, 7);
    work_until_free(&rig, 8);
    g_assert_cmpuint(rig.results->len, ==, 2);
    tear_down(&rig);
}

static void test_recogniser_outruns_its_time(gconstpointer data)
{
    Rig rig;
    set_up(&rig, (DubLanes *) data, 500);
    submit(&rig, 0, make_long());
    const DubSpeechResult *result = wait_result(&rig, 1);
    g_assert_cmpint(result->answer->status, ==, DUB_PROCESSED_FAILED);
    g_assert_cmpstr(result->answer->error_code, ==, "TIMEOUT");
    g_assert_cmpstr(result->answer->error_stage, ==, "asr");
    g_assert_cmpstr(result->answer->error_message, ==, "not done within 500 ms");
    g_assert_true(result->answer->error_retryable);
    g_test_message("500 ms were over after %.0f ms", result->answer->processing_time_ms);
    g_assert_cmpfloat(result->answer->processing_time_ms, >=, 500);
    g_assert_cmpfloat(result->answer->processing_time_ms, <, 2500); /* the whole is some 4000 ms of work */
    work_until_free(&rig, 1);
    tear_down(&rig);
}

/* This process' children of that name, by whichever thread: of pid_t */
static GArray *find_children(const char *name)
{
    GArray *pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    g_autoptr(GDir) tasks = g_dir_open("/proc/self/task", 0, NULL);
    const char *task;
    while ((task = g_dir_read_name(tasks))) {
        g_autofree char *path = g_strdup_printf("/proc/self/task/%s/children", task);
        g_autofree char *list = NULL;
        if (!g_file_get_contents(path, &list, NULL, NULL))
            continue;
        g_auto(GStrv) ids = g_strsplit(g_strstrip(list), " ", -1);
        for (char **id = ids; *id && **id; id++) {
            g_autofree char *comm = g_strdup_printf("/proc/%s/comm", *id);
            g_autofree char *is = NULL;
            const pid_t pid = (pid_t) g_ascii_strtoll(*id, NULL, 10);
            if (g_file_get_contents(comm, &is, NULL, NULL) && g_str_has_prefix(is, name))
                g_array_append_val(pids, pid);
        }
    }
    return pids;
}

static bool contains(const GArray *pids, pid_t pid)
{
    for (guint i = 0; i < pids->len; i++)
        if (g_array_index(pids, pid_t, i) == pid)
            return true;
    return false;
}

/* One of the translator's programs stands still: it is started again, and what waited for it is translated after all.
 */
static void test_translator_hangs(gconstpointer data)
{
    Rig rig;
    set_up(&rig, (DubLanes *) data, 8000);
    g_autoptr(GArray) hung = find_children("apertium-tagger");
    g_assert_cmpuint(hung->len, ==, 1); /* one serves all lanes */
    for (guint i = 0; i < hung->len; i++)
        kill(g_array_index(hung, pid_t, i), SIGSTOP);
    submit(&rig, 0, make_short());
    const DubSpeechResult *result = wait_result(&rig, 1);
    g_assert_cmpstr(result->answer->transcript, ==, sentence);
    g_assert_cmpstr(result->answer->error_code, ==, NULL);
    g_test_message("of 8000 ms it took %.0f", result->answer->processing_time_ms);
    g_assert_cmpfloat(result->answer->processing_time_ms, >, 3000); /* half of what recognition left */
    assert_dubs(&rig, 1);
    g_autoptr(GArray) now = find_children("apertium-tagger");
    g_assert_cmpuint(now->len, ==, hung->len);
    guint n_new = 0;
    for (guint i = 0; i < now->len; i++)
        n_new += !contains(hung, g_array_index(now, pid_t, i));
    g_assert_cmpuint(n_new, ==, 1);
    tear_down(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineSettings) settings = rig_real_settings(1);
    DubEngineSet *engines = dub_engine_set_open(settings, "en", "es", &error);
    g_assert_no_error(error);
    g_autoptr(DubLanes) lanes = dub_lanes_new(engines, settings->n_lanes);
    g_test_add_data_func("/speech/lanes/cancelled", lanes, test_cancelled);
    g_test_add_data_func("/speech/lanes/session-freed", lanes, test_session_freed);
    g_test_add_data_func("/speech/lanes/same-number-again", lanes, test_same_number_again);
    g_test_add_data_func("/speech/lanes/recogniser-outruns-its-time", lanes, test_recogniser_outruns_its_time);
    g_test_add_data_func("/speech/lanes/translator-hangs", lanes, test_translator_hangs);
    return g_test_run();
}
