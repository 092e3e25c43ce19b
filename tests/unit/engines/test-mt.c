/* The translator: real Apertium processes. */
#include "base/clock.h"
#include "base/error.h"
#include "engines/chain.h"
#include "engines/drivers.h"
#include "engines/mt/pipeline.h"
#include "fuse.h"
#include "rig.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS 20000 /* under the sanitizers on a busy machine */

static DubEngine *open_pair(const char *from, const char *to)
{
    return rig_open(&dub_engine_apertium, from, to);
}

static DubEngineReply *ask(DubEngine *mt, const char *text, unsigned timeout_ms, GCancellable *cancellable,
                           GError **error)
{
    const DubEngineRequest request = { .text = text,
                                       .from = "en",
                                       .to = "es",
                                       .cancellable = cancellable,
                                       .deadline_ns = dub_clock_now() + timeout_ms * DUB_NS_PER_MS };
    return dub_engine_run(mt, &request, error);
}

static char *translate_for(DubEngine *mt, const char *text, int64_t *programs_cpu_ns)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineReply) reply = ask(mt, text, TIMEOUT_MS, NULL, &error);
    g_assert_no_error(error);
    if (programs_cpu_ns)
        *programs_cpu_ns = reply->usage.programs_cpu_ns;
    return g_strdup(reply->text);
}

static char *translate(DubEngine *mt, const char *text)
{
    return translate_for(mt, text, NULL);
}

typedef struct {
    const char *name, *from, *to, *text, *translation;
} Case;

static const Case cases[] = {
    { "sentence", "en", "es", "The house is big.", "La casa es grande." },
    { "lower-case", "en", "es", "the house is big", "La casa es grande" },
    { "numbers", "en", "es", "One, two, three.", "Uno, dos, tres." },
    { "unknown-word", "en", "es", "The xyzzyplop is big.", "El xyzzyplop es grande." },
    { "lost-subject", "en", "es", "There are two dogs.", "Hay dos perros." },
    { "specials", "en", "es", "^x$ [a] {b} c/d \\ @ <e>.", "^x$ [Un] {b} c/d \\ @ <e>." },
    { "measures", "en", "es", "A three-hour meeting with a 25-year-old man.",
      "Una reunión de tres horas con un hombre de 25 años." },
    { "blank", "en", "es", " \n ", "" },
    { "other-way", "es", "en", "La casa es grande.", "The house is big." },
};

static void test_translate(const void *data)
{
    const Case *c = data;
    g_autoptr(DubEngine) mt = open_pair(c->from, c->to);
    g_autofree char *translation = translate(mt, c->text);
    g_assert_cmpstr(translation, ==, c->translation);
    g_autofree char *again = translate(mt, c->text); /* the chain is in step after an answer */
    g_assert_cmpstr(again, ==, c->translation);
}

/* Every sentence of a long text arrives, in order, however it is cut. */
static void test_long_text(void)
{
    g_autoptr(DubEngine) mt = open_pair("en", "es");
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 400; i++)
        g_string_append_printf(text, "The house %d is big. ", i);
    g_autofree char *translation = translate(mt, text->str);
    const char *at = translation;
    for (int i = 0; i < 400; i++) {
        g_autofree char *number = g_strdup_printf(" %d ", i);
        at = strstr(at, number);
        g_assert_nonnull(at);
    }
}

