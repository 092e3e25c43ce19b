/* Tests of base/secret: what opens and what does not. */
#include "base/secret.h"

#include <string.h>

typedef struct {
    const char *name, *sent;
    bool opens;
} Case;

static const Case cases[] = {
    { "the-same", "word", true }, { "nothing", NULL, false },   { "empty", "", false },
    { "prefix", "wor", false },   { "longer", "words", false }, { "case", "Word", false },
};

static void test_is(const void *data)
{
    const Case *c = data;
    g_assert_cmpint(dub_secret_is(c->sent, "word"), ==, c->opens);
}

static void test_too_long(void)
{
    g_autofree char *wanted = g_strnfill(DUB_SECRET_MOST_BYTES + 1, 'x');
    g_assert_false(dub_secret_is(wanted, wanted));
    wanted[DUB_SECRET_MOST_BYTES] = '\0';
    g_assert_true(dub_secret_is(wanted, wanted));
}

static void test_draw(void)
{
    g_autofree char *first = dub_secret_draw(), *second = dub_secret_draw();
    g_assert_cmpuint(strlen(first), ==, 16);
    g_assert_cmpuint(strspn(first, "0123456789abcdef"), ==, 16);
    g_assert_cmpstr(first, !=, second);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/base/secret/is/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_is);
    }
    g_test_add_func("/base/secret/too-long", test_too_long);
    g_test_add_func("/base/secret/draw", test_draw);
    return g_test_run();
}
