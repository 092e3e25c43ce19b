/* engines/program-reader.c: a line, then its sound. */
#include "engines/program-reader.h"

#include "base/error.h"
#include "base/json.h"
#include "engines/program.h"

#include <string.h>

struct _DubProgramReader {
    GByteArray *line; /* without its line feed */
    json_t *message;  /* NULL: the line is not whole yet */
    GByteArray *sound;
    gsize sound_bytes; /* announced */
};

DubProgramReader *dub_program_reader_new(void)
{
    DubProgramReader *self = g_new0(DubProgramReader, 1);
    self->line = g_byte_array_new();
    self->sound = g_byte_array_new();
    return self;
}

void dub_program_reader_free(DubProgramReader *self)
{
    if (!self)
        return;
    g_byte_array_unref(self->line);
    g_byte_array_unref(self->sound);
    json_decref(self->message);
    g_free(self);
}

static bool fail(GError **error, const char *message)
{
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, message);
    return false;
}

static bool parse_line(DubProgramReader *self, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(DubJson) message = dub_json_parse((const char *) self->line->data, self->line->len, &problem);
    int64_t n_bytes = 0;
    if (message && !json_is_object(message))
        return fail(error, "its line is not a JSON object");
    if (!message ||
        !dub_json_get_int(message, "bytes", DUB_JSON_OPTIONAL, 0, DUB_PROGRAM_SOUND_MOST_BYTES, &n_bytes, &problem)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE, "its line is not of the protocol: %s", problem->message);
        return false;
    }
    if (n_bytes % 2)
        return fail(error, "its sound is not of whole 16 bit samples");
    self->sound_bytes = (gsize) n_bytes;
    self->message = g_steal_pointer(&message);
    return true;
}

/* Returns: how many bytes belong to the line, its line feed among them; 0 with an error */
static gsize feed_line(DubProgramReader *self, const guint8 *bytes, gsize n_bytes, GError **error)
{
    const guint8 *end = memchr(bytes, '\n', n_bytes);
    const gsize n_text = end ? (gsize) (end - bytes) : n_bytes;
    if (self->line->len + n_text > DUB_PROGRAM_LINE_MOST_BYTES) {
        fail(error, "its line does not end");
        return 0;
    }
    g_byte_array_append(self->line, bytes, (guint) n_text);
    if (!end)
        return n_text;
    return parse_line(self, error) ? n_text + 1 : 0;
}

bool dub_program_reader_feed(DubProgramReader *self, const void *bytes, gsize n_bytes, GError **error)
{
    const guint8 *from = bytes;
    if (!self->message && n_bytes > 0) {
        const gsize used = feed_line(self, from, n_bytes, error);
        if (used == 0)
            return false;
        from += used;
        n_bytes -= used;
    }
    if (n_bytes > self->sound_bytes - self->sound->len)
        return fail(error, "it says more than it was asked for");
    if (n_bytes > 0)
        g_byte_array_append(self->sound, from, (guint) n_bytes);
    return true;
}

bool dub_program_reader_is_whole(const DubProgramReader *self)
{
    return self->message && self->sound->len == self->sound_bytes;
}

const json_t *dub_program_reader_message(const DubProgramReader *self)
{
    return self->message;
}

const GByteArray *dub_program_reader_sound(const DubProgramReader *self)
{
    return self->sound;
}