static void test_too_long(void)
{
    g_autoptr(DubEngine) mt = open_pair("en", "es");
    g_autofree char *text = g_strnfill(70000, 'a');
    g_autoptr(GError) error = NULL;
    g_assert_null(ask(mt, text, TIMEOUT_MS, NULL, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
}

/* Children of this process whose name is @name; their ids in @pids. */
static guint list_children(const char *name, GArray *pids)
{
    g_autofree char *path = g_strdup_printf("/proc/self/task/%d/children", (int) getpid());
    g_autofree char *list = NULL;
    g_assert_true(g_file_get_contents(path, &list, NULL, NULL));
    g_auto(GStrv) ids = g_strsplit(g_strstrip(list), " ", -1);
    g_array_set_size(pids, 0);
    for (char **id = ids; *id && **id; id++) {
        g_autofree char *comm = g_strdup_printf("/proc/%s/comm", *id);
        g_autofree char *is = NULL;
        if (!g_file_get_contents(comm, &is, NULL, NULL) || (name && !g_str_has_prefix(is, name)))
            continue;
        const pid_t pid = (pid_t) g_ascii_strtoll(*id, NULL, 10);
        g_array_append_val(pids, pid);
    }
    return pids->len;
}

static void test_died_is_started_again(void)
{
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    g_autoptr(DubEngine) mt = open_pair("en", "es");
    g_autofree char *before = translate(mt, "The house is big.");
    g_assert_cmpuint(list_children("apertium-tagger", pids), ==, 1);
    kill(g_array_index(pids, pid_t, 0), SIGKILL);
    g_autofree char *after = translate(mt, "The house is big.");
    g_assert_cmpstr(before, ==, after);
}

/* Apertium works in its own processes: each reply tells what they have used for it, also when they were started again.
 */
static void test_cpu(void)
{
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    g_autoptr(DubEngine) mt = open_pair("en", "es");
    int64_t loading_ns = 0, working_ns = 0, again_ns = 0;
    g_autofree char *first = translate_for(mt, "The house is big.", &loading_ns);
    g_assert_cmpint(loading_ns, >, 10 * DUB_NS_PER_MS); /* dictionaries were read */
    g_autofree char *second = translate_for(mt, "The house is big.", &working_ns);
    g_assert_cmpint(working_ns, >, 0);
    g_assert_cmpint(working_ns, <, loading_ns); /* what was told is not told again */
    list_children("apertium-tagger", pids);
    kill(g_array_index(pids, pid_t, 0), SIGKILL);
    g_autofree char *third = translate_for(mt, "The house is big.", &again_ns);
    g_assert_cmpint(again_ns, >, 10 * DUB_NS_PER_MS); /* dictionaries were read once more */
}

/* One program of the chain stands still: no answer will ever come. */
static guint stop_tagger(GArray *pids)
{
    g_assert_cmpuint(list_children("apertium-tagger", pids), ==, 1);
    kill(g_array_index(pids, pid_t, 0), SIGSTOP);
    return list_children(NULL, pids);
}

static void assert_healthy(DubEngine *mt, guint n_programs)
{
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    g_assert_cmpuint(list_children(NULL, pids), ==, n_programs); /* the hung are gone, others are there already */
    g_autofree char *after = translate(mt, "The house is big.");
    g_assert_cmpstr(after, ==, "La casa es grande.");
}

static void test_hung_is_cancelled(void)
{
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngine) mt = open_pair("en", "es");
    g_autofree char *before = translate(mt, "The house is big.");
    const guint n_programs = stop_tagger(pids);
    Fuse *fuse = fuse_light(cancellable, dub_clock_now, 50 * DUB_NS_PER_MS);
    g_assert_null(ask(mt, "The dog is small.", 60000, cancellable, &error));
    const int64_t end_ns = dub_clock_now();
    const int64_t late_ns = end_ns - fuse_burnt(fuse);
    g_assert_error(error, DUB_ERROR, DUB_ERROR_CANCELLED);
    g_test_message("back %d ms after the cancelling", (int) (late_ns / DUB_NS_PER_MS));
    g_assert_cmpint(late_ns, <, 1000 * DUB_NS_PER_MS); /* some 10 ms on an idle machine */
    assert_healthy(mt, n_programs);
}

static void test_hung_runs_out_of_time(void)
{
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngine) mt = open_pair("en", "es");
    g_autofree char *before = translate(mt, "The house is big.");
    const guint n_programs = stop_tagger(pids);
    g_assert_null(ask(mt, "The dog is small.", 100, NULL, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_TIMEOUT);
    assert_healthy(mt, n_programs);
}

/* Half of the time is given up for lost, the other half is enough. */
static void test_hung_answers_after_all(void)
{
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngine) mt = open_pair("en", "es");
    g_autofree char *before = translate(mt, "The house is big.");
    const guint n_programs = stop_tagger(pids);
    g_autoptr(DubEngineReply) reply = ask(mt, "The dog is small.", TIMEOUT_MS, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(reply->text, ==, "El perro es pequeño.");
    assert_healthy(mt, n_programs);
}

static void test_close_leaves_nothing(void)
{
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    DubEngine *mt = open_pair("en", "es");
    g_autofree char *warm = translate(mt, "Yes.");
    g_assert_cmpuint(list_children(NULL, pids), >=, 8);
    dub_engine_close(mt);
    g_assert_cmpuint(list_children(NULL, pids), ==, 0);
}

/* Returns: whether the program @pid has got @name as a variable */
static bool has_variable(pid_t pid, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/environ", (int) pid);
    g_autofree char *environment = NULL;
    gsize length = 0;
    g_assert_true(g_file_get_contents(path, &environment, &length, NULL));
    const gsize name_length = strlen(name);
    for (const char *entry = environment; entry < environment + length; entry += strlen(entry) + 1)
        if (strncmp(entry, name, name_length) == 0 && entry[name_length] == '=')
            return true;
    return false;
}

/* Neither a key nor a setting of ours is theirs to read. */
static void test_environment(void)
{
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    g_setenv("STS_API_KEY", "sesame", TRUE);
    g_autoptr(DubEngine) mt = open_pair("en", "es");
    g_autofree char *translation = translate(mt, "The house is big."); /* all are up now */
    g_assert_cmpstr(translation, ==, "La casa es grande.");
    g_assert_cmpuint(list_children(NULL, pids), >=, 8);
    for (guint i = 0; i < pids->len; i++) {
        const pid_t pid = g_array_index(pids, pid_t, i);
        g_assert_true(has_variable(pid, "PATH"));
        g_assert_true(has_variable(pid, "LC_ALL"));
        g_assert_false(has_variable(pid, "STS_API_KEY"));
    }
    g_unsetenv("STS_API_KEY");
}

static DubPipeline *start_pipeline(const char *program, const char *argument)
{
    g_autoptr(GPtrArray) stages = g_ptr_array_new_with_free_func((GDestroyNotify) g_strfreev);
    char **argv = g_new0(char *, 3);
    argv[0] = g_strdup(program);
    argv[1] = g_strdup(argument);
    g_ptr_array_add(stages, argv);
    g_autoptr(GError) error = NULL;
    DubPipeline *pipeline = dub_pipeline_start(stages, &error);
    g_assert_no_error(error);
    return pipeline;
}

static void test_timeout(void)
{
    g_autoptr(DubPipeline) pipeline = start_pipeline("sleep", "60");
    g_autoptr(GError) error = NULL;
    const int64_t begin_ns = dub_clock_now();
    g_assert_null(dub_pipeline_ask(pipeline, "hello", begin_ns + 50 * DUB_NS_PER_MS, NULL, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_TIMEOUT);
    g_assert_cmpint(dub_clock_now() - begin_ns, >=, 50 * DUB_NS_PER_MS);
}

static void test_cancelled(void)
{
    g_autoptr(DubPipeline) pipeline = start_pipeline("sleep", "60");
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_cancellable_cancel(cancellable);
    g_autoptr(GError) error = NULL;
    const int64_t deadline_ns = dub_clock_now() + 60 * DUB_NS_PER_S;
    g_assert_null(dub_pipeline_ask(pipeline, "hello", deadline_ns, cancellable, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_CANCELLED);
}

static void test_program_ends(void)
{
    g_autoptr(DubPipeline) pipeline = start_pipeline("true", NULL);
    g_autoptr(GError) error = NULL;
    const int64_t deadline_ns = dub_clock_now() + 60 * DUB_NS_PER_S;
    g_assert_null(dub_pipeline_ask(pipeline, "hello", deadline_ns, NULL, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
}

static void test_program_missing(void)
{
    g_autoptr(GPtrArray) stages = g_ptr_array_new_with_free_func((GDestroyNotify) g_strfreev);
    char **argv = g_new0(char *, 2);
    argv[0] = g_strdup("no-such-program-anywhere");
    g_ptr_array_add(stages, argv);
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_pipeline_start(stages, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
    g_assert_nonnull(strstr(error->message, "no-such-program-anywhere"));
}

static bool is_offered(const GPtrArray *pairs, const char *from, const char *to)
{
    for (guint i = 0; i < pairs->len; i++) {
        const DubEngineOffer *pair = g_ptr_array_index(pairs, i);
        if (g_str_equal(pair->language, from) && g_str_equal(pair->target, to))
            return true;
    }
    return false;
}

static void test_pairs(void)
{
    const DubEngineConfig config = { .n_cores = 1 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) pairs = dub_engine_apertium.list(&config, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(is_offered(pairs, "en", "es"));
    g_assert_true(is_offered(pairs, "es", "en"));
    g_assert_false(is_offered(pairs, "en", "en"));
}

static void test_no_pair(void)
{
    g_autoptr(DubEngineSettings) settings = rig_default_settings();
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_engine_chain_open(settings, DUB_STAGE_MT, "en", "tlh", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED);
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, "\"en-tlh\""));
    g_assert_nonnull(strstr(error->message, "en-es"));
    g_assert_nonnull(strstr(error->message, "(apertium)"));
}

static void test_null_gives_back(void)
{
    g_autoptr(DubEngine) mt = rig_open(&dub_engine_null_mt, "en", "tlh");
    g_autofree char *text = translate(mt, "The house is big.");
    g_assert_cmpstr(text, ==, "The house is big.");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/engines/mt/translate/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_translate);
    }
    g_test_add_func("/engines/mt/long-text", test_long_text);
    g_test_add_func("/engines/mt/too-long", test_too_long);
    g_test_add_func("/engines/mt/died-is-started-again", test_died_is_started_again);
    g_test_add_func("/engines/mt/cpu", test_cpu);
    g_test_add_func("/engines/mt/hung-is-cancelled", test_hung_is_cancelled);
    g_test_add_func("/engines/mt/hung-runs-out-of-time", test_hung_runs_out_of_time);
    g_test_add_func("/engines/apertium/hung-answers-after-all", test_hung_answers_after_all);
    g_test_add_func("/engines/mt/close-leaves-nothing", test_close_leaves_nothing);
    g_test_add_func("/engines/mt/environment", test_environment);
    g_test_add_func("/engines/mt/pairs", test_pairs);
    g_test_add_func("/engines/mt/no-pair", test_no_pair);
    g_test_add_func("/engines/mt/null", test_null_gives_back);
    g_test_add_func("/engines/pipeline/timeout", test_timeout);
    g_test_add_func("/engines/pipeline/cancelled", test_cancelled);
    g_test_add_func("/engines/pipeline/program-ends", test_program_ends);
    g_test_add_func("/engines/pipeline/program-missing", test_program_missing);
    return g_test_run();
}
