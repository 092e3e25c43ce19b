/* model-files.c: writes them, and asks. */
#include "model-files.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void set_up(Fixture *f, const void *data G_GNUC_UNUSED)
{
    f->root = g_dir_make_tmp("test-models-XXXXXX", NULL);
    g_assert_nonnull(f->root);
}

static void delete_tree(const char *path)
{
    if (g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK)) {
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        for (const char *name; (name = g_dir_read_name(dir));) {
            g_autofree char *entry = g_build_filename(path, name, NULL);
            delete_tree(entry);
        }
    }
    remove(path);
}

static void tear_down(Fixture *f, const void *data G_GNUC_UNUSED)
{
    delete_tree(f->root);
    g_free(f->root);
}

/* ---- making files ---- */

char *path_in(const Fixture *f, const char *name)
{
    char *path = g_build_filename(f->root, name, NULL);
    g_autofree char *folder = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    return path;
}

/* Not g_file_set_contents(), and not over a file that is there: both wait for the disk. */
static void write_bytes(const Fixture *f, const char *name, const void *data, gsize length)
{
    g_autofree char *path = path_in(f, name);
    remove(path);
    FILE *file = fopen(path, "w");
    g_assert_nonnull(file);
    g_assert_cmpuint(fwrite(data, 1, length, file), ==, length);
    g_assert_cmpint(fclose(file), ==, 0);
}

void write_text(const Fixture *f, const char *name, const char *text)
{
    write_bytes(f, name, text, strlen(text));
}

void write_json(const Fixture *f, const char *name, const char *text)
{
    g_autofree char *quoted = g_strdup(text);
    write_text(f, name, g_strdelimit(quoted, "'", '"'));
}

void set_size(const Fixture *f, const char *name, off_t size)
{
    g_autofree char *path = path_in(f, name);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        write_text(f, name, "");
    g_assert_cmpint(truncate(path, size), ==, 0);
}

void write_whisper(const Fixture *f, const char *name, guint32 layers, guint32 text_layers, guint32 vocabulary)
{
    const guint32 width = layers == TINY ? 384 : layers == BASE ? 512 : 1280;
    guint32 header[] = { 0x67676d6c, vocabulary, 1500,       width,       width / 64, layers,
                         448,        width,      width / 64, text_layers, 80,         2007 };
    for (gsize i = 0; i < G_N_ELEMENTS(header); i++)
        header[i] = GUINT32_TO_LE(header[i]);
    write_bytes(f, name, header, sizeof header);
    set_size(f, name, layers == TINY ? 43550778 : 2000000000);
}

/* The first byte of an .onnx, and words like those at its end. */
void write_onnx(const Fixture *f, const char *name, const char *words)
{
    g_autoptr(GString) text = g_string_new("\x08");
    for (unsigned i = 0; i < 4000; i++)
        g_string_append_c(text, 'x');
    g_string_append(text, words);
    write_text(f, name, text->str);
}

static const char piper_json[] =
    "{'audio': {'sample_rate': 22050}, 'espeak': {'voice': 'es-419'}, 'phoneme_type': 'espeak',"
    " 'num_speakers': 1, 'speaker_id_map': {}, 'language': {'code': 'es_MX'}}";

void write_piper(const Fixture *f, const char *folder)
{
    g_autofree char *onnx = g_build_filename(folder, "voice.onnx", NULL),
                    *json = g_build_filename(folder, "voice.onnx.json", NULL);
    g_autofree char *tokens = g_build_filename(folder, "tokens.txt", NULL);
    write_onnx(f, onnx, DESCRIBED);
    write_json(f, json, piper_json);
    write_text(f, tokens, "_ 0\n");
}

void write_kokoro(const Fixture *f, const char *folder, gsize n_voices)
{
    g_autofree char *onnx = g_build_filename(folder, "model.onnx", NULL),
                    *voices = g_build_filename(folder, "voices.bin", NULL);
    g_autofree char *tokens = g_build_filename(folder, "tokens.txt", NULL);
    write_onnx(f, onnx, DESCRIBED);
    write_text(f, tokens, "$ 0\n");
    set_size(f, voices, (off_t) (n_voices * STYLE_BYTES));
}

/* ---- asking ---- */

GPtrArray *find_models(const Fixture *f)
{
    return dub_models_find(f->root);
}

const DubModel *model_named(const GPtrArray *models, const char *name)
{
    for (guint i = 0; i < models->len; i++) {
        const DubModel *model = models->pdata[i];
        if (strcmp(model->name, name) == 0)
            return model;
    }
    return NULL;
}

const DubModel *only_model(const GPtrArray *models)
{
    g_assert_cmpuint(models->len, ==, 1);
    return models->pdata[0];
}

void assert_languages(const DubModel *model, const char *expected)
{
    g_autofree char *languages = g_strjoinv(" ", model->languages);
    g_assert_cmpstr(languages, ==, expected);
}

void assert_problem(const DubModel *model, const char *says)
{
    g_assert_nonnull(model->problem);
    if (!strstr(model->problem, says))
        g_error("'%s' does not say '%s'", model->problem, says);
    g_assert_null(strchr(model->problem, '\n'));
}

const DubModelVoice *voice_of(const DubModel *model, guint i)
{
    g_assert_cmpuint(i, <, model->voices->len);
    return model->voices->pdata[i];
}

void add_model_test(const char *group, const char *name, const void *data, void (*run)(Fixture *, const void *))
{
    g_autofree char *path = g_strdup_printf("/engines/models/%s/%s", group, name);
    g_test_add(path, Fixture, data, set_up, run, tear_down);
}
