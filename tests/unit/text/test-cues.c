/* tests/unit/text/test-cues.c: subtitles and transcripts of every kind, read. */
#include "base/clock.h"
#include "base/error.h"
#include "text/cues.h"

#include <glib/gstdio.h>
#include <string.h>

#define MS DUB_NS_PER_MS

typedef struct {
    const char *name, *suffix, *content;
    const char *read; /* "start-end text|…" in ms; NULL: refused, with */
    DubErrorCode code;
    const char *message;
} Case;

static const Case cases[] = {
    { "srt", "srt",
      "1\n00:00:01,000 --> 00:00:04,000\nHello <i>there</i>,\nall.\n\n2\n00:01:07,500 --> 00:01:09,000\n{\\an8}Two\n",
      "1000-4000 Hello there, all.|67500-69000 Two" },
    { "srt-with-bom-and-crlf", "srt",
      "\xef\xbb\xbf"
      "1\r\n00:00:00,000 --> 00:00:00,900\r\n\u00bfQu\u00e9?\r\n\r\n",
      "0-900 \u00bfQu\u00e9?" },
    { "vtt", "vtt", "WEBVTT\n\nNOTE nothing\n\n00:01.000 --> 00:02.000 align:start\n<v Ann>Well &amp; good\n",
      "1000-2000 Well & good" },
    { "ass", "ass",
      "[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, "
      "MarginV, "
      "Effect, Text\nDialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,One, two\\Nthree\n",
      "1000-2000 One, two three" },
    { "out-of-order", "srt", "1\n00:00:05,000 --> 00:00:06,000\nlater\n\n2\n00:00:01,000 --> 00:00:02,000\nsooner\n",
      "1000-2000 sooner|5000-6000 later" },
    { "json-list", "json",
      "[{\"start\": 1.5, \"end\": 2, \"text\": \" a  b \"}, {\"start\": 3, \"end\": 3, \"text\": \"c\"}]",
      "1500-2000 a b|3000-6000 c" },
    { "json-segments", "json",
      "{\"language\": \"en\", \"segments\": [{\"id\": 0, \"start\": 0, \"end\": 1, \"text\": \"x\"}]}", "0-1000 x" },
    { "nothing-said", "json", "[]", "" },
    { "json-without-times", "json", "[{\"text\": \"x\"}]", NULL, DUB_ERROR_INVALID_ARGUMENT,
      "entry 0: start: missing" },
    { "json-before-time", "json", "[{\"start\": -1, \"end\": 2, \"text\": \"x\"}]", NULL, DUB_ERROR_CORRUPT,
      "entry 0: start: -1 is no time in seconds" },
    { "json-of-another-kind", "json", "{\"x\": 1}", NULL, DUB_ERROR_CORRUPT,
      "neither a list nor an object with \"segments\"" },
    { "no-subtitles", "txt", "Hello there.\n", NULL, DUB_ERROR_UNSUPPORTED,
      "neither subtitles (.srt, .vtt, .ass) nor JSON" },
};

static char *shown(const GPtrArray *cues)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < cues->len; i++) {
        const DubCue *cue = g_ptr_array_index(cues, i);
        g_string_append_printf(text, "%s%d-%d %s", i ? "|" : "", (int) (cue->start_ns / MS), (int) (cue->end_ns / MS),
                               cue->text);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void test_case(const void *data)
{
    const Case *c = data;
    g_autofree char *folder = g_dir_make_tmp("dub-cues-XXXXXX", NULL);
    g_autofree char *name = g_strdup_printf("a: b.%s", c->suffix); /* no protocol */
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_set_contents(path, c->content, -1, NULL));
    g_autoptr(GPtrArray) cues = dub_cues_read(path, &error);
    g_unlink(path);
    g_rmdir(folder);
    if (!c->read) {
        g_assert_error(error, DUB_ERROR, (int) c->code);
        g_assert_nonnull(strstr(error->message, c->message));
        g_assert_true(g_str_has_prefix(error->message, path));
        return;
    }
    g_assert_no_error(error);
    g_autofree char *text = shown(cues);
    g_assert_cmpstr(text, ==, c->read);
}

static void test_no_file(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_cues_read("/nowhere/x.srt", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_null(dub_cues_read("/dev/zero", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/text/cues/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/text/cues/no-file", test_no_file);
    return g_test_run();
}
