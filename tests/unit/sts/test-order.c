/* Unit tests of sts/order: each case is a script of what arrives and what is finished, and the answers that leave.
 *
 *   +N     fragment N arrives ("f<N>") and is new        !N  fragment N is finished
 *   =N     it is out already   *N  it was answered       ?N  finished, failed retryably
 *   ~N     it is to be done again                        xN  number N is refused
 *   F U B  +N is refused: full, used, beyond (F12, …)    g   missing numbers are given up
 *   .N     answer N leaves     -   none leaves           #N  so many are out
 *   b / n  blocked / not blocked                         @N  fragment "other" arrives with number N: used
 */
#include "sts/order.h"

#include <stdlib.h>

typedef struct {
    const char *name, *script;
} Case;

static const Case cases[] = {
    { "in-order", "+0 !0 .0 - +1 +2 !1 !2 .1 .2 -" },
    { "finished-out-of-order", "+0 +1 +2 !2 - !1 - !0 .0 .1 .2 -" },
    { "arrived-out-of-order", "+2 +0 !2 - !0 .0 - +1 !1 .1 .2 -" },
    { "same-again-while-out", "+0 =0 #1 !0 =0 .0 *0" },
    { "same-again-answered", "+0 !0 .0 *0 *0 +1 !1 .1 *0 *1 #0" },
    { "redo", "+0 ?0 .0 +1 ~0 #2 !0 .0 - !1 .1 *0 -" },
    { "redo-before-its-turn-is-out", "+0 +1 ?1 =1 !0 .0 .1 ~1 !1 .1 *1" },
    { "number-of-another", "+0 @0 !0 .0 @0" },
    { "id-with-another-number", "+5 U105" },
    { "number-passed", "+0 +1 x2 +3 !0 !1 !3 .0 .1 .3 U2" },
    { "full", "+0 +1 +2 +3 +4 +5 +6 +7 +8 +9 #10 F10 !0 .0 +10 F11" },
    { "held-answers-count", "+0 +1 +2 +3 +4 +5 +6 +7 +8 +9 !9 !8 #10 F10" },
    { "beyond", "+0 B10 B11 +9 !0 .0 +10 B11" },
    { "beyond-at-start", "B10 +9" },
    { "far-beyond", "B9007199254740991 +0" },
    { "refused-does-not-hold-up", "+0 x1 +2 !0 !2 .0 .2 -" },
    { "refused-can-come-again", "+0 x1 !0 .0 +1 !1 .1" },
    { "refused-can-come-again-in-order", "+0 x1 +2 !0 .0 +1 !2 - !1 .1 .2" },
    { "refused-at-the-window", "+0 +1 +2 +3 +4 +5 +6 +7 +8 +9 F10 x10 F11 x11 !0 !1 !2 .0 .1 .2 +12 !12 - #8" },
    { "refused-do-not-use-the-window", "x0 x1 x2 x3 x4 x5 x6 x7 x8 x9 x10 +11 !11 .11" },
    { "missing-holds-up", "+0 +2 !0 .0 n !2 - b g .2 - n U1" },
    { "missing-not-blocked-while-out", "+1 n !1 b +0 n !0 .0 .1 n" },
    { "refuse-what-is-out", "+0 x0 !0 .0" },
    { "finish-what-is-not-out", "!0 - +0 !0 !0 .0 -" },
};

static char *id_of(uint64_t number)
{
    return g_strdup_printf("f%" G_GUINT64_FORMAT, number % 100);
}

static void finish(DubStsOrder *order, uint64_t number, bool may_redo)
{
    dub_sts_order_finish(order, number, json_integer((json_int_t) number), 10, may_redo);
}

static void assert_leaves(DubStsOrder *order, uint64_t number)
{
    g_autoptr(DubJson) answer = dub_sts_order_leave(order);
    g_assert_nonnull(answer);
    g_assert_cmpint(json_integer_value(answer), ==, (int64_t) number);
}

static void assert_stored(DubStsOrder *order, const char *id, uint64_t number)
{
    g_assert_cmpint(dub_sts_order_arrive(order, id, number), ==, DUB_STS_ARRIVAL_STORED);
    g_assert_cmpint(json_integer_value(dub_sts_order_stored(order, id)), ==, (int64_t) number);
}

