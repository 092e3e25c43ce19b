/* unit/apps/test-airdub-subtitles.c: text into cues, cues into files. */
#include "airdub/subtitle-files.h"
#include "airdub/subtitles.h"

#include "base/clock.h"
#include "base/error.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define S DUB_NS_PER_S

typedef struct {
    const char *name, *text;
    const char *cues; /* one after the other, '|' between them */
} Case;

static const Case cases[] = {
    { "empty", "", "" },
    { "blank", " \n\t ", "" },
    { "one-line", "Hello there.", "Hello there." },
    { "white-space", "  Hello \n\n there. ", "Hello there." },
    { "exactly-a-line", "123456789 123456789 123456789 123456789 12", "123456789 123456789 123456789 123456789 12" },
    { "two-lines-alike", "The quick brown fox jumps over the lazy dog today",
      "The quick brown fox jumps\nover the lazy dog today" },
    { "two-cues-alike",
      "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen",
      "one two three four five six\nseven eight nine ten eleven|twelve thirteen fourteen\nfifteen sixteen seventeen" },
    { "long-word", "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
      "Donaudampfschifffahrtselektrizitätenhauptb\netriebswerkbauunterbeamtengesellschaft" },
    { "not-utf8", "ol\xe9 amigos", "ol\xef\xbf\xbd amigos" },
};

static char *join_cues(const GPtrArray *cues)
{
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < cues->len; i++)
        g_string_append_printf(out, "%s%s", i ? "|" : "", ((const SubtitlesCue *) cues->pdata[i])->text);
    return g_string_free(out, FALSE);
}

static void test_cues(const void *data)
{
    const Case *c = data;
    g_autoptr(GPtrArray) cues = subtitles_cues_new(c->text, 0, 6 * S);
    g_autofree char *joined = join_cues(cues);
    g_assert_cmpstr(joined, ==, c->cues);
}

static void assert_fits(const SubtitlesCue *cue)
{
    g_auto(GStrv) lines = g_strsplit(cue->text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), <=, SUBTITLES_LINES);
    for (char **line = lines; *line; line++)
        g_assert_cmpint(g_utf8_strlen(*line, -1), <=, SUBTITLES_LINE_CHARS);
}

/* Whatever the text: every cue fits the screen, the cues fill the span without a gap, and no word is lost. */
static void test_any_text(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    for (int round = 0; round < 300; round++) {
        g_autoptr(GString) text = g_string_new(NULL);
        const int words = g_rand_int_range(random, 1, 120);
        for (int i = 0; i < words; i++) {
            for (int k = g_rand_int_range(random, 1, i % 17 == 0 ? 60 : 12); k > 0; k--)
                g_string_append(text, k % 5 ? "a" : "ñ");
            g_string_append_c(text, ' ');
        }
        g_autoptr(GPtrArray) cues = subtitles_cues_new(text->str, 2 * S, 8 * S);
        g_autoptr(GString) back = g_string_new(NULL);
        int64_t at_ns = 2 * S;
        for (guint i = 0; i < cues->len; i++) {
            const SubtitlesCue *cue = cues->pdata[i];
            assert_fits(cue);
            g_assert_cmpint(cue->start_ns, ==, at_ns);
            g_assert_cmpint(cue->end_ns, >, cue->start_ns);
            at_ns = cue->end_ns;
            g_string_append(back, cue->text);
        }
        g_assert_cmpint(at_ns, ==, 8 * S);
        g_string_replace(text, " ", "", 0);
        g_string_replace(back, " ", "", 0);
        g_string_replace(back, "\n", "", 0);
        g_assert_cmpstr(text->str, ==, back->str);
    }
}

static void test_formats(void)
{
    SubtitlesCue cue = { 3661 * S + S / 2, 3662 * S + 1, (char *) "a < b & c --> d" };
    g_autoptr(GString) vtt = g_string_new(NULL);
    g_autoptr(GString) srt = g_string_new(NULL);
    subtitles_append_cue(vtt, SUBTITLES_VTT, 3, &cue);
    subtitles_append_cue(srt, SUBTITLES_SRT, 3, &cue);
    g_assert_cmpstr(vtt->str, ==, "3\n01:01:01.500 --> 01:01:02.000\na &lt; b &amp; c --&gt; d\n\n");
    g_assert_cmpstr(srt->str, ==, "3\n01:01:01,500 --> 01:01:02,000\na < b & c → d\n\n");
}

