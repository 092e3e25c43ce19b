/* What an engine program says, in pieces of any size: refused, or whole with exactly the sound that its line
 * announces; and the same however it is cut. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* called by libFuzzer or replay.c */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
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
