/* support.h: what the tests of src/text share: files for an hour, and Apertium's programs. Main thread only.
 */
#pragma once

#include <glib.h>

/* A folder of its own; removed with its files by support_clear(). */
typedef struct {
    char *folder;
} SupportFolder;
void support_init(SupportFolder *self);
void support_clear(SupportFolder *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SupportFolder, support_clear)
char *support_write(const SupportFolder *self, const char *name, const char *text); /* (transfer full): its path */

/* Runs a program on @input and gives its output; a program that is missing or fails ends the test. (transfer
 * full) */
char *support_run(const char *const *argv, const char *input);

/* One sentence a line through `apertium eng-spa`. (transfer full): as many lines as @sentences */
char **support_apertium(const GPtrArray *sentences);
