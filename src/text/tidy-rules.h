/* text/tidy-rules.h: what a translator gets wrong in one language, as rows of patterns. For the files of this
 * folder. Any thread, pure. */
#pragma once

#include <glib.h>

/* @text: one sentence, its blanks in order. Returns: (transfer full): after the rules of the language @to; as
 * it is where there are none */
char *dub_tidy_rules_apply(const char *text, const char *to);
