/* text/glossary-check.h: reads a glossary's file as its author would want it read: all that is wrong at once.
 * Any thread, pure but for reading the file. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    unsigned line; /* from 1 */
    bool error;    /* the entry does not work; false: it works, perhaps not as meant */
    char *message;
} DubGlossaryProblem;

typedef struct {
    GPtrArray *problems; /* of DubGlossaryProblem, by line */
    guint n_entries;     /* that are right, or nearly */
} DubGlossaryReport;

#define DUB_GLOSSARY_PROBLEMS_MOST 1000 /* then the reading ends */

/* @from, @to: ISO 639-1, which decide on the rules of grammar.
 * Returns: (transfer full): NULL if the file cannot be read (%DUB_ERROR_NOT_FOUND, _IO, _INVALID_ARGUMENT) */
DubGlossaryReport *dub_glossary_check(const char *path, const char *from, const char *to, GError **error);
void dub_glossary_report_free(DubGlossaryReport *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubGlossaryReport, dub_glossary_report_free)
