/* Models on disk: found, described, picked, and refused. The files are made here: as small as what is read of them. */
#include "base/error.h"
#include "engines/models.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STYLE_BYTES (510 * 256 * 4)
#define TINY 4
#define BASE 6
#define SMALL 12
#define LARGE 32
#define ENGLISH 51864
#define ALL 51865

typedef struct {
    char *root;
} Fixture;

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

static char *path_in(const Fixture *f, const char *name)
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

static void write_text(const Fixture *f, const char *name, const char *text)
{
    write_bytes(f, name, text, strlen(text));
}

/* Holds nothing, and takes no room. */
static void set_size(const Fixture *f, const char *name, off_t size)
{
    g_autofree char *path = path_in(f, name);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        write_text(f, name, "");
    g_assert_cmpint(truncate(path, size), ==, 0);
}

static void write_whisper(const Fixture *f, const char *name, guint32 layers, guint32 text_layers, guint32 vocabulary)
{
    const guint32 width = layers == TINY ? 384 : layers == BASE ? 512 : 1280;
    guint32 header[] = { 0x67676d6c, vocabulary, 1500, width, width / 64, layers, 448, width, width / 64, text_layers, 80, 2007 };
    for (gsize i = 0; i < G_N_ELEMENTS(header); i++)
        header[i] = GUINT32_TO_LE(header[i]);
    write_bytes(f, name, header, sizeof header);
    set_size(f, name, layers == TINY ? 43550778 : 2000000000);
}

/* The first byte of an .onnx, and words like those at its end. */
static void write_onnx(const Fixture *f, const char *name, const char *words)
{
    g_autoptr(GString) text = g_string_new("\x08");
    for (unsigned i = 0; i < 4000; i++)
        g_string_append_c(text, 'x');
    g_string_append(text, words);
    write_text(f, name, text->str);
}

#define DESCRIBED "n_speakers sample_rate comment"
#define LETTERS DESCRIBED " frontend characters"

static const char piper_json[] =
    "{\"audio\": {\"sample_rate\": 22050}, \"espeak\": {\"voice\": \"es-419\"}, \"phoneme_type\": \"espeak\", \"num_speakers\": 1,"
    " \"speaker_id_map\": {}, \"language\": {\"code\": \"es_MX\"}}";

static void write_piper(const Fixture *f, const char *folder)
{
    g_autofree char *onnx = g_build_filename(folder, "voice.onnx", NULL), *json = g_build_filename(folder, "voice.onnx.json", NULL);
    g_autofree char *tokens = g_build_filename(folder, "tokens.txt", NULL);
    write_onnx(f, onnx, DESCRIBED);
    write_text(f, json, piper_json);
    write_text(f, tokens, "_ 0\n");
}

static void write_kokoro(const Fixture *f, const char *folder, gsize n_voices)
{
    g_autofree char *onnx = g_build_filename(folder, "model.onnx", NULL), *voices = g_build_filename(folder, "voices.bin", NULL);
    g_autofree char *tokens = g_build_filename(folder, "tokens.txt", NULL);
    write_onnx(f, onnx, DESCRIBED);
    write_text(f, tokens, "$ 0\n");
    set_size(f, voices, (off_t) (n_voices * STYLE_BYTES));
}

/* ---- asking ---- */

static GPtrArray *find(const Fixture *f)
{
    return dub_models_find(f->root);
}

static const DubModel *named(const GPtrArray *models, const char *name)
{
    for (guint i = 0; i < models->len; i++) {
        const DubModel *model = models->pdata[i];
        if (strcmp(model->name, name) == 0)
            return model;
    }
    return NULL;
}

static const DubModel *only(const GPtrArray *models)
{
    g_assert_cmpuint(models->len, ==, 1);
    return models->pdata[0];
}

static void assert_languages(const DubModel *model, const char *expected)
{
    g_autofree char *languages = g_strjoinv(" ", model->languages);
    g_assert_cmpstr(languages, ==, expected);
}

