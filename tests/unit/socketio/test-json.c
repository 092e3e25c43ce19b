/* SPDX-License-Identifier: MIT
 * JSON text to values and back: RFC 8259, and the limits of our own. */
#include "socketio/json.h"

#include "socketio/packet.h"

#include <string.h>

typedef struct {
    const char *name, *text;
    const char *printed; /* NULL: refused; "=": the same text */
} Case;

static const Case cases[] = {
    { "null", "null", "=" },
    { "true", "true", "=" },
    { "false", "false", "=" },
    { "space", " \t\r\n[ 1 , 2 ] ", "[1,2]" },
    { "empty-array", "[]", "=" },
    { "empty-object", "{}", "=" },
    { "nested", "{\"a\":[{\"b\":{}},[[]],null]}", "=" },
    { "order-of-keys", "{\"z\":1,\"a\":2,\"m\":3}", "=" },
    { "last-of-equal-keys", "{\"a\":1,\"a\":2}", "{\"a\":2}" },
    { "zero", "0", "=" },
    { "negative", "-12", "=" },
    { "int64-max", "9223372036854775807", "=" },
    { "int64-min", "-9223372036854775808", "=" },
    { "over-int64", "9223372036854775808", "9.223372036854776e+18" },
    { "real", "0.1", "=" },
    { "real-whole", "1.0", "=" },
    { "real-exponent", "1e3", "1000.0" },
    { "real-small", "1.5E-7", "1.5e-07" },
    { "real-17-digits", "0.30000000000000004", "=" },
    { "string-escapes", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"" },
    { "string-unicode", "\"\\u00e9\\u20AC\\ud83d\\ude00\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
    { "string-control", "\"\\u0001\\u001f\"", "=" },
    { "string-nul", "\"a\\u0000b\"", "=" },
    { "string-del", "\"\x7f\"", "=" },
    { "string-lone-surrogate", "\"\\ud800x\"", "\"\xef\xbf\xbdx\"" },
    { "string-low-surrogate", "\"\\udc00\"", "\"\xef\xbf\xbd\"" },
    { "string-two-high-surrogates", "\"\\ud800\\ud83d\\ude00\"", "\"\xef\xbf\xbd\xf0\x9f\x98\x80\"" },
    { "string-15-plain-then-escape", "\"0123456789abcde\\n\"", "=" },
    { "string-16-plain-then-escape", "\"0123456789abcdef\\n\"", "=" },
    { "string-17-plain-then-quote", "\"0123456789abcdefg\\\"\"", "=" },
    { "string-non-ascii-long", "\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"", "=" },
    { "key-escaped", "{\"a\\nb\":1}", "=" },
    { "key-empty", "{\"\":1}", "=" },
    { "nothing", "", NULL },
    { "only-space", "  ", NULL },
    { "two-values", "1 2", NULL },
    { "word", "nul", NULL },
    { "word-long", "nulll", NULL },
    { "upper-case", "TRUE", NULL },
    { "array-open", "[", NULL },
    { "array-trailing-comma", "[1,]", NULL },
    { "array-leading-comma", "[,1]", NULL },
    { "array-no-comma", "[1 2]", NULL },
    { "array-wrong-end", "[1}", NULL },
    { "object-open", "{", NULL },
    { "object-trailing-comma", "{\"a\":1,}", NULL },
    { "object-no-colon", "{\"a\" 1}", NULL },
    { "object-no-value", "{\"a\":}", NULL },
    { "object-bare-key", "{a:1}", NULL },
    { "leading-zero", "01", NULL },
    { "plus", "+1", NULL },
    { "minus-only", "-", NULL },
    { "point-only", ".5", NULL },
    { "point-at-end", "1.", NULL },
    { "exponent-at-end", "1e", NULL },
    { "hex", "0x10", NULL },
    { "nan", "NaN", NULL },
    { "infinity", "Infinity", NULL },
    { "too-large-real", "1e999", NULL },
    { "string-open", "\"abc", NULL },
    { "string-ends-in-escape", "\"abc\\", NULL },
    { "string-bad-escape", "\"\\x41\"", NULL },
    { "string-short-unicode", "\"\\u12\"", NULL },
    { "string-bad-unicode", "\"\\u12g4\"", NULL },
    { "string-raw-newline", "\"a\nb\"", NULL },
    { "string-raw-control-late", "\"0123456789abcdef0123456789\x01\"", NULL },
    { "single-quotes", "'a'", NULL },
    { "comment", "/* a */ 1", NULL },
};

static void test_case(const void *data)
{
    const Case *c = data;
    g_autoptr(GError) error = NULL;
    json_t *value = sio_json_parse(c->text, strlen(c->text), &error);
    if (!c->printed) {
        g_assert_null(value);
        g_assert_error(error, SIO_ERROR, SIO_ERROR_BAD_JSON);
        return;
    }
    g_assert_no_error(error);
    g_autoptr(GString) printed = g_string_new(NULL);
    sio_json_append(printed, value);
    g_assert_cmpstr(printed->str, ==, strcmp(c->printed, "=") == 0 ? c->text : c->printed);
    json_decref(value);
}

/* A value without a NUL behind it: the parser must not read on. */
static void test_exact_length(const void *data)
{
    const Case *c = data;
    const gsize length = strlen(c->text);
    for (gsize cut = 0; cut <= length; cut++) {
        g_autofree char *exact = cut > 0 ? g_memdup2(c->text, cut) : NULL; /* ASan watches its end */
        json_t *value = sio_json_parse(exact ? exact : "", cut, NULL);
        json_decref(value);
    }
}

static char *nested(guint depth)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < depth; i++)
        g_string_append(text, i % 2 ? "{\"a\":" : "[");
    g_string_append(text, "1");
    for (guint i = depth; i-- > 0;)
        g_string_append(text, i % 2 ? "}" : "]");
    return g_string_free(text, FALSE);
}

