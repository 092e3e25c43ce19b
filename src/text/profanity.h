/* text/profanity.h: words that a broadcaster may not want to read or hear. Immutable after loading: any
 * thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct _DubProfanity DubProfanity;

typedef enum {
    DUB_PROFANITY_KEEP,
    DUB_PROFANITY_MASK, /* "f***" to read; speech says nothing there: see dub_profanity_apply() */
    DUB_PROFANITY_DROP, /* the word is left out */
} DubProfanityPolicy;

#define DUB_PROFANITY_CHOICES "keep|mask|drop" /* for a table of settings */
bool dub_profanity_policy_from_string(const char *word, DubProfanityPolicy *policy);
const char *dub_profanity_policy_to_string(DubProfanityPolicy policy);

/* @language: ISO 639-1; one that has no list gives a list without words.
 * Returns: (transfer full): or NULL with %DUB_ERROR_IO or %DUB_ERROR_INVALID_ARGUMENT (names file and line)
 */
DubProfanity *dub_profanity_load(const char *language, GError **error);
void dub_profanity_free(DubProfanity *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubProfanity, dub_profanity_free)

/* Returns: (transfer full): @text under @policy. What is masked keeps its first letter, for eyes; ears get
 * @text under DROP. */
char *dub_profanity_apply(const DubProfanity *self, DubProfanityPolicy policy, const char *text);
