/* airdub/child-log.h: what the supervised programs say: into files of a folder, and the worst of it on stderr.
 * Main thread only. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct _ChildLog ChildLog;

/* @folder: made if it is missing; NULL: no files. A file past 16 MiB is renamed to "NAME.log.1" and begun again. */
ChildLog *child_log_new(const char *folder, GError **error);
void child_log_write(ChildLog *self, const char *name, const char *line);
bool child_log_is_worth_showing(const char *line); /* not an INFO or DEBUG line of ours or of MediaMTX's */
void child_log_free(ChildLog *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChildLog, child_log_free)