static void test_depth(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *most = nested(SIO_MAX_DEPTH), *over = nested(SIO_MAX_DEPTH + 1);
    json_t *value = sio_json_parse(most, strlen(most), &error);
    g_assert_no_error(error);
    json_decref(value);
    g_assert_null(sio_json_parse(over, strlen(over), &error));
    g_assert_error(error, SIO_ERROR, SIO_ERROR_BAD_JSON);
    g_autofree char *open = g_strnfill(1000000, '[');
    g_assert_null(sio_json_parse(open, 1000000, NULL));
}

static void test_long_number(void)
{
    g_autofree char *digits = g_strnfill(5000, '9');
    g_assert_null(sio_json_parse(digits, 5000, NULL));
    digits[300] = '\0';
    json_t *value = sio_json_parse(digits, 300, NULL);
    g_assert_true(json_is_real(value));
    json_decref(value);
}

static void test_agrees_with_jansson(void)
{
    static const char text[] =
        "{\"fragment_id\":\"0\",\"sequence_number\":17,\"audio\":{\"format\":\"m4a\",\"duration_ms\":6000,"
        "\"data_base64\":\"AAECAwQ=\"},\"metadata\":{\"pts_ns\":123456789012345,\"x\":[1.25,null,true]}}";
    json_t *ours = sio_json_parse(text, strlen(text), NULL), *theirs = json_loads(text, 0, NULL);
    g_assert_true(json_equal(ours, theirs));
    json_decref(ours);
    json_decref(theirs);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/socketio/json/", cases[i].name, NULL);
        g_autofree char *exact = g_strconcat("/socketio/json/exact-length/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_case);
        g_test_add_data_func(exact, &cases[i], test_exact_length);
    }
    g_test_add_func("/socketio/json/depth", test_depth);
    g_test_add_func("/socketio/json/long-number", test_long_number);
    g_test_add_func("/socketio/json/agrees-with-jansson", test_agrees_with_jansson);
    return g_test_run();
}
