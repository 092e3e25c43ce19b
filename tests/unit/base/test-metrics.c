/* Unit tests of base/metrics; what promtool thinks of the text is asked where it is installed. */
#include "base/metrics.h"

#include <gio/gio.h>
#include <string.h>

enum { STREAMS, ERRORS, LATENCY, FLOW };
static const double bounds[] = { 0.5, 1, 2, 0 };
static const DubMetricSpec specs[] = {
    [STREAMS] = { "test_streams", DUB_METRIC_GAUGE, "Streams now.", NULL, NULL },
    [ERRORS] = { "test_errors_total", DUB_METRIC_COUNTER, "Errors \\ by kind\nand stream.", "stream_id,kind", NULL },
    [LATENCY] = { "test_latency_seconds", DUB_METRIC_HISTOGRAM, "How long.", NULL, bounds },
    [FLOW] = { "test_flow_seconds", DUB_METRIC_HISTOGRAM, "How long, by stream.", "stream_id", bounds },
};

static void assert_has(DubMetrics *metrics, const char *line)
{
    g_autofree char *text = dub_metrics_to_text(metrics);
    g_autofree char *framed = g_strconcat("\n", text, NULL);
    g_autofree char *wanted = g_strconcat("\n", line, "\n", NULL);
    if (!strstr(framed, wanted))
        g_error("no line '%s' in:\n%s", line, text);
}

static void test_empty(void)
{
    g_autoptr(DubMetrics) metrics = dub_metrics_new(specs, G_N_ELEMENTS(specs));
    g_autofree char *text = dub_metrics_to_text(metrics);
    assert_has(metrics, "test_streams 0");
    assert_has(metrics, "test_latency_seconds_bucket{le=\"+Inf\"} 0");
    assert_has(metrics, "test_latency_seconds_count 0");
    g_assert_null(strstr(text, "test_errors_total")); /* no child yet */
}

static void test_counter_and_gauge(void)
{
    g_autoptr(DubMetrics) metrics = dub_metrics_new(specs, G_N_ELEMENTS(specs));
    dub_metrics_add(metrics, STREAMS, 3, NULL);
    dub_metrics_add(metrics, STREAMS, -1, NULL);
    assert_has(metrics, "test_streams 2");
    dub_metrics_set(metrics, STREAMS, 0.1, NULL);
    assert_has(metrics, "test_streams 0.1");
    dub_metrics_add(metrics, ERRORS, 1, "a", "io", NULL);
    dub_metrics_add(metrics, ERRORS, 2, "a", "io", NULL);
    assert_has(metrics, "test_errors_total{stream_id=\"a\",kind=\"io\"} 3");
}

static void test_histogram(void)
{
    static const double values[] = { 0.5, 0.6, 1.5, 100 };
    g_autoptr(DubMetrics) metrics = dub_metrics_new(specs, G_N_ELEMENTS(specs));
    for (gsize i = 0; i < G_N_ELEMENTS(values); i++)
        dub_metrics_observe(metrics, FLOW, values[i], "a", NULL);
    assert_has(metrics, "test_flow_seconds_bucket{stream_id=\"a\",le=\"0.5\"} 1"); /* a bound is inclusive */
    assert_has(metrics, "test_flow_seconds_bucket{stream_id=\"a\",le=\"1\"} 2");
    assert_has(metrics, "test_flow_seconds_bucket{stream_id=\"a\",le=\"2\"} 3");
    assert_has(metrics, "test_flow_seconds_bucket{stream_id=\"a\",le=\"+Inf\"} 4");
    assert_has(metrics, "test_flow_seconds_sum{stream_id=\"a\"} 102.6");
    assert_has(metrics, "test_flow_seconds_count{stream_id=\"a\"} 4");
}

static void test_labels_are_escaped(void)
{
    g_autoptr(DubMetrics) metrics = dub_metrics_new(specs, G_N_ELEMENTS(specs));
    dub_metrics_add(metrics, ERRORS, 1, "a\"b\\c\nd", "\xff", NULL);
    assert_has(metrics, "test_errors_total{stream_id=\"a\\\"b\\\\c\\nd\",kind=\"\xef\xbf\xbd\"} 1");
    assert_has(metrics, "# HELP test_errors_total Errors \\\\ by kind\\nand stream.");
}

static void test_remove(void)
{
    g_autoptr(DubMetrics) metrics = dub_metrics_new(specs, G_N_ELEMENTS(specs));
    dub_metrics_add(metrics, ERRORS, 1, "a", "io", NULL);
    dub_metrics_add(metrics, ERRORS, 1, "b", "a", NULL);
    dub_metrics_observe(metrics, FLOW, 1, "a", NULL);
    dub_metrics_remove(metrics, "stream_id", "a");
    g_autofree char *text = dub_metrics_to_text(metrics);
    g_assert_null(strstr(text, "stream_id=\"a\""));
    assert_has(metrics, "test_errors_total{stream_id=\"b\",kind=\"a\"} 1");
}

static void test_children_are_bounded(void)
{
    g_autoptr(DubMetrics) metrics = dub_metrics_new(specs, G_N_ELEMENTS(specs));
    for (guint i = 0; i < 5000; i++) {
        g_autofree char *id = g_strdup_printf("%u", i);
        dub_metrics_add(metrics, ERRORS, 1, id, "io", NULL);
    }
    assert_has(metrics, "test_errors_total{stream_id=\"4095\",kind=\"io\"} 1");
    g_autofree char *text = dub_metrics_to_text(metrics);
    g_assert_null(strstr(text, "stream_id=\"4096\""));
}

static void *add_many(void *data)
{
    for (guint i = 0; i < 20000; i++)
        dub_metrics_add(data, STREAMS, 1, NULL);
    return NULL;
}

static void test_threads(void)
{
    g_autoptr(DubMetrics) metrics = dub_metrics_new(specs, G_N_ELEMENTS(specs));
    GThread *threads[3];
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("adder", add_many, metrics);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    assert_has(metrics, "test_streams 60000");
}

static void test_promtool(void)
{
    g_autofree char *promtool = g_find_program_in_path("promtool");
    if (!promtool) {
        g_test_skip("promtool is not installed");
        return;
    }
    g_autoptr(DubMetrics) metrics = dub_metrics_new(specs, G_N_ELEMENTS(specs));
    dub_metrics_add(metrics, ERRORS, 1, "a\"b\\c\nd", "io", NULL);
    dub_metrics_observe(metrics, FLOW, 0.3, "a", NULL);
    g_autofree char *text = dub_metrics_to_text(metrics);
    g_autofree char *output = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) process = g_subprocess_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                                          G_SUBPROCESS_FLAGS_STDERR_MERGE,
                                                      &error, promtool, "check", "metrics", NULL);
    g_assert_no_error(error);
    g_assert_true(g_subprocess_communicate_utf8(process, text, NULL, &output, NULL, &error));
    g_assert_cmpstr(output, ==, "");
    g_assert_cmpint(g_subprocess_get_exit_status(process), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/metrics/empty", test_empty);
    g_test_add_func("/base/metrics/counter-and-gauge", test_counter_and_gauge);
    g_test_add_func("/base/metrics/histogram", test_histogram);
    g_test_add_func("/base/metrics/labels-are-escaped", test_labels_are_escaped);
    g_test_add_func("/base/metrics/remove", test_remove);
    g_test_add_func("/base/metrics/children-are-bounded", test_children_are_bounded);
    g_test_add_func("/base/metrics/threads", test_threads);
    g_test_add_func("/base/metrics/promtool", test_promtool);
    return g_test_run();
}
