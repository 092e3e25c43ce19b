/* Models are found in their folders, picked by what is asked for, and compared with their checksums. */
#include "model-files.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- finding ---- */

static void test_folders(Fixture *f, const void *data G_GNUC_UNUSED)
{
    g_auto(GStrv) named_one = dub_models_folders(f->root), usual = dub_models_folders(NULL),
                  empty = dub_models_folders("");
    g_autofree char *user = g_build_filename(g_get_user_data_dir(), "airdub", "models", NULL);
    g_assert_cmpuint(g_strv_length(named_one), ==, 1);
    g_assert_cmpstr(named_one[0], ==, f->root);
    g_assert_cmpstr(usual[0], ==, user);
    g_assert_true(g_strv_contains((const char *const *) usual, "/usr/local/share/airdub/models"));
    g_assert_true(g_strv_contains((const char *const *) usual, "/usr/share/airdub/models"));
    g_assert_true(g_strv_equal((const char *const *) usual, (const char *const *) empty));
}

static void test_find(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_whisper(f, "ggml-tiny.bin", TINY, TINY, ALL);
    write_whisper(f, "several/ggml-base.bin", BASE, BASE, ALL);
    write_whisper(f, "several/ggml-base.en.bin", BASE, BASE, ENGLISH);
    write_piper(f, "vits-piper-es_ES-x");
    write_piper(f, ".installing-half");
    write_text(f, "notes.txt", "mine");
    write_text(f, "empty/readme", "mine");
    g_autofree char *link = path_in(f, "linked"), *target = path_in(f, "vits-piper-es_ES-x");
    g_assert_cmpint(symlink(target, link), ==, 0);
    g_autoptr(GPtrArray) models = find_models(f);
    static const char *const names[] = { "linked", "vits-piper-es_ES-x", "whisper-base", "whisper-base.en",
                                         "whisper-tiny" };
    g_assert_cmpuint(models->len, ==, G_N_ELEMENTS(names));
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_cmpstr(((const DubModel *) models->pdata[i])->name, ==, names[i]);
}

static void test_nothing(Fixture *f, const void *data G_GNUC_UNUSED)
{
    g_autofree char *missing = path_in(f, "missing");
    g_autoptr(GPtrArray) none = dub_models_find(missing), empty = find_models(f);
    g_assert_cmpuint(none->len, ==, 0);
    g_assert_cmpuint(empty->len, ==, 0);
    g_assert_null(dub_models_pick(empty, DUB_MODEL_WHISPER, NULL, NULL));
}

static void test_one_model_as_folder(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_piper(f, "vits-piper-es_ES-x");
    g_autofree char *folder = path_in(f, "vits-piper-es_ES-x");
    g_autoptr(GPtrArray) models = dub_models_find(folder);
    g_assert_cmpstr(only_model(models)->path, ==, folder);
}

static void test_bounded(Fixture *f, const void *data G_GNUC_UNUSED)
{
    for (unsigned i = 0; i < DUB_MODELS_MAX + 10; i++) {
        g_autofree char *name = g_strdup_printf("several/ggml-%04u.bin", i);
        write_whisper(f, name, TINY, TINY, ALL);
    }
    write_piper(f, "vits-piper-es_ES-x");
    g_autoptr(GPtrArray) models = find_models(f);
    g_assert_cmpuint(models->len, <=, DUB_MODELS_MAX);
}

static void test_strange_names(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_whisper(f, "ggml-\xff\xfe.bin", TINY, TINY, ALL);
    write_piper(f, "vits-\xff-x");
    g_autoptr(GPtrArray) models = find_models(f);
    g_assert_cmpuint(models->len, ==, 2);
    for (guint i = 0; i < models->len; i++)
        g_assert_true(g_utf8_validate(((const DubModel *) models->pdata[i])->name, -1, NULL));
}

/* ---- picking ---- */

typedef struct {
    const char *name;
    DubModelKind kind;
    const char *wanted, *language;
    const char *picked; /* NULL: none */
} PickCase;

