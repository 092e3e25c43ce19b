/* apps/engines/engine-server.c: one request after the other, with bounds. */
#include "engine-server.h"

#include "base/error.h"
#include "base/json.h"
#include "engines/program.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct _EngineServer {
    FILE *in, *out;
    GByteArray *line;
};

EngineServer *engine_server_new(void)
{
    EngineServer *self = g_new0(EngineServer, 1);
    const int out = dup(STDOUT_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    self->in = stdin;
    self->out = out >= 0 ? fdopen(out, "w") : NULL;
    self->line = g_byte_array_new();
    return self;
}

void engine_server_free(EngineServer *self)
{
    if (!self)
        return;
    if (self->out)
        fclose(self->out);
    g_byte_array_unref(self->line);
    g_free(self);
}

/* ── Out ── */

static bool write_message(EngineServer *self, const json_t *message, const GByteArray *sound)
{
    g_autofree char *text = dub_json_to_text(message);
    return self->out && fputs(text, self->out) >= 0 && fputc('\n', self->out) != EOF &&
           (!sound || fwrite(sound->data, 1, sound->len, self->out) == sound->len) && fflush(self->out) == 0;
}

int engine_server_refuse(EngineServer *self, const GError *problem)
{
    g_autoptr(DubJson) message = json_object();
    json_object_set_new(message, "error", json_string(problem->message));
    write_message(self, message, NULL);
    return 1;
}

static bool say_hello(EngineServer *self, const EngineKind *kind)
{
    g_autoptr(DubJson) message = json_object();
    json_object_set_new(message, "ready", json_true());
    json_object_set_new(message, "name", json_string(kind->name));
    if (kind->hears_hz)
        json_object_set_new(message, "rate_hz", json_integer(kind->hears_hz));
    return write_message(self, message, NULL);
}

/* ── In ── */

typedef enum { READ_MESSAGE, READ_END, READ_RUBBISH } ReadResult;

static ReadResult read_line(EngineServer *self)
{
    g_byte_array_set_size(self->line, 0);
    for (int c; (c = getc_unlocked(self->in)) != EOF;) {
        if (c == '\n')
            return READ_MESSAGE;
        if (self->line->len == DUB_PROGRAM_LINE_MOST_BYTES)
            return READ_RUBBISH;
        const guint8 byte = (guint8) c;
        g_byte_array_append(self->line, &byte, 1);
    }
    return self->line->len == 0 ? READ_END : READ_RUBBISH;
}

static ReadResult read_samples(EngineServer *self, const json_t *message, GArray *samples)
{
    int64_t n_bytes = 0;
    if (!dub_json_get_int(message, "bytes", DUB_JSON_OPTIONAL, 0, DUB_PROGRAM_SOUND_MOST_BYTES, &n_bytes, NULL))
        return READ_RUBBISH;
    gint16 block[4096];
    for (gsize left = (gsize) n_bytes / sizeof(gint16); left > 0;) {
        const gsize got = fread(block, sizeof(gint16), MIN(left, G_N_ELEMENTS(block)), self->in);
        if (got == 0)
            return READ_END;
        for (gsize i = 0; i < got; i++) {
            const float sample = (float) GINT16_FROM_LE(block[i]) / 32768.0f;
            g_array_append_val(samples, sample);
        }
        left -= got;
    }
    return READ_MESSAGE;
}

static ReadResult read_message(EngineServer *self, json_t **message, GArray *samples)
{
    const ReadResult result = read_line(self);
    if (result != READ_MESSAGE)
        return result;
    *message = dub_json_parse((const char *) self->line->data, self->line->len, NULL);
    return json_is_object(*message) ? read_samples(self, *message, samples) : READ_RUBBISH;
}

/* ── One request ── */

static const char *code_of(const GError *problem)
{
    if (g_error_matches(problem, DUB_ERROR, DUB_ERROR_UNSUPPORTED))
        return "UNSUPPORTED";
    if (g_error_matches(problem, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT))
        return "INVALID_ARGUMENT";
    return "ENGINE";
}

static bool work(const EngineKind *kind, void *engine, const EngineTask *task, json_t *reply, GArray *sound,
                 GError **error)
{
    if (g_strcmp0(task->run, "list") == 0) {
        json_object_set_new(reply, "offers", kind->list(engine));
        return true;
    }
    if (g_strcmp0(task->run, kind->run) == 0)
        return kind->work(engine, task, reply, sound, error);
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "run: \"%s\" is not \"list\" or \"%s\"",
                task->run ? task->run : "", kind->run);
    return false;
}

static GByteArray *to_s16(const GArray *sound)
{
    GByteArray *bytes = g_byte_array_new();
    g_byte_array_set_size(bytes, sound->len * (guint) sizeof(gint16));
    for (guint i = 0; i < sound->len; i++) {
        const float scaled = CLAMP(g_array_index(sound, float, i) * 32768.0f, -32768.0f, 32767.0f);
        const gint16 sample = GINT16_TO_LE((gint16) (scaled + (scaled < 0 ? -0.5f : 0.5f)));
        memcpy(bytes->data + i * sizeof sample, &sample, sizeof sample);
    }
    return bytes;
}

static bool answer(EngineServer *self, const EngineKind *kind, void *engine, const EngineTask *task)
{
    g_autoptr(DubJson) reply = json_object();
    g_autoptr(GArray) sound = g_array_new(FALSE, FALSE, sizeof(float));
    g_autoptr(GError) problem = NULL;
    if (!work(kind, engine, task, reply, sound, &problem)) {
        json_object_clear(reply);
        json_object_set_new(reply, "error", json_string(problem->message));
        json_object_set_new(reply, "code", json_string(code_of(problem)));
        g_array_set_size(sound, 0);
    }
    json_t *id = json_object_get(task->message, "id");
    if (id)
        json_object_set(reply, "id", id);
    g_autoptr(GByteArray) bytes = to_s16(sound);
    if (bytes->len > 0)
        json_object_set_new(reply, "bytes", json_integer(bytes->len));
    return write_message(self, reply, bytes);
}

int engine_server_run(EngineServer *self, const EngineKind *kind, void *engine)
{
    if (!say_hello(self, kind))
        return 1;
    for (;;) {
        g_autoptr(DubJson) message = NULL;
        g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(float));
        const ReadResult result = read_message(self, &message, samples);
        if (result == READ_END)
            return 0;
        if (result == READ_RUBBISH) {
            fputs("the input is not the engine protocol (docs/engine-protocol.md)\n", stderr);
            return 1;
        }
        const EngineTask task = {
            .run = json_string_value(json_object_get(message, "run")),
            .message = message,
            .samples = (const float *) (const void *) samples->data,
            .n_samples = samples->len,
        };
        if (!answer(self, kind, engine, &task))
            return 1;
    }
}
