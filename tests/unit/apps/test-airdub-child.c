/* unit/apps/test-airdub-child.c: real processes (the shell), started, killed and stopped. */
#include "airdub/child.h"
#include "airdub/ports.h"

#include "base/error.h"

#include <gio/gio.h>
#include <signal.h>
#include <string.h>

typedef struct {
    GMainLoop *loop;
    GString *lines; /* each ended by '|' */
    GError *given_up;
    char *how;
    unsigned deaths, wait_ms;
    bool stopped, clean;
    const char *quit_on_line; /* substring; NULL: never */
    bool quit_on_death;
} Seen;

static void on_line(G_GNUC_UNUSED Child *child, const char *line, void *user_data)
{
    Seen *seen = user_data;
    g_string_append_printf(seen->lines, "%s|", line);
    if (seen->quit_on_line && strstr(line, seen->quit_on_line))
        g_main_loop_quit(seen->loop);
}

static void on_died(G_GNUC_UNUSED Child *child, const char *how, unsigned wait_ms, void *user_data)
{
    Seen *seen = user_data;
    seen->deaths++;
    seen->wait_ms = wait_ms;
    g_free(seen->how);
    seen->how = g_strdup(how);
    if (seen->quit_on_death)
        g_main_loop_quit(seen->loop);
}

static void on_given_up(G_GNUC_UNUSED Child *child, const GError *error, void *user_data)
{
    Seen *seen = user_data;
    seen->given_up = g_error_copy(error);
    g_main_loop_quit(seen->loop);
}

static void on_stopped(G_GNUC_UNUSED Child *child, bool clean, void *user_data)
{
    Seen *seen = user_data;
    seen->stopped = true;
    seen->clean = clean;
    g_main_loop_quit(seen->loop);
}

static void seen_init(Seen *seen)
{
    *seen = (Seen){ .loop = g_main_loop_new(NULL, FALSE), .lines = g_string_new(NULL) };
}

static void seen_clear(Seen *seen)
{
    g_main_loop_unref(seen->loop);
    g_string_free(seen->lines, TRUE);
    g_clear_error(&seen->given_up);
    g_free(seen->how);
}

static Child *shell(const char *script, Seen *seen)
{
    static const ChildCallbacks callbacks = { on_line, on_died, on_given_up, on_stopped };
    const char *argv[] = { "/bin/sh", "-c", script, NULL };
    g_auto(GStrv) environment = g_get_environ();
    return child_new("shell", argv, environment, &callbacks, seen);
}

/* A stop comes back with everything said before, its lines cut to a bound, its bytes made UTF-8. */
static void test_lines_and_stop(void)
{
    Seen seen;
    seen_init(&seen);
    Child *child = shell("trap 'echo bye; exit 0' TERM; printf 'a\\nb\\r\\377\\n' >&2; echo sup=$AIRDUB_SUPERVISED; "
                         "head -c 9000 /dev/zero | tr '\\0' x; echo; echo ready; while :; do sleep 0.05; done",
                         &seen);
    seen.quit_on_line = "ready";
    child_start(child);
    g_main_loop_run(seen.loop);
    g_assert_true(g_str_has_prefix(seen.lines->str, "a|b\r\xef\xbf\xbd|sup=1|xxx"));
    g_assert_cmpuint(strspn(strstr(seen.lines->str, "xxx"), "x"), ==, 4096);
    seen.quit_on_line = NULL;
    child_stop(child, 5000);
    g_main_loop_run(seen.loop);
    g_assert_true(seen.stopped && seen.clean);
    g_assert_nonnull(strstr(seen.lines->str, "|bye|"));
    g_assert_cmpint(child_pid(child), ==, 0);
    child_free(child);
    seen_clear(&seen);
}

static void test_deaf_is_killed(void)
{
    Seen seen;
    seen_init(&seen);
    Child *child = shell("trap '' TERM; echo ready; while :; do sleep 0.05; done", &seen);
    seen.quit_on_line = "ready";
    child_start(child);
    g_main_loop_run(seen.loop);
    child_stop(child, 100);
    g_main_loop_run(seen.loop);
    g_assert_true(seen.stopped && !seen.clean);
    child_free(child);
    seen_clear(&seen);
}