static void run_step(DubStsOrder *order, char what, uint64_t number)
{
    static const char arrivals[] = { '+', '~', '=', '*', 'F', 'U', 'B' }; /* in the enum's order */
    g_autofree char *id = id_of(number);
    for (gsize i = 0; i < G_N_ELEMENTS(arrivals); i++) {
        if (arrivals[i] == what && what != '*')
            g_assert_cmpint(dub_sts_order_arrive(order, id, number), ==, (int) i);
    }
    switch (what) {
    case '*': assert_stored(order, id, number); break;
    case '@': g_assert_cmpint(dub_sts_order_arrive(order, "other", number), ==, DUB_STS_ARRIVAL_USED); break;
    case '!': finish(order, number, false); break;
    case '?': finish(order, number, true); break;
    case 'x': dub_sts_order_refuse(order, number); break;
    case 'g': dub_sts_order_give_up(order); break;
    case '.': assert_leaves(order, number); break;
    case '-': g_assert_null(dub_sts_order_leave(order)); break;
    case '#': g_assert_cmpuint(dub_sts_order_count_out(order), ==, number); break;
    case 'b': g_assert_true(dub_sts_order_is_blocked(order)); break;
    case 'n': g_assert_false(dub_sts_order_is_blocked(order)); break;
    }
}

static void test_script(const void *data)
{
    const Case *c = data;
    g_autoptr(DubStsOrder) order = dub_sts_order_new();
    g_auto(GStrv) steps = g_strsplit(c->script, " ", -1);
    for (char **step = steps; *step; step++) {
        g_test_message("%s", *step);
        run_step(order, **step, g_ascii_strtoull(*step + 1, NULL, 10));
    }
}

static void answer_one(DubStsOrder *order, uint64_t number, gsize size_bytes)
{
    g_autofree char *id = g_strdup_printf("f%" G_GUINT64_FORMAT, number);
    g_assert_cmpint(dub_sts_order_arrive(order, id, number), ==, DUB_STS_ARRIVAL_NEW);
    dub_sts_order_finish(order, number, json_integer((json_int_t) number), size_bytes, false);
    assert_leaves(order, number);
}

static void test_stored_answers_are_bounded(void)
{
    g_autoptr(DubStsOrder) order = dub_sts_order_new();
    for (uint64_t number = 0; number < 20; number++)
        answer_one(order, number, 1000);
    g_assert_null(dub_sts_order_stored(order, "f3"));
    g_assert_nonnull(dub_sts_order_stored(order, "f4"));
    g_assert_cmpint(dub_sts_order_arrive(order, "f3", 3), ==, DUB_STS_ARRIVAL_USED);
}

static void test_stored_bytes_are_bounded(void)
{
    g_autoptr(DubStsOrder) order = dub_sts_order_new();
    for (uint64_t number = 0; number < 5; number++)
        answer_one(order, number, 4 * 1024 * 1024);
    g_assert_null(dub_sts_order_stored(order, "f0"));
    g_assert_nonnull(dub_sts_order_stored(order, "f1"));
    answer_one(order, 5, 64 * 1024 * 1024); /* larger than the bound: the newest is kept all the same */
    g_assert_null(dub_sts_order_stored(order, "f4"));
    g_assert_nonnull(dub_sts_order_stored(order, "f5"));
}

static void test_long_pause(void)
{
    g_autoptr(DubStsOrder) order = dub_sts_order_new();
    answer_one(order, 0, 1);
    for (uint64_t number = 1; number < 1000; number++)
        dub_sts_order_refuse(order, number);
    g_assert_cmpint(dub_sts_order_arrive(order, "old", 3), ==, DUB_STS_ARRIVAL_USED); /* long forgotten */
    g_assert_cmpint(dub_sts_order_arrive(order, "last", 999), ==, DUB_STS_ARRIVAL_NEW);
    dub_sts_order_finish(order, 999, json_integer(999), 1, false);
    assert_leaves(order, 999);
    answer_one(order, 1000, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/sts/order/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_script);
    }
    g_test_add_func("/sts/order/stored-answers-are-bounded", test_stored_answers_are_bounded);
    g_test_add_func("/sts/order/stored-bytes-are-bounded", test_stored_bytes_are_bounded);
    g_test_add_func("/sts/order/long-pause", test_long_pause);
    return g_test_run();
}
