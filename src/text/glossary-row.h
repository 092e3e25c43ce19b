/* text/glossary-row.h: one line of a glossary's file. For the files of this folder, and for `airdub glossary
 * check`. source TAB target [TAB kind [TAB number [TAB note [TAB spoken]]]]; a line that begins with '#' is a
 * comment. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    DUB_KIND_PHRASE,    /* agrees with nothing: "at the buzzer", a name; the column is empty */
    DUB_KIND_MASCULINE, /* m */
    DUB_KIND_FEMININE,  /* f */
    DUB_KIND_VERB,      /* v: the target is an infinitive */
    DUB_KIND_ADJECTIVE, /* a: the target is masculine singular */
} DubGlossaryKind;

typedef struct {
    char **sources; /* one, or all forms, where they are irregular: "wolf|wolves"; ended by NULL */
    char **targets; /* the same: "club|clubes" */
    DubGlossaryKind kind;
    bool plural; /* number p: the target is a plural and has no other form */
    char *note;
    char *spoken; /* NULL: as it is written */
} DubGlossaryRow;

/* @line: without its end. @row: (out): cleared; all NULL for an empty line or a comment.
 * Returns: NULL, or (transfer full) what is wrong: "3 columns …" */
char *dub_glossary_row_parse(const char *line, DubGlossaryRow *row);
void dub_glossary_row_clear(DubGlossaryRow *row);

static inline bool dub_glossary_kind_is_noun(DubGlossaryKind kind)
{
    return kind == DUB_KIND_MASCULINE || kind == DUB_KIND_FEMININE;
}