static void assert_problem(const DubModel *model, const char *says)
{
    g_assert_nonnull(model->problem);
    if (!strstr(model->problem, says))
        g_error("'%s' does not say '%s'", model->problem, says);
    g_assert_null(strchr(model->problem, '\n'));
}

static const DubModelVoice *voice(const DubModel *model, guint i)
{
    g_assert_cmpuint(i, <, model->voices->len);
    return model->voices->pdata[i];
}

/* ---- whisper ---- */

typedef struct {
    const char *name;
    const char *file;
    guint32 layers, text_layers, vocabulary;
    const char *model, *size, *languages;
} WhisperCase;

static const WhisperCase whisper_cases[] = {
    { "tiny-english", "ggml-tiny.en.bin", TINY, TINY, ENGLISH, "whisper-tiny.en", "tiny", "en" },
    { "tiny", "ggml-tiny.bin", TINY, TINY, ALL, "whisper-tiny", "tiny", "" },
    { "base-quantised", "ggml-base-q5_1.bin", BASE, BASE, ALL, "whisper-base-q5_1", "base", "" },
    { "small", "ggml-small.bin", SMALL, SMALL, ALL, "whisper-small", "small", "" },
    { "medium-english", "ggml-medium.en.bin", 24, 24, ENGLISH, "whisper-medium.en", "medium", "en" },
    { "large-v3", "ggml-large-v3.bin", LARGE, LARGE, 51866, "whisper-large-v3", "large", "" },
    { "turbo", "ggml-large-v3-turbo.bin", LARGE, 4, 51866, "whisper-large-v3-turbo", "turbo", "" },
};

static void test_whisper(Fixture *f, const void *data)
{
    const WhisperCase *c = data;
    write_whisper(f, c->file, c->layers, c->text_layers, c->vocabulary);
    g_autoptr(GPtrArray) models = find(f);
    const DubModel *model = only(models);
    g_autofree char *path = path_in(f, c->file);
    g_assert_null(model->problem);
    g_assert_cmpint(model->kind, ==, DUB_MODEL_WHISPER);
    g_assert_cmpstr(model->name, ==, c->model);
    g_assert_cmpstr(model->size, ==, c->size);
    g_assert_cmpstr(model->path, ==, path);
    g_assert_cmpstr(model->file, ==, path);
    g_assert_cmpuint(model->rate_hz, ==, 16000);
    g_assert_cmpuint(model->voices->len, ==, 0);
    assert_languages(model, c->languages);
}

typedef struct {
    const char *name;
    const char *head;    /* written over the file's beginning */
    gsize head_length;
    off_t size;          /* of the file then; 0: as a good one has */
    const char *says;
} BrokenCase;

static const BrokenCase broken_whispers[] = {
    { "empty", "", 0, -1, "not a ggml file" },
    { "three-bytes", "lmg", 3, 3, "not a ggml file" },
    { "header-cut", "lmgg\x98\xca\x00\x00", 8, 8, "not a ggml file" },
    { "other-magic", "GGUF", 4, 0, "not a ggml file" },
    { "git-lfs", "version https://git-lfs.github.com/spec/v1\n", 43, 134, "git lfs pull" },
    { "vad-of-whisper.cpp", "lmgg\x10\x00\x00\x00\x01\x00\x00\x00", 12, 900000, "not of a Whisper model" },
    { "no-layers", "lmgg\x98\xca\x00\x00\xdc\x05\x00\x00\x80\x01\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00", 24, 0, "not of a Whisper model" },
    { "cut-off", "lmgg", 4, 3000000, "is cut off" },
};

static void test_broken_whisper(Fixture *f, const void *data)
{
    const BrokenCase *c = data;
    write_whisper(f, "ggml-tiny.bin", TINY, TINY, ALL);
    g_autofree char *path = path_in(f, "ggml-tiny.bin");
    FILE *file = fopen(path, "r+");
    g_assert_cmpuint(fwrite(c->head, 1, c->head_length, file), ==, c->head_length);
    fclose(file);
    if (c->size != 0)
        set_size(f, "ggml-tiny.bin", MAX(c->size, 0));
    g_autoptr(GPtrArray) models = find(f);
    assert_problem(only(models), c->says);
}

