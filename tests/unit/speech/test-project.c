/* A project as text: what was written is read back, what was mended is found, and what is broken is named. */
#include "base/clock.h"
#include "base/error.h"
#include "speech/project.h"

#include <string.h>

#define MS(n) ((n) *DUB_NS_PER_MS)

static const char header[] = "{\"airdub_project\": 1}\n";

/* 2 s from @start_ns on, with two lines */
static DubProjectFragment *fragment_at(uint64_t index, int64_t start_ns)
{
    DubProjectFragment *self = dub_project_fragment_new();
    g_autoptr(DubSpeechLine) one = dub_speech_line_new(MS(100) + 3, MS(900) + 5, "One.", "Uno.", NULL);
    g_autoptr(DubSpeechLine) two = dub_speech_line_new(MS(1200), MS(1900), "Two.", "Dos.", "anna");
    one->placed_ns = MS(100);
    one->placed_end_ns = MS(700);
    self->index = index;
    self->start_ns = start_ns;
    self->length_ns = MS(2010);
    self->sound = g_strdup("5e");
    self->speech = g_strdup("a.wav");
    self->answer = json_pack("{s:s}", "status", "success");
    dub_project_fragment_add_line(self, one, "default");
    dub_project_fragment_add_line(self, two, "default");
    self->made_from = dub_project_fragment_digest(self, "default");
    return self;
}

static char *two_fragments(void)
{
    g_autoptr(DubProjectFragment) one = fragment_at(0, 0);
    g_autoptr(DubProjectFragment) two = fragment_at(1, 2000000007);
    g_autofree char *first = dub_project_fragment_to_text(one);
    g_autofree char *second = dub_project_fragment_to_text(two);
    return g_strconcat(header, first, second, NULL);
}

static DubProject *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    DubProject *project = dub_project_parse(text, strlen(text), false, &error);
    g_assert_no_error(error);
    return project;
}

static void test_round_trip(void)
{
    g_autofree char *text = two_fragments();
    g_autoptr(DubProject) project = parse(text);
    g_autoptr(GString) again = g_string_new(header);
    g_assert_cmpuint(project->fragments->len, ==, 2);
    for (guint i = 0; i < project->fragments->len; i++) {
        const DubProjectFragment *fragment = g_ptr_array_index(project->fragments, i);
        g_autofree char *rows = dub_project_fragment_to_text(fragment);
        g_string_append(again, rows);
        g_assert_cmpint(dub_project_fragment_change(fragment, "default", NULL), ==, DUB_PROJECT_SAME);
    }
    g_assert_cmpstr(again->str, ==, text);
    g_assert_cmpint(((DubProjectFragment *) project->fragments->pdata[1])->start_ns, ==, 2000000007);
}

/* What a person does to the text, and what is to be done about it in each of the two fragments. */
typedef struct {
    const char *name, *old, *new;
    DubProjectChange first, second;
} Mend;

static const Mend mends[] = {
    { "nothing", "", "", DUB_PROJECT_SAME, DUB_PROJECT_SAME },
    { "translation", "\"Uno.\"", "\"Una.\"", DUB_PROJECT_SPEAK, DUB_PROJECT_SAME },
    { "no-translation", "\"Uno.\"", "null", DUB_PROJECT_TRANSLATE, DUB_PROJECT_SAME },
    { "empty-translation", "\"Uno.\"", "\"\"", DUB_PROJECT_SPEAK, DUB_PROJECT_SAME },
    { "text", "\"One.\"", "\"On.\"", DUB_PROJECT_TRANSLATE, DUB_PROJECT_SAME },
    { "text-and-translation", "\"One.\", \"translation\": \"Uno.\"", "\"On.\", \"translation\": \"Una.\"",
      DUB_PROJECT_SPEAK, DUB_PROJECT_SAME },
    { "voice", "\"anna\"", "null", DUB_PROJECT_SPEAK, DUB_PROJECT_SAME },
    { "start", "{\"start\": 0.101", "{\"start\": 0.3", DUB_PROJECT_SPEAK, DUB_PROJECT_SAME },
    { "into-the-next", "{\"start\": 1.2, \"end\": 1.9", "{\"start\": 2.2, \"end\": 2.9", DUB_PROJECT_SPEAK,
      DUB_PROJECT_SPEAK },
    { "placed", "\"placed\": [0.1, 0.7]", "\"placed\": [0.5, 0.9]", DUB_PROJECT_SAME, DUB_PROJECT_SAME },
};

