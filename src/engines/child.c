/* engines/child.c: posix_spawn, kill, waitpid. */
#include "engines/child.h"

#include "base/error.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The programs and where they lie are found by the first two; the others are what any program may ask for. */
static const char *const passed_on[] = { "PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR" };

static char **make_environment(const char *const *extra)
{
    g_auto(GStrv) ours = g_get_environ();
    char **environment = g_environ_setenv(NULL, "LC_ALL", "C.UTF-8", TRUE);
    for (gsize i = 0; i < G_N_ELEMENTS(passed_on); i++) {
        const char *value = g_environ_getenv(ours, passed_on[i]);
        if (value)
            environment = g_environ_setenv(environment, passed_on[i], value, TRUE);
    }
    for (; extra && *extra; extra++) {
        g_auto(GStrv) pair = g_strsplit(*extra, "=", 2);
        if (g_strv_length(pair) == 2)
            environment = g_environ_setenv(environment, pair[0], pair[1], TRUE);
    }
    return environment;
}

static void set_streams(posix_spawn_file_actions_t *actions, int in, int out, int err)
{
    posix_spawn_file_actions_init(actions);
    posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    if (err >= 0)
        posix_spawn_file_actions_adddup2(actions, err, STDERR_FILENO);
}

static void set_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, pipe_only;
    sigemptyset(&none);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);

    posix_spawnattr_init(attributes);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &pipe_only);
}

pid_t dub_child_start(const char *const *argv, const char *const *environment, int in, int out, int err, GError **error)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    set_streams(&actions, in, out, err);
    set_signals(&attributes);

    pid_t pid = -1;
    g_auto(GStrv) variables = make_environment(environment);
    const int failure = posix_spawnp(&pid, argv[0], &actions, &attributes, (char *const *) argv, variables);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failure == 0)
        return pid;
    g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE, "cannot start %s: %s", argv[0], g_strerror(failure));
    return -1;
}

void dub_child_kill(pid_t pid)
{
    kill(-pid, SIGKILL); /* its group is there from its first instruction on, and until it is waited for */
}

bool dub_child_wait(pid_t pid, bool block)
{
    pid_t got;
    while ((got = waitpid(pid, NULL, block ? 0 : WNOHANG)) < 0 && errno == EINTR)
        ;
    return got != 0;
}

void dub_child_end(pid_t pid)
{
    dub_child_kill(pid);
    dub_child_wait(pid, true);
}
