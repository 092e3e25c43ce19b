/* airdub/subtitle-files.c: appends cues to temporary files, syncs and renames them at the end. */
#include "airdub/subtitle-files.h"

#include "airdub/subtitles.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    int fd;
    const char *language; /* SubtitleFiles owns it */
    SubtitlesFormat format;
    char *temporary, *name; /* name: after finish */
    unsigned n_cues;
    bool is_translation;
} OneFile;

struct _SubtitleFiles {
    char *languages[2];
    OneFile files[2 * SUBTITLES_N_FORMATS];
    int64_t last_end_ns;
};

/* "a/b.c.mp4" -> "a/b.c" */
static char *without_suffix(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash + 1 : path, '.');
    return dot ? g_strndup(path, (gsize) (dot - path)) : g_strdup(path);
}

static char *final_name(const OneFile *file, const char *output)
{
    g_autofree char *stem = without_suffix(output);
    return g_strdup_printf("%s.%s.%s", stem, file->language, subtitles_suffix(file->format));
}

static bool write_all(OneFile *file, const char *text, gsize length, GError **error)
{
    while (length > 0) {
        const ssize_t n = write(file->fd, text, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dub_error_fail_errno(error, "write the subtitles", file->temporary);
        text += n;
        length -= (gsize) n;
    }
    return true;
}

static bool open_file(OneFile *file, const char *output, bool replace, GError **error)
{
    g_autofree char *name = final_name(file, output);
    if (!replace && access(name, F_OK) == 0) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s is already there; replace it with --force", name);
        return false;
    }
    g_autofree char *folder = g_path_get_dirname(name);
    g_autofree char *base = g_path_get_basename(name);
    file->temporary = g_strdup_printf("%s/.%s.part", folder, base);
    file->fd = open(file->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file->fd < 0) {
        dub_error_fail_errno(error, "write the subtitles", file->temporary);
        g_clear_pointer(&file->temporary, g_free); /* not ours to remove */
        return false;
    }
    const char *header = subtitles_header(file->format);
    return write_all(file, header, strlen(header), error);
}

SubtitleFiles *subtitle_files_new(const char *output, const char *source_language, const char *target_language,
                                  bool replace, GError **error)
{
    g_autoptr(SubtitleFiles) self = g_new0(SubtitleFiles, 1);
    self->languages[0] = g_strdup(source_language);
    self->languages[1] = g_strdup(target_language);
    for (gsize i = 0; i < G_N_ELEMENTS(self->files); i++)
        self->files[i].fd = -1;
    for (gsize i = 0; i < G_N_ELEMENTS(self->files); i++) {
        OneFile *file = &self->files[i];
        file->is_translation = i >= SUBTITLES_N_FORMATS;
        file->language = self->languages[file->is_translation];
        file->format = (SubtitlesFormat) (i % SUBTITLES_N_FORMATS);
        if (file->language && !open_file(file, output, replace, error))
            return NULL;
    }
    return g_steal_pointer(&self);
}

static bool add_text(OneFile *file, const char *text, int64_t start_ns, int64_t end_ns, GError **error)
{
    g_autoptr(GPtrArray) cues = subtitles_cues_new(text, start_ns, end_ns);
    g_autoptr(GString) out = g_string_new(NULL);
    for (guint i = 0; i < cues->len; i++)
        subtitles_append_cue(out, file->format, ++file->n_cues, cues->pdata[i]);
    return write_all(file, out->str, out->len, error);
}

bool subtitle_files_add(SubtitleFiles *self, int64_t start_ns, int64_t end_ns, const char *transcript,
                        const char *translation, GError **error)
{
    start_ns = MAX(start_ns, self->last_end_ns);
    end_ns = MAX(end_ns, start_ns + SUBTITLES_SHORTEST_NS);
    self->last_end_ns = end_ns;
    for (gsize i = 0; i < G_N_ELEMENTS(self->files); i++) {
        OneFile *file = &self->files[i];
        const char *text = file->is_translation ? translation : transcript;
        if (text && file->language && !add_text(file, text, start_ns, end_ns, error))
            return false;
    }
    return true;
}

static bool finish_file(OneFile *file, const char *output, GError **error)
{
    g_autofree char *name = final_name(file, output);
    if (fsync(file->fd) < 0)
        return dub_error_fail_errno(error, "write the subtitles", file->temporary);
    const int status = close(file->fd);
    file->fd = -1;
    if (status < 0)
        return dub_error_fail_errno(error, "write the subtitles", file->temporary);
    if (rename(file->temporary, name) < 0)
        return dub_error_fail_errno(error, "name the subtitles", name);
    g_clear_pointer(&file->temporary, g_free);
    file->name = g_steal_pointer(&name);
    return true;
}

bool subtitle_files_finish(SubtitleFiles *self, const char *output, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(self->files); i++) {
        if (self->files[i].language && !finish_file(&self->files[i], output, error))
            return false;
    }
    return true;
}

char **subtitle_files_names(const SubtitleFiles *self)
{
    GStrvBuilder *names = g_strv_builder_new();
    for (gsize i = 0; i < G_N_ELEMENTS(self->files); i++) {
        if (self->files[i].name)
            g_strv_builder_add(names, self->files[i].name);
    }
    char **result = g_strv_builder_end(names);
    g_strv_builder_unref(names);
    return result;
}

void subtitle_files_free(SubtitleFiles *self)
{
    if (!self)
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(self->files); i++) {
        OneFile *file = &self->files[i];
        if (file->fd >= 0)
            close(file->fd);
        if (file->temporary)
            unlink(file->temporary);
        g_free(file->temporary);
        g_free(file->name);
    }
    g_free(self->languages[0]);
    g_free(self->languages[1]);
    g_free(self);
}
