/* engines/mt/guard.h: whether what a language model gives can be the translation that it was asked for.
 * A model may answer, explain, repeat itself, leave words as they are or lose a number, always fluently. What
 * is found here is what a machine can tell for sure; then another translator does the sentence. Never changes
 * once made: any thread. */
#pragma once

#include "text/glossary.h"

#include <glib.h>
#include <stdbool.h>

typedef struct _DubGuard DubGuard;

DubGuard *dub_guard_new(const char *from, const char *to); /* ISO 639-1 */
void dub_guard_free(DubGuard *self);                       /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubGuard, dub_guard_free)

/**
 * dub_guard_check:
 * @terms: (nullable): of @source; their translations must be there, in any inflection
 * Looks at the length, at words that stayed as they were, at terms, numbers, days of the week, and at
 * repetition. Returns: true, or false with %DUB_ERROR_ENGINE: "guard: the number 12 is gone"
 */
bool dub_guard_check(const DubGuard *self, const char *source, const char *translated, const DubGlossaryMatches *terms,
                     GError **error);
