/* tests/unit/media/test-dts-maker.c: decoding times from the order of the pictures. Times in milliseconds. */
#include "media/dts-maker.h"

#define MAX_UNITS 64

typedef struct {
    const char *name;
    int pts[MAX_UNITS]; /* in decode order, ended by -1 */
    int dts[MAX_UNITS]; /* what must come out; first -9999: only the rules are checked, and that all but two keep their
                           PTS */
} Case;

static const Case cases[] = {
    { "no-reordering", { 0, 40, 80, 120, -1 }, { 0, 40, 80, 120 } },
    { "one-unit", { 40, -1 }, { 40 } },
    { "one-b-frame", { 0, 80, 40, 160, 120, -1 }, { -40, 0, 40, 80, 120 } },
    { "pyramid", { 0, 160, 80, 40, 120, 320, 240, 200, 280, -1 }, { -80, -40, 0, 40, 80, 120, 160, 200, 240 } },
    { "starts-late", { 1000, 1080, 1040, -1 }, { 960, 1000, 1040 } },
    { "starts-again", { 9000, 9080, 9040, 0, 80, 40, -1 }, { 8960, 9000, 9040, -40, 0, 40 } },
    { "deeper-later",
      { 0,   40,  80,  120, 160, 200, 240, 280, 320, 360, 400, 440,  480, 520,
        560, 600, 640, 680, 800, 760, 720, 840, 960, 920, 880, 1000, -1 },
      { -9999 } },
};

static void on_unit(DubAccessUnit *unit, void *user_data)
{
    GArray *out = user_data;
    const int64_t times[] = { unit->pts_ns / DUB_NS_PER_MS, unit->dts_ns, unit->dts_ns <= unit->pts_ns };
    g_array_append_vals(out, times, 3);
    dub_access_unit_free(unit);
}

static void test_case(const void *data)
{
    const Case *c = data;
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autoptr(DubDtsMaker) maker = dub_dts_maker_new(false, on_unit, out);
    guint n = 0;
    for (; c->pts[n] != -1; n++)
        dub_dts_maker_push(maker, dub_access_unit_new(gst_buffer_new(), c->pts[n] * DUB_NS_PER_MS, DUB_TIME_NONE));
    dub_dts_maker_flush(maker);

    g_assert_cmpuint(out->len, ==, n * 3);
    guint n_moved = 0;
    for (guint i = 0; i < n; i++) {
        n_moved += g_array_index(out, int64_t, i * 3) != c->pts[i];
        g_assert_true(g_array_index(out, int64_t, i * 3 + 2)); /* never after the PTS */
        if (c->dts[0] != -9999)
            g_assert_cmpint(g_array_index(out, int64_t, i * 3 + 1), ==, c->dts[i] * DUB_NS_PER_MS);
        else if (i)
            g_assert_cmpint(g_array_index(out, int64_t, i * 3 + 1), >, g_array_index(out, int64_t, i * 3 - 2));
    }
    g_assert_cmpuint(n_moved, ==, c->dts[0] == -9999 ? 2 : 0);
}

static void test_waits_no_longer_than_it_must(void)
{
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autoptr(DubDtsMaker) maker = dub_dts_maker_new(false, on_unit, out);
    for (int i = 0; i < 3 * DUB_DTS_LEARN_UNITS; i++) {
        dub_dts_maker_push(maker, dub_access_unit_new(gst_buffer_new(), i * 40 * DUB_NS_PER_MS, DUB_TIME_NONE));
        g_assert_cmpuint(out->len, ==, i + 1 < DUB_DTS_LEARN_UNITS ? 0 : 3 * ((guint) i + 1));
    }
}

typedef struct {
    const char *name;
    int pts[MAX_UNITS], dts[MAX_UNITS]; /* as the container has them; pts ended by -1 */
    int expected[MAX_UNITS];            /* in microseconds */
} KeepCase;

static const KeepCase keep_cases[] = {
    { "good", { 0, 80, 40, 160, 120, -1 }, { -40, 0, 40, 80, 120 }, { -40000, 0, 40000, 80000, 120000 } },
    { "equal-at-first", { 0, 160, 80, 40, 120, -1 }, { 0, 0, 0, 40, 80 }, { 0, 1, 2, 40000, 80000 } },
    { "after-the-pts", { 0, 80, 40, 160, 120, -1 }, { 0, 40, 80, 120, 160 }, { -40000, 0, 40000, 80000, 120000 } },
    { "backwards", { 0, 80, 40, 160, 120, -1 }, { -40, 0, -20, 80, 120 }, { -40000, 0, 40000, 80000, 120000 } },
};

static void test_keep(const void *data)
{
    const KeepCase *c = data;
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autoptr(DubDtsMaker) maker = dub_dts_maker_new(true, on_unit, out);
    guint n = 0;
    for (; c->pts[n] != -1; n++)
        dub_dts_maker_push(maker,
                           dub_access_unit_new(gst_buffer_new(), c->pts[n] * DUB_NS_PER_MS, c->dts[n] * DUB_NS_PER_MS));
    dub_dts_maker_flush(maker);
    g_assert_cmpuint(out->len, ==, n * 3);
    for (guint i = 0; i < n; i++) {
        g_assert_cmpint(g_array_index(out, int64_t, i * 3), ==, c->pts[i]);
        g_assert_cmpint(g_array_index(out, int64_t, i * 3 + 1), ==, c->expected[i] * DUB_NS_PER_US);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    gst_init(NULL, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/media/dts-maker/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(keep_cases); i++) {
        g_autofree char *path = g_strdup_printf("/media/dts-maker/keep/%s", keep_cases[i].name);
        g_test_add_data_func(path, &keep_cases[i], test_keep);
    }
    g_test_add_func("/media/dts-maker/waits-no-longer-than-it-must", test_waits_no_longer_than_it_must);
    return g_test_run();
}