/* ---- voices ---- */

static void test_piper(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_piper(f, "mine");
    g_autoptr(GPtrArray) models = find(f);
    const DubModel *model = only(models);
    g_autofree char *folder = path_in(f, "mine"), *onnx = path_in(f, "mine/voice.onnx");
    g_assert_null(model->problem);
    g_assert_cmpint(model->kind, ==, DUB_MODEL_VITS);
    g_assert_cmpstr(model->name, ==, "mine");
    g_assert_cmpstr(model->path, ==, folder);
    g_assert_cmpstr(model->file, ==, onnx);
    g_assert_cmpstr(model->espeak_voice, ==, "es-419");
    g_assert_false(model->reads_letters);
    g_assert_cmpuint(model->rate_hz, ==, 22050);
    g_assert_cmpuint(model->bytes, >, 4000 + strlen(piper_json));
    assert_languages(model, "es");
    g_assert_cmpstr(voice(model, 0)->name, ==, "mine");
    g_assert_cmpstr(voice(model, 0)->language, ==, "es-419");
    g_assert_cmpstr(voice(model, 0)->gender, ==, "");
    g_assert_cmpuint(model->voices->len, ==, 1);
}

static void test_piper_speakers(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_piper(f, "many");
    write_text(f, "many/voice.onnx.json", "{\"audio\": {\"sample_rate\": 16000}, \"espeak\": {\"voice\": \"en-us\"}, \"num_speakers\": 3,"
                                          " \"speaker_id_map\": {\"second\": 1, \"first\": 0, \"stray\": 99}, \"language\": {\"code\": \"en_US\"}}");
    g_autoptr(GPtrArray) models = find(f);
    const DubModel *model = only(models);
    g_assert_null(model->problem);
    g_assert_cmpuint(model->voices->len, ==, 3);
    g_assert_cmpstr(voice(model, 0)->name, ==, "first");
    g_assert_cmpstr(voice(model, 1)->name, ==, "second");
    g_assert_cmpstr(voice(model, 2)->name, ==, "2");
}

typedef struct {
    const char *name, *folder, *words;
    const char *languages, *espeak; /* espeak NULL: reads letters */
    unsigned rate_hz;
} VitsCase;

static const VitsCase vits_cases[] = {
    { "mms", "vits-mms-spa", LETTERS, "es", NULL, 16000 },
    { "mms-without-short-code", "vits-mms-quz", LETTERS, "quz", NULL, 16000 },
    { "mms-tts", "mms-tts-fra", LETTERS, "fr", NULL, 16000 },
    { "coqui-letters", "vits-coqui-es-css10", LETTERS, "es", NULL, 0 },
    { "coqui-phonemes", "vits-coqui-en-ljspeech", DESCRIBED, "en", "en", 0 },
    { "piper-without-json", "vits-piper-pt_BR-faber-medium", DESCRIBED, "pt", "pt", 0 },
    { "mimic", "vits-mimic3-es_ES-m-ailabs_low", DESCRIBED, "es", "es", 0 },
    { "region-first", "de_DE-thorsten-low", DESCRIBED, "de", "de", 0 },
};

static void test_vits(Fixture *f, const void *data)
{
    const VitsCase *c = data;
    g_autofree char *onnx = g_build_filename(c->folder, "model.onnx", NULL), *tokens = g_build_filename(c->folder, "tokens.txt", NULL);
    write_onnx(f, onnx, c->words);
    write_text(f, tokens, "a 1\n");
    g_autoptr(GPtrArray) models = find(f);
    const DubModel *model = only(models);
    g_assert_null(model->problem);
    assert_languages(model, c->languages);
    g_assert_cmpstr(model->espeak_voice, ==, c->espeak);
    g_assert_cmpint(model->reads_letters, ==, c->espeak == NULL);
    g_assert_cmpuint(model->rate_hz, ==, c->rate_hz);
    g_assert_cmpstr(voice(model, 0)->name, ==, c->folder);
}

