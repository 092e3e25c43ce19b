/* Arrivals of an hour, on a network that makes most of them late: what is moved, and what is left alone. */
#include "timeline/pace.h"

#include <glib.h>

#define MS INT64_C(1000000)

typedef struct {
    const char *name;
    int ppm; /* the source's seconds are longer than ours */
    int late_ms, leap_at_s, leap_ms;
    int64_t least_ms, most_ms; /* by how much it is moved, all in all */
} Case;

static const Case cases[] = {
    { "same-clock", 0, 100, 0, 0, 0, 0 },
    { "slower", 200, 100, 0, 0, 705, 720 },
    { "faster", -200, 100, 0, 0, -720, -705 },
    { "a-longer-way-from-now-on", 0, 50, 600, 300, 290, 300 },
};

static void test_pace(const void *data)
{
    const Case *c = data;
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    DubPace pace;
    dub_pace_reset(&pace);
    int64_t moved_ns = 0, worst_ns = 0;
    for (int64_t source_ns = 0; source_ns < 3600 * 1000 * MS; source_ns += 20 * MS) {
        const int64_t leap_ns = c->leap_ms && source_ns >= c->leap_at_s * 1000 * MS ? c->leap_ms * MS : 0;
        const int64_t way_ns = g_rand_int_range(random, 0, c->late_ms) * MS + leap_ns;
        const int64_t now_ns = source_ns / 1000000 * (1000000 + c->ppm) + way_ns;
        const int64_t by_ns = dub_pace_arrived(&pace, source_ns + moved_ns - now_ns, now_ns);
        moved_ns += by_ns;
        worst_ns = MAX(worst_ns, ABS(by_ns));
    }
    g_assert_cmpint(moved_ns, >=, c->least_ms * MS);
    g_assert_cmpint(moved_ns, <=, c->most_ms * MS);
    g_assert_cmpint(worst_ns, <=, 10 * MS);
}

static void test_reset(void)
{
    DubPace pace;
    dub_pace_reset(&pace);
    for (int64_t now_ns = 0; now_ns < 20000 * MS; now_ns += 20 * MS)
        g_assert_cmpint(dub_pace_arrived(&pace, 0, now_ns), ==, 0);
    dub_pace_reset(&pace); /* what comes now is five seconds late, and that is how it is */
    for (int64_t now_ns = 20000 * MS; now_ns < 60000 * MS; now_ns += 20 * MS)
        g_assert_cmpint(dub_pace_arrived(&pace, -5000 * MS, now_ns), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/timeline/pace/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_pace);
    }
    g_test_add_func("/timeline/pace/reset", test_reset);
    return g_test_run();
}
