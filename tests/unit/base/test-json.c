/* Unit tests of base/json. */
#include "base/error.h"
#include "base/json.h"

#include <string.h>

typedef struct {
    const char *name, *text, *expected; /* canonical text, or NULL: refused */
} ParseCase;

#define TEN(x) x x x x x x x x x x
static const ParseCase parse_cases[] = {
    { "object", "{ \"a\" : [1, 2.5, null, true] }", "{\"a\":[1,2.5,null,true]}" },
    { "scalar", "17", "17" },
    { "string-with-brackets", "\"[[[\\\"{{{\"", "\"[[[\\\"{{{\"" },
    { "backslash-before-quote", "[\"\\\\\",\"[\"]", "[\"\\\\\",\"[\"]" },
    { "deep-enough",
      TEN("[[[[[[") "[[[["
                    "]]]]" TEN("]]]]]]"),
      TEN("[[[[[[") "[[[["
                    "]]]]" TEN("]]]]]]") },
    { "too-deep",
      TEN("[[[[[[") "[[[[["
                    "]]]]]" TEN("]]]]]]"),
      NULL },
    { "too-deep-unclosed", TEN("{\"a\":[{\"a\":[{\"a\":["), NULL },
    { "empty", "", NULL },
    { "trailing", "{} {}", NULL },
    { "duplicate-key", "{\"a\":1,\"a\":2}", NULL },
    { "bad-utf8", "\"\xff\"", NULL },
    { "nul-escape", "\"\\u0000\"", NULL },
    { "unterminated", "\"abc", NULL },
    { "huge-integer", "123456789012345678901234567890", NULL },
    { "number", "[0.1]", "[0.1]" },
};

static void test_parse(const void *data)
{
    const ParseCase *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubJson) value = dub_json_parse(c->text, strlen(c->text), &error);
    if (!c->expected) {
        g_assert_null(value);
        g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return;
    }
    g_assert_no_error(error);
    g_autofree char *text = dub_json_to_text(value);
    g_assert_cmpstr(text, ==, c->expected);
}

static void test_parse_needs_no_terminator(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubJson) value = dub_json_parse("[1]garbage", 3, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(json_array_size(value), ==, 1);
}

typedef enum { STRING, INT, DOUBLE, BOOL, OBJECT, ARRAY } Kind;
typedef struct {
    const char *name, *text, *path;
    Kind kind;
    DubJsonNeed need;
    const char *error; /* the message, or NULL: accepted */
} GetCase;

static const GetCase get_cases[] = {
    { "string", "{\"a\":\"x\"}", "a", STRING, DUB_JSON_REQUIRED, NULL },
    { "string-missing", "{}", "a", STRING, DUB_JSON_REQUIRED, "a: missing" },
    { "string-null", "{\"a\":null}", "a", STRING, DUB_JSON_REQUIRED, "a: missing" },
    { "string-number", "{\"a\":1}", "a", STRING, DUB_JSON_OPTIONAL, "a: not a string" },
    { "optional-absent", "{}", "a", STRING, DUB_JSON_OPTIONAL, NULL },
    { "optional-null", "{\"a\":null}", "a", INT, DUB_JSON_OPTIONAL, NULL },
    { "nested", "{\"c\":{\"a\":{\"z\":2}}}", "c.a.z", INT, DUB_JSON_REQUIRED, NULL },
    { "nested-missing", "{\"c\":{}}", "c.a", INT, DUB_JSON_REQUIRED, "c.a: missing" },
    { "nested-in-missing", "{}", "c.a", INT, DUB_JSON_REQUIRED, "c.a: missing" },
    { "nested-in-missing-optional", "{}", "c.a", INT, DUB_JSON_OPTIONAL, NULL },
    { "nested-in-scalar", "{\"c\":5}", "c.a", INT, DUB_JSON_OPTIONAL, "c: not an object" },
    { "payload-array", "[]", "a", INT, DUB_JSON_OPTIONAL, "payload: not an object" },
    { "int-whole-real", "{\"a\":2.0}", "a", INT, DUB_JSON_REQUIRED, NULL },
    { "int-fraction", "{\"a\":1.5}", "a", INT, DUB_JSON_REQUIRED, "a: not an integer" },
    { "int-huge-real", "{\"a\":1e300}", "a", INT, DUB_JSON_REQUIRED, "a: not an integer" },
    { "int-high", "{\"a\":3}", "a", INT, DUB_JSON_REQUIRED, "a: 3 is not within 1 and 2" },
    { "int-low", "{\"a\":-1}", "a", INT, DUB_JSON_REQUIRED, "a: -1 is not within 1 and 2" },
    { "int-bool", "{\"a\":true}", "a", INT, DUB_JSON_REQUIRED, "a: not an integer" },
    { "double", "{\"a\":2}", "a", DOUBLE, DUB_JSON_REQUIRED, NULL },
    { "double-string", "{\"a\":\"2\"}", "a", DOUBLE, DUB_JSON_REQUIRED, "a: not a number" },
    { "bool", "{\"a\":true}", "a", BOOL, DUB_JSON_REQUIRED, NULL },
    { "bool-number", "{\"a\":1}", "a", BOOL, DUB_JSON_REQUIRED, "a: not true or false" },
    { "object", "{\"a\":{}}", "a", OBJECT, DUB_JSON_REQUIRED, NULL },
    { "object-array", "{\"a\":[]}", "a", OBJECT, DUB_JSON_REQUIRED, "a: not an object" },
    { "array", "{\"a\":[]}", "a", ARRAY, DUB_JSON_REQUIRED, NULL },
    { "array-object", "{\"a\":{}}", "a", ARRAY, DUB_JSON_REQUIRED, "a: not an array" },
};

