/* Where phrases go and how fast they are spoken: tables, in milliseconds. */
#include "speech/fit.h"

#include "base/clock.h"

#define MS(x)        ((x) *DUB_NS_PER_MS)
#define PHRASES_MOST 3

typedef struct {
    const char *name;
    int fragment_ms;
    int start_ms[PHRASES_MOST], dub_ms[PHRASES_MOST]; /* a dub of 0 ends the list */
    int place_ms[PHRASES_MOST];
    double tempo;
    int end_ms;
    DubFitVerdict verdict;
} Case;

static const Case cases[] = {
    { "nothing", 6000, { 0 }, { 0 }, { 0 }, 1.0, 0, DUB_FIT_GOOD },
    { "fits", 6000, { 500 }, { 4000 }, { 500 }, 1.0, 4500, DUB_FIT_GOOD },
    { "fits-exactly", 6000, { 500 }, { 5500 }, { 500 }, 1.0, 6000, DUB_FIT_GOOD },
    { "uses-silence-after", 6000, { 200 }, { 5700 }, { 200 }, 1.0, 5900, DUB_FIT_GOOD },
    { "starts-earlier", 6000, { 500 }, { 5700 }, { 300 }, 1.0, 6000, DUB_FIT_GOOD },
    { "earlier-only-by-250", 6000, { 500 }, { 5751 }, { 306 }, 1.01, 6000, DUB_FIT_GOOD },
    { "not-before-the-fragment", 6000, { 100 }, { 6000 }, { 0 }, 1.0, 6000, DUB_FIT_GOOD },
    { "a-little-faster", 6000, { 0 }, { 6600 }, { 0 }, 1.1, 6000, DUB_FIT_GOOD },
    { "as-fast-as-allowed", 6000, { 0 }, { 8400 }, { 0 }, 1.4, 6000, DUB_FIT_GOOD },
    { "overlong-good", 6000, { 0 }, { 9000 }, { 0 }, 1.4, 6429, DUB_FIT_GOOD },
    { "overlong-partial", 6000, { 0 }, { 9800 }, { 0 }, 1.4, 7000, DUB_FIT_PARTIAL },
    { "overlong-partial-most", 6000, { 0 }, { 10080 }, { 0 }, 1.4, 7200, DUB_FIT_PARTIAL },
    { "overlong", 6000, { 0 }, { 10100 }, { 0 }, 1.4, 7214, DUB_FIT_TOO_LONG },
    { "two-as-said", 6000, { 200, 3000 }, { 1500, 2000 }, { 200, 3000 }, 1.0, 5000, DUB_FIT_GOOD },
    { "second-pushed-later", 6000, { 200, 2000 }, { 2000, 2000 }, { 200, 2280 }, 1.0, 4280, DUB_FIT_GOOD },
    { "second-pulled-earlier", 6000, { 200, 4000 }, { 1500, 2100 }, { 200, 3900 }, 1.0, 6000, DUB_FIT_GOOD },
    { "both-pulled-earlier", 6000, { 500, 3000 }, { 2500, 3070 }, { 350, 2930 }, 1.0, 6000, DUB_FIT_GOOD },
    { "merged-at-the-end", 6000, { 0, 5000 }, { 1000, 3000 }, { 0, 3600 }, 1.25, 6000, DUB_FIT_GOOD },
    { "three-overlong", 3000, { 0, 1000, 2000 }, { 2800, 2800, 2800 }, { 0, 2080, 4160 }, 1.4, 6160, DUB_FIT_TOO_LONG },
};

static void test_plan(const void *data)
{
    const Case *c = data;
    DubFitPhrase phrases[PHRASES_MOST] = { { 0 } };
    gsize n = 0;
    while (n < PHRASES_MOST && c->dub_ms[n]) {
        phrases[n].start_ns = MS(c->start_ms[n]);
        phrases[n].dub_ns = MS(c->dub_ms[n]);
        n++;
    }
    const DubFitPlan plan = dub_fit_plan(phrases, n, MS(c->fragment_ms), DUB_FIT_TEMPO_MOST);
    g_assert_cmpint(plan.verdict, ==, c->verdict);
    g_assert_cmpfloat_with_epsilon(plan.tempo, c->tempo, 0.001);
    g_assert_cmpint((plan.end_ns + MS(1) / 2) / MS(1), ==, c->end_ms);
    for (gsize i = 0; i < n; i++) {
        g_assert_cmpfloat_with_epsilon(phrases[i].tempo, c->tempo, 0.001);
        g_assert_cmpint((phrases[i].place_ns + MS(1) / 2) / MS(1), ==, c->place_ms[i]);
    }
}

/* Whatever is asked: order kept, no overlap, never before the fragment, the first never more than 250 ms early. */
static void test_random(void)
{
    for (int round = 0; round < 20000; round++) {
        DubFitPhrase phrases[8] = { { 0 } };
        const gsize n = (gsize) g_test_rand_int_range(1, 9);
        const int64_t fragment_ns = MS(g_test_rand_int_range(100, 10000));
        int64_t at_ns = 0;
        for (gsize i = 0; i < n; i++) {
            at_ns += MS(g_test_rand_int_range(0, 2000));
            phrases[i].start_ns = MIN(at_ns, fragment_ns);
            phrases[i].dub_ns = MS(g_test_rand_int_range(0, 3000));
        }
        const DubFitPlan plan = dub_fit_plan(phrases, n, fragment_ns, DUB_FIT_TEMPO_MOST);
        int64_t free_ns = 0;
        for (gsize i = 0; i < n; i++) {
            g_assert_cmpint(phrases[i].place_ns, >=, free_ns);
            g_assert_cmpfloat(phrases[i].tempo, >=, 1.0);
            g_assert_cmpfloat(phrases[i].tempo, <=, DUB_FIT_TEMPO_MOST + 0.006);
            free_ns = phrases[i].place_ns + (int64_t) ((double) phrases[i].dub_ns / phrases[i].tempo);
        }
        g_assert_cmpint(phrases[0].place_ns, >=, phrases[0].start_ns - DUB_FIT_EARLY_MOST_NS);
        g_assert_cmpint(ABS(plan.end_ns - free_ns), <=, 1);
        if (plan.variance_percent <= 0)
            g_assert_cmpint(plan.end_ns, <=, fragment_ns);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/speech/fit/plan/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_plan);
    }
    g_test_add_func("/speech/fit/random", test_random);
    return g_test_run();
}
