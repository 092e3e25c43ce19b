/* Unit tests of rtmp/amf. */
#include "base/error.h"
#include "rtmp/amf.h"

#include <string.h>

typedef struct {
    const char *name;
    const char *hex;
    int values; /* -1: refused */
} Case;

static const Case cases[] = {
    { "nothing", "", 0 },
    { "number", "003ff0000000000000", 1 },
    { "boolean", "0101", 1 },
    { "string", "020003616263", 1 },
    { "long-string", "0c00000003616263", 1 },
    { "xml", "0f00000003616263", 1 },
    { "null-undefined", "0506", 2 },
    { "date", "0b00000000000000000000", 1 },
    { "object", "03000161003ff0000000000000000009", 1 },
    { "object-empty", "03000009", 1 },
    { "typed-object",
      "100001430001610500"
      "0009",
      1 },
    { "ecma-array-with-wrong-count",
      "08ffffffff0001610500"
      "0009",
      1 },
    { "strict-array", "0a000000020505", 1 },
    { "connect", "020007636f6e6e656374003ff00000000000000300036170700200046c697665000009", 3 },
    { "number-short", "003ff00000", -1 },
    { "string-short", "02000561", -1 },
    { "string-nul", "020003610062", -1 },
    { "long-string-huge", "0cffffffff61", -1 },
    { "object-no-end", "0300016105", -1 },
    { "array-short", "0a7fffffff05", -1 },
    { "reference", "070001", -1 },
    { "movieclip", "04", -1 },
    { "avmplus", "11", -1 },
    { "end-alone", "09", -1 },
};

static GByteArray *from_hex(const char *hex)
{
    GByteArray *bytes = g_byte_array_new();
    for (; hex[0] && hex[1]; hex += 2) {
        const guint8 byte = (guint8) (g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
        g_byte_array_append(bytes, &byte, 1);
    }
    return bytes;
}

static void assert_round_trips(const DubAmf *list)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    for (guint i = 0; i < dub_amf_length(list); i++)
        dub_amf_encode(dub_amf_item(list, i), bytes);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubAmf) again = dub_amf_decode(bytes->data, bytes->len, &error);
    g_assert_no_error(error);
    g_assert_true(dub_amf_equal(list, again));
}

static void test_decode(const void *data)
{
    const Case *c = data;
    g_autoptr(GByteArray) bytes = from_hex(c->hex);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubAmf) list = dub_amf_decode(bytes->data, bytes->len, &error);
    if (c->values < 0) {
        g_assert_null(list);
        g_assert_error(error, DUB_ERROR, DUB_ERROR_PROTOCOL);
        return;
    }
    g_assert_no_error(error);
    g_assert_cmpuint(dub_amf_length(list), ==, (guint) c->values);
    assert_round_trips(list);
}

static DubAmf *decode_repeated(const char *prefix, guint count, const char *suffix, GError **error)
{
    g_autoptr(GString) hex = g_string_new(NULL);
    for (guint i = 0; i < count; i++)
        g_string_append(hex, prefix);
    g_string_append(hex, suffix);
    g_autoptr(GByteArray) bytes = from_hex(hex->str);
    return dub_amf_decode(bytes->data, bytes->len, error);
}

static void test_bounds(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubAmf) deep_enough = decode_repeated("0a00000001", DUB_AMF_MAX_DEPTH, "05", &error);
    g_assert_no_error(error);
    assert_round_trips(deep_enough);
    g_assert_null(decode_repeated("0a00000001", DUB_AMF_MAX_DEPTH + 1, "05", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_PROTOCOL);
    g_clear_error(&error);
    g_autoptr(DubAmf) many = decode_repeated("05", DUB_AMF_MAX_VALUES, "", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(dub_amf_length(many), ==, DUB_AMF_MAX_VALUES);
    g_assert_null(decode_repeated("05", DUB_AMF_MAX_VALUES + 1, "", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_PROTOCOL);
}

static void test_getters(void)
{
    g_autoptr(GByteArray) bytes = from_hex(cases[13].hex);
    g_autoptr(DubAmf) list = dub_amf_decode(bytes->data, bytes->len, NULL);
    g_assert_cmpstr(dub_amf_string(dub_amf_item(list, 0), NULL), ==, "connect");
    g_assert_cmpfloat(dub_amf_number(dub_amf_item(list, 1), 0), ==, 1.0);
    g_assert_cmpstr(dub_amf_string(dub_amf_member(dub_amf_item(list, 2), "app"), NULL), ==, "live");
    g_assert_null(dub_amf_member(dub_amf_item(list, 2), "tcUrl"));
    g_assert_null(dub_amf_member(dub_amf_item(list, 0), "app"));
    g_assert_null(dub_amf_item(list, 3));
    g_assert_cmpstr(dub_amf_string(dub_amf_item(list, 1), "fallback"), ==, "fallback");
}

static void test_writers(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    dub_amf_write_string(bytes, "_result");
    dub_amf_write_number(bytes, 4);
    dub_amf_write_null(bytes);
    dub_amf_begin_object(bytes);
    dub_amf_write_name(bytes, "yes");
    dub_amf_write_boolean(bytes, true);
    dub_amf_end_object(bytes);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubAmf) list = dub_amf_decode(bytes->data, bytes->len, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(dub_amf_length(list), ==, 4);
    g_assert_cmpint(dub_amf_type(dub_amf_item(list, 2)), ==, DUB_AMF_NULL);
    g_assert_cmpint(dub_amf_type(dub_amf_member(dub_amf_item(list, 3), "yes")), ==, DUB_AMF_BOOLEAN);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/rtmp/amf/decode/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_decode);
    }
    g_test_add_func("/rtmp/amf/bounds", test_bounds);
    g_test_add_func("/rtmp/amf/getters", test_getters);
    g_test_add_func("/rtmp/amf/writers", test_writers);
    return g_test_run();
}
