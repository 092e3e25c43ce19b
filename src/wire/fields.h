/* wire/fields.h: a message as a table of its fields, from which it is read, written and freed. Inside this folder only.
 */
#pragma once

#include "wire/audio.h"
#include "wire/events.h"

#include <stddef.h>

typedef enum {
    FIELD_ID,       /* char *: 1…DUB_WIRE_MAX_ID_BYTES */
    FIELD_WORD,     /* char *: 1…DUB_WIRE_MAX_WORD_BYTES, one of `choices` where there are some */
    FIELD_LANGUAGE, /* char *: a word like "en" or "pt-BR" */
    FIELD_TEXT,     /* char *: at most DUB_WIRE_MAX_TEXT_BYTES, may be empty */
    FIELD_UINT,     /* guint: min…max, or one of `choices` */
    FIELD_INT,      /* int64_t: min…max; -1 when absent */
    FIELD_MS,       /* double: milliseconds, >= 0; -1 when absent; written as an integer, which old peers insist on */
    FIELD_BOOL,     /* bool */
    FIELD_CHOICE,   /* an enum of int size: the place in `choices` */
    FIELD_OBJECT,   /* DubJson *: a reference; NULL when absent */
    FIELD_AUDIO,    /* DubWireAudio *; NULL when absent */
} DubFieldType;

typedef struct {
    const char *path; /* dotted */
    DubFieldType type;
    DubJsonNeed need;
    size_t offset;
    int64_t min, max;
    const char *fallback; /* what an absent field is taken for; NULL: nothing (NULL, -1, 0) */
    const char *choices;  /* separated by '|' */
} DubField;

typedef struct {
    const DubField *fields;
    gsize n_fields;
    size_t struct_bytes;
} DubMessageSpec;

/* clang-format off */
#define MESSAGE_SPEC(Type, table) {(table), G_N_ELEMENTS(table), sizeof(Type)}
/* clang-format on */

void *dub_message_new(const DubMessageSpec *spec); /* with the fallbacks */
void *dub_message_parse(const DubMessageSpec *spec, const DubJson *payload, GError **error);
DubJson *dub_message_to_json(const DubMessageSpec *spec, const void *message);
void dub_message_free(const DubMessageSpec *spec, void *message); /* NULL is fine */

/* The functions that every message has, from its table. */
/* clang-format off */
#define DEFINE_MESSAGE(Type, prefix, table)                                         \
    static const DubMessageSpec prefix##_spec = MESSAGE_SPEC(Type, table);          \
    Type *prefix##_new(void) { return dub_message_new(&prefix##_spec); }            \
    void prefix##_free(Type *self) { dub_message_free(&prefix##_spec, self); }      \
    DubJson *prefix##_to_json(const Type *self) { return dub_message_to_json(&prefix##_spec, self); }
#define DEFINE_PARSE(Type, prefix)                                                  \
    Type *prefix##_parse(const DubJson *payload, GError **error)                    \
    {                                                                               \
        return dub_message_parse(&prefix##_spec, payload, error);                   \
    }
/* clang-format on */