static void test_restart(void)
{
    Seen seen;
    seen_init(&seen);
    Child *child = shell("echo up $$ $PORT; exec sleep 100", &seen);
    seen.quit_on_line = "up";
    child_start(child);
    g_main_loop_run(seen.loop);
    child_set_env(child, "PORT", "1234");
    seen.quit_on_line = "1234";
    g_assert_cmpint(kill(child_pid(child), SIGKILL), ==, 0);
    g_main_loop_run(seen.loop);
    g_assert_cmpuint(seen.deaths, ==, 1);
    g_assert_cmpuint(seen.wait_ms, ==, 500);
    g_assert_cmpstr(seen.how, ==, "signal 9 (Killed)");
    child_free(child); /* kills what still runs */
    seen_clear(&seen);
}

/* A stop while it waits for its restart: no process, yet it is told. */
static void test_stop_between_lives(void)
{
    Seen seen;
    seen_init(&seen);
    seen.quit_on_death = true;
    Child *child = shell("exit 1", &seen);
    child_start(child);
    g_main_loop_run(seen.loop);
    child_stop(child, 5000);
    g_main_loop_run(seen.loop);
    g_assert_true(seen.stopped && seen.clean);
    g_assert_cmpuint(seen.deaths, ==, 1);
    child_free(child);
    seen_clear(&seen);
}

typedef struct {
    const char *name, *script;
    int code;
    const char *says;
} RefusalCase;

static const RefusalCase refusals[] = {
    { "port-in-use", "echo 'port 1935 is in use' >&2; exit 7", DUB_ERROR_BUSY,
      "shell ended with exit status 7: port 1935 is in use" },
    { "setting", "echo 'PORT: x is not a number' >&2; exit 2", DUB_ERROR_INVALID_ARGUMENT,
      "shell ended with exit status 2: PORT: x is not a number" },
    { "engine", "echo 'no model' >&2; exit 12", DUB_ERROR_ENGINE, "shell ended with exit status 12: no model" },
};

static void test_refusal(const void *data)
{
    const RefusalCase *c = data;
    Seen seen;
    seen_init(&seen);
    Child *child = shell(c->script, &seen);
    child_start(child);
    g_main_loop_run(seen.loop);
    g_assert_error(seen.given_up, DUB_ERROR, c->code);
    g_assert_cmpstr(seen.given_up->message, ==, c->says);
    g_assert_cmpuint(seen.deaths, ==, 0);
    child_free(child);
    seen_clear(&seen);
}

/* What is no refusal is tried five times, each time later. */
static void test_gives_up(void)
{
    Seen seen;
    seen_init(&seen);
    Child *child = shell("echo boom; exit 1", &seen);
    child_start(child);
    g_main_loop_run(seen.loop);
    g_assert_error(seen.given_up, DUB_ERROR, DUB_ERROR_FAILED);
    g_assert_cmpstr(seen.given_up->message, ==, "shell died 5 times at once, last with exit status 1: boom");
    g_assert_cmpuint(seen.deaths, ==, 4);
    g_assert_cmpuint(seen.wait_ms, ==, 4000);
    child_free(child);
    seen_clear(&seen);
}

static void test_ports(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketListener) listener = g_socket_listener_new();
    const guint16 taken = g_socket_listener_add_any_inet_port(listener, NULL, &error);
    g_assert_no_error(error);
    g_assert_false(ports_is_free(taken));
    g_autofree char *owner = ports_owner(taken);
    g_assert_true(g_str_has_prefix(owner, "test-airdub-chi")); /* the kernel keeps 15 characters of it */
    g_assert_false(ports_require_free(taken, "--rtmp-port", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_BUSY);
    g_assert_nonnull(strstr(error->message, "--rtmp-port"));
    const guint other = ports_pick(NULL);
    g_assert_cmpuint(other, !=, 0);
    g_assert_true(ports_is_free(other));
    g_assert_true(ports_require_free(0, "--rtmp-port", NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/airdub/child/lines-and-stop", test_lines_and_stop);
    g_test_add_func("/airdub/child/deaf-is-killed", test_deaf_is_killed);
    g_test_add_func("/airdub/child/restart", test_restart);
    g_test_add_func("/airdub/child/stop-between-lives", test_stop_between_lives);
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *path = g_strconcat("/airdub/child/refusal/", refusals[i].name, NULL);
        g_test_add_data_func(path, &refusals[i], test_refusal);
    }
    g_test_add_func("/airdub/child/gives-up", test_gives_up);
    g_test_add_func("/airdub/ports", test_ports);
    return g_test_run();
}
