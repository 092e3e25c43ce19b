/* rtmp/amf.h: AMF0, the values inside RTMP's command and data messages (Adobe's "AMF 0 Specification").
 * A codec: bytes in, values out. Any thread, one value one thread.
 * Refused: references, AMF3, MovieClip and RecordSet (no client sends them), NUL inside a string. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define DUB_AMF_MAX_DEPTH  16   /* nesting; clients use 2 */
#define DUB_AMF_MAX_VALUES 1024 /* in one message; onMetaData has about 30 */

typedef enum {
    DUB_AMF_NUMBER,
    DUB_AMF_BOOLEAN,
    DUB_AMF_STRING, /* long strings too */
    DUB_AMF_OBJECT,
    DUB_AMF_NULL,
    DUB_AMF_UNDEFINED,
    DUB_AMF_ECMA_ARRAY, /* named members, as an object */
    DUB_AMF_STRICT_ARRAY,
    DUB_AMF_DATE, /* a number: ms since 1970 */
} DubAmfType;

typedef struct _DubAmf DubAmf;
void dub_amf_free(DubAmf *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubAmf, dub_amf_free)

/**
 * dub_amf_decode:
 * @data: one value after the other, as in a command message
 * Returns: (transfer full): a %DUB_AMF_STRICT_ARRAY of all of them, perhaps empty; NULL with
 * %DUB_ERROR_PROTOCOL when bytes are missing, a marker is unknown or a bound is passed
 */
DubAmf *dub_amf_decode(const uint8_t *data, gsize size, GError **error);

/* Encodes @self; for a list from dub_amf_decode() use each item, the list itself is not part of the wire. */
void dub_amf_encode(const DubAmf *self, GByteArray *out);
bool dub_amf_equal(const DubAmf *a, const DubAmf *b);

DubAmfType dub_amf_type(const DubAmf *self);
guint dub_amf_length(const DubAmf *self);                    /* members or items; 0 for the rest */
const DubAmf *dub_amf_item(const DubAmf *self, guint index); /* NULL beyond the end: absent reads as "not there" */
const DubAmf *dub_amf_member(const DubAmf *self, const char *name); /* NULL when absent or @self has no members */

/* NULL and any other type give the fallback. Strings belong to @self. */
const char *dub_amf_string(const DubAmf *self, const char *fallback);
double dub_amf_number(const DubAmf *self, double fallback);

/* Writers for the messages that we compose; strings up to 65535 bytes. */
void dub_amf_write_number(GByteArray *out, double value);
void dub_amf_write_boolean(GByteArray *out, bool value);
void dub_amf_write_string(GByteArray *out, const char *value);
void dub_amf_write_null(GByteArray *out);
void dub_amf_begin_object(GByteArray *out);
void dub_amf_write_name(GByteArray *out, const char *name); /* a value must follow */
void dub_amf_end_object(GByteArray *out);
