/* Tests of base/log-limit: what is written, what is counted, and when the count is told. */
#include "base/log-limit.h"

#define WINDOW_MS 50

static void count_window(DubLogLimit *limit, const char *kind, guint tries, guint most, guint allowed)
{
    guint n = 0;
    for (guint i = 0; i < tries; i++)
        n += dub_log_limit_allows(limit, kind, most);
    g_assert_cmpuint(n, ==, allowed);
}

static gboolean on_later(void *is_over)
{
    *(gboolean *) is_over = TRUE;
    return G_SOURCE_REMOVE;
}

static void pass_window(void)
{
    gboolean is_over = FALSE;
    g_timeout_add(2 * WINDOW_MS, on_later, &is_over);
    while (!is_over)
        g_main_context_iteration(NULL, TRUE);
}

static void test_each_kind_by_itself(void)
{
    g_autoptr(DubLogLimit) limit = dub_log_limit_new("test", WINDOW_MS);
    count_window(limit, "one", 3, 3, 3);
    count_window(limit, "two", 2, 1, 1);
    count_window(limit, "three", 5, 0, 0);
    pass_window();
    count_window(limit, "two", 2, 1, 1);
}

static void test_without_a_limit(void)
{
    count_window(NULL, "any", 1000, 1, 1000);
}

static void test_told_in_subprocess(void)
{
    DubLogLimit *limit = dub_log_limit_new("test", 1000);
    count_window(limit, "closed", 1000, 10, 10);
    count_window(limit, "quiet", 5, 10, 5);
    dub_log_limit_free(limit);
}

static void test_told(void)
{
    g_test_trap_subprocess("/base/log-limit/told-in-subprocess/subprocess", 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*WARN  test: closed: 990 more in 1 s\n");
    g_test_trap_assert_stderr_unmatched("*quiet*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/log-limit/each-kind-by-itself", test_each_kind_by_itself);
    g_test_add_func("/base/log-limit/without-a-limit", test_without_a_limit);
    g_test_add_func("/base/log-limit/told", test_told);
    g_test_add_func("/base/log-limit/told-in-subprocess/subprocess", test_told_in_subprocess);
    return g_test_run();
}
