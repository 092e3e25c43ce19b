/* rtmp/amf.c */
#include "rtmp/amf.h"

#include "base/error.h"

#include <string.h>

enum { /* AMF 0 specification, 2.1: type markers */
       MARKER_NUMBER = 0x00,
       MARKER_BOOLEAN = 0x01,
       MARKER_STRING = 0x02,
       MARKER_OBJECT = 0x03,
       MARKER_NULL = 0x05,
       MARKER_UNDEFINED = 0x06,
       MARKER_ECMA_ARRAY = 0x08,
       MARKER_OBJECT_END = 0x09,
       MARKER_STRICT_ARRAY = 0x0a,
       MARKER_DATE = 0x0b,
       MARKER_LONG_STRING = 0x0c,
       MARKER_XML = 0x0f,          /* a long string with another marker */
       MARKER_TYPED_OBJECT = 0x10, /* an object behind a class name, which means nothing here */
};

struct _DubAmf {
    DubAmfType type;
    double number; /* also BOOLEAN and DATE */
    char *string;
    GPtrArray *names;  /* OBJECT, ECMA_ARRAY: char *, in the order of @values */
    GPtrArray *values; /* those and STRICT_ARRAY: DubAmf * */
};

typedef struct {
    const uint8_t *data;
    gsize size;
    guint values_left;
} Reader;

static DubAmf *read_value(Reader *reader, guint depth, GError **error);

static DubAmf *amf_new(DubAmfType type)
{
    DubAmf *self = g_new0(DubAmf, 1);
    self->type = type;
    if (type == DUB_AMF_OBJECT || type == DUB_AMF_ECMA_ARRAY)
        self->names = g_ptr_array_new_with_free_func(g_free);
    if (self->names || type == DUB_AMF_STRICT_ARRAY)
        self->values = g_ptr_array_new_with_free_func((GDestroyNotify) dub_amf_free);
    return self;
}

void dub_amf_free(DubAmf *self)
{
    if (!self)
        return;
    g_free(self->string);
    g_clear_pointer(&self->names, g_ptr_array_unref);
    g_clear_pointer(&self->values, g_ptr_array_unref);
    g_free(self);
}

static bool need(const Reader *reader, gsize bytes, GError **error)
{
    if (reader->size >= bytes)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "AMF0: %zu bytes missing", bytes - reader->size);
    return false;
}

static void skip(Reader *reader, gsize bytes)
{
    reader->data += bytes;
    reader->size -= bytes;
}

static bool read_uint(Reader *reader, guint n_bytes, uint32_t *value, GError **error)
{
    if (!need(reader, n_bytes, error))
        return false;
    *value = 0;
    for (guint i = 0; i < n_bytes; i++)
        *value = *value << 8 | reader->data[i];
    skip(reader, n_bytes);
    return true;
}

static bool read_double(Reader *reader, double *value, GError **error)
{
    uint64_t bits;
    if (!need(reader, sizeof bits, error))
        return false;
    memcpy(&bits, reader->data, sizeof bits);
    bits = GUINT64_FROM_BE(bits);
    memcpy(value, &bits, sizeof bits);
    skip(reader, sizeof bits);
    return true;
}

static char *read_string(Reader *reader, guint length_bytes, GError **error)
{
    uint32_t length;
    if (!read_uint(reader, length_bytes, &length, error) || !need(reader, length, error))
        return NULL;
    if (memchr(reader->data, '\0', length)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "AMF0: NUL inside a string");
        return NULL;
    }
    char *string = g_strndup((const char *) reader->data, length);
    skip(reader, length);
    return string;
}

/* Names and values up to the end marker, which the specification puts behind an empty name. */
static bool read_members(Reader *reader, DubAmf *self, guint depth, GError **error)
{
    for (;;) {
        g_autofree char *name = read_string(reader, 2, error);
        if (!name)
            return false;
        if (!*name && reader->size > 0 && *reader->data == MARKER_OBJECT_END) {
            skip(reader, 1);
            return true;
        }
        DubAmf *value = read_value(reader, depth + 1, error);
        if (!value)
            return false;
        g_ptr_array_add(self->names, g_steal_pointer(&name));
        g_ptr_array_add(self->values, value);
    }
}

static bool read_items(Reader *reader, DubAmf *self, guint depth, GError **error)
{
    uint32_t count;
    if (!read_uint(reader, 4, &count, error))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        DubAmf *value = read_value(reader, depth + 1, error);
        if (!value)
            return false;
        g_ptr_array_add(self->values, value);
    }
    return true;
}

static bool read_date(Reader *reader, DubAmf *self, GError **error)
{
    uint32_t time_zone; /* "should not be used": 2.13 */
    return read_double(reader, &self->number, error) && read_uint(reader, 2, &time_zone, error);
}