static const PickCase pick_cases[] = {
    { "best-for-english", DUB_MODEL_WHISPER, NULL, "en", "whisper-tiny.en" },
    { "best-for-american", DUB_MODEL_WHISPER, NULL, "en-US", "whisper-tiny.en" },
    { "best-for-spanish", DUB_MODEL_WHISPER, NULL, "es", "whisper-base" },
    { "best-for-any", DUB_MODEL_WHISPER, NULL, NULL, "whisper-base" },
    { "name", DUB_MODEL_WHISPER, "whisper-base", "en", "whisper-base" },
    { "name-without-family", DUB_MODEL_WHISPER, "base", "en", "whisper-base" },
    { "size-english", DUB_MODEL_WHISPER, "tiny.en", NULL, "whisper-tiny.en" },
    { "size-english-with-family", DUB_MODEL_WHISPER, "whisper-tiny.en", "en", "whisper-tiny.en" },
    { "size-in-english", DUB_MODEL_WHISPER, "tiny", "en", "whisper-tiny.en" },
    { "size-in-spanish", DUB_MODEL_WHISPER, "tiny", "es", NULL },
    { "english-for-spanish", DUB_MODEL_WHISPER, "tiny.en", "es", NULL },
    { "size-that-is-not-there", DUB_MODEL_WHISPER, "small", "en", NULL },
    { "base-english-is-not-there", DUB_MODEL_WHISPER, "base.en", "en", NULL },
    { "name-of-other-kind", DUB_MODEL_WHISPER, "spanish", "es", NULL },
    { "broken-by-name", DUB_MODEL_WHISPER, "medium", "en", "whisper-medium" },
    { "voice-best-rate", DUB_MODEL_VITS, NULL, "es-419", "spanish" },
    { "voice-name", DUB_MODEL_VITS, "vits-mms-spa", "es", "vits-mms-spa" },
    { "voice-other-language", DUB_MODEL_VITS, NULL, "de", NULL },
    { "voice-bad-language", DUB_MODEL_VITS, NULL, "Spanish", NULL },
    { "kokoro", DUB_MODEL_KOKORO, NULL, "pt-br", "kokoro" },
    { "kokoro-other-language", DUB_MODEL_KOKORO, NULL, "de", NULL },
    { "empty-name", DUB_MODEL_WHISPER, "", "en", NULL },
};

static void write_choice(const Fixture *f)
{
    write_whisper(f, "ggml-tiny.en.bin", TINY, TINY, ENGLISH);
    write_whisper(f, "ggml-base.bin", BASE, BASE, ALL);
    write_text(f, "ggml-medium.bin", "broken");
    write_piper(f, "spanish");
    write_onnx(f, "vits-mms-spa/model.onnx", LETTERS);
    write_text(f, "vits-mms-spa/tokens.txt", "a 1\n");
    write_kokoro(f, "kokoro", 53);
}

static void test_pick(Fixture *f, const void *data)
{
    const PickCase *c = data;
    write_choice(f);
    g_autoptr(GPtrArray) models = find_models(f);
    const DubModel *model = dub_models_pick(models, c->kind, c->wanted, c->language);
    g_assert_cmpstr(model ? model->name : NULL, ==, c->picked);
}

static void test_pick_larger(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_choice(f);
    write_whisper(f, "ggml-small.bin", SMALL, SMALL, ALL);
    g_autoptr(GPtrArray) models = find_models(f);
    g_assert_cmpstr(dub_models_pick(models, DUB_MODEL_WHISPER, NULL, "en")->name, ==, "whisper-small");
    write_whisper(f, "ggml-tiny.bin", TINY, TINY, ALL);
    g_autoptr(GPtrArray) again = find_models(f);
    g_assert_cmpstr(dub_models_pick(again, DUB_MODEL_WHISPER, "tiny", "en")->name, ==, "whisper-tiny");
}

static void test_pick_path(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_choice(f);
    g_autoptr(GPtrArray) models = find_models(f);
    g_autofree char *inside = path_in(f, "spanish"), *outside = path_in(f, "elsewhere/ggml-tiny.bin");
    g_assert_cmpstr(dub_models_pick(models, DUB_MODEL_VITS, inside, "es")->name, ==, "spanish");
    g_assert_null(dub_models_pick(models, DUB_MODEL_WHISPER, inside, NULL));
    g_assert_null(dub_models_pick(models, DUB_MODEL_WHISPER, outside, NULL));
    write_whisper(f, "elsewhere/ggml-tiny.bin", TINY, TINY, ALL);
    const guint n = models->len;
    g_assert_cmpstr(dub_models_pick(models, DUB_MODEL_WHISPER, outside, "fr")->path, ==, outside);
    g_assert_cmpuint(models->len, ==, n + 1);
    dub_models_pick(models, DUB_MODEL_WHISPER, outside, "fr");
    g_assert_cmpuint(models->len, ==, n + 1);
}

