/* text/tidy.h: what a translator's sentence needs before people read or hear it. Any thread, pure. */
#pragma once

#include <glib.h>

/**
 * dub_tidy:
 * @translated: one sentence as the translator gave it, or as dub_glossary_restore() did
 * @source: the sentence it is the translation of, or NULL: where the translation begins with a capital, which
 * marks it ends with
 * @to: ISO 639-1 of @translated; one without rules of its own gets the general ones: blanks, punctuation,
 * marks of unknown words Returns: (transfer full): tidying it again changes nothing
 */
char *dub_tidy(const char *translated, const char *source, const char *to);
