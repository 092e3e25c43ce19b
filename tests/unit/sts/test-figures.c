/* Unit tests of sts/stats and sts/pressure. */
#include "sts/pressure.h"
#include "sts/stats.h"

#include <math.h>

static void test_stats_empty(void)
{
    const DubStsStats stats = { 0 };
    g_assert_cmpfloat(dub_sts_stats_average_ms(&stats), ==, 0);
    g_assert_cmpfloat(dub_sts_stats_p95_ms(&stats), ==, 0);
}

static void test_stats_nearest_rank(void)
{
    static const struct {
        unsigned n;
        double p95;
    } rows[] = { { 1, 1 }, { 2, 2 }, { 19, 19 }, { 20, 19 }, { 21, 20 }, { 100, 95 }, { 1000, 950 } };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        DubStsStats stats = { 0 };
        for (unsigned value = rows[i].n; value > 0; value--)
            dub_sts_stats_add_time(&stats, value);
        g_assert_cmpfloat(dub_sts_stats_p95_ms(&stats), ==, rows[i].p95);
        g_assert_cmpfloat(dub_sts_stats_average_ms(&stats), ==, (rows[i].n + 1) / 2.0);
    }
}

static void test_stats_keep_the_newest(void)
{
    DubStsStats stats = { 0 };
    for (unsigned i = 0; i < 3 * DUB_STS_STATS_SAMPLES; i++)
        dub_sts_stats_add_time(&stats, i < 2 * DUB_STS_STATS_SAMPLES ? 1000 : 10);
    g_assert_cmpfloat(dub_sts_stats_p95_ms(&stats), ==, 10);
    g_assert_cmpfloat(dub_sts_stats_average_ms(&stats), ==, 670); /* the mean is of all */
}

static void test_pressure_full(void)
{
    for (guint n = 0; n <= 10; n++) {
        const DubStsPressureLevel expected = n >= 7   ? DUB_STS_PRESSURE_HIGH
                                             : n >= 4 ? DUB_STS_PRESSURE_MEDIUM
                                                      : DUB_STS_PRESSURE_LOW;
        g_assert_cmpint(dub_sts_pressure_level(&dub_sts_thresholds_full, n), ==, expected);
    }
}

static void test_pressure_fractions(void)
{
    const DubStsThresholds echo = { 0.5 * 10, 0.7 * 10, 0.9 * 10 };
    g_assert_cmpint(dub_sts_pressure_level(&echo, 4), ==, DUB_STS_PRESSURE_REST);
    g_assert_cmpint(dub_sts_pressure_level(&echo, 5), ==, DUB_STS_PRESSURE_LOW);
    g_assert_cmpint(dub_sts_pressure_level(&echo, 7), ==, DUB_STS_PRESSURE_MEDIUM);
    g_assert_cmpint(dub_sts_pressure_level(&echo, 9), ==, DUB_STS_PRESSURE_HIGH);
}

static void test_pressure_news(void)
{
    g_assert_true(dub_sts_pressure_is_news(DUB_STS_PRESSURE_REST, DUB_STS_PRESSURE_LOW));
    g_assert_false(dub_sts_pressure_is_news(DUB_STS_PRESSURE_LOW, DUB_STS_PRESSURE_REST));
    g_assert_true(dub_sts_pressure_is_news(DUB_STS_PRESSURE_HIGH, DUB_STS_PRESSURE_REST));
    g_assert_true(dub_sts_pressure_is_news(DUB_STS_PRESSURE_MEDIUM, DUB_STS_PRESSURE_HIGH));
    g_assert_false(dub_sts_pressure_is_news(DUB_STS_PRESSURE_HIGH, DUB_STS_PRESSURE_HIGH));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sts/stats/empty", test_stats_empty);
    g_test_add_func("/sts/stats/nearest-rank", test_stats_nearest_rank);
    g_test_add_func("/sts/stats/keep-the-newest", test_stats_keep_the_newest);
    g_test_add_func("/sts/pressure/full", test_pressure_full);
    g_test_add_func("/sts/pressure/fractions", test_pressure_fractions);
    g_test_add_func("/sts/pressure/news", test_pressure_news);
    return g_test_run();
}
