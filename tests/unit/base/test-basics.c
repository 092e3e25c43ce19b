/* Unit tests of base/error, base/clock and base/log. */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

static void test_exit_status_unique(void)
{
    bool seen[256] = { false };
    for (int code = 0; code < DUB_N_ERRORS; code++) {
        g_autoptr(GError) error = g_error_new_literal(DUB_ERROR, code, "x");
        const int status = dub_error_exit_status(error);
        g_assert_cmpint(status, >, 0);
        g_assert_cmpint(status, <, 256);
        g_assert_false(seen[status]);
        seen[status] = true;
    }
    g_assert_cmpint(dub_error_exit_status(NULL), ==, 0);
}

static void test_from_errno(void)
{
    g_autoptr(GError) full = dub_error_from_errno(ENOSPC, "out.mp4");
    g_assert_error(full, DUB_ERROR, DUB_ERROR_NO_SPACE);
    g_assert_nonnull(strstr(full->message, "out.mp4"));
    g_assert_nonnull(strstr(full->message, "free some space"));
    g_autoptr(GError) none = dub_error_from_errno(ENOENT, "in.mp4");
    g_assert_error(none, DUB_ERROR, DUB_ERROR_NOT_FOUND);
}

static void test_samples(void)
{
    g_assert_cmpint(dub_samples_to_ns(48000, 48000), ==, DUB_NS_PER_S);
    g_assert_cmpint(dub_ns_to_samples(DUB_NS_PER_S, 44100), ==, 44100);
    const int64_t day = INT64_C(86400) * 44100;
    g_assert_cmpint(dub_ns_to_samples(dub_samples_to_ns(day + 1, 44100), 44100), ==, day + 1);
    g_assert_cmpint(dub_samples_to_ns(-1, 3), ==, -333333333);
}

static int64_t spin(int64_t (*meter)(void))
{
    const int64_t begin_ns = meter();
    while (meter() - begin_ns < 5 * DUB_NS_PER_MS)
        ;
    return meter() - begin_ns;
}

static gpointer spin_aside(gpointer data G_GNUC_UNUSED)
{
    spin(dub_clock_thread_cpu);
    return NULL;
}

/* The thread's meter stands still while another thread works; the process's counts that one, also when it is gone. */
static void test_cpu(void)
{
    const int64_t thread_ns = dub_clock_thread_cpu(), process_ns = dub_clock_process_cpu();
    g_thread_join(g_thread_new("spin", spin_aside, NULL));
    g_assert_cmpint(dub_clock_thread_cpu() - thread_ns, <, 5 * DUB_NS_PER_MS);
    g_assert_cmpint(dub_clock_process_cpu() - process_ns, >=, 5 * DUB_NS_PER_MS);
    g_assert_cmpint(spin(dub_clock_thread_cpu), >=, 5 * DUB_NS_PER_MS);
}

static void test_log_level(void)
{
    DubLogLevel level = DUB_LOG_INFO;
    g_assert_true(dub_log_level_from_string("debug", &level));
    g_assert_cmpint(level, ==, DUB_LOG_DEBUG);
    g_assert_true(dub_log_level_from_string("WARNING", &level));
    g_assert_cmpint(level, ==, DUB_LOG_WARNING);
    g_assert_false(dub_log_level_from_string("loud", &level));
}

static void test_printable(void)
{
    g_autofree char *escaped = dub_log_printable("a\nb\x01\xff", 100);
    g_assert_cmpstr(escaped, ==, "a\\nb\\u0001\xef\xbf\xbd");
    g_autofree char *cut = dub_log_printable("aaaa", 2);
    g_assert_cmpstr(cut, ==, "aa…");
}

static void write_json_line(void)
{
    dub_log_setup("tester", DUB_LOG_INFO, DUB_LOG_JSON);
    dub_log_fields(DUB_LOG_INFO, "said \"so\"", "stream_id", "a\nb", "absent", NULL, "k", "v", NULL);
    dub_debug("not shown");
}

static void test_json_line(void)
{
    if (g_test_subprocess()) {
        write_json_line();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr(
        "{\"time\":\"*Z\",\"level\":\"INFO\",\"program\":\"tester\",\"message\":\"said \\\"so\\\"\","
        "\"stream_id\":\"a\\nb\"*");
    g_test_trap_assert_stderr_unmatched("*not shown*");
}

static void *write_untagged(G_GNUC_UNUSED void *data)
{
    dub_info("another thread");
    return NULL;
}

static void write_tagged(void)
{
    static const char *const tags[] = { "stream_id", "s1", "fragment_id", "f\n1", NULL };
    dub_log_setup("tester", DUB_LOG_INFO, DUB_LOG_TEXT);
    dub_log_set_tags(tags);
    dub_info("at work");
    dub_log_fields(DUB_LOG_INFO, "also", "k", "v", NULL);
    g_thread_join(g_thread_new("other", write_untagged, NULL));
    dub_log_set_tags(NULL);
    dub_info("at rest");
}

static void test_tags(void)
{
    if (g_test_subprocess()) {
        write_tagged();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr(
        "*at work stream_id=s1 fragment_id=f\\u000a1\n*also k=v stream_id=s1 *another thread\n*at rest\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/error/exit-status-unique", test_exit_status_unique);
    g_test_add_func("/base/error/from-errno", test_from_errno);
    g_test_add_func("/base/clock/samples", test_samples);
    g_test_add_func("/base/clock/cpu", test_cpu);
    g_test_add_func("/base/log/level", test_log_level);
    g_test_add_func("/base/log/printable", test_printable);
    g_test_add_func("/base/log/json-line", test_json_line);
    g_test_add_func("/base/log/tags", test_tags);
    return g_test_run();
}
