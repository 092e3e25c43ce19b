/* airdub/child.c: a process, its lines, its restarts. The timers and reads end with the child: each is cancelled in
 * free. */
#include "airdub/child.h"

#include "base/clock.h"
#include "base/error.h"

#include <gio/gio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_BYTES     4096
#define READ_BYTES     4096
#define QUICK_DEATH_NS (10 * DUB_NS_PER_S)
#define QUICK_DEATHS   5
#define FIRST_WAIT_MS  500
#define LAST_LINES_MS  200 /* after its death, for what still lies in the pipe */

struct _Child {
    char *name;
    char **argv, **environment;
    ChildCallbacks callbacks;
    void *user_data;

    GSubprocess *process;      /* NULL while it does not run */
    GCancellable *cancellable; /* of this life's read and wait */
    GString *line;             /* not yet ended */
    char *last_line;
    int64_t started_ns;
    unsigned quick_deaths;
    bool started, ready, stopping, killed;
    bool at_eof;     /* its pipe is closed */
    char *how_died;  /* set once it is gone and its last lines are awaited */
    int exit_status; /* -1: a signal */
    guint restart_source, kill_source, last_lines_source, stopped_source;
};

Child *child_new(const char *name, const char *const *argv, char **environment, const ChildCallbacks *callbacks,
                 void *user_data)
{
    Child *self = g_new0(Child, 1);
    self->name = g_strdup(name);
    self->argv = g_strdupv((char **) argv);
    self->environment = g_environ_setenv(g_strdupv(environment), "AIRDUB_SUPERVISED", "1", TRUE);
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->line = g_string_new(NULL);
    return self;
}

const char *child_name(const Child *self)
{
    return self->name;
}

int child_pid(const Child *self)
{
    const char *pid = self->process ? g_subprocess_get_identifier(self->process) : NULL;
    return pid ? (int) g_ascii_strtoll(pid, NULL, 10) : 0;
}

void child_set_env(Child *self, const char *variable, const char *value)
{
    self->environment = g_environ_setenv(self->environment, variable, value, TRUE);
}

bool child_is_started(const Child *self)
{
    return self->started;
}

void child_set_ready(Child *self)
{
    self->ready = true;
}

static void clear_source(guint *source)
{
    if (*source)
        g_source_remove(*source);
    *source = 0;
}

static void give_up(Child *self, GError *error)
{
    g_autoptr(GError) owned = error;
    self->callbacks.on_given_up(self, owned, self->user_data);
}

/* ---- lines ---- */

static void end_line(Child *self)
{
    g_autofree char *line = g_utf8_make_valid(self->line->str, (gssize) self->line->len);
    g_string_truncate(self->line, 0);
    if (!*line)
        return;
    g_free(self->last_line);
    self->last_line = g_strdup(line);
    self->callbacks.on_line(self, line, self->user_data);
}

static void take_bytes(Child *self, const char *bytes, gsize length)
{
    for (gsize i = 0; i < length; i++) {
        if (bytes[i] == '\n')
            end_line(self);
        else if (bytes[i] != '\0' && self->line->len < LINE_BYTES) /* the rest of an endless line is dropped */
            g_string_append_c(self->line, bytes[i]);
    }
}

static void settle(Child *self);

static void on_read(GObject *object, GAsyncResult *result, void *user_data);

static void read_more(Child *self)
{
    g_input_stream_read_bytes_async(g_subprocess_get_stdout_pipe(self->process), READ_BYTES, G_PRIORITY_DEFAULT,
                                    self->cancellable, on_read, self);
}

