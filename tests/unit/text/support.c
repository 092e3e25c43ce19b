/* support.c: files and programs of the tests. */
#include "support.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

void support_init(SupportFolder *self)
{
    g_autoptr(GError) error = NULL;
    self->folder = g_dir_make_tmp("airdub-text-XXXXXX", &error);
    g_assert_no_error(error);
}

void support_clear(SupportFolder *self)
{
    g_autoptr(GDir) folder = g_dir_open(self->folder, 0, NULL);
    for (const char *name; (name = g_dir_read_name(folder));) {
        g_autofree char *path = g_build_filename(self->folder, name, NULL);
        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(self->folder), ==, 0);
    g_clear_pointer(&self->folder, g_free);
}

char *support_write(const SupportFolder *self, const char *name, const char *text)
{
    g_autoptr(GError) error = NULL;
    char *path = g_build_filename(self->folder, name, NULL);
    g_file_set_contents(path, text, -1, &error);
    g_assert_no_error(error);
    return path;
}

char *support_run(const char *const *argv, const char *input)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) process =
        g_subprocess_newv(argv, G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error);
    g_assert_no_error(error);
    g_autoptr(GBytes) in = g_bytes_new(input, strlen(input));
    g_autoptr(GBytes) out = NULL;
    g_subprocess_communicate(process, in, NULL, &out, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(g_subprocess_get_successful(process));
    return g_strndup(g_bytes_get_data(out, NULL), g_bytes_get_size(out));
}

char **support_apertium(const GPtrArray *sentences)
{
    static const char *const argv[] = { "apertium", "-u", "eng-spa", NULL };
    g_autoptr(GString) input = g_string_new(NULL);
    for (guint i = 0; i < sentences->len; i++)
        g_string_append_printf(input, "%s\n\n",
                               (const char *) sentences->pdata[i]); /* an empty line parts sentences without a stop */
    g_autofree char *output = support_run(argv, input->str);
    g_strchomp(output);
    char **lines = g_strsplit(output, "\n\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, sentences->len);
    return lines;
}
