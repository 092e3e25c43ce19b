/* What an engine program says, put together from pieces of any size; and its standard error on the way to our
 * log. */
#include "base/error.h"
#include "engines/program-log.h"
#include "engines/program-reader.h"
#include "engines/program.h"

#include <string.h>

/* ── The reader ── */

typedef struct {
    const char *name, *bytes;
    const char *text;  /* the message's; NULL: refused, or not whole */
    const char *sound; /* that follows it */
    const char *says;  /* of the error; NULL: there is none */
} Case;

static const Case cases[] = {
    { "line", "{\"text\":\"a\"}\n", "a", "", NULL },
    { "sound", "{\"text\":\"a\",\"bytes\":4}\nwxyz", "a", "wxyz", NULL },
    { "no-sound", "{\"text\":\"a\",\"bytes\":0}\n", "a", "", NULL },
    { "line-feed-in-sound", "{\"text\":\"a\",\"bytes\":2}\n\n\n", "a", "\n\n", NULL },
    { "half-a-line", "{\"text\":\"a\"}", NULL, "", NULL },
    { "half-a-sound", "{\"text\":\"a\",\"bytes\":4}\nwx", NULL, "wx", NULL },
    { "empty", "", NULL, "", NULL },
    { "blank-line", "\n", NULL, "", "not of the protocol" },
    { "no-json", "hello\n", NULL, "", "not of the protocol" },
    { "no-object", "[1]\n", NULL, "", "not a JSON object" },
    { "negative", "{\"bytes\":-1}\n", NULL, "", "bytes" },
    { "no-number", "{\"bytes\":\"4\"}\n", NULL, "", "bytes" },
    { "huge", "{\"bytes\":67108866}\n", NULL, "", "bytes" },
    { "odd", "{\"bytes\":3}\n", NULL, "", "16 bit" },
    { "more-text", "{\"text\":\"a\"}\nx", NULL, "", "more than" },
    { "more-sound", "{\"text\":\"a\",\"bytes\":2}\nwxy", NULL, "", "more than" },
};

/* @step: bytes at once */
static void read_in_steps(const Case *c, gsize step)
{
    g_autoptr(DubProgramReader) reader = dub_program_reader_new();
    g_autoptr(GError) error = NULL;
    const gsize length = strlen(c->bytes);
    bool good = true;
    for (gsize at = 0; good && at < length; at += step)
        good = dub_program_reader_feed(reader, c->bytes + at, MIN(step, length - at), &error);
    g_assert_true(good == !c->says);
    if (c->says) {
        g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
        g_assert_nonnull(strstr(error->message, c->says));
        return;
    }
    const GByteArray *sound = dub_program_reader_sound(reader);
    g_assert_true(dub_program_reader_is_whole(reader) == (c->text != NULL));
    g_assert_cmpmem(sound->data, sound->len, c->sound, strlen(c->sound));
    if (c->text)
        g_assert_cmpstr(json_string_value(json_object_get(dub_program_reader_message(reader), "text")), ==, c->text);
}

static void test_reader(const void *data)
{
    const Case *c = data;
    for (gsize step = 1; step <= strlen(c->bytes) + 1; step++)
        read_in_steps(c, step);
}

/* A line of exactly the bound is read, one byte more is refused as it comes. */
static void test_line_bound(void)
{
    for (int over = 0; over < 2; over++) {
        g_autoptr(DubProgramReader) reader = dub_program_reader_new();
        g_autoptr(GError) error = NULL;
        g_autofree char *blanks = g_strnfill(DUB_PROGRAM_LINE_MOST_BYTES - 2 + (gsize) over, ' ');
        g_assert_true(dub_program_reader_feed(reader, "{", 1, &error));
        g_assert_true(dub_program_reader_feed(reader, blanks, strlen(blanks), &error));
        const bool good = dub_program_reader_feed(reader, "}\n", 2, &error);
        g_assert_true(good == !over);
        g_assert_true(dub_program_reader_is_whole(reader) == !over);
    }
}

/* ── The log ── */

static void collect(const char *line, void *user_data)
{
    g_ptr_array_add(user_data, g_strdup(line));
}

static GPtrArray *new_lines(void)
{
    return g_ptr_array_new_with_free_func(g_free);
}

static const char *line_at(const GPtrArray *lines, guint i)
{
    return i < lines->len ? g_ptr_array_index(lines, i) : NULL;
}

static void feed(DubProgramLog *log, const char *text)
{
    for (const char *c = text; *c; c++)
        dub_program_log_feed(log, c, 1);
}

static void test_log_lines(void)
{
    g_autoptr(GPtrArray) lines = new_lines();
    DubProgramLog *log = dub_program_log_new(collect, lines);
    feed(log, "one\r\n\n \ntwo\x1b[31m\nhal");
    dub_program_log_flush(log);
    g_assert_cmpuint(lines->len, ==, 3);
    g_assert_cmpstr(line_at(lines, 0), ==, "one");
    g_assert_nonnull(strstr(line_at(lines, 2), "two"));
    g_assert_null(strchr(line_at(lines, 2), '\x1b'));
    feed(log, "f");
    dub_program_log_free(log);
    g_assert_cmpstr(line_at(lines, 3), ==, "half");
}

static void test_log_repeats(void)
{
    g_autoptr(GPtrArray) lines = new_lines();
    g_autoptr(DubProgramLog) log = dub_program_log_new(collect, lines);
    for (int i = 0; i < 1000; i++)
        feed(log, "again\n");
    feed(log, "other\n");
    g_assert_cmpuint(lines->len, ==, 3);
    g_assert_cmpstr(line_at(lines, 0), ==, "again");
    g_assert_cmpstr(line_at(lines, 1), ==, "(the same again, 999 times)");
    g_assert_cmpstr(line_at(lines, 2), ==, "other");
    g_assert_cmpstr(dub_program_log_last(log), ==, "other");
}

static void test_log_bounds(void)
{
    g_autoptr(GPtrArray) lines = new_lines();
    g_autoptr(DubProgramLog) log = dub_program_log_new(collect, lines);
    for (int i = 0; i < DUB_PROGRAM_LOG_LINES_MOST + 7; i++) {
        g_autofree char *line = g_strdup_printf("line %d\n", i);
        feed(log, line);
    }
    g_assert_cmpuint(lines->len, ==, DUB_PROGRAM_LOG_LINES_MOST);
    dub_program_log_flush(log);
    g_assert_cmpstr(line_at(lines, DUB_PROGRAM_LOG_LINES_MOST), ==, "(7 more lines)");
    g_autofree char *last = g_strdup_printf("line %d", DUB_PROGRAM_LOG_LINES_MOST + 6);
    g_assert_cmpstr(dub_program_log_last(log), ==, last);
    for (int i = 0; i < 1000000; i++)
        dub_program_log_feed(log, "x", 1);
    feed(log, "\n");
    g_assert_cmpuint(strlen(line_at(lines, DUB_PROGRAM_LOG_LINES_MOST + 1)), <=, DUB_PROGRAM_LOG_LINE_MOST_BYTES);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/engines/program-reader/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_reader);
    }
    g_test_add_func("/engines/program-reader/line-bound", test_line_bound);
    g_test_add_func("/engines/program-log/lines", test_log_lines);
    g_test_add_func("/engines/program-log/repeats", test_log_repeats);
    g_test_add_func("/engines/program-log/bounds", test_log_bounds);
    return g_test_run();
}