static void test_kokoro(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_kokoro(f, "kokoro-multi-lang-v1_0", 53);
    write_kokoro(f, "kokoro-en-v0_19", 11);
    g_autoptr(GPtrArray) models = find(f);
    const DubModel *all = named(models, "kokoro-multi-lang-v1_0"), *english = named(models, "kokoro-en-v0_19");
    g_assert_null(all->problem);
    g_assert_cmpint(all->kind, ==, DUB_MODEL_KOKORO);
    g_assert_cmpuint(all->rate_hz, ==, 24000);
    g_assert_cmpuint(all->voices->len, ==, 53);
    assert_languages(all, "en es fr hi it ja pt zh");
    g_assert_cmpstr(voice(all, 28)->name, ==, "ef_dora");
    g_assert_cmpstr(voice(all, 28)->language, ==, "es");
    g_assert_cmpstr(voice(all, 28)->gender, ==, "female");
    g_assert_cmpstr(voice(all, 43)->language, ==, "pt-br");
    g_assert_cmpstr(voice(all, 43)->gender, ==, "male");
    g_assert_cmpuint(english->voices->len, ==, 11);
    assert_languages(english, "en");
}

static void test_vad(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_onnx(f, "silero-vad/silero_vad.onnx", "");
    g_autoptr(GPtrArray) models = find(f);
    const DubModel *model = only(models);
    g_assert_null(model->problem);
    g_assert_cmpint(model->kind, ==, DUB_MODEL_VAD);
    g_assert_true(g_str_has_suffix(model->path, "/silero_vad.onnx"));
}

typedef struct {
    const char *name;
    void (*spoil)(const Fixture *f);
    const char *says;
} SpoiltCase;

static void without_tokens(const Fixture *f)
{
    g_autofree char *path = path_in(f, "mine/tokens.txt");
    remove(path);
}

static void empty_tokens(const Fixture *f)
{
    set_size(f, "mine/tokens.txt", 0);
}

static void huge_tokens(const Fixture *f)
{
    set_size(f, "mine/tokens.txt", (off_t) 1 << 40);
}

static void without_onnx(const Fixture *f)
{
    g_autofree char *path = path_in(f, "mine/voice.onnx");
    remove(path);
}

static void second_onnx(const Fixture *f)
{
    write_onnx(f, "mine/other.onnx", DESCRIBED);
}

static void onnx_is_text(const Fixture *f)
{
    write_text(f, "mine/voice.onnx", "<html>not found</html>");
}

