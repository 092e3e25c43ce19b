/* engines/program-log.h: what an engine program writes to its standard error, on its way to our log: whole
 * lines, cut to a length, repeated ones counted, and after so many the others only counted. One thread. */
#pragma once

#include <glib.h>

#define DUB_PROGRAM_LOG_LINE_MOST_BYTES 400
#define DUB_PROGRAM_LOG_LINES_MOST      20 /* between two calls of flush */

typedef void (*DubProgramLogSay)(const char *line, void *user_data);
typedef struct _DubProgramLog DubProgramLog;

DubProgramLog *dub_program_log_new(DubProgramLogSay say, void *user_data);
void dub_program_log_free(DubProgramLog *self); /* NULL is fine; what is left unsaid is said */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubProgramLog, dub_program_log_free)

void dub_program_log_feed(DubProgramLog *self, const char *bytes, gsize n_bytes);
/* A piece of work is over: what was only counted is told. */
void dub_program_log_flush(DubProgramLog *self);
/* The program is over: half a line is said as it stands. */
void dub_program_log_end(DubProgramLog *self);
const char *dub_program_log_last(
    const DubProgramLog *self); /* (transfer none): the last line that was not blank; or "" */
