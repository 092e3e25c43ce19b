/* engines/mt/pipeline.c: programs, pipes, poll. */
#include "engines/mt/pipeline.h"

#include "base/clock.h"
#include "base/error.h"
#include "engines/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 4096

struct _DubPipeline {
    GArray *pids; /* of pid_t */
    int to_first; /* a socket: its send() can be told not to raise SIGPIPE */
    int from_last;
};

/* Takes @in, gives the stage's output, or -1. */
static int start_stage(DubPipeline *self, char **argv, int in, GError **error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        g_propagate_error(error, dub_error_from_errno(errno, "pipe"));
        close(in);
        return -1;
    }
    const pid_t pid = dub_child_start((const char *const *) argv, NULL, in, ends[1], -1, error);
    close(in);
    close(ends[1]);
    if (pid >= 0) {
        g_array_append_val(self->pids, pid);
        return ends[0];
    }
    close(ends[0]);
    return -1;
}

DubPipeline *dub_pipeline_start(GPtrArray *stages, GError **error)
{
    g_return_val_if_fail(stages->len >= 1 && stages->len <= DUB_PIPELINE_STAGES_MOST, NULL);

    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        g_propagate_error(error, dub_error_from_errno(errno, "socketpair"));
        return NULL;
    }
    g_autoptr(DubPipeline) self = g_new0(DubPipeline, 1);
    self->pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    self->to_first = ends[0];
    self->from_last = ends[1]; /* of the stages started so far */
    for (guint i = 0; i < stages->len; i++) {
        self->from_last = start_stage(self, g_ptr_array_index(stages, i), self->from_last, error);
        if (self->from_last < 0)
            return NULL;
    }
    return g_steal_pointer(&self);
}

void dub_pipeline_stop(DubPipeline *self)
{
    if (!self)
        return;
    close(self->to_first);
    if (self->from_last >= 0)
        close(self->from_last);
    for (guint i = 0; i < self->pids->len; i++)
        dub_child_kill(g_array_index(self->pids, pid_t, i));
    for (guint i = 0; i < self->pids->len; i++)
        dub_child_wait(g_array_index(self->pids, pid_t, i), true);
    g_array_unref(self->pids);
    g_free(self);
}

int64_t dub_pipeline_cpu_ns(const DubPipeline *self)
{
    int64_t sum_ns = 0;
    for (guint i = 0; i < self->pids->len; i++)
        sum_ns += dub_clock_child_cpu(g_array_index(self->pids, pid_t, i));
    return sum_ns;
}

/* Waits until @fd is ready for @events. */
static bool wait_ready(int fd, short events, int64_t deadline_ns, GCancellable *cancellable, GError **error)
{
    for (;;) {
        const int64_t left_ns = deadline_ns - dub_clock_now();
        if (left_ns <= 0) {
            g_set_error_literal(error, DUB_ERROR, DUB_ERROR_TIMEOUT, "the translation program did not answer in time");
            return false;
        }
        const bool watched = cancellable != NULL;
        struct pollfd fds[2] = { { fd, events, 0 }, { watched ? g_cancellable_get_fd(cancellable) : -1, POLLIN, 0 } };
        const int n = poll(fds, 2, (int) MIN(left_ns / DUB_NS_PER_MS + 1, G_MAXINT));
        const int failure = errno;
        if (watched)
            g_cancellable_release_fd(cancellable);
        if (g_cancellable_is_cancelled(cancellable)) {
            g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CANCELLED, "translation was cancelled");
            return false;
        }
        if (n > 0 && fds[0].revents)
            return true;
        if (n < 0 && failure != EINTR) {
            g_propagate_error(error, dub_error_from_errno(failure, "poll"));
            return false;
        }
    }
}

static void set_died(GError **error)
{
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, "a translation program ended unexpectedly");
}

static bool send_all(DubPipeline *self, const char *bytes, gsize length, int64_t deadline_ns, GCancellable *cancellable,
                     GError **error)
{
    while (length > 0) {
        if (!wait_ready(self->to_first, POLLOUT, deadline_ns, cancellable, error))
            return false;
        const ssize_t sent = send(self->to_first, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (sent < 0) {
            set_died(error);
            return false;
        }
        bytes += sent;
        length -= (gsize) sent;
    }
    return true;
}

static char *receive(DubPipeline *self, int64_t deadline_ns, GCancellable *cancellable, GError **error)
{
    g_autoptr(GString) answer = g_string_new(NULL);
    while (answer->len <= DUB_PIPELINE_ANSWER_MOST_BYTES) {
        if (!wait_ready(self->from_last, POLLIN, deadline_ns, cancellable, error))
            return NULL;
        char bytes[READ_BYTES];
        const ssize_t got = read(self->from_last, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            set_died(error);
            return NULL;
        }
        g_string_append_len(answer, bytes, got);
        if (bytes[got - 1] == '\0') /* one question, one answer: nothing follows it */
            return g_string_free(g_steal_pointer(&answer), FALSE);
    }
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, "the translation program answers without end");
    return NULL;
}

char *dub_pipeline_ask(DubPipeline *self, const char *message, int64_t deadline_ns, GCancellable *cancellable,
                       GError **error)
{
    if (!send_all(self, message, strlen(message) + 1, deadline_ns, cancellable, error))
        return NULL;
    return receive(self, deadline_ns, cancellable, error);
}