static void onnx_is_pointer(const Fixture *f)
{
    write_text(f, "mine/voice.onnx", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n");
}

static void onnx_is_pipe(const Fixture *f)
{
    without_onnx(f);
    g_autofree char *path = path_in(f, "mine/voice.onnx");
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
}

static void onnx_is_folder(const Fixture *f)
{
    without_onnx(f);
    g_autofree char *path = path_in(f, "mine/voice.onnx/x");
}

static void onnx_is_loop(const Fixture *f)
{
    without_onnx(f);
    g_autofree char *path = path_in(f, "mine/voice.onnx");
    g_assert_cmpint(symlink(path, path), ==, 0);
}

static void onnx_is_raw(const Fixture *f)
{
    write_onnx(f, "mine/voice.onnx", "");
}

static void json_is_cut(const Fixture *f)
{
    write_text(f, "mine/voice.onnx.json", "{\"audio\": {");
}

static void json_is_wrong(const Fixture *f)
{
    write_text(f, "mine/voice.onnx.json", "{\"audio\": {\"sample_rate\": 1e9}}");
}

static void json_is_a_list(const Fixture *f)
{
    write_text(f, "mine/voice.onnx.json", "[1, 2]");
}

static void json_is_deep(const Fixture *f)
{
    g_autofree char *deep = g_strnfill(100000, '[');
    write_text(f, "mine/voice.onnx.json", deep);
}

static void json_is_huge(const Fixture *f)
{
    set_size(f, "mine/voice.onnx.json", (off_t) 1 << 40);
}

static void has_lexicon(const Fixture *f)
{
    write_text(f, "mine/lexicon.txt", "hello h e l o\n");
}

static void language_unknown(const Fixture *f)
{
    g_autofree char *path = path_in(f, "mine/voice.onnx.json");
    remove(path);
}

static void reads_text(const Fixture *f)
{
    write_text(f, "mine/voice.onnx.json", "{\"phoneme_type\": \"text\", \"language\": {\"code\": \"uk_UA\"}}");
}

static const SpoiltCase spoilt_cases[] = {
    { "no-tokens", without_tokens, "--from" },
    { "empty-tokens", empty_tokens, "empty or far too large" },
    { "huge-tokens", huge_tokens, "empty or far too large" },
    { "no-onnx", without_onnx, ".onnx is missing" },
    { "two-onnx", second_onnx, "2 .onnx files" },
    { "onnx-is-text", onnx_is_text, "not an ONNX model" },
    { "onnx-is-pointer", onnx_is_pointer, "git lfs pull" },
    { "onnx-is-pipe", onnx_is_pipe, "cannot be read" },
    { "onnx-is-folder", onnx_is_folder, "cannot be read" },
    { "onnx-is-loop", onnx_is_loop, "cannot be read" },
    { "onnx-is-raw", onnx_is_raw, "--from" },
    { "json-is-cut", json_is_cut, "JSON" },
    { "json-is-wrong", json_is_wrong, "sample_rate" },
    { "json-is-a-list", json_is_a_list, "not a JSON object" },
    { "json-is-deep", json_is_deep, "nested" },
    { "json-is-huge", json_is_huge, "larger than" },
    { "lexicon", has_lexicon, "lexicon" },
    { "language-unknown", language_unknown, "language is not known" },
    { "reads-text", reads_text, "phonemes" },
};

static void test_spoilt(Fixture *f, const void *data)
{
    const SpoiltCase *c = data;
    write_piper(f, "mine");
    g_autoptr(GPtrArray) before = find(f);
    g_assert_null(only(before)->problem);
    c->spoil(f);
    g_autoptr(GPtrArray) models = find(f);
    assert_problem(only(models), c->says);
}

static void test_spoilt_kokoro(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_kokoro(f, "odd", 53);
    set_size(f, "odd/voices.bin", 53 * STYLE_BYTES - 1);
    write_kokoro(f, "unknown", 7);
    write_kokoro(f, "empty", 0);
    g_autoptr(GPtrArray) models = find(f);
    assert_problem(named(models, "odd"), "whole voices");
    assert_problem(named(models, "unknown"), "--from");
    assert_problem(named(models, "empty"), "whole voices");
}

/* ---- model.json ---- */

static void write_installed(const Fixture *f, const char *more)
{
    write_onnx(f, "made/voice.onnx", "");
    write_text(f, "made/tokens.txt", "_ 0\n");
    g_autofree char *json = g_strdup_printf(
        "{\"format\": 1, \"kind\": \"vits\", \"file\": \"voice.onnx\", \"rate_hz\": 22050, \"languages\": [\"spa\", \"es_ES\", \"english\"],"
        " \"voices\": [{\"name\": \"a\", \"language\": \"es\", \"gender\": \"female\"}], \"espeak_voice\": \"es\", \"licence\": \"MIT\","
        " \"files\": {\"voice.onnx\": {\"bytes\": 4001, \"sha256\": \"x\"}, \"tokens.txt\": {\"bytes\": 4,"
        " \"sha256\": \"3d7b1ba7a7f0aee1e5a5a3e8bb0e2b5d0a1c2d3e4f5061728394a5b6c7d8e9f0\"}}%s}", more);
    write_text(f, "made/model.json", json);
}

static void test_installed(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_installed(f, "");
    g_autoptr(GPtrArray) models = find(f);
    const DubModel *model = only(models);
    g_assert_null(model->problem);
    g_assert_cmpstr(model->name, ==, "made");
    g_assert_cmpstr(model->licence, ==, "MIT");
    g_assert_cmpuint(model->bytes, ==, 4005);
    assert_languages(model, "es");
    g_assert_cmpstr(voice(model, 0)->gender, ==, "female");
}

static void test_installed_size(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_installed(f, "");
    set_size(f, "made/voice.onnx", 4000);
    g_autoptr(GPtrArray) models = find(f);
    assert_problem(only(models), "4000 bytes and not 4001");
}

static void test_installed_missing(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_installed(f, "");
    g_autofree char *path = path_in(f, "made/tokens.txt");
    remove(path);
    g_autoptr(GPtrArray) models = find(f);
    assert_problem(only(models), "tokens.txt");
}

typedef struct {
    const char *name, *json, *says;
} DescriptionCase;

#define FILES "\"files\": {\"voice.onnx\": {\"bytes\": 4001}}"
#define VOICE "\"voices\": [{\"name\": \"a\", \"language\": \"es\"}], \"languages\": [\"es\"]"
static const DescriptionCase description_cases[] = {
    { "empty", "", "JSON" },
    { "null", "null", "not a JSON object" },
    { "no-kind", "{}", "kind or file" },
    { "unknown-kind", "{\"kind\": \"gguf\", \"file\": \"voice.onnx\"}", "kind or file" },
    { "kind-is-number", "{\"kind\": 3, \"file\": \"voice.onnx\"}", "kind or file" },
    { "file-elsewhere", "{\"kind\": \"vits\", \"file\": \"../../etc/passwd\"}", "kind or file" },
    { "file-hidden", "{\"kind\": \"vits\", \"file\": \".ssh\"}", "kind or file" },
    { "no-files", "{\"kind\": \"vits\", \"file\": \"voice.onnx\", " VOICE "}", "files is missing" },
    { "files-elsewhere", "{\"kind\": \"vits\", \"file\": \"voice.onnx\", " VOICE ", \"files\": {\"/etc/passwd\": {\"bytes\": 1}}}", "name or size" },
    { "files-negative", "{\"kind\": \"vits\", \"file\": \"voice.onnx\", " VOICE ", \"files\": {\"voice.onnx\": {\"bytes\": -1}}}", "name or size" },
    { "no-voices", "{\"kind\": \"vits\", \"file\": \"voice.onnx\", \"languages\": [\"es\"], " FILES "}", "no voice" },
    { "no-language", "{\"kind\": \"vits\", \"file\": \"voice.onnx\", \"voices\": [{\"name\": \"a\", \"language\": \"es\"}], " FILES "}", "no language" },
    { "voice-is-text", "{\"kind\": \"vits\", \"file\": \"voice.onnx\", \"voices\": [\"a\"], \"languages\": [\"es\"], " FILES "}", "voices[0]" },
    { "not-whisper", "{\"kind\": \"whisper\", \"file\": \"voice.onnx\", " FILES "}", "not a ggml file" },
};

static void test_description(Fixture *f, const void *data)
{
    const DescriptionCase *c = data;
    write_installed(f, "");
    write_text(f, "made/model.json", c->json);
    g_autoptr(GPtrArray) models = find(f);
    assert_problem(only(models), c->says);
}

static void test_description_long(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_installed(f, "");
    set_size(f, "made/model.json", (off_t) 1 << 40);
    g_autoptr(GPtrArray) models = find(f);
    assert_problem(only(models), "larger than");
}

/* Whatever stands in the small files and at the beginning of the large ones: an answer, and no more than that. */
static void test_rubbish(Fixture *f, const void *data G_GNUC_UNUSED)
{
    static const char *const names[] = { "ggml-tiny.bin", "mine/voice.onnx", "mine/voice.onnx.json", "made/model.json", "k/voices.bin" };
    g_autoptr(GRand) rand = g_rand_new_with_seed(9);
    for (unsigned round = 0; round < 600; round++) {
        write_whisper(f, "ggml-tiny.bin", TINY, TINY, ALL);
        write_piper(f, "mine");
        write_installed(f, "");
        write_kokoro(f, "k", 1);
        g_autofree char *path = path_in(f, names[round % G_N_ELEMENTS(names)]);
        FILE *file = fopen(path, "r+");
        for (unsigned i = 0, n = (unsigned) g_rand_int_range(rand, 1, 6); i < n; i++) {
            fseek(file, g_rand_int_range(rand, 0, 400), SEEK_SET);
            fputc(g_rand_int_range(rand, 0, 256), file);
        }
        fclose(file);
        g_autoptr(GPtrArray) models = find(f);
        g_assert_cmpuint(models->len, ==, 4);
        for (guint i = 0; i < models->len; i++) {
            const DubModel *model = models->pdata[i];
            g_assert_true(g_utf8_validate(model->name, -1, NULL));
            g_assert_true(!model->problem || g_utf8_validate(model->problem, -1, NULL));
        }
    }
}

/* ---- finding ---- */

static void test_folders(Fixture *f, const void *data G_GNUC_UNUSED)
{
    g_auto(GStrv) named_one = dub_models_folders(f->root), usual = dub_models_folders(NULL), empty = dub_models_folders("");
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
    g_autoptr(GPtrArray) models = find(f);
    static const char *const names[] = { "linked", "vits-piper-es_ES-x", "whisper-base", "whisper-base.en", "whisper-tiny" };
    g_assert_cmpuint(models->len, ==, G_N_ELEMENTS(names));
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_cmpstr(((const DubModel *) models->pdata[i])->name, ==, names[i]);
}

static void test_nothing(Fixture *f, const void *data G_GNUC_UNUSED)
{
    g_autofree char *missing = path_in(f, "missing");
    g_autoptr(GPtrArray) none = dub_models_find(missing), empty = find(f);
    g_assert_cmpuint(none->len, ==, 0);
    g_assert_cmpuint(empty->len, ==, 0);
    g_assert_null(dub_models_pick(empty, DUB_MODEL_WHISPER, NULL, NULL));
}

static void test_one_model_as_folder(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_piper(f, "vits-piper-es_ES-x");
    g_autofree char *folder = path_in(f, "vits-piper-es_ES-x");
    g_autoptr(GPtrArray) models = dub_models_find(folder);
    g_assert_cmpstr(only(models)->path, ==, folder);
}

static void test_bounded(Fixture *f, const void *data G_GNUC_UNUSED)
{
    for (unsigned i = 0; i < DUB_MODELS_MAX + 10; i++) {
        g_autofree char *name = g_strdup_printf("several/ggml-%04u.bin", i);
        write_whisper(f, name, TINY, TINY, ALL);
    }
    write_piper(f, "vits-piper-es_ES-x");
    g_autoptr(GPtrArray) models = find(f);
    g_assert_cmpuint(models->len, <=, DUB_MODELS_MAX);
}

static void test_strange_names(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_whisper(f, "ggml-\xff\xfe.bin", TINY, TINY, ALL);
    write_piper(f, "vits-\xff-x");
    g_autoptr(GPtrArray) models = find(f);
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
    g_autoptr(GPtrArray) models = find(f);
    const DubModel *model = dub_models_pick(models, c->kind, c->wanted, c->language);
    g_assert_cmpstr(model ? model->name : NULL, ==, c->picked);
}

static void test_pick_larger(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_choice(f);
    write_whisper(f, "ggml-small.bin", SMALL, SMALL, ALL);
    g_autoptr(GPtrArray) models = find(f);
    g_assert_cmpstr(dub_models_pick(models, DUB_MODEL_WHISPER, NULL, "en")->name, ==, "whisper-small");
    write_whisper(f, "ggml-tiny.bin", TINY, TINY, ALL);
    g_autoptr(GPtrArray) again = find(f);
    g_assert_cmpstr(dub_models_pick(again, DUB_MODEL_WHISPER, "tiny", "en")->name, ==, "whisper-tiny");
}

static void test_pick_path(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_choice(f);
    g_autoptr(GPtrArray) models = find(f);
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
    g_autoptr(GPtrArray) models = find(f);
    g_assert_true(dub_model_covers(named(models, "whisper-base"), "sw"));
    g_assert_false(dub_model_covers(named(models, "whisper-tiny.en"), "sw"));
    g_assert_true(dub_model_covers(named(models, "kokoro"), "en-GB"));
    g_assert_false(dub_model_covers(named(models, "kokoro"), "sw"));
    g_assert_false(dub_model_covers(named(models, "kokoro"), ""));
}

/* ---- verifying ---- */

static void write_with_checksums(const Fixture *f)
{
    write_onnx(f, "made/voice.onnx", "");
    g_autofree char *path = path_in(f, "made/voice.onnx"), *text = NULL;
    gsize length = 0;
    g_assert_true(g_file_get_contents(path, &text, &length, NULL));
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *) text, length);
    g_autofree char *json = g_strdup_printf("{\"kind\": \"vits\", \"file\": \"voice.onnx\", " VOICE
                                            ", \"files\": {\"voice.onnx\": {\"bytes\": %zu, \"sha256\": \"%s\"}}}", length, sum);
    write_text(f, "made/model.json", json);
}

