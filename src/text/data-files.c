/* text/data-files.c: finds and reads the files that come with airdub. */
#include "text/data-files.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Installed, a program never looks at the folder it was built in: on another machine somebody else may own
 * that path. */
static const char *root_folder(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    return self && g_str_has_prefix(self, DUB_BUILD_ROOT "/") ? DUB_SOURCE_DATA_DIR : DUB_DATA_DIR;
}

char *dub_data_files_path(const char *folder, const char *file)
{
    return g_build_filename(root_folder(), folder, file, NULL);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

char **dub_data_files_list(const char *folder, const char *suffix)
{
    g_autofree char *path = dub_data_files_path(folder, "");
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL); /* none: nothing came with this program */
    const char *name;
    while (dir && (name = g_dir_read_name(dir)))
        if (g_str_has_suffix(name, suffix))
            g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);
    return (char **) g_ptr_array_steal(names, NULL);
}

/* A folder, a pipe or a device is no data file: reading it could fail oddly, or never end. */
static FILE *open_regular(const char *path, GError **error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        g_propagate_error(error, dub_error_from_errno(errno, path));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if (!S_ISREG(status.st_mode)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s: is not a file", path);
        close(fd);
        return NULL;
    }
    return fdopen(fd, "r");
}

static unsigned line_of(const char *text, const char *place)
{
    unsigned line = 1;
    for (const char *c = text; c < place; c++)
        line += *c == '\n' ? 1 : 0;
    return line;
}

static char *check_text(GString *text, const char *path, gsize most_bytes, GError **error)
{
    const char *end;
    if (text->len > most_bytes) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s: longer than %" G_GSIZE_FORMAT " bytes", path,
                    most_bytes);
        return NULL;
    }
    if (!g_utf8_validate(text->str, (gssize) text->len, &end)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s:%u: not UTF-8; convert the file to UTF-8", path,
                    line_of(text->str, end));
        return NULL;
    }
    if (g_str_has_prefix(text->str, "\xef\xbb\xbf"))
        g_string_erase(text, 0, 3);
    return g_strdup(text->str);
}

char *dub_data_files_read(const char *path, gsize most_bytes, GError **error)
{
    FILE *file = open_regular(path, error);
    if (!file)
        return NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    char bytes[4096];
    gsize got;
    while (text->len <= most_bytes && (got = fread(bytes, 1, sizeof bytes, file)) > 0)
        g_string_append_len(text, bytes, (gssize) got);
    const bool failed = ferror(file) != 0;
    fclose(file);
    if (!failed)
        return check_text(text, path, most_bytes, error);
    g_set_error(error, DUB_ERROR, DUB_ERROR_IO, "%s: cannot be read", path);
    return NULL;
}
