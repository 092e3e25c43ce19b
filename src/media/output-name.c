/* media/output-name.c: a result appears under its name at once and whole, or not at all. */
#include "media/output-name.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

void dub_output_name_init(DubOutputName *self, const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *base = g_path_get_basename(path);
    const char *dot = strrchr(base, '.');
    const char *suffix = dot ? dot : "";
    g_autofree char *stem = dot ? g_strndup(base, (gsize) (dot - base)) : g_strdup(base);
    g_autofree char *part = g_strdup_printf(".%s.part%s", stem, suffix);
    const char *mark = g_str_has_suffix(stem, ".partial") ? "" : ".partial"; /* once is enough */
    g_autofree char *partial = g_strdup_printf("%s%s%s", stem, mark, suffix);
    self->final = g_strdup(path);
    self->part = g_build_filename(folder, part, NULL);
    self->partial = g_build_filename(folder, partial, NULL);
}

void dub_output_name_clear(DubOutputName *self)
{
    g_clear_pointer(&self->final, g_free);
    g_clear_pointer(&self->part, g_free);
    g_clear_pointer(&self->partial, g_free);
}

static bool fail(GError **error, const char *what)
{
    g_propagate_error(error, dub_error_from_errno(errno, what));
    return false;
}

bool dub_output_name_check(const DubOutputName *self, GError **error)
{
    g_autofree char *why = dub_error_missing_folder(self->final);
    if (g_file_test(self->final, G_FILE_TEST_IS_DIR)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s: is a folder; name a file", self->final);
        return false;
    }
    if (why) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND, "%s: %s; create it first", self->final, why);
        return false;
    }
    const int fd = g_open(self->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail(error, self->final);
    close(fd);
    return true;
}

static bool sync_path(const char *path, int flags)
{
    const int fd = g_open(path, flags | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool synced = fsync(fd) == 0 || errno == EINVAL || errno == EROFS; /* not every file system syncs folders */
    const int saved = errno;
    close(fd);
    errno = saved;
    return synced;
}

bool dub_output_name_settle(const DubOutputName *self, const char *target, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(target);
    if (sync_path(self->part, O_RDONLY) && g_rename(self->part, target) == 0 &&
        sync_path(folder, O_RDONLY | O_DIRECTORY))
        return true;
    const int saved = errno;
    g_unlink(self->part);
    errno = saved;
    return fail(error, target);
}
