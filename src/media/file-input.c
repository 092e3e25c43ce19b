/* media/file-input.c: a descriptor that never blocks, and poll() before each read of a pipe. */
#include "media/file-input.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <libavutil/error.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    DubInput base;
    char *path;
    int fd;
    int64_t silence_ns;
    GCancellable *cancellable;
} FileInput;

/* Linux tells POLLHUP of a named pipe only once a writer has been there, so a reader that opens first waits for it.
 * Returns: 0 when there is something to read, or an AVERROR. */
static int wait_readable(FileInput *self)
{
    GPollFD polled[2] = { { .fd = self->fd, .events = G_IO_IN } };
    const guint n_polled = g_cancellable_make_pollfd(self->cancellable, &polled[1]) ? 2 : 1;
    const int64_t until_ns = dub_clock_now() + self->silence_ns;
    int n_ready;
    do {
        const int64_t left_ms = (until_ns - dub_clock_now()) / DUB_NS_PER_MS;
        n_ready = g_poll(polled, n_polled, (gint) CLAMP(left_ms, 0, G_MAXINT));
    } while (n_ready < 0 && errno == EINTR);
    if (n_polled == 2)
        g_cancellable_release_fd(self->cancellable);
    if (g_cancellable_is_cancelled(self->cancellable))
        return dub_input_fail(&self->base, g_error_new_literal(DUB_ERROR, DUB_ERROR_CANCELLED, "interrupted"),
                              AVERROR_EXIT);
    if (n_ready > 0)
        return 0;
    return dub_input_fail(&self->base,
                          g_error_new(DUB_ERROR, DUB_ERROR_TIMEOUT,
                                      "%s: no data came for %.3g s; does anybody write into it?", self->path,
                                      (double) self->silence_ns / DUB_NS_PER_S),
                          AVERROR(ETIMEDOUT));
}

static int read_bytes(void *opaque, uint8_t *data, int size)
{
    FileInput *self = opaque;
    for (;;) {
        const int status = self->base.size < 0 ? wait_readable(self) : 0;
        if (status < 0)
            return status;
        if (g_cancellable_is_cancelled(self->cancellable))
            return AVERROR_EXIT;
        const ssize_t n_read = read(self->fd, data, (size_t) size);
        if (n_read > 0)
            return (int) n_read;
        if (n_read == 0)
            return AVERROR_EOF;
        if (errno != EAGAIN && errno != EINTR)
            return dub_input_fail(&self->base, dub_error_from_errno(errno, self->path), AVERROR(EIO));
    }
}

static int64_t seek_to(void *opaque, int64_t offset, int whence)
{
    FileInput *self = opaque;
    const off_t at = lseek(self->fd, offset, whence);
    return at < 0 ? AVERROR(errno) : at;
}

static bool open_descriptor(FileInput *self, GError **error)
{
    struct stat facts;
    self->fd = g_str_equal(self->path, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                            : g_open(self->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (self->fd < 0 || fstat(self->fd, &facts) < 0) {
        g_propagate_error(error, dub_error_from_errno(errno, self->path));
        return false;
    }
    if (S_ISREG(facts.st_mode))
        self->base.size = facts.st_size;
    else if (S_ISBLK(facts.st_mode))
        self->base.size = lseek(self->fd, 0, SEEK_END), lseek(self->fd, 0, SEEK_SET);
    return true;
}

static void free_input(DubInput *input)
{
    FileInput *self = (FileInput *) input;
    if (self->fd >= 0)
        close(self->fd);
    g_object_unref(self->cancellable);
    g_free(self->path);
    g_free(self);
}

static const DubInputClass file_class = { read_bytes, seek_to, free_input };

DubInput *dub_file_input_open(const char *path, int64_t silence_ns, GCancellable *cancellable, GError **error)
{
    FileInput *self = g_new0(FileInput, 1);
    self->path = g_strdup(path);
    self->fd = -1;
    self->base.size = -1;
    self->silence_ns = silence_ns;
    self->cancellable = g_object_ref(cancellable);
    if (!open_descriptor(self, error)) {
        free_input(&self->base);
        return NULL;
    }
    self->base.is_seekable = self->base.size >= 0;
    dub_input_init(&self->base, &file_class);
    return &self->base;
}
