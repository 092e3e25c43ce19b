/* text/glossary-mend.h: puts terms into a translated sentence and mends the Spanish around them: articles
 * that the placeholder could not have ("el ala cerrada"), contractions ("del"), "y" before an i. For the
 * files of this folder. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct _DubMend DubMend; /* a translated sentence in pieces */

typedef struct {
    char *text;
    bool is_noun, feminine, plural;
    bool agrees; /* the words around agree already */
} DubMendTerm;

DubMend *dub_mend_new(const char *translated, const GArray *words); /* @words: of @translated; both outlive it */
void dub_mend_free(DubMend *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubMend, dub_mend_free)

/* Puts a term in the place of the word at @index. @text: (transfer full). Returns: to be filled in, owned by
 * @self */
DubMendTerm *dub_mend_put(DubMend *self, guint index, char *text);

char *dub_mend_finish(DubMend *self, bool spanish); /* (transfer full); once */
