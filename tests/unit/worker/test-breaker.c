/* The breaker's table, event by event, with a clock made of numbers. */
#include "worker/breaker.h"

#include "base/clock.h"
#include "base/log.h"

#include <glib.h>

#define S DUB_NS_PER_S

/* A script: f retryable failure, n non-retryable failure, s success, l a new link, a a late answer, x the probe is
 * lost,
 * + a second passes, ? allowed, ! refused, C/O/H the state. */
typedef struct {
    const char *name, *script;
} Case;

static const Case cases[] = {
    { "five-in-a-row-open-it", "?f?f?f?fC?fO!" },
    { "a-success-resets-the-count", "ffffsffffCfO" },
    { "non-retryable-never-counts", "nnnnnnnnC" },
    { "one-probe-after-the-cooldown", "fffffO+++!++?H!" },
    { "the-probe-closes-it", "fffffO+++++?sC?" },
    { "the-probe-opens-it-again", "fffffO+++++?fO!++++!+?H" },
    { "a-sign-of-life-ends-the-cooldown", "fffffO!lH?!sC" },
    { "a-sign-of-life-is-no-success", "ffffllCfO" },
    { "a-late-answer-ends-the-cooldown", "fffffO!aH?!sC" },
    { "who-is-late-again-keeps-no-load", "fffffOaH?fOaO!++++aO!+?H" },
    { "a-late-answer-helps-once-a-cooldown", "fffffOa?fO+++++?fOaH?sC" },
    { "a-late-answer-is-no-success", "ffffaaCfO" },
    { "a-lost-probe-may-be-sent-again", "fffffO+++++?!x?" },
};

static void step(DubBreaker *breaker, char c, int64_t *now)
{
    switch (c) {
    case 'f': dub_breaker_failure(breaker, true, *now); break;
    case 'n': dub_breaker_failure(breaker, false, *now); break;
    case 's': dub_breaker_success(breaker, *now); break;
    case 'x': dub_breaker_forget_probe(breaker); break;
    case 'l': dub_breaker_alive(breaker, *now); break;
    case 'a': dub_breaker_late(breaker, *now); break;
    case '+': *now += S; break;
    case '?': g_assert_true(dub_breaker_allow(breaker, *now)); break;
    case '!': g_assert_false(dub_breaker_allow(breaker, *now)); break;
    case 'C': g_assert_cmpint(breaker->state, ==, DUB_BREAKER_CLOSED); break;
    case 'O': g_assert_cmpint(breaker->state, ==, DUB_BREAKER_OPEN); break;
    case 'H': g_assert_cmpint(breaker->state, ==, DUB_BREAKER_HALF_OPEN); break;
    default: g_assert_not_reached();
    }
}

static void test_script(const void *data)
{
    DubBreaker breaker;
    int64_t now = 7 * S;
    dub_breaker_init(&breaker, 5, 5 * S);
    for (const char *c = ((const Case *) data)->script; *c; c++)
        step(&breaker, *c, &now);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dub_log_setup("test-breaker", DUB_LOG_ERROR, DUB_LOG_TEXT);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/worker/breaker/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_script);
    }
    return g_test_run();
}