static DubProject *mended(const Mend *mend)
{
    g_autofree char *text = two_fragments();
    GString *changed = g_string_new(text);
    if (*mend->old)
        g_assert_cmpuint(g_string_replace(changed, mend->old, mend->new, 1), ==, 1);
    DubProject *project = parse(changed->str);
    g_string_free(changed, TRUE);
    return project;
}

static void test_mended(const void *data)
{
    const Mend *mend = data;
    g_autoptr(DubProject) project = mended(mend);
    g_assert_cmpint(dub_project_fragment_change(project->fragments->pdata[0], "default", NULL), ==, mend->first);
    g_assert_cmpint(dub_project_fragment_change(project->fragments->pdata[1], "default", NULL), ==, mend->second);
}

static void test_given(void)
{
    const Mend text = { .old = "\"One.\"", .new = "\"On.\"" };
    g_autoptr(DubProject) project = mended(&text);
    g_autoptr(GPtrArray) given = NULL;
    dub_project_fragment_change(project->fragments->pdata[0], "default", &given);
    g_assert_cmpuint(given->len, ==, 2);
    const DubSpeechLine *one = g_ptr_array_index(given, 0), *two = g_ptr_array_index(given, 1);
    g_assert_cmpstr(one->text, ==, "On.");
    g_assert_null(one->translation);
    g_assert_cmpstr(two->translation, ==, "Dos.");
    g_assert_cmpstr(two->voice, ==, "anna");
    g_assert_cmpint(two->start_ns, ==, MS(1200));
}

static void test_another_voice_for_all(void)
{
    g_autofree char *text = two_fragments();
    g_autoptr(DubProject) project = parse(text);
    g_assert_cmpint(dub_project_fragment_change(project->fragments->pdata[0], "berta", NULL), ==, DUB_PROJECT_SPEAK);
}

/* Lines stand in any order, and new ones have no more than they need. */
static void test_order(void)
{
    g_autofree char *text = two_fragments();
    g_autofree char *more = g_strconcat(header, "{\"start\": 2.5, \"end\": 3, \"translation\": \"Nueva.\"}\n\n",
                                        text + strlen(header), NULL);
    g_autoptr(DubProject) project = parse(more);
    const DubProjectFragment *second = g_ptr_array_index(project->fragments, 1);
    g_assert_cmpint(dub_project_fragment_change(project->fragments->pdata[0], "default", NULL), ==, DUB_PROJECT_SAME);
    g_assert_cmpuint(second->lines->len, ==, 3);
    const DubProjectLine *line = g_ptr_array_index(second->lines, 1);
    g_assert_cmpstr(line->line.translation, ==, "Nueva.");
    g_assert_cmpuint(line->row, ==, 2);
    g_assert_cmpint(dub_project_fragment_change(second, "default", NULL), ==, DUB_PROJECT_SPEAK);
}

/* ── What is broken ── */

typedef struct {
    const char *name, *text, *says;
} Broken;

#define FRAGMENT                                                                                              \
    "{\"fragment\": 0, \"start\": 0, \"length\": 2, \"sound\": \"5e\", \"made_from\": \"00\", \"answer\": {}" \
    ", \"speech\": "

