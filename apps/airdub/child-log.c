/* airdub/child-log.c: one file a program, bounded in size. A log that cannot be written is said once and then left. */
#include "airdub/child-log.h"

#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILE_BYTES (16L * 1024 * 1024)

struct _ChildLog {
    char *folder;
    GHashTable *files; /* name -> FILE *; NULL once it failed */
};

static void close_file(void *file)
{
    if (file)
        fclose(file);
}

ChildLog *child_log_new(const char *folder, GError **error)
{
    if (folder && g_mkdir_with_parents(folder, 0777) < 0) {
        const int errnum = errno;
        g_autofree char *what = g_strdup_printf("--log-dir: cannot make the folder %s", folder);
        g_propagate_error(error, dub_error_from_errno(errnum, what));
        return NULL;
    }
    ChildLog *self = g_new0(ChildLog, 1);
    self->folder = g_strdup(folder);
    self->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_file);
    return self;
}

static FILE *open_file(ChildLog *self, const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/%s.log", self->folder, name);
    FILE *file = fopen(path, "ae");
    if (!file)
        dub_error("cannot write the log %s: %s", path, g_strerror(errno));
    g_hash_table_replace(self->files, g_strdup(name), file);
    return file;
}

static FILE *rotate(ChildLog *self, const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/%s.log", self->folder, name);
    g_autofree char *old = g_strconcat(path, ".1", NULL);
    g_hash_table_remove(self->files, name);
    if (rename(path, old) < 0)
        dub_error("cannot rename the log %s: %s", path, g_strerror(errno));
    return open_file(self, name);
}

void child_log_write(ChildLog *self, const char *name, const char *line)
{
    if (!self->folder)
        return;
    gpointer known = NULL;
    FILE *file = g_hash_table_lookup_extended(self->files, name, NULL, &known) ? known : open_file(self, name);
    if (file && ftell(file) > FILE_BYTES)
        file = rotate(self, name);
    if (!file)
        return;
    if (fprintf(file, "%s\n", line) < 0 || fflush(file) != 0) {
        dub_error("cannot write the log of %s: %s", name, g_strerror(errno));
        g_hash_table_replace(self->files, g_strdup(name), NULL);
    }
}

/* Ours: "12:00:00.123 INFO  text", or {"time":"…","level":"INFO",…; MediaMTX: "2026/01/01 12:00:00 INF text". */
bool child_log_is_worth_showing(const char *line)
{
    static const char *const dull[] = { " INFO ", " DEBUG ", "\"INFO\"", "\"DEBUG\"", " INF ", " DEB " };
    const gsize head = 64; /* the level stands near the start */
    for (gsize i = 0; i < G_N_ELEMENTS(dull); i++) {
        if (g_strstr_len(line, (gssize) MIN(strlen(line), head), dull[i]))
            return false;
    }
    return true;
}

void child_log_free(ChildLog *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->files);
    g_free(self->folder);
    g_free(self);
}
