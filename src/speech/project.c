/* speech/project.c: what a project says, and what has changed in it. */
#include "speech/project.h"

#include "base/clock.h"

#include <string.h>

static void clear_line(DubProjectLine *self)
{
    g_free(self->line.text);
    g_free(self->line.translation);
    g_free(self->line.voice);
    g_free(self->made_from);
    g_free(self);
}

DubProjectFragment *dub_project_fragment_new(void)
{
    DubProjectFragment *self = g_new0(DubProjectFragment, 1);
    self->lines = g_ptr_array_new_with_free_func((GDestroyNotify) clear_line);
    return self;
}

void dub_project_fragment_free(DubProjectFragment *self)
{
    if (!self)
        return;
    g_free(self->sound);
    g_free(self->made_from);
    g_free(self->speech);
    json_decref(self->answer);
    json_decref(self->memory);
    g_ptr_array_unref(self->lines);
    g_free(self);
}

bool dub_project_fragment_failed(const DubProjectFragment *self)
{
    return g_strcmp0(json_string_value(json_object_get(self->answer, "status")), "failed") == 0;
}

/* ── Digests ── */

static void add_text(GChecksum *sum, const char *text)
{
    const guint64 length = text ? strlen(text) + 1 : 0; /* so that neighbours do not run into each other */
    g_checksum_update(sum, (const guchar *) &length, sizeof(length));
    if (text)
        g_checksum_update(sum, (const guchar *) text, (gssize) (length - 1));
}

static char *short_digest(GChecksum *sum)
{
    return g_strndup(g_checksum_get_string(sum), DUB_PROJECT_DIGEST_CHARS);
}

static char *text_digest(const char *text)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    add_text(sum, text);
    return short_digest(sum);
}

/* Milliseconds are what the file holds. */
static int64_t to_ms(int64_t time_ns)
{
    return (time_ns + DUB_NS_PER_MS / 2) / DUB_NS_PER_MS;
}

/* Who says it, and when; @start_ns: of the fragment. */
static char *place_digest(const DubSpeechLine *line, int64_t start_ns, const char *voice)
{
    g_autofree char *times = g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT, to_ms(start_ns + line->start_ns),
                                             to_ms(start_ns + line->end_ns));
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    add_text(sum, line->voice ? line->voice : voice);
    add_text(sum, times);
    return short_digest(sum);
}

/* "text-translation-voice and times" */
static char *line_digest(const DubProjectFragment *self, const DubSpeechLine *line, const char *voice)
{
    g_autofree char *text = text_digest(line->text);
    g_autofree char *translation = text_digest(line->translation);
    g_autofree char *place = place_digest(line, self->start_ns, voice);
    return g_strdup_printf("%s-%s-%s", text, translation, place);
}

char *dub_project_fragment_digest(const DubProjectFragment *self, const char *voice)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (guint i = 0; i < self->lines->len; i++) {
        const DubProjectLine *line = g_ptr_array_index(self->lines, i);
        g_autofree char *digest = line_digest(self, &line->line, voice);
        add_text(sum, digest);
    }
    return short_digest(sum);
}

char *dub_project_sound_digest(const void *bytes, gsize length, unsigned rate_hz, unsigned channels)
{
    const guint32 shape[] = { rate_hz, channels };
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(sum, (const guchar *) shape, sizeof(shape));
    if (length > 0)
        g_checksum_update(sum, bytes, (gssize) length);
    return g_strndup(g_checksum_get_string(sum), 32);
}

void dub_project_fragment_add_line(DubProjectFragment *self, const DubSpeechLine *line, const char *voice)
{
    DubProjectLine *added = g_new0(DubProjectLine, 1);
    added->line = *line;
    added->line.text = g_strdup(line->text);
    added->line.translation = g_strdup(line->translation);
    added->line.voice = g_strdup(line->voice);
    /* What the file holds, and never before the fragment: up to the next millisecond. */
    const int64_t up = DUB_NS_PER_MS - 1;
    added->line.start_ns = (self->start_ns + line->start_ns + up) / DUB_NS_PER_MS * DUB_NS_PER_MS - self->start_ns;
    added->line.end_ns = (self->start_ns + line->end_ns + up) / DUB_NS_PER_MS * DUB_NS_PER_MS - self->start_ns;
    added->line.end_ns = MAX(added->line.end_ns, added->line.start_ns + DUB_NS_PER_MS);
    added->made_from = line_digest(self, &added->line, voice);
    g_ptr_array_add(self->lines, added);
}

/* ── What has changed ── */

/* A text that has changed makes its translation old, unless that has changed as well. */
static bool has_old_translation(const DubProjectLine *line)
{
    const DubSpeechLine *now = &line->line;
    if (!line->made_from || !now->translation)
        return false;
    g_auto(GStrv) parts = g_strsplit(line->made_from, "-", 3);
    g_autofree char *text = text_digest(now->text);
    g_autofree char *translation = text_digest(now->translation);
    return g_strv_length(parts) == 3 && !g_str_equal(parts[0], text) && g_str_equal(parts[1], translation);
}

/* Neither translated nor without words: the translator is to be asked. */
static bool wants_translation(const DubProjectLine *line)
{
    return line->line.text && *line->line.text && (!line->line.translation || has_old_translation(line));
}

DubProjectChange dub_project_fragment_change(const DubProjectFragment *self, const char *voice, GPtrArray **given)
{
    DubProjectChange change = DUB_PROJECT_SAME;
    g_autofree char *digest = dub_project_fragment_digest(self, voice);
    if (g_strcmp0(digest, self->made_from) == 0)
        return change;
    change = DUB_PROJECT_SPEAK;
    GPtrArray *lines = dub_speech_lines_new();
    for (guint i = 0; i < self->lines->len; i++) {
        const DubProjectLine *line = g_ptr_array_index(self->lines, i);
        const DubSpeechLine *now = &line->line;
        const bool is_old = has_old_translation(line);
        if (wants_translation(line))
            change = DUB_PROJECT_TRANSLATE;
        g_ptr_array_add(lines, dub_speech_line_new(now->start_ns, now->end_ns, now->text,
                                                   is_old ? NULL : now->translation, now->voice));
    }
    if (given)
        *given = lines;
    else
        g_ptr_array_unref(lines);
    return change;
}

void dub_project_free(DubProject *self)
{
    if (!self)
        return;
    json_decref(self->header);
    g_ptr_array_unref(self->fragments);
    g_free(self);
}
