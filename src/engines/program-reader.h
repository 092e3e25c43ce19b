/* engines/program-reader.h: what an engine program says, put together as it comes: a line of JSON, then the
 * sound that the line announces (docs/engine-protocol.md). Every bound is checked before memory grows. Bytes
 * in, values out; one thread. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct _DubProgramReader DubProgramReader;

DubProgramReader *dub_program_reader_new(void);
void dub_program_reader_free(DubProgramReader *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubProgramReader, dub_program_reader_free)

/* Returns: false with %DUB_ERROR_ENGINE when this is not the protocol: what follows cannot be read either. */
bool dub_program_reader_feed(DubProgramReader *self, const void *bytes, gsize n_bytes, GError **error);
bool dub_program_reader_is_whole(const DubProgramReader *self); /* one message is there, with its sound */

/* Both of a whole message. */
const json_t *dub_program_reader_message(const DubProgramReader *self); /* (transfer none): an object */
const GByteArray *dub_program_reader_sound(
    const DubProgramReader *self); /* (transfer none): empty: none came with it */
