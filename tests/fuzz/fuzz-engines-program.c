/* What an engine program says, in pieces of any size: refused, or whole with exactly the sound that its line
 * announces; and the same however it is cut. On its standard error: lines of a bounded length, and not too many. */
#include "engines/program-log.h"
#include "engines/program-reader.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static DubProgramReader *read_in_steps(const uint8_t *data, size_t size, size_t step)
{
    DubProgramReader *reader = dub_program_reader_new();
    bool good = true;
    for (size_t at = 0; good && at < size; at += step)
        good = dub_program_reader_feed(reader, data + at, MIN(step, size - at), NULL);
    if (!good)
        g_clear_pointer(&reader, dub_program_reader_free);
    return reader;
}

static void assert_sound(const DubProgramReader *reader)
{
    const json_t *bytes = json_object_get(dub_program_reader_message(reader), "bytes");
    assert(dub_program_reader_sound(reader)->len == (json_is_number(bytes) ? json_number_value(bytes) : 0));
}

#define ESCAPED_BYTES 6 /* of a control character: "\\u001b" */

static void on_line(const char *line, void *n_lines)
{
    assert(strlen(line) <= ESCAPED_BYTES * DUB_PROGRAM_LOG_LINE_MOST_BYTES + 100); /* with the count of repetitions */
    assert(g_utf8_validate(line, -1, NULL));
    ++*(guint *) n_lines;
}

static void check_log(const uint8_t *data, size_t size)
{
    guint n_lines = 0;
    DubProgramLog *log = dub_program_log_new(on_line, &n_lines);
    for (size_t at = 0, step = 1 + size / 7; at < size; at += step)
        dub_program_log_feed(log, (const char *) data + at, MIN(step, size - at));
    dub_program_log_end(log);
    dub_program_log_free(log);
    assert(n_lines <= 2 * DUB_PROGRAM_LOG_LINES_MOST);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* called by libFuzzer or replay.c */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_log(data, size);
    g_autoptr(DubProgramReader) once = read_in_steps(data, size, MAX(size, 1));
    g_autoptr(DubProgramReader) slowly = read_in_steps(data, size, 1 + size / 7);
    assert((once == NULL) == (slowly == NULL));
    if (!once)
        return 0;
    assert(dub_program_reader_is_whole(once) == dub_program_reader_is_whole(slowly));
    assert(json_equal(dub_program_reader_message(once), dub_program_reader_message(slowly)) ||
           !dub_program_reader_message(once));
    if (dub_program_reader_is_whole(once))
        assert_sound(once);
    return 0;
}
