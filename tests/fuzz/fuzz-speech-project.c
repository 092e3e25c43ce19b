/* tests/fuzz/fuzz-speech-project.c: a project that somebody has mended, or a journal whose end is spoilt: refused with
 * a line's number, or read; and what was read is written as it is read again. */
#include "speech/project.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *to_text(const DubProject *project)
{
    g_autofree char *header = dub_project_row_to_text(project->header);
    GString *all = g_string_new(header);
    for (guint i = 0; i < project->fragments->len; i++) {
        g_autofree char *rows = dub_project_fragment_to_text(g_ptr_array_index(project->fragments, i));
        g_string_append(all, rows);
    }
    return g_string_free(all, FALSE);
}

static void check(const DubProject *project)
{
    int64_t last_ns = -1;
    for (guint i = 0; i < project->fragments->len; i++) {
        const DubProjectFragment *fragment = g_ptr_array_index(project->fragments, i);
        g_autoptr(GPtrArray) given = NULL;
        g_assert_cmpint(fragment->start_ns, >, last_ns);
        last_ns = fragment->start_ns;
        if (dub_project_fragment_change(fragment, "default", &given) != DUB_PROJECT_SAME)
            g_assert_cmpuint(given->len, ==, fragment->lines->len);
        for (guint k = 0; k < fragment->lines->len; k++) {
            const DubSpeechLine *line = &((const DubProjectLine *) g_ptr_array_index(fragment->lines, k))->line;
            g_assert_cmpint(line->start_ns, >=, 0);
            g_assert_cmpint(line->end_ns, >, line->start_ns);
        }
    }
}

static void fuzz(const char *text, gsize length, bool is_journal)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubProject) project = dub_project_parse(text, length, is_journal, &error);
    if (!project) {
        g_assert_nonnull(error);
        return;
    }
    check(project);
    g_assert_cmpuint(project->good_bytes, <=, length);
    g_autofree char *written = to_text(project);
    g_autoptr(DubProject) again = dub_project_parse(written, strlen(written), true, NULL);
    g_assert_nonnull(again); /* a line may have grown beyond a row's bound: all before it is read */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz((const char *) data, size, false);
    fuzz((const char *) data, size, true);
    return 0;
}