static void on_read(GObject *object, GAsyncResult *result, void *user_data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = g_input_stream_read_bytes_finish(G_INPUT_STREAM(object), result, &error);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* the child may be freed */
    Child *self = user_data;
    if (bytes && g_bytes_get_size(bytes) > 0) {
        take_bytes(self, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
        read_more(self);
        return;
    }
    end_line(self);
    self->at_eof = true;
    settle(self);
}

/* ---- death ---- */

/* It said "port in use" or "no such setting" before it ever worked: another try would say the same. */
static bool refused_its_settings(const Child *self)
{
    static const DubErrorCode final[] = { DUB_ERROR_INVALID_ARGUMENT, DUB_ERROR_UNSUPPORTED, DUB_ERROR_BUSY,
                                          DUB_ERROR_ENGINE };
    if (self->ready)
        return false;
    for (gsize i = 0; i < G_N_ELEMENTS(final); i++) {
        g_autoptr(GError) error = g_error_new_literal(DUB_ERROR, final[i], "");
        if (self->exit_status == dub_error_exit_status(error))
            return true;
    }
    return false;
}

static DubErrorCode code_of_status(int status)
{
    for (int code = 0; code < DUB_N_ERRORS; code++) {
        g_autoptr(GError) error = g_error_new_literal(DUB_ERROR, code, "");
        if (status > 1 && dub_error_exit_status(error) == status)
            return (DubErrorCode) code;
    }
    return DUB_ERROR_FAILED;
}

static GError *error_given_up(const Child *self)
{
    const char *said = self->last_line ? self->last_line : "it said nothing";
    if (refused_its_settings(self))
        return g_error_new(DUB_ERROR, code_of_status(self->exit_status), "%s ended with %s: %s", self->name,
                           self->how_died, said);
    return g_error_new(DUB_ERROR, code_of_status(self->exit_status), "%s died %u times at once, last with %s: %s",
                       self->name, self->quick_deaths, self->how_died, said);
}

static gboolean on_restart(void *user_data)
{
    Child *self = user_data;
    self->restart_source = 0;
    child_start(self);
    return G_SOURCE_REMOVE;
}

static void restart_later(Child *self, const char *how)
{
    const unsigned wait_ms = FIRST_WAIT_MS << (self->quick_deaths > 0 ? self->quick_deaths - 1 : 0);
    self->restart_source = g_timeout_add(wait_ms, on_restart, self);
    self->callbacks.on_died(self, how, wait_ms, self->user_data);
}

static void forget_process(Child *self)
{
    g_cancellable_cancel(self->cancellable);
    g_clear_object(&self->cancellable);
    g_clear_object(&self->process);
    clear_source(&self->last_lines_source);
    clear_source(&self->kill_source);
    g_string_truncate(self->line, 0);
}

static void tell_stopped(Child *self)
{
    self->started = false;
    self->callbacks.on_stopped(self, !self->killed, self->user_data);
}

/* Once it is gone and its last lines are read. */
static void settle(Child *self)
{
    if (!self->how_died || !(self->at_eof || !self->last_lines_source))
        return;
    const bool quick = dub_clock_now() - self->started_ns < QUICK_DEATH_NS;
    self->quick_deaths = quick ? self->quick_deaths + 1 : 0;
    forget_process(self);
    g_autofree char *how = g_strdup(self->how_died);
    if (self->stopping) {
        tell_stopped(self);
    } else if (self->quick_deaths >= QUICK_DEATHS || refused_its_settings(self)) {
        give_up(self, error_given_up(self));
    } else {
        restart_later(self, how);
    }
}

static gboolean on_last_lines(void *user_data)
{
    Child *self = user_data;
    self->last_lines_source = 0; /* a grandchild holds the pipe open */
    settle(self);
    return G_SOURCE_REMOVE;
}

static char *describe_end(GSubprocess *process)
{
    if (g_subprocess_get_if_exited(process))
        return g_strdup_printf("exit status %d", g_subprocess_get_exit_status(process));
    const int number = g_subprocess_get_term_sig(process);
    return g_strdup_printf("signal %d (%s)", number, strsignal(number));
}

static void on_exited(GObject *object, GAsyncResult *result, void *user_data)
{
    g_autoptr(GError) error = NULL;
    GSubprocess *process = G_SUBPROCESS(object);
    if (!g_subprocess_wait_finish(process, result, &error))
        return; /* cancelled: the child may be freed */
    Child *self = user_data;
    self->how_died = describe_end(process);
    self->exit_status = g_subprocess_get_if_exited(process) ? g_subprocess_get_exit_status(process) : -1;
    self->last_lines_source = g_timeout_add(LAST_LINES_MS, on_last_lines, self);
    settle(self);
}

/* ---- life ---- */

/* In the child, between fork and exec: only what is safe there. Its own process group, so that a Ctrl-C at the terminal
 * reaches us alone and the stop has its order. */
static void before_exec(void *data)
{
    const pid_t parent = (pid_t) GPOINTER_TO_INT(data);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
}

static GSubprocess *spawn(Child *self, GError **error)
{
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE);
    g_subprocess_launcher_set_environ(launcher, self->environment);
    g_subprocess_launcher_set_child_setup(launcher, before_exec, GINT_TO_POINTER(getpid()), NULL);
    return g_subprocess_launcher_spawnv(launcher, (const char *const *) self->argv, error);
}

void child_start(Child *self)
{
    g_return_if_fail(!self->process);
    g_autoptr(GError) problem = NULL;
    self->started = true;
    self->at_eof = false;
    g_clear_pointer(&self->how_died, g_free);
    self->started_ns = dub_clock_now();
    self->process = spawn(self, &problem);
    if (!self->process) {
        give_up(self, g_error_new(DUB_ERROR, DUB_ERROR_FAILED, "cannot start %s: %s", self->name, problem->message));
        return;
    }
    self->cancellable = g_cancellable_new();
    g_subprocess_wait_async(self->process, self->cancellable, on_exited, self);
    read_more(self);
}

static gboolean on_kill(void *user_data)
{
    Child *self = user_data;
    self->kill_source = 0;
    self->killed = true;
    g_subprocess_force_exit(self->process);
    return G_SOURCE_REMOVE;
}

static gboolean on_stopped_idle(void *user_data)
{
    Child *self = user_data;
    self->stopped_source = 0;
    tell_stopped(self);
    return G_SOURCE_REMOVE;
}

void child_stop(Child *self, unsigned kill_after_ms)
{
    self->stopping = true;
    clear_source(&self->restart_source);
    clear_source(&self->kill_source);
    if (!self->process) {
        if (!self->stopped_source)
            self->stopped_source = g_idle_add(on_stopped_idle, self);
        return;
    }
    if (kill_after_ms > 0)
        g_subprocess_send_signal(self->process, SIGTERM);
    self->kill_source = g_timeout_add(kill_after_ms, on_kill, self);
}

void child_free(Child *self)
{
    if (!self)
        return;
    if (self->process)
        g_subprocess_force_exit(self->process);
    forget_process(self);
    clear_source(&self->restart_source);
    clear_source(&self->stopped_source);
    g_strfreev(self->argv);
    g_strfreev(self->environment);
    g_string_free(self->line, TRUE);
    g_free(self->last_line);
    g_free(self->how_died);
    g_free(self->name);
    g_free(self);
}
