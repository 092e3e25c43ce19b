/* What an engine costs, learnt from pieces of work: numbers alone. */
#include "base/clock.h"
#include "engines/cost.h"

#include <math.h>

#define MS(x) ((x) *DUB_NS_PER_MS)

static void assert_near_ms(int64_t ns, double ms)
{
    g_assert_cmpfloat_with_epsilon((double) ns / DUB_NS_PER_MS, ms, 0.01);
}

static void test_nothing_known(void)
{
    const DubCost cost = { 0 };
    g_assert_cmpint(dub_cost_estimate_ns(&cost, 6), ==, 0);
    g_assert_cmpint(dub_cost_mean_ns(&cost, 6), ==, 0);
}

/* The first piece is the mean; half as much again is the estimate, for nothing is known of how it varies. */
static void test_first(void)
{
    DubCost cost = { 0 };
    dub_cost_add(&cost, 6, MS(600));
    g_assert_cmpuint(cost.n, ==, 1);
    assert_near_ms(dub_cost_mean_ns(&cost, 6), 600);
    assert_near_ms(dub_cost_estimate_ns(&cost, 6), 900);
    assert_near_ms(dub_cost_estimate_ns(&cost, 12), 1800); /* grows with the amount */
    assert_near_ms(dub_cost_estimate_ns(&cost, 0), 0);
}

/* As RFC 6298 does it: the deviation by the old mean, then the mean. */
static void test_second(void)
{
    DubCost cost = { 0 };
    dub_cost_add(&cost, 1, MS(100));
    dub_cost_add(&cost, 1, MS(180));
    assert_near_ms(dub_cost_mean_ns(&cost, 1), 110);                 /* 7/8 of 100, 1/8 of 180 */
    assert_near_ms(dub_cost_estimate_ns(&cost, 1), 110 + 2 * 38.75); /* 3/4 of 25, 1/4 of 80 */
}

/* Pieces of one kind: what is expected comes down to what they take. */
static void test_steady(void)
{
    DubCost cost = { 0 };
    for (int i = 0; i < 40; i++)
        dub_cost_add(&cost, 6, MS(600));
    assert_near_ms(dub_cost_mean_ns(&cost, 6), 600);
    g_assert_cmpfloat((double) dub_cost_estimate_ns(&cost, 6), <, (double) MS(601));
}

/* One that took ten times as long is seen at once, and forgotten after a few dozen. */
static void test_slow_piece_is_forgotten(void)
{
    DubCost cost = { 0 };
    for (int i = 0; i < 20; i++)
        dub_cost_add(&cost, 1, MS(100));
    const int64_t before_ns = dub_cost_estimate_ns(&cost, 1);
    dub_cost_add(&cost, 1, MS(1000));
    const int64_t after_ns = dub_cost_estimate_ns(&cost, 1);
    g_assert_cmpint(after_ns, >, 4 * before_ns);
    int n = 0;
    while (dub_cost_estimate_ns(&cost, 1) > before_ns * 12 / 10) {
        dub_cost_add(&cost, 1, MS(100));
        g_assert_cmpint(++n, <, 40);
    }
    g_test_message("forgotten after %d", n);
    g_assert_cmpint(n, >, 5); /* it is not forgotten at once, either */
}

/* A machine that has become slower is believed after a dozen pieces. */
static void test_follows(void)
{
    DubCost cost = { 0 };
    for (int i = 0; i < 20; i++)
        dub_cost_add(&cost, 1, MS(100));
    for (int i = 0; i < 16; i++)
        dub_cost_add(&cost, 1, MS(300));
    g_assert_cmpint(dub_cost_mean_ns(&cost, 1), >, MS(270));
}

typedef struct {
    const char *name;
    double amount;
    int64_t taken_ns;
} Odd;

static const Odd odd[] = {
    { "almost-nothing", 0.4, MS(300) },
    { "nothing", 0, MS(300) },
    { "negative", -3, MS(300) },
    { "clock-went-back", 6, -1 },
};

static void test_odd(const void *data)
{
    const Odd *c = data;
    DubCost cost = { 0 };
    dub_cost_add(&cost, c->amount, c->taken_ns);
    g_assert_cmpuint(cost.n, ==, 0);
    g_assert_cmpint(dub_cost_estimate_ns(&cost, 1), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engines/cost/nothing-known", test_nothing_known);
    g_test_add_func("/engines/cost/first", test_first);
    g_test_add_func("/engines/cost/second", test_second);
    g_test_add_func("/engines/cost/steady", test_steady);
    g_test_add_func("/engines/cost/slow-piece-is-forgotten", test_slow_piece_is_forgotten);
    g_test_add_func("/engines/cost/follows", test_follows);
    for (gsize i = 0; i < G_N_ELEMENTS(odd); i++) {
        g_autofree char *path = g_strconcat("/engines/cost/odd/", odd[i].name, NULL);
        g_test_add_data_func(path, &odd[i], test_odd);
    }
    return g_test_run();
}
