/* engines/program-log.c: lines of a standard error. */
#include "engines/program-log.h"

#include "base/log.h"

#include <stdbool.h>

struct _DubProgramLog {
    DubProgramLogSay say;
    void *user_data;
    GString *line;     /* as far as it has come, at most the bound */
    char *last;        /* the last whole line */
    unsigned repeated; /* how often it came again */
    unsigned said;     /* lines since the last flush */
    unsigned left_out;
};

DubProgramLog *dub_program_log_new(DubProgramLogSay say, void *user_data)
{
    DubProgramLog *self = g_new0(DubProgramLog, 1);
    self->say = say;
    self->user_data = user_data;
    self->line = g_string_new(NULL);
    self->last = g_strdup("");
    return self;
}

void dub_program_log_free(DubProgramLog *self)
{
    if (!self)
        return;
    dub_program_log_end(self);
    g_string_free(self->line, TRUE);
    g_free(self->last);
    g_free(self);
}

static void tell_repeated(DubProgramLog *self)
{
    if (self->repeated == 0)
        return;
    g_autofree char *note = g_strdup_printf("(the same again, %u times)", self->repeated);
    self->repeated = 0;
    self->say(note, self->user_data);
}

static void end_line(DubProgramLog *self)
{
    g_autofree char *line = dub_log_printable(self->line->str, DUB_PROGRAM_LOG_LINE_MOST_BYTES);
    g_string_truncate(self->line, 0);
    if (*line == '\0')
        return;
    if (g_str_equal(line, self->last)) {
        self->repeated++;
        return;
    }
    const bool crowded = self->said >= DUB_PROGRAM_LOG_LINES_MOST;
    if (!crowded)
        tell_repeated(self);
    self->repeated = 0;
    g_free(self->last);
    self->last = g_steal_pointer(&line);
    self->said += !crowded;
    self->left_out += crowded;
    if (!crowded)
        self->say(self->last, self->user_data);
}

void dub_program_log_feed(DubProgramLog *self, const char *bytes, gsize n_bytes)
{
    for (gsize i = 0; i < n_bytes; i++) {
        if (bytes[i] == '\n')
            end_line(self);
        else if (bytes[i] != '\r' && bytes[i] != '\0' && self->line->len < DUB_PROGRAM_LOG_LINE_MOST_BYTES)
            g_string_append_c(self->line, bytes[i]);
    }
}

void dub_program_log_flush(DubProgramLog *self)
{
    tell_repeated(self);
    if (self->left_out > 0) {
        g_autofree char *note = g_strdup_printf("(%u more lines)", self->left_out);
        self->say(note, self->user_data);
    }
    self->said = self->left_out = 0;
}

void dub_program_log_end(DubProgramLog *self)
{
    end_line(self);
    dub_program_log_flush(self);
}

const char *dub_program_log_last(const DubProgramLog *self)
{
    return self->last;
}