static void test_covers(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_choice(f);
    g_autoptr(GPtrArray) models = find_models(f);
    g_assert_true(dub_model_covers(model_named(models, "whisper-base"), "sw"));
    g_assert_false(dub_model_covers(model_named(models, "whisper-tiny.en"), "sw"));
    g_assert_true(dub_model_covers(model_named(models, "kokoro"), "en-GB"));
    g_assert_false(dub_model_covers(model_named(models, "kokoro"), "sw"));
    g_assert_false(dub_model_covers(model_named(models, "kokoro"), ""));
}

/* ---- verifying ---- */

static void write_with_checksums(const Fixture *f)
{
    write_onnx(f, "made/voice.onnx", "");
    g_autofree char *path = path_in(f, "made/voice.onnx"), *text = NULL;
    gsize length = 0;
    g_assert_true(g_file_get_contents(path, &text, &length, NULL));
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *) text, length);
    g_autofree char *json =
        g_strdup_printf("{'kind': 'vits', 'file': 'voice.onnx', 'voices': [{'name': 'a', 'language': 'es'}],"
                        " 'languages': ['es']"
                        ", 'files': {'voice.onnx': {'bytes': %zu, 'sha256': '%s'}}}",
                        length, sum);
    write_json(f, "made/model.json", json);
}

static void test_verify(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_with_checksums(f);
    write_piper(f, "mine");
    g_autoptr(GPtrArray) models = find_models(f);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(dub_model_verify(model_named(models, "made"), &error), ==, 1);
    g_assert_cmpint(dub_model_verify(model_named(models, "mine"), &error), ==, 0);
    g_assert_no_error(error);
}

static void test_verify_finds(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_with_checksums(f);
    g_autoptr(GPtrArray) models = find_models(f);
    g_autofree char *path = path_in(f, "made/voice.onnx");
    FILE *file = fopen(path, "r+");
    fseek(file, 2000, SEEK_SET);
    fputc('y', file);
    fclose(file);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(dub_model_verify(only_model(models), &error), ==, -1);
    g_assert_error(error, DUB_ERROR, DUB_ERROR_CORRUPT);
    g_assert_nonnull(strstr(error->message, "voice.onnx"));
    remove(path);
    g_autoptr(GError) missing = NULL;
    g_assert_cmpint(dub_model_verify(only_model(models), &missing), ==, -1);
    g_assert_error(missing, DUB_ERROR, DUB_ERROR_NOT_FOUND);
}

static void test_kinds(void)
{
    g_assert_cmpstr(dub_model_kind_to_string(DUB_MODEL_WHISPER), ==, "whisper");
    g_assert_cmpstr(dub_model_kind_to_string(DUB_MODEL_VITS), ==, "vits");
    g_assert_cmpstr(dub_model_kind_to_string(DUB_MODEL_KOKORO), ==, "kokoro");
    g_assert_cmpstr(dub_model_kind_to_string(DUB_MODEL_VAD), ==, "vad");
    dub_model_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engines/models/kinds", test_kinds);
    add_model_test("find", "folders", NULL, test_folders);
    add_model_test("find", "all", NULL, test_find);
    add_model_test("find", "nothing", NULL, test_nothing);
    add_model_test("find", "one-model-as-folder", NULL, test_one_model_as_folder);
    add_model_test("find", "bounded", NULL, test_bounded);
    add_model_test("find", "strange-names", NULL, test_strange_names);
    ADD_MODEL_CASES("pick", pick_cases, test_pick);
    add_model_test("pick", "larger", NULL, test_pick_larger);
    add_model_test("pick", "path", NULL, test_pick_path);
    add_model_test("pick", "covers", NULL, test_covers);
    add_model_test("verify", "holds", NULL, test_verify);
    add_model_test("verify", "finds", NULL, test_verify_finds);
    return g_test_run();
}
