/* media/sink-file.c: the end of a file. */
#include "media/sink-file.h"

#include "base/clock.h"
#include "base/error.h"
#include "media/bytes.h"
#include "media/flv-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    DubOutputName name;
    char *target;
    DubSinkFileFacts facts;
} Job;

static void free_job(void *data)
{
    Job *job = data;
    dub_output_name_clear(&job->name);
    g_free(job->target);
    g_free(job);
}

static bool write_double(int fd, double value, off_t offset)
{
    uint8_t bytes[8];
    dub_put_be_double(bytes, value);
    return pwrite(fd, bytes, sizeof bytes, offset) == sizeof bytes;
}

/* onMetaData was written before anybody knew. */
static bool complete_flv(const Job *job)
{
    struct stat facts;
    const int fd = g_open(job->name.part, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool written = fstat(fd, &facts) == 0 &&
                         write_double(fd, (double) job->facts.duration_ns / DUB_NS_PER_S, DUB_FLV_DURATION_OFFSET) &&
                         write_double(fd, (double) facts.st_size, DUB_FLV_FILESIZE_OFFSET);
    const int saved = errno;
    close(fd);
    errno = saved;
    return written;
}

/* hlssink2 measures a segment by the start of the next one, so the last lacks its last frame. */
static bool complete_hls(const Job *job, GError **error)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(job->name.part, &text, NULL, error))
        return false;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    double total_s = 0, last_s = 0;
    char **last = NULL;
    for (char **line = lines; *line; line++)
        if (g_str_has_prefix(*line, "#EXTINF:")) {
            last = line;
            last_s = g_ascii_strtod(*line + strlen("#EXTINF:"), NULL);
            total_s += last_s;
        }
    if (!last)
        return true;
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    const double exact_s = (double) job->facts.duration_ns / DUB_NS_PER_S - (total_s - last_s);
    g_ascii_formatd(number, sizeof number, "%.6f", MAX(exact_s, last_s));
    g_free(*last);
    *last = g_strdup_printf("#EXTINF:%s,", number);
    g_autofree char *whole = g_strjoinv("\n", lines);
    return g_file_set_contents(job->name.part, whole, -1, error);
}

static bool complete(const Job *job, GError **error)
{
    if (job->facts.container == DUB_CONTAINER_HLS)
        return complete_hls(job, error);
    if (job->facts.container != DUB_CONTAINER_FLV || complete_flv(job))
        return true;
    g_propagate_error(error, dub_error_from_errno(errno, job->target));
    g_unlink(job->name.part);
    return false;
}

static void run(GTask *task, void *source, void *data, GCancellable *cancellable)
{
    (void) source, (void) cancellable;
    const Job *job = data;
    GError *error = NULL;
    if (complete(job, &error) && dub_output_name_settle(&job->name, job->target, &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

void dub_sink_file_finish(const DubOutputName *name, const char *target, const DubSinkFileFacts *facts,
                          GCancellable *cancellable, GAsyncReadyCallback on_done, void *user_data)
{
    Job *job = g_new0(Job, 1);
    job->name = (DubOutputName){ g_strdup(name->final), g_strdup(name->part), g_strdup(name->partial) };
    job->target = g_strdup(target);
    job->facts = *facts;
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, on_done, user_data);
    g_task_set_check_cancellable(task, FALSE);
    g_task_set_task_data(task, job, free_job);
    g_task_run_in_thread(task, run);
}

void dub_sink_file_remove_segments(const DubOutputName *name)
{
    g_autofree char *stem = g_strndup(name->final, strlen(name->final) - strlen(".m3u8"));
    for (int i = 0;; i++) {
        g_autofree char *segment = g_strdup_printf("%s-%05d.ts", stem, i); /* as sink-pipeline.c names them */
        if (g_unlink(segment) != 0)
            return;
    }
}

bool dub_sink_file_finish_done(GAsyncResult *result, GError **error)
{
    return g_task_propagate_boolean(G_TASK(result), error);
}
