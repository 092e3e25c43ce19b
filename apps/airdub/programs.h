/* airdub/programs.h: where the other programs lie. Any thread. */
#pragma once

#include <glib.h>

/**
 * programs_find:
 * @name: "sts-service"
 * Looked for beside this program, then in the build tree this program was started from, then on PATH.
 * Returns: (transfer full): an absolute path, or NULL with %DUB_ERROR_NOT_FOUND and the cure
 */
char *programs_find(const char *name, GError **error);
char *programs_self(void); /* (transfer full): this program's own path */