static bool get(const DubJson *root, const GetCase *c, GError **error)
{
    const char *string = NULL;
    const DubJson *value = NULL;
    int64_t number = 1;
    double real = 1;
    bool flag = false;
    switch (c->kind) {
    case STRING: return dub_json_get_string(root, c->path, c->need, &string, error);
    case INT: return dub_json_get_int(root, c->path, c->need, 1, 2, &number, error);
    case DOUBLE: return dub_json_get_double(root, c->path, c->need, &real, error);
    case BOOL: return dub_json_get_bool(root, c->path, c->need, &flag, error);
    case OBJECT: return dub_json_get_object(root, c->path, c->need, &value, error);
    case ARRAY: return dub_json_get_array(root, c->path, c->need, &value, error);
    }
    return false;
}

static void test_get(const void *data)
{
    const GetCase *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubJson) root = dub_json_parse(c->text, strlen(c->text), &error);
    g_assert_no_error(error);
    const bool ok = get(root, c, &error);
    g_assert_cmpstr(error ? error->message : NULL, ==, c->error);
    g_assert_true(ok == !c->error);
}

/* Socket.IO's reader, unlike dub_json_parse(), lets it through. */
static void test_get_string_with_nul(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubJson) root = json_pack("{s:s%}", "a", "x\0y", (size_t) 3);
    const char *string = NULL;
    g_assert_false(dub_json_get_string(root, "a", DUB_JSON_OPTIONAL, &string, &error));
    g_assert_cmpstr(error->message, ==, "a: holds a NUL character");
    g_assert_null(string);
}

static void test_get_values(void)
{
    static const char text[] = "{\"s\":\"x\",\"c\":{\"i\":7.0,\"d\":2,\"b\":true}}";
    g_autoptr(DubJson) root = dub_json_parse(text, strlen(text), NULL);
    const char *string = NULL;
    int64_t number = 5, kept = 5;
    double real = 0;
    bool flag = false;
    g_assert_true(dub_json_get_string(root, "s", DUB_JSON_REQUIRED, &string, NULL));
    g_assert_true(dub_json_get_int(root, "c.i", DUB_JSON_REQUIRED, 0, 10, &number, NULL));
    g_assert_true(dub_json_get_int(root, "c.none", DUB_JSON_OPTIONAL, 0, 1, &kept, NULL));
    g_assert_true(dub_json_get_double(root, "c.d", DUB_JSON_REQUIRED, &real, NULL));
    g_assert_true(dub_json_get_bool(root, "c.b", DUB_JSON_REQUIRED, &flag, NULL));
    g_assert_cmpstr(string, ==, "x");
    g_assert_cmpint(number, ==, 7);
    g_assert_cmpint(kept, ==, 5);
    g_assert_cmpfloat(real, ==, 2);
    g_assert_true(flag);
}

static void test_nothing(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_json_parse(NULL, 0, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(parse_cases); i++) {
        g_autofree char *path = g_strdup_printf("/base/json/parse/%s", parse_cases[i].name);
        g_test_add_data_func(path, &parse_cases[i], test_parse);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(get_cases); i++) {
        g_autofree char *path = g_strdup_printf("/base/json/get/%s", get_cases[i].name);
        g_test_add_data_func(path, &get_cases[i], test_get);
    }
    g_test_add_func("/base/json/parse-needs-no-terminator", test_parse_needs_no_terminator);
    g_test_add_func("/base/json/get-values", test_get_values);
    g_test_add_func("/base/json/get-values-with-nul", test_get_string_with_nul);
    g_test_add_func("/base/json/nothing", test_nothing);
    return g_test_run();
}