static bool read_typed_object(Reader *reader, DubAmf *self, guint depth, GError **error)
{
    g_autofree char *class_name = read_string(reader, 2, error);
    return class_name && read_members(reader, self, depth, error);
}

static bool read_boolean(Reader *reader, DubAmf *self, GError **error)
{
    uint32_t byte;
    if (!read_uint(reader, 1, &byte, error))
        return false;
    self->number = byte != 0;
    return true;
}

static bool read_ecma_array(Reader *reader, DubAmf *self, guint depth, GError **error)
{
    uint32_t count; /* a hint that some encoders leave at 0: the end marker decides */
    return read_uint(reader, 4, &count, error) && read_members(reader, self, depth, error);
}

static bool type_of_marker(uint8_t marker, DubAmfType *type)
{
    switch (marker) {
    case MARKER_NUMBER: *type = DUB_AMF_NUMBER; return true;
    case MARKER_BOOLEAN: *type = DUB_AMF_BOOLEAN; return true;
    case MARKER_XML:
    case MARKER_LONG_STRING:
    case MARKER_STRING: *type = DUB_AMF_STRING; return true;
    case MARKER_TYPED_OBJECT:
    case MARKER_OBJECT: *type = DUB_AMF_OBJECT; return true;
    case MARKER_NULL: *type = DUB_AMF_NULL; return true;
    case MARKER_UNDEFINED: *type = DUB_AMF_UNDEFINED; return true;
    case MARKER_ECMA_ARRAY: *type = DUB_AMF_ECMA_ARRAY; return true;
    case MARKER_STRICT_ARRAY: *type = DUB_AMF_STRICT_ARRAY; return true;
    case MARKER_DATE: *type = DUB_AMF_DATE; return true;
    default: return false;
    }
}

static bool read_body(Reader *reader, uint8_t marker, DubAmf *self, guint depth, GError **error)
{
    switch (self->type) {
    case DUB_AMF_NUMBER: return read_double(reader, &self->number, error);
    case DUB_AMF_BOOLEAN: return read_boolean(reader, self, error);
    case DUB_AMF_STRING:
        self->string = read_string(reader, marker == MARKER_STRING ? 2 : 4, error);
        return self->string != NULL;
    case DUB_AMF_OBJECT:
        return marker == MARKER_TYPED_OBJECT ? read_typed_object(reader, self, depth, error)
                                             : read_members(reader, self, depth, error);
    case DUB_AMF_ECMA_ARRAY: return read_ecma_array(reader, self, depth, error);
    case DUB_AMF_STRICT_ARRAY: return read_items(reader, self, depth, error);
    case DUB_AMF_DATE: return read_date(reader, self, error);
    case DUB_AMF_NULL:
    case DUB_AMF_UNDEFINED: return true;
    }
    return false;
}

static DubAmf *read_value(Reader *reader, guint depth, GError **error)
{
    uint32_t marker;
    DubAmfType type;
    if (!read_uint(reader, 1, &marker, error))
        return NULL;
    if (depth > DUB_AMF_MAX_DEPTH || reader->values_left-- == 0) {
        reader->values_left = 0;
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "AMF0: nested too deep or too many values");
        return NULL;
    }
    if (!type_of_marker((uint8_t) marker, &type)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "AMF0: marker 0x%02x is not supported", marker);
        return NULL;
    }
    g_autoptr(DubAmf) self = amf_new(type);
    if (!read_body(reader, (uint8_t) marker, self, depth, error))
        return NULL;
    return g_steal_pointer(&self);
}

DubAmf *dub_amf_decode(const uint8_t *data, gsize size, GError **error)
{
    Reader reader = { data, size, DUB_AMF_MAX_VALUES };
    g_autoptr(DubAmf) list = amf_new(DUB_AMF_STRICT_ARRAY);
    while (reader.size > 0) {
        DubAmf *value = read_value(&reader, 0, error);
        if (!value)
            return NULL;
        g_ptr_array_add(list->values, value);
    }
    return g_steal_pointer(&list);
}

static void append_marker(GByteArray *out, uint8_t marker)
{
    g_byte_array_append(out, &marker, 1);
}

static void append_uint(GByteArray *out, guint n_bytes, uint32_t value)
{
    const uint32_t big = GUINT32_TO_BE(value);
    g_byte_array_append(out, (const uint8_t *) &big + sizeof big - n_bytes, n_bytes);
}

static void append_double(GByteArray *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = GUINT64_TO_BE(bits);
    g_byte_array_append(out, (const uint8_t *) &bits, sizeof bits);
}

void dub_amf_write_number(GByteArray *out, double value)
{
    append_marker(out, MARKER_NUMBER);
    append_double(out, value);
}