static const Broken broken[] = {
    { "empty", "", "line 1: there is no header" },
    { "other", "{\"a\": 1}\n", "line 1: it is not how a project begins" },
    { "newer", "{\"airdub_project\": 2}\n", "line 1: a newer airdub made it" },
    { "syntax", "{\"airdub_project\": 1}\n\n{\"start\": 1 \"end\"}\n", "line 3: column " },
    { "list", "{\"airdub_project\": 1}\n[]\n", "line 2: it is no object" },
    { "no-start", "{\"airdub_project\": 1}\n{\"end\": 1}\n", "line 2: start: missing" },
    { "negative", "{\"airdub_project\": 1}\n{\"start\": -1, \"end\": 1}\n", "line 2: start: -1 is no time" },
    { "far", "{\"airdub_project\": 1}\n{\"start\": 1e9, \"end\": 2e9}\n", "line 2: start: 1e+09 is no time" },
    { "backwards", "{\"airdub_project\": 1}\n{\"start\": 2, \"end\": 1}\n", "line 2: end: it is not after start" },
    { "text", "{\"airdub_project\": 1}\n{\"start\": 1, \"end\": 2, \"text\": 3}\n", "line 2: text: not a string" },
    { "placed", "{\"airdub_project\": 1}\n{\"start\": 1, \"end\": 2, \"placed\": [1]}\n", "line 2: placed" },
    { "orphan", "{\"airdub_project\": 1}\n{\"start\": 1, \"end\": 2}\n", "lines and no fragments" },
    { "up", "{\"airdub_project\": 1}\n" FRAGMENT "\"../a\"}\n", "line 2: speech" },
    { "hidden", "{\"airdub_project\": 1}\n" FRAGMENT "\".a\"}\n", "line 2: speech" },
    { "nul", "{\"airdub_project\": 1}\n" FRAGMENT "\"a\\u0000b\"}\n", "line 2: " },
};

static void test_broken(const void *data)
{
    const Broken *c = data;
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_project_parse(c->text, strlen(c->text), false, &error));
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, c->says));
    g_assert_null(strchr(error->message, '\n'));
}

static void test_too_long(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *blanks = g_strnfill(DUB_PROJECT_MAX_LINE_BYTES, 'x');
    g_autofree char *text = g_strconcat(header, "{\"start\": 1, \"end\": 2, \"text\": \"", blanks, "\"}\n", NULL);
    g_assert_null(dub_project_parse(text, strlen(text), false, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_CORRUPT);
    g_assert_nonnull(strstr(error->message, "line 2: longer than any"));
}

/* Power was cut at any byte: what is whole before it counts. */
static void test_journal(void)
{
    g_autofree char *text = two_fragments();
    for (gsize length = strlen(header); length < strlen(text); length++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(DubProject) project = dub_project_parse(text, length, true, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(project->good_bytes, <=, length);
        g_assert_cmpint(text[project->good_bytes - 1], ==, '\n');
    }
}

static void test_journal_goes_on(void)
{
    g_autofree char *text = two_fragments();
    g_autoptr(DubProjectFragment) again = fragment_at(1, 2000000007);
    g_ptr_array_set_size(again->lines, 1);
    again->made_from[0] = 'x';
    g_autofree char *rows = dub_project_fragment_to_text(again);
    g_autofree char *all = g_strconcat(text, rows, NULL);
    g_autoptr(DubProject) project = dub_project_parse(all, strlen(all), true, NULL);
    g_assert_cmpuint(project->fragments->len, ==, 2);
    const DubProjectFragment *last = g_ptr_array_index(project->fragments, 1);
    g_assert_cmpstr(last->made_from, ==, again->made_from);
    g_assert_cmpuint(last->lines->len, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/speech/project/round-trip", test_round_trip);
    for (gsize i = 0; i < G_N_ELEMENTS(mends); i++) {
        g_autofree char *path = g_strconcat("/speech/project/mended/", mends[i].name, NULL);
        g_test_add_data_func(path, &mends[i], test_mended);
    }
    g_test_add_func("/speech/project/given", test_given);
    g_test_add_func("/speech/project/another-voice-for-all", test_another_voice_for_all);
    g_test_add_func("/speech/project/order", test_order);
    for (gsize i = 0; i < G_N_ELEMENTS(broken); i++) {
        g_autofree char *path = g_strconcat("/speech/project/broken/", broken[i].name, NULL);
        g_test_add_data_func(path, &broken[i], test_broken);
    }
    g_test_add_func("/speech/project/too-long", test_too_long);
    g_test_add_func("/speech/project/journal", test_journal);
    g_test_add_func("/speech/project/journal-goes-on", test_journal_goes_on);
    return g_test_run();
}