static char *read_file(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    char *text = NULL;
    g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

static unsigned count_files(const char *folder)
{
    unsigned n = 0;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    while (g_dir_read_name(dir))
        n++;
    return n;
}

static void remove_folder(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_assert_cmpint(g_unlink(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

static void test_files(void)
{
    g_autofree char *folder = g_dir_make_tmp("subtitles-XXXXXX", NULL);
    g_autofree char *out = g_build_filename(folder, "a.b.mp4", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(SubtitleFiles) files = subtitle_files_new(out, "en", "es", false, &error);
    g_assert_no_error(error);
    g_assert_true(subtitle_files_add(files, 0, S, "house", "casa", &error));
    g_assert_true(subtitle_files_add(files, S / 2, 2 * S, "dog", NULL, &error)); /* begins where the last one ended */
    g_assert_true(subtitle_files_finish(files, out, &error));
    g_assert_cmpuint(count_files(folder), ==, 4);
    g_autofree char *vtt = read_file(folder, "a.b.en.vtt");
    g_autofree char *srt = read_file(folder, "a.b.es.srt");
    g_assert_cmpstr(vtt, ==,
                    "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.000\nhouse\n\n2\n00:00:01.000 --> 00:00:02.000\ndog\n\n");
    g_assert_cmpstr(srt, ==, "1\n00:00:00,000 --> 00:00:01,000\ncasa\n\n");
    g_auto(GStrv) names = subtitle_files_names(files);
    g_assert_cmpuint(g_strv_length(names), ==, 4);
    remove_folder(folder);
}

/* Without a finish nothing is left; with another output's name they take that one. */
static void test_files_unfinished(void)
{
    g_autofree char *folder = g_dir_make_tmp("subtitles-XXXXXX", NULL);
    g_autofree char *out = g_build_filename(folder, "a.mp4", NULL);
    g_autofree char *partial = g_build_filename(folder, "a.partial.mp4", NULL);
    g_autoptr(GError) error = NULL;
    SubtitleFiles *files = subtitle_files_new(out, "en", "es", false, &error);
    g_assert_no_error(error);
    subtitle_files_free(files);
    g_assert_cmpuint(count_files(folder), ==, 0);
    files = subtitle_files_new(out, "en", "es", false, &error);
    g_assert_true(subtitle_files_finish(files, partial, &error));
    subtitle_files_free(files);
    g_autofree char *vtt = read_file(folder, "a.partial.es.vtt");
    g_assert_cmpstr(vtt, ==, "WEBVTT\n\n");
    remove_folder(folder);
}

static void test_files_there_already(void)
{
    g_autofree char *folder = g_dir_make_tmp("subtitles-XXXXXX", NULL);
    g_autofree char *out = g_build_filename(folder, "a.mp4", NULL);
    g_autofree char *taken = g_build_filename(folder, "a.es.srt", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_set_contents(taken, "mine", -1, NULL));
    g_assert_null(subtitle_files_new(out, "en", "es", false, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    g_assert_cmpuint(count_files(folder), ==, 1);
    g_clear_error(&error);
    SubtitleFiles *files = subtitle_files_new(out, "en", "es", true, &error);
    g_assert_no_error(error);
    subtitle_files_free(files);
    g_autofree char *kept = read_file(folder, "a.es.srt");
    g_assert_cmpstr(kept, ==, "mine");
    remove_folder(folder);
}

/* A limit on a file's size is what a full disk is to write(2). */
static void test_files_full(void)
{
    g_autofree char *folder = g_dir_make_tmp("subtitles-XXXXXX", NULL);
    g_autofree char *out = g_build_filename(folder, "a.mp4", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(SubtitleFiles) files = subtitle_files_new(out, "en", "es", false, &error);
    struct rlimit before, tiny = { 10, 0 };
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
    tiny.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &tiny), ==, 0);
    const bool added = subtitle_files_add(files, 0, S, "house", "casa", &error);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
    g_assert_false(added);
    g_assert_error(error, DUB_ERROR, DUB_ERROR_IO);
    g_clear_pointer(&files, subtitle_files_free);
    g_assert_cmpuint(count_files(folder), ==, 0);
    remove_folder(folder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/airdub/subtitles/cues/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_cues);
    }
    g_test_add_func("/airdub/subtitles/any-text", test_any_text);
    g_test_add_func("/airdub/subtitles/formats", test_formats);
    g_test_add_func("/airdub/subtitles/files", test_files);
    g_test_add_func("/airdub/subtitles/files-unfinished", test_files_unfinished);
    g_test_add_func("/airdub/subtitles/files-there-already", test_files_there_already);
    g_test_add_func("/airdub/subtitles/files-full", test_files_full);
    return g_test_run();
}