void dub_amf_write_boolean(GByteArray *out, bool value)
{
    append_marker(out, MARKER_BOOLEAN);
    append_marker(out, value);
}

void dub_amf_write_name(GByteArray *out, const char *name)
{
    const gsize length = strlen(name);
    g_return_if_fail(length <= G_MAXUINT16);
    append_uint(out, 2, (uint32_t) length);
    g_byte_array_append(out, (const uint8_t *) name, (guint) length);
}

void dub_amf_write_string(GByteArray *out, const char *value)
{
    append_marker(out, MARKER_STRING);
    dub_amf_write_name(out, value);
}

void dub_amf_write_null(GByteArray *out)
{
    append_marker(out, MARKER_NULL);
}

void dub_amf_begin_object(GByteArray *out)
{
    append_marker(out, MARKER_OBJECT);
}

void dub_amf_end_object(GByteArray *out)
{
    dub_amf_write_name(out, "");
    append_marker(out, MARKER_OBJECT_END);
}

static void encode_string(const char *string, GByteArray *out)
{
    const gsize length = strlen(string);
    if (length <= G_MAXUINT16) {
        dub_amf_write_string(out, string);
        return;
    }
    append_marker(out, MARKER_LONG_STRING);
    append_uint(out, 4, (uint32_t) length);
    g_byte_array_append(out, (const uint8_t *) string, (guint) length);
}

static void encode_members(const DubAmf *self, GByteArray *out)
{
    for (guint i = 0; i < self->values->len; i++) {
        dub_amf_write_name(out, self->names->pdata[i]);
        dub_amf_encode(self->values->pdata[i], out);
    }
    dub_amf_end_object(out);
}

static void encode_items(const DubAmf *self, GByteArray *out)
{
    append_uint(out, 4, self->values->len);
    for (guint i = 0; i < self->values->len; i++)
        dub_amf_encode(self->values->pdata[i], out);
}

void dub_amf_encode(const DubAmf *self, GByteArray *out)
{
    switch (self->type) {
    case DUB_AMF_NUMBER: dub_amf_write_number(out, self->number); break;
    case DUB_AMF_BOOLEAN: dub_amf_write_boolean(out, self->number != 0); break;
    case DUB_AMF_STRING: encode_string(self->string, out); break;
    case DUB_AMF_NULL: dub_amf_write_null(out); break;
    case DUB_AMF_UNDEFINED: append_marker(out, MARKER_UNDEFINED); break;
    case DUB_AMF_OBJECT:
        dub_amf_begin_object(out);
        encode_members(self, out);
        break;
    case DUB_AMF_ECMA_ARRAY:
        append_marker(out, MARKER_ECMA_ARRAY);
        append_uint(out, 4, self->values->len);
        encode_members(self, out);
        break;
    case DUB_AMF_STRICT_ARRAY:
        append_marker(out, MARKER_STRICT_ARRAY);
        encode_items(self, out);
        break;
    case DUB_AMF_DATE:
        append_marker(out, MARKER_DATE);
        append_double(out, self->number);
        append_uint(out, 2, 0);
        break;
    }
}

bool dub_amf_equal(const DubAmf *a, const DubAmf *b)
{
    if (a->type != b->type || g_strcmp0(a->string, b->string) != 0 ||
        memcmp(&a->number, &b->number, sizeof a->number) != 0 /* a NaN equals itself here */
        || dub_amf_length(a) != dub_amf_length(b))
        return false;
    for (guint i = 0; i < dub_amf_length(a); i++) {
        if (a->names && strcmp(a->names->pdata[i], b->names->pdata[i]) != 0)
            return false;
        if (!dub_amf_equal(a->values->pdata[i], b->values->pdata[i]))
            return false;
    }
    return true;
}

DubAmfType dub_amf_type(const DubAmf *self)
{
    return self->type;
}

guint dub_amf_length(const DubAmf *self)
{
    return self->values ? self->values->len : 0;
}

const DubAmf *dub_amf_item(const DubAmf *self, guint index)
{
    return self && index < dub_amf_length(self) ? self->values->pdata[index] : NULL;
}

const DubAmf *dub_amf_member(const DubAmf *self, const char *name)
{
    for (guint i = 0; self && self->names && i < self->names->len; i++) {
        if (strcmp(self->names->pdata[i], name) == 0)
            return self->values->pdata[i];
    }
    return NULL;
}

const char *dub_amf_string(const DubAmf *self, const char *fallback)
{
    return self && self->type == DUB_AMF_STRING ? self->string : fallback;
}

double dub_amf_number(const DubAmf *self, double fallback)
{
    return self && self->type == DUB_AMF_NUMBER ? self->number : fallback;
}
