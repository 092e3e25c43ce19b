/* unit/apps/test-airdub-probe.c: what sts-probe counts its times with, and what its options accept. */
#include "airdub/probe-options.h"
#include "airdub/probe-times.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- times ---- */

typedef struct {
    const char *name;
    double from_ms, to_ms; /* evenly spread on a logarithmic scale */
    guint n;
} SpreadCase;

static const SpreadCase spreads[] = {
    { "one", 3, 3, 1 },        { "two", 1, 1000, 2 },           { "microseconds", 0.001, 0.2, 1000 },
    { "acks", 0.1, 20, 5000 }, { "fragments", 100, 8000, 999 }, { "an-hour", 0.001, 4.2e6, 10000 },
};

/* The nearest rank: what is left is a bin's half width, and the rounding to a microsecond. */
static void test_quantiles(const void *data)
{
    static const double shares[] = { 0, 0.01, 0.5, 0.95, 0.99, 1 };
    const SpreadCase *c = data;
    g_autofree ProbeTimes *times = g_new0(ProbeTimes, 1);
    g_autofree double *values = g_new(double, c->n);
    for (guint i = 0; i < c->n; i++)
        values[i] = c->from_ms * pow(c->to_ms / c->from_ms, c->n > 1 ? (double) i / (c->n - 1) : 0);
    for (guint i = 0; i < c->n; i++)
        probe_times_add(times, values[(i * 7919ull) % c->n]); /* in no order */
    for (gsize i = 0; i < G_N_ELEMENTS(shares); i++) {
        const double exact = values[(guint) fmax(ceil(shares[i] * c->n), 1) - 1];
        g_assert_cmpfloat_with_epsilon(probe_times_quantile_ms(times, shares[i]), exact, exact * 0.008 + 0.0005);
    }
    g_assert_cmpfloat(probe_times_quantile_ms(times, 0), ==, times->min_ms);
    g_assert_cmpfloat(probe_times_quantile_ms(times, 1), ==, times->max_ms);
}

static void test_no_times(void)
{
    g_autofree ProbeTimes *times = g_new0(ProbeTimes, 1);
    g_autoptr(GArray) bars = probe_times_bars(times);
    g_assert_cmpfloat(probe_times_quantile_ms(times, 0.5), ==, 0);
    g_assert_cmpfloat(probe_times_mean_ms(times), ==, 0);
    g_assert_cmpuint(bars->len, ==, 0);
}

/* The extremes are clamped into the first and the last bin, and counted. */
static void test_extremes(void)
{
    g_autofree ProbeTimes *times = g_new0(ProbeTimes, 1);
    probe_times_add(times, -5);
    probe_times_add(times, 1e12);
    g_assert_cmpuint(times->n, ==, 2);
    g_assert_cmpuint(times->bins[0], ==, 1);
    g_assert_cmpfloat(times->min_ms, ==, 0);
    g_assert_cmpfloat(times->max_ms, ==, 1e12);
}

static void test_bars(void)
{
    static const double values_ms[] = { 0.7, 0.8, 3, 12, 12, 12, 49 };
    static const ProbeBar wanted[] = { { 1, 2 }, { 2, 0 }, { 5, 1 }, { 10, 0 }, { 20, 3 }, { 50, 1 } };
    g_autofree ProbeTimes *times = g_new0(ProbeTimes, 1);
    for (gsize i = 0; i < G_N_ELEMENTS(values_ms); i++)
        probe_times_add(times, values_ms[i]);
    g_autoptr(GArray) bars = probe_times_bars(times);
    g_assert_cmpuint(bars->len, ==, G_N_ELEMENTS(wanted));
    for (guint i = 0; i < bars->len; i++) {
        const ProbeBar *bar = &g_array_index(bars, ProbeBar, i);
        g_assert_cmpfloat_with_epsilon(bar->to_ms, wanted[i].to_ms, 1e-9 * wanted[i].to_ms);
        g_assert_cmpuint(bar->n, ==, wanted[i].n);
    }
}

/* ---- options ---- */

typedef struct {
    const char *name, *words; /* after URL and FILE */
    const char *says;         /* NULL: accepted */
} OptionCase;

static const OptionCase options[] = {
    { "none", "", NULL },
    { "all",
      "--streams 32 --window 10 --fragments 7 --rate 0.5 --segment 2 --timeout 30 --from en --to fr --namespace /sts",
      NULL },
    { "repeat", "--repeat 3 --realtime", NULL },
    { "no-streams", "--streams 0", "--streams" },
    { "many-streams", "--streams 1001", "--streams" },
    { "window-of-11", "--window 11", "--window" },
    { "window-of-0", "--window 0", "--window" },
    { "negative-fragments", "--fragments=-1", "--fragments" },
    { "no-repeat", "--repeat 0", "--repeat" },
    { "negative-rate", "--rate=-2", "--rate" },
    { "rate-no-number", "--rate fast", "fast" },
    { "rate-nan", "--rate nan", "--rate" },
    { "short-timeout", "--timeout 0.5", "--timeout" },
    { "long-timeout", "--timeout 31", "--timeout" },
    { "segment", "--segment 0.1", "--segment" },
    { "two-paces", "--rate 1 --realtime", "--realtime" },
    { "two-lengths", "--fragments 5 --repeat 2", "--repeat" },
    { "namespace", "--namespace sts", "--namespace" },
    { "path", "--path ws/sts", "--path" },
    { "languages", "--to en", "--to" },
};

static bool parse(ProbeOptions *self, const char *words, char **environment, GError **error)
{
    g_autofree char *line = g_strconcat("sts-probe http://localhost:3000 clip.mp4 ", words, NULL);
    g_auto(GStrv) argv = NULL;
    int argc = 0;
    g_assert_true(g_shell_parse_argv(line, &argc, &argv, NULL));
    return probe_options_parse(self, argc, argv, environment, error);
}

static void test_options(const void *data)
{
    const OptionCase *c = data;
    ProbeOptions self;
    g_autoptr(GError) error = NULL;
    g_assert_true(parse(&self, c->words, NULL, &error) == !c->says);
    g_assert_true(!c->says ||
                  (g_error_matches(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT) && strstr(error->message, c->says)));
    probe_options_clear(&self);
}

static void test_key(void)
{
    char *environment[] = { (char *) "STS_API_KEY=from-the-environment", NULL };
    ProbeOptions self;
    g_assert_true(parse(&self, "", environment, NULL));
    g_assert_cmpstr(self.key, ==, "from-the-environment");
    probe_options_clear(&self);
    g_assert_true(parse(&self, "--key given", environment, NULL));
    g_assert_cmpstr(self.key, ==, "given");
    probe_options_clear(&self);

    char *no_file[] = { (char *) "STS_API_KEY_FILE=/nowhere", NULL };
    g_autoptr(GError) error = NULL;
    g_assert_false(parse(&self, "", no_file, &error));
    g_assert_nonnull(strstr(error->message, "STS_API_KEY_FILE: /nowhere"));
    probe_options_clear(&self);
}

#define ADD(cases, prefix, func)                                                               \
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {                                          \
        g_autofree char *path = g_strconcat("/airdub/probe/" prefix "/", cases[i].name, NULL); \
        g_test_add_data_func(path, &cases[i], func);                                           \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD(spreads, "quantiles", test_quantiles)
    g_test_add_func("/airdub/probe/no-times", test_no_times);
    g_test_add_func("/airdub/probe/extremes", test_extremes);
    g_test_add_func("/airdub/probe/bars", test_bars);
    ADD(options, "options", test_options)
    g_test_add_func("/airdub/probe/key", test_key);
    return g_test_run();
}
