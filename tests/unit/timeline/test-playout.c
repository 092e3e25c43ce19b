/* When things leave, and that the queue is bounded and frees what it holds. */
#include "timeline/playout.h"

#include "base/clock.h"

static int freed;

static void on_free(void *payload)
{
    g_free(payload);
    freed++;
}

static bool push(DubPlayout *playout, int64_t dts_ns, gsize size)
{
    const DubVideoUnit unit = { g_malloc(1), dts_ns, dts_ns, true, size };
    return dub_playout_push(playout, &unit);
}

static void test_leaves_after_the_delay(void)
{
    g_autoptr(DubPlayout) playout = dub_playout_new(9 * DUB_NS_PER_S, 1000, on_free);
    dub_playout_anchor(playout, 100 * DUB_NS_PER_S);
    g_assert_cmpint(dub_playout_position(playout, 100 * DUB_NS_PER_S), ==, -9 * DUB_NS_PER_S);
    g_assert_cmpint(dub_playout_deadline(playout, DUB_NS_PER_S), ==, 110 * DUB_NS_PER_S);
    g_assert_true(push(playout, DUB_NS_PER_S, 10));
    DubVideoUnit unit;
    g_assert_false(dub_playout_pop(playout, dub_playout_position(playout, 110 * DUB_NS_PER_S - 1), &unit));
    g_assert_true(dub_playout_pop(playout, dub_playout_position(playout, 110 * DUB_NS_PER_S), &unit));
    g_free(unit.payload);
    dub_playout_shift(playout, DUB_NS_PER_S);
    g_assert_cmpint(dub_playout_deadline(playout, 0), ==, 110 * DUB_NS_PER_S);
}

static void test_goes_faster(void)
{
    g_autoptr(DubPlayout) playout = dub_playout_new(9 * DUB_NS_PER_S, 1000, on_free);
    dub_playout_anchor(playout, 100 * DUB_NS_PER_S);
    const int64_t now_ns = 130 * DUB_NS_PER_S;
    dub_playout_go_on_at(playout, 21 * DUB_NS_PER_S, 8, now_ns);
    g_assert_cmpint(dub_playout_position(playout, now_ns), ==, 21 * DUB_NS_PER_S);
    g_assert_cmpint(dub_playout_position(playout, now_ns + DUB_NS_PER_S), ==, 29 * DUB_NS_PER_S);
    g_assert_cmpint(dub_playout_deadline(playout, 29 * DUB_NS_PER_S), ==, now_ns + DUB_NS_PER_S);
}

/* 13 s are overdue: they leave from 2 s later on, three times as fast, for 7.5 s. */
static void test_catches_up(void)
{
    g_autoptr(DubPlayout) playout = dub_playout_new(9 * DUB_NS_PER_S, 1000, on_free);
    const int64_t now_ns = 122 * DUB_NS_PER_S;
    dub_playout_anchor(playout, 100 * DUB_NS_PER_S);
    g_assert_cmpint(dub_playout_position(playout, now_ns), ==, 13 * DUB_NS_PER_S);
    dub_playout_catch_up(playout, 0, 3, now_ns + 2 * DUB_NS_PER_S);
    g_assert_cmpint(dub_playout_position(playout, now_ns), ==, -6 * DUB_NS_PER_S);
    g_assert_cmpint(dub_playout_position(playout, now_ns + 2 * DUB_NS_PER_S), ==, 0);
    g_assert_cmpint(dub_playout_position(playout, now_ns + 5 * DUB_NS_PER_S), ==, 9 * DUB_NS_PER_S);
    g_assert_cmpint(dub_playout_deadline(playout, 9 * DUB_NS_PER_S), ==, now_ns + 5 * DUB_NS_PER_S);
    g_assert_cmpint(dub_playout_position(playout, now_ns + 10 * DUB_NS_PER_S), ==, 23 * DUB_NS_PER_S);
    g_assert_cmpint(dub_playout_deadline(playout, 23 * DUB_NS_PER_S), ==, now_ns + 10 * DUB_NS_PER_S);
}

static void test_is_bounded(void)
{
    freed = 0;
    DubPlayout *playout = dub_playout_new(0, 25, on_free);
    g_assert_true(push(playout, 0, 10));
    g_assert_true(push(playout, 1, 10));
    g_assert_false(push(playout, 2, 10)); /* refused and freed */
    g_assert_cmpint(freed, ==, 1);
    g_assert_cmpuint(dub_playout_length(playout), ==, 2);
    dub_playout_free(playout);
    g_assert_cmpint(freed, ==, 3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timeline/playout/leaves-after-the-delay", test_leaves_after_the_delay);
    g_test_add_func("/timeline/playout/goes-faster", test_goes_faster);
    g_test_add_func("/timeline/playout/catches-up", test_catches_up);
    g_test_add_func("/timeline/playout/is-bounded", test_is_bounded);
    return g_test_run();
}
