/* unit/apps/test-airdub-choice.c: what the shared options accept. */
#include "airdub/dub-choice.h"

#include "base/error.h"

#include <math.h>

typedef struct {
    const char *name, *text;
    double gain; /* -1: refused */
} BedCase;

static const BedCase beds[] = {
    { "off", "off", 0 },      { "zero", "0", 1 },   { "minus-20", "-20", 0.1 }, { "minus-6", "-6", 0.501 },
    { "word", "loud", -1 },   { "empty", "", -1 },  { "unit", "-18dB", -1 },    { "too-loud", "0.5", -1 },
    { "too-low", "-61", -1 }, { "nan", "nan", -1 }, { "infinite", "inf", -1 },
};

static void test_bed(const void *data)
{
    const BedCase *c = data;
    double gain = -1;
    g_autoptr(GError) error = NULL;
    g_assert_true(choice_parse_bed(c->text, &gain, &error) == (c->gain >= 0));
    g_assert_true(c->gain >= 0 ? !error : g_error_matches(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT));
    g_assert_cmpfloat_with_epsilon(gain, c->gain, 0.001);
}

typedef struct {
    const char *name, *from, *to;
    bool good;
} LanguageCase;

static const LanguageCase languages[] = {
    { "en-es", "en", "es", true },       { "three-letters", "eng", "spa", true },
    { "same", "en", "en", false },       { "upper", "EN", "es", false },
    { "empty", "", "es", false },        { "long", "english", "es", false },
    { "option", "--json", "es", false }, { "path", "../", "es", false },
};

static void test_languages(const void *data)
{
    const LanguageCase *c = data;
    g_autoptr(GError) error = NULL;
    g_assert_true(choice_check_languages(c->from, c->to, &error) == c->good);
    g_assert_true(c->good == !error);
}

typedef struct {
    const char *name, *id;
    bool good;
} IdCase;

static const IdCase ids[] = {
    { "plain", "main", true },
    { "all-kinds", "A-z_9", true },
    { "empty", "", false },
    { "slash", "a/b", false },
    { "space", "a b", false },
    { "dots", "..", false },
    { "too-long", "0123456789012345678901234567890123456789012345678901234567890123x", false },
};

static void test_stream_id(const void *data)
{
    const IdCase *c = data;
    g_autoptr(GError) error = NULL;
    g_assert_true(choice_check_stream_id(c->id, &error) == c->good);
    g_assert_true(c->good == !error);
}

static void test_segment(void)
{
    g_assert_true(choice_check_segment(6, NULL));
    g_assert_false(choice_check_segment(0.5, NULL));
    g_assert_false(choice_check_segment(31, NULL));
    g_assert_false(choice_check_segment(NAN, NULL));
}

#define ADD(cases, prefix, func)                                                                \
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {                                           \
        g_autofree char *path = g_strconcat("/airdub/choice/" prefix "/", cases[i].name, NULL); \
        g_test_add_data_func(path, &cases[i], func);                                            \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD(beds, "bed", test_bed)
    ADD(languages, "languages", test_languages)
    ADD(ids, "stream-id", test_stream_id)
    g_test_add_func("/airdub/choice/segment", test_segment);
    return g_test_run();
}