static void test_verify(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_with_checksums(f);
    write_piper(f, "mine");
    g_autoptr(GPtrArray) models = find(f);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(dub_model_verify(named(models, "made"), &error), ==, 1);
    g_assert_cmpint(dub_model_verify(named(models, "mine"), &error), ==, 0);
    g_assert_no_error(error);
}

static void test_verify_finds(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_with_checksums(f);
    g_autoptr(GPtrArray) models = find(f);
    g_autofree char *path = path_in(f, "made/voice.onnx");
    FILE *file = fopen(path, "r+");
    fseek(file, 2000, SEEK_SET);
    fputc('y', file);
    fclose(file);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(dub_model_verify(only(models), &error), ==, -1);
    g_assert_error(error, DUB_ERROR, DUB_ERROR_CORRUPT);
    g_assert_nonnull(strstr(error->message, "voice.onnx"));
    remove(path);
    g_autoptr(GError) missing = NULL;
    g_assert_cmpint(dub_model_verify(only(models), &missing), ==, -1);
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

static void add(const char *group, const char *name, const void *data, void (*run)(Fixture *, const void *))
{
    g_autofree char *path = g_strdup_printf("/engines/models/%s/%s", group, name);
    g_test_add(path, Fixture, data, set_up, run, tear_down);
}

#define ADD_CASES(group, cases, run)                        \
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)         \
    add(group, (cases)[i].name, &(cases)[i], run)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engines/models/kinds", test_kinds);
    ADD_CASES("whisper", whisper_cases, test_whisper);
    ADD_CASES("whisper/broken", broken_whispers, test_broken_whisper);
    add("voice", "piper", NULL, test_piper);
    add("voice", "piper-speakers", NULL, test_piper_speakers);
    ADD_CASES("voice", vits_cases, test_vits);
    add("voice", "kokoro", NULL, test_kokoro);
    add("voice", "vad", NULL, test_vad);
    ADD_CASES("voice/broken", spoilt_cases, test_spoilt);
    add("voice/broken", "kokoro", NULL, test_spoilt_kokoro);
    add("installed", "whole", NULL, test_installed);
    add("installed", "size", NULL, test_installed_size);
    add("installed", "missing", NULL, test_installed_missing);
    ADD_CASES("installed", description_cases, test_description);
    add("installed", "too-long", NULL, test_description_long);
    add("rubbish", "anywhere", NULL, test_rubbish);
    add("find", "folders", NULL, test_folders);
    add("find", "all", NULL, test_find);
    add("find", "nothing", NULL, test_nothing);
    add("find", "one-model-as-folder", NULL, test_one_model_as_folder);
    add("find", "bounded", NULL, test_bounded);
    add("find", "strange-names", NULL, test_strange_names);
    ADD_CASES("pick", pick_cases, test_pick);
    add("pick", "larger", NULL, test_pick_larger);
    add("pick", "path", NULL, test_pick_path);
    add("pick", "covers", NULL, test_covers);
    add("verify", "holds", NULL, test_verify);
    add("verify", "finds", NULL, test_verify_finds);
    return g_test_run();
}
