/* engines/models-files.c: bounded reading of files that anybody may have put there. */
#include "engines/models-private.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES_MAX 1000 /* of a folder; a folder of models has some tens */

/* Never waits for a pipe's other end. */
static int open_regular(const char *path, struct stat *status)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    if (fstat(fd, status) == 0 && S_ISREG(status->st_mode))
        return fd;
    close(fd);
    errno = EINVAL;
    return -1;
}

int models_file_open(const char *path)
{
    struct stat status;
    return open_regular(path, &status);
}

bool models_file_size(const char *path, guint64 *size)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return false;
    if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return false;
    }
    *size = (guint64) status.st_size;
    return true;
}

static gssize read_at(int fd, void *buffer, gsize length, off_t offset)
{
    gsize done = 0;
    while (done < length) {
        const ssize_t n = pread(fd, (char *) buffer + done, length - done, offset + (off_t) done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (gsize) n;
    }
    return (gssize) done;
}

gssize models_file_read(const char *path, void *buffer, gsize length, bool from_end)
{
    struct stat status;
    const int fd = open_regular(path, &status);
    if (fd < 0)
        return -1;
    const off_t offset = from_end && status.st_size > (off_t) length ? status.st_size - (off_t) length : 0;
    const gssize n = read_at(fd, buffer, length, offset);
    const int problem = errno;
    close(fd);
    errno = problem;
    return n;
}

DubJson *models_file_read_json(const char *path, gsize max_bytes, GError **error)
{
    g_autofree char *text = g_malloc(max_bytes + 1);
    const gssize n = models_file_read(path, text, max_bytes + 1, false);
    if (n < 0) {
        g_propagate_error(error, dub_error_from_errno(errno, path));
        return NULL;
    }
    if ((gsize) n > max_bytes) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "%s: larger than %zu bytes", path, max_bytes);
        return NULL;
    }
    DubJson *json = dub_json_parse(text, (gsize) n, error);
    if (!json)
        g_prefix_error(error, "%s: ", path);
    if (json && !json_is_object(json)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "%s: not a JSON object", path);
        g_clear_pointer(&json, json_decref);
    }
    return json;
}

bool models_is_lfs_pointer(const char *path)
{
    static const char first_line[] = "version https://git-lfs";
    char head[sizeof first_line - 1];
    return models_file_read(path, head, sizeof head, false) == sizeof head &&
           memcmp(head, first_line, sizeof head) == 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

GPtrArray *models_list_folder(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    if (!dir)
        return NULL;
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    for (const char *name; names->len < ENTRIES_MAX && (name = g_dir_read_name(dir));) {
        if (name[0] != '.')
            g_ptr_array_add(names, g_strdup(name));
    }
    g_ptr_array_sort(names, compare_names);
    return names;
}
