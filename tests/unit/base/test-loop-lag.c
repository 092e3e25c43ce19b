/* A loop that is busy is seen to be late. */
#include "base/loop-lag.h"

#include <stdlib.h>
#include <string.h>

static const DubMetricSpec specs[] = {
    { "test_loop_lag_seconds", DUB_METRIC_HISTOGRAM, DUB_LOOP_LAG_HELP, NULL, dub_loop_lag_buckets },
};

static unsigned count(DubMetrics *metrics, const char *bucket)
{
    g_autofree char *text = dub_metrics_to_text(metrics);
    g_autofree char *line = g_strdup_printf("test_loop_lag_seconds_%s ", bucket);
    const char *found = strstr(text, line);
    g_assert_nonnull(found);
    return (unsigned) atoi(found + strlen(line));
}

static gboolean on_busy(G_GNUC_UNUSED void *data)
{
    g_usleep(300 * 1000); /* what is measured: a callback that takes its time */
    return G_SOURCE_REMOVE;
}

static void test_busy(void)
{
    g_autoptr(DubMetrics) metrics = dub_metrics_new(specs, 1);
    DubLoopLag *lag = dub_loop_lag_new(metrics, 0);
    g_timeout_add(20, on_busy, NULL);
    while (count(metrics, "count") < 1)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(count(metrics, "bucket{le=\"0.1\"}"), ==, 0); /* 100 ms were due, 320 it took */
    while (count(metrics, "count") < 3)
        g_main_context_iteration(NULL, TRUE);
    dub_loop_lag_free(lag);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    g_assert_cmpuint(count(metrics, "count"), ==, 3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/loop-lag/busy", test_busy);
    return g_test_run();
}
