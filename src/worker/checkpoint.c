/* worker/checkpoint.c: written beside and renamed over; read back with every field checked. */
#include "worker/checkpoint.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".checkpoint.json"

static char *path_of(const char *directory, const char *stream_id)
{
    g_autofree char *name = g_strdup_printf("%s" SUFFIX, stream_id); /* an id has no '/': PROTOCOL.md's alphabet */
    return g_build_filename(directory, name, NULL);
}

static void set_file_error(GError **error, int errnum, const char *what, const char *path)
{
    g_autofree char *text = g_strdup_printf("%s %s", what, path);
    g_propagate_error(error, dub_error_from_errno(errnum, text));
}

static bool write_file(const char *path, const char *text)
{
    const gsize length = strlen(text);
    const int fd = g_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    errno = EIO; /* a short write sets none */
    const bool is_written = write(fd, text, length) == (ssize_t) length;
    const int errnum = errno;
    close(fd);
    errno = errnum;
    return is_written;
}

/* Whole or not at all, but not durable, which g_file_set_contents() would be: it waits for the disk, and so would the
 * loop that paces every output. After a power cut the checkpoint before is as good, and a broken one is set
 * aside. */
static bool replace_file(const char *path, const char *text)
{
    g_autofree char *part = g_strconcat(path, ".part", NULL);
    if (write_file(part, text) && g_rename(part, path) == 0)
        return true;
    const int errnum = errno;
    g_unlink(part);
    errno = errnum;
    return false;
}

bool dub_checkpoint_write(const char *directory, const char *stream_id, const DubCheckpoint *checkpoint, GError **error)
{
    g_autofree char *path = path_of(directory, stream_id);
    if (g_mkdir_with_parents(directory, 0755) != 0) {
        set_file_error(error, errno, "cannot make the folder of", path);
        return false;
    }
    g_autofree char *text =
        g_strdup_printf("{\"next_fragment\":%" G_GUINT64_FORMAT ",\"epoch\":%" G_GUINT64_FORMAT
                        ",\"dubbed\":%" G_GUINT64_FORMAT ",\"fallbacks\":%" G_GUINT64_FORMAT
                        ",\"played_unix_ms\":%" G_GINT64_FORMAT ",\"written_unix_ms\":%" G_GINT64_FORMAT "}\n",
                        checkpoint->next_fragment, checkpoint->epoch, checkpoint->dubbed, checkpoint->fallbacks,
                        checkpoint->played_unix_ms, dub_clock_unix_ms());
    if (replace_file(path, text))
        return true;
    set_file_error(error, errno, "cannot write", path);
    return false;
}

static bool read_fields(const DubJson *root, DubCheckpoint *checkpoint, GError **error)
{
    int64_t next = 0, epoch = 0, dubbed = 0, fallbacks = 0, played = 0, written = 0;
    if (!dub_json_get_int(root, "next_fragment", DUB_JSON_REQUIRED, 0, G_MAXINT64, &next, error) ||
        !dub_json_get_int(root, "epoch", DUB_JSON_REQUIRED, 0, G_MAXINT64, &epoch, error) ||
        !dub_json_get_int(root, "dubbed", DUB_JSON_REQUIRED, 0, G_MAXINT64, &dubbed, error) ||
        !dub_json_get_int(root, "fallbacks", DUB_JSON_REQUIRED, 0, G_MAXINT64, &fallbacks, error) ||
        !dub_json_get_int(root, "played_unix_ms", DUB_JSON_OPTIONAL, 0, G_MAXINT64, &played, error) ||
        !dub_json_get_int(root, "written_unix_ms", DUB_JSON_REQUIRED, 0, G_MAXINT64, &written, error))
        return false;
    *checkpoint =
        (DubCheckpoint){ (uint64_t) next, (uint64_t) epoch, (uint64_t) dubbed, (uint64_t) fallbacks, played, written };
    return true;
}

/* Out of the way, so that the stream's next one does not lose what somebody may want to look at; one a stream. */
static void set_aside(const char *path, const char *problem, GError **error)
{
    g_autofree char *aside = g_strconcat(path, ".corrupt", NULL);
    if (g_rename(path, aside) == 0)
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "%s: %s; it is set aside as %s, and counting starts anew",
                    path, problem, aside);
    else
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "%s: %s; counting starts anew", path, problem);
}

bool dub_checkpoint_read(const char *directory, const char *stream_id, DubCheckpoint *checkpoint, GError **error)
{
    g_autofree char *path = path_of(directory, stream_id);
    g_autofree char *text = NULL;
    gsize length = 0;
    g_autoptr(GError) problem = NULL;
    if (!g_file_get_contents(path, &text, &length, &problem)) {
        set_file_error(error, g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOENT) ? ENOENT : EIO, "cannot read",
                       path);
        return false;
    }
    g_autoptr(DubJson) root = dub_json_parse(text, length, &problem);
    if (root && read_fields(root, checkpoint, &problem))
        return true;
    set_aside(path, problem->message, error);
    return false;
}

void dub_checkpoint_remove(const char *directory, const char *stream_id)
{
    g_autofree char *path = path_of(directory, stream_id);
    g_unlink(path);
}

static bool is_older(const char *path, int64_t older_than_s)
{
    GStatBuf found;
    return g_stat(path, &found) == 0 && dub_clock_unix_ms() / 1000 - found.st_mtime > older_than_s;
}

guint dub_checkpoint_sweep(const char *directory, int64_t older_than_s)
{
    g_autoptr(GDir) folder = g_dir_open(directory, 0, NULL);
    guint n_gone = 0;
    const char *name;
    while (folder && (name = g_dir_read_name(folder))) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        const char *suffix = strstr(name, SUFFIX);
        const char *rest = suffix ? suffix + strlen(SUFFIX) : NULL;
        const bool is_ours = rest && (!*rest || strcmp(rest, ".part") == 0 || strcmp(rest, ".corrupt") == 0);
        n_gone += is_ours && is_older(path, older_than_s) && g_unlink(path) == 0;
    }
    return n_gone;
}
