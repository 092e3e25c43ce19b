/* tests/unit/engines/test-subtitles.c: wherever the sound is cut, each word of the file is given out once, in its
 * place. */
#include "base/clock.h"
#include "base/error.h"
#include "engines/drivers.h"
#include "engines/settings.h"

#include <glib/gstdio.h>

#define RATE    16000
#define TAIL_MS 10 /* blocks overlap by that */
#define TEXT                                                                                                    \
    "1\n00:00:01,000 --> 00:00:04,000\nOne two three four.\n\n2\n00:00:04,000 --> 00:00:09,500\nFive, six and " \
    "seven!\n\n"                                                                                                \
    "3\n00:00:12,000 --> 00:00:12,300\nEight.\n"
#define WORDS "One two three four. Five, six and seven! Eight."

static DubEngine *open_file(const char *path, GError **error)
{
    g_autofree char *variable = g_strconcat("ASR_SUBTITLES=", path, NULL);
    char *environment[] = { path ? variable : NULL, NULL };
    g_autoptr(DubEngineSettings) settings = dub_engine_settings_load(environment, error);
    g_assert_nonnull(settings);
    const DubEngineConfig config = dub_engine_settings_config(settings, &dub_engine_subtitles, "en", "es", NULL);
    return dub_engine_open(&dub_engine_subtitles, &config, error);
}

static DubEngineReply *hear(DubEngine *engine, DubEngineMemory *memory, int start_ms, int length_ms)
{
    const DubEngineRequest request = {
        .pcm = dub_pcm_new(RATE, 1, (gsize) (RATE * length_ms / 1000)),
        .start_ns = start_ms * DUB_NS_PER_MS,
        .from = "en",
        .to = "es",
        .memory = memory,
    };
    DubEngineReply *reply = dub_engine_run(engine, &request, NULL);
    g_assert_nonnull(reply);
    dub_pcm_unref(request.pcm);
    return reply;
}

static void append(GString *all, const DubEngineReply *reply, int block_ms)
{
    for (guint i = 0; i < reply->words->len; i++) {
        const DubEngineSpan *word = &g_array_index(reply->words, DubEngineSpan, i);
        g_assert_cmpint(word->start_ns, >=, 0);
        g_assert_cmpint(word->end_ns, >, word->start_ns);
        g_assert_cmpint(word->end_ns, <=, (block_ms + TAIL_MS) * DUB_NS_PER_MS);
        g_string_append_printf(all, "%s%s", all->len ? " " : "", word->text);
    }
}

static void test_cuts(const void *data)
{
    DubEngine *engine = (DubEngine *) data;
    for (int block_ms = 300; block_ms < 15000; block_ms += 137) {
        g_autoptr(DubEngineMemory) memory = dub_engine_memory_new();
        g_autoptr(GString) all = g_string_new(NULL);
        for (int start_ms = 0; start_ms < 15000; start_ms += block_ms) {
            g_autoptr(DubEngineReply) reply = hear(engine, memory, start_ms, block_ms + TAIL_MS);
            append(all, reply, block_ms);
        }
        g_assert_cmpstr(all->str, ==, WORDS);
    }
}

/* Lanes work side by side. */
static void test_any_order(const void *data)
{
    DubEngine *engine = (DubEngine *) data;
    g_autoptr(DubEngineMemory) memory = dub_engine_memory_new();
    g_autoptr(DubEngineReply) second = hear(engine, memory, 6000, 9000);
    g_autoptr(DubEngineReply) first = hear(engine, memory, 0, 6000 + TAIL_MS);
    g_autofree char *both = g_strjoin(" ", first->text, second->text, NULL);
    g_assert_cmpstr(both, ==, WORDS);
}

static void test_no_file(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(open_file(NULL, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autofree char *folder = g_dir_make_tmp("dub-subtitles-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "said.srt", NULL);
    g_assert_true(g_file_set_contents(path, TEXT, -1, NULL));
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngine) engine = open_file(path, &error);
    g_assert_no_error(error);
    g_test_add_data_func("/engines/subtitles/cuts", engine, test_cuts);
    g_test_add_data_func("/engines/subtitles/any-order", engine, test_any_order);
    g_test_add_func("/engines/subtitles/no-file", test_no_file);
    const int status = g_test_run();
    g_unlink(path);
    g_rmdir(folder);
    return status;
}
