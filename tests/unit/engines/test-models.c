/* What a file or folder is as a model: described, or refused with the cure. */
#include "model-files.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    g_autoptr(GPtrArray) models = find_models(f);
    const DubModel *model = only_model(models);
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
    const char *head; /* written over the file's beginning */
    gsize head_length;
    off_t size; /* of the file then; 0: as a good one has */
    const char *says;
} BrokenCase;

static const BrokenCase broken_whispers[] = {
    { "empty", "", 0, -1, "not a ggml file" },
    { "three-bytes", "lmg", 3, 3, "not a ggml file" },
    { "header-cut", "lmgg\x98\xca\x00\x00", 8, 8, "not a ggml file" },
    { "other-magic", "GGUF", 4, 0, "not a ggml file" },
    { "git-lfs", "version https://git-lfs.github.com/spec/v1\n", 43, 134, "git lfs pull" },
    { "vad-of-whisper.cpp", "lmgg\x10\x00\x00\x00\x01\x00\x00\x00", 12, 900000, "not of a Whisper model" },
    { "no-layers", "lmgg\x98\xca\x00\x00\xdc\x05\x00\x00\x80\x01\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00", 24, 0,
      "not of a Whisper model" },
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
    g_autoptr(GPtrArray) models = find_models(f);
    assert_problem(only_model(models), c->says);
}

/* ---- voices ---- */

static void test_piper(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_piper(f, "mine");
    g_autoptr(GPtrArray) models = find_models(f);
    const DubModel *model = only_model(models);
    g_autofree char *folder = path_in(f, "mine"), *onnx = path_in(f, "mine/voice.onnx");
    g_assert_null(model->problem);
    g_assert_cmpint(model->kind, ==, DUB_MODEL_VITS);
    g_assert_cmpstr(model->name, ==, "mine");
    g_assert_cmpstr(model->path, ==, folder);
    g_assert_cmpstr(model->file, ==, onnx);
    g_assert_cmpstr(model->espeak_voice, ==, "es-419");
    g_assert_false(model->reads_letters);
    g_assert_cmpuint(model->rate_hz, ==, 22050);
    g_assert_cmpuint(model->bytes, >, 4100);
    assert_languages(model, "es");
    g_assert_cmpstr(voice_of(model, 0)->name, ==, "mine");
    g_assert_cmpstr(voice_of(model, 0)->language, ==, "es-419");
    g_assert_cmpstr(voice_of(model, 0)->gender, ==, "");
    g_assert_cmpuint(model->voices->len, ==, 1);
}

static void test_piper_speakers(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_piper(f, "many");
    write_json(f, "many/voice.onnx.json",
               "{'audio': {'sample_rate': 16000}, 'espeak': {'voice': 'en-us'}, 'num_speakers': 3,"
               " 'speaker_id_map': {'second': 1, 'first': 0, 'stray': 99}, 'language': {'code': 'en_US'}}");
    g_autoptr(GPtrArray) models = find_models(f);
    const DubModel *model = only_model(models);
    g_assert_null(model->problem);
    g_assert_cmpuint(model->voices->len, ==, 3);
    g_assert_cmpstr(voice_of(model, 0)->name, ==, "first");
    g_assert_cmpstr(voice_of(model, 1)->name, ==, "second");
    g_assert_cmpstr(voice_of(model, 2)->name, ==, "2");
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
    g_autofree char *onnx = g_build_filename(c->folder, "model.onnx", NULL),
                    *tokens = g_build_filename(c->folder, "tokens.txt", NULL);
    write_onnx(f, onnx, c->words);
    write_text(f, tokens, "a 1\n");
    g_autoptr(GPtrArray) models = find_models(f);
    const DubModel *model = only_model(models);
    g_assert_null(model->problem);
    assert_languages(model, c->languages);
    g_assert_cmpstr(model->espeak_voice, ==, c->espeak);
    g_assert_cmpint(model->reads_letters, ==, c->espeak == NULL);
    g_assert_cmpuint(model->rate_hz, ==, c->rate_hz);
    g_assert_cmpstr(voice_of(model, 0)->name, ==, c->folder);
}

static void test_kokoro(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_kokoro(f, "kokoro-multi-lang-v1_0", 53);
    write_kokoro(f, "kokoro-en-v0_19", 11);
    g_autoptr(GPtrArray) models = find_models(f);
    const DubModel *all = model_named(models, "kokoro-multi-lang-v1_0"),
                   *english = model_named(models, "kokoro-en-v0_19");
    g_assert_null(all->problem);
    g_assert_cmpint(all->kind, ==, DUB_MODEL_KOKORO);
    g_assert_cmpuint(all->rate_hz, ==, 24000);
    g_assert_cmpuint(all->voices->len, ==, 53);
    assert_languages(all, "en es fr hi it ja pt zh");
    g_assert_cmpstr(voice_of(all, 28)->name, ==, "ef_dora");
    g_assert_cmpstr(voice_of(all, 28)->language, ==, "es");
    g_assert_cmpstr(voice_of(all, 28)->gender, ==, "female");
    g_assert_cmpstr(voice_of(all, 43)->language, ==, "pt-br");
    g_assert_cmpstr(voice_of(all, 43)->gender, ==, "male");
    g_assert_cmpuint(english->voices->len, ==, 11);
    assert_languages(english, "en");
}

static void test_vad(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_onnx(f, "silero-vad/silero_vad.onnx", "");
    g_autoptr(GPtrArray) models = find_models(f);
    const DubModel *model = only_model(models);
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
    write_json(f, "mine/voice.onnx.json", "{'audio': {");
}

static void json_is_wrong(const Fixture *f)
{
    write_json(f, "mine/voice.onnx.json", "{'audio': {'sample_rate': 1e9}}");
}

static void json_is_a_list(const Fixture *f)
{
    write_json(f, "mine/voice.onnx.json", "[1, 2]");
}

static void json_is_deep(const Fixture *f)
{
    g_autofree char *deep = g_strnfill(100000, '[');
    write_json(f, "mine/voice.onnx.json", deep);
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
    write_json(f, "mine/voice.onnx.json", "{'phoneme_type': 'text', 'language': {'code': 'uk_UA'}}");
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
    g_autoptr(GPtrArray) before = find_models(f);
    g_assert_null(only_model(before)->problem);
    c->spoil(f);
    g_autoptr(GPtrArray) models = find_models(f);
    assert_problem(only_model(models), c->says);
}

static void test_spoilt_kokoro(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_kokoro(f, "odd", 53);
    set_size(f, "odd/voices.bin", 53 * STYLE_BYTES - 1);
    write_kokoro(f, "unknown", 7);
    write_kokoro(f, "empty", 0);
    g_autoptr(GPtrArray) models = find_models(f);
    assert_problem(model_named(models, "odd"), "whole voices");
    assert_problem(model_named(models, "unknown"), "--from");
    assert_problem(model_named(models, "empty"), "whole voices");
}

/* ---- model.json ---- */

static void write_installed(const Fixture *f)
{
    write_onnx(f, "made/voice.onnx", "");
    write_text(f, "made/tokens.txt", "_ 0\n");
    write_json(f, "made/model.json",
               "{'format': 1, 'kind': 'vits', 'file': 'voice.onnx', 'rate_hz': 22050,"
               " 'languages': ['spa', 'es_ES', 'english'], 'espeak_voice': 'es', 'licence': 'MIT',"
               " 'voices': [{'name': 'a', 'language': 'es', 'gender': 'female'}],"
               " 'files': {'voice.onnx': {'bytes': 4001, 'sha256': 'x'},"
               " 'tokens.txt': {'bytes': 4, 'sha256': 'y'}}}");
}

static void test_installed(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_installed(f);
    g_autoptr(GPtrArray) models = find_models(f);
    const DubModel *model = only_model(models);
    g_assert_null(model->problem);
    g_assert_cmpstr(model->name, ==, "made");
    g_assert_cmpstr(model->licence, ==, "MIT");
    g_assert_cmpuint(model->bytes, ==, 4005);
    assert_languages(model, "es");
    g_assert_cmpstr(voice_of(model, 0)->gender, ==, "female");
}

static void test_installed_size(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_installed(f);
    set_size(f, "made/voice.onnx", 4000);
    g_autoptr(GPtrArray) models = find_models(f);
    assert_problem(only_model(models), "4000 bytes and not 4001");
}

static void test_installed_missing(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_installed(f);
    g_autofree char *path = path_in(f, "made/tokens.txt");
    remove(path);
    g_autoptr(GPtrArray) models = find_models(f);
    assert_problem(only_model(models), "tokens.txt");
}

typedef struct {
    const char *name, *json, *says;
} DescriptionCase;

#define FILES "'files': {'voice.onnx': {'bytes': 4001}}"
#define VOICE "'voices': [{'name': 'a', 'language': 'es'}], 'languages': ['es']"
#define VITS  "{'kind': 'vits', 'file': 'voice.onnx', "
static const DescriptionCase description_cases[] = {
    { "empty", "", "JSON" },
    { "null", "null", "not a JSON object" },
    { "no-kind", "{}", "kind or file" },
    { "unknown-kind", "{'kind': 'gguf', 'file': 'voice.onnx'}", "kind or file" },
    { "kind-is-number", "{'kind': 3, 'file': 'voice.onnx'}", "kind or file" },
    { "file-elsewhere", "{'kind': 'vits', 'file': '../../etc/passwd'}", "kind or file" },
    { "file-hidden", "{'kind': 'vits', 'file': '.ssh'}", "kind or file" },
    { "no-files", VITS VOICE "}", "files is missing" },
    { "files-elsewhere", VITS VOICE ", 'files': {'/etc/passwd': {'bytes': 1}}}", "name or size" },
    { "files-negative", VITS VOICE ", 'files': {'voice.onnx': {'bytes': -1}}}", "name or size" },
    { "no-voices", VITS "'languages': ['es'], " FILES "}", "no voice" },
    { "no-language", VITS "'voices': [{'name': 'a', 'language': 'es'}], " FILES "}", "no language" },
    { "voice-is-text", VITS "'voices': ['a'], 'languages': ['es'], " FILES "}", "voices[0]" },
    { "not-whisper", "{'kind': 'whisper', 'file': 'voice.onnx', " FILES "}", "not a ggml file" },
};

static void test_description(Fixture *f, const void *data)
{
    const DescriptionCase *c = data;
    write_installed(f);
    write_json(f, "made/model.json", c->json);
    g_autoptr(GPtrArray) models = find_models(f);
    assert_problem(only_model(models), c->says);
}

static void test_description_long(Fixture *f, const void *data G_GNUC_UNUSED)
{
    write_installed(f);
    set_size(f, "made/model.json", (off_t) 1 << 40);
    g_autoptr(GPtrArray) models = find_models(f);
    assert_problem(only_model(models), "larger than");
}

/* Whatever stands in the small files and at the beginning of the large ones: an answer, and no more than
 * that. */
static void test_rubbish(Fixture *f, const void *data G_GNUC_UNUSED)
{
    static const char *const names[] = { "ggml-tiny.bin", "mine/voice.onnx", "mine/voice.onnx.json", "made/model.json",
                                         "k/voices.bin" };
    g_autoptr(GRand) rand = g_rand_new_with_seed(9);
    for (unsigned round = 0; round < 600; round++) {
        write_whisper(f, "ggml-tiny.bin", TINY, TINY, ALL);
        write_piper(f, "mine");
        write_installed(f);
        write_kokoro(f, "k", 1);
        g_autofree char *path = path_in(f, names[round % G_N_ELEMENTS(names)]);
        FILE *file = fopen(path, "r+");
        for (unsigned i = 0, n = (unsigned) g_rand_int_range(rand, 1, 6); i < n; i++) {
            fseek(file, g_rand_int_range(rand, 0, 400), SEEK_SET);
            fputc(g_rand_int_range(rand, 0, 256), file);
        }
        fclose(file);
        g_autoptr(GPtrArray) models = find_models(f);
        g_assert_cmpuint(models->len, ==, 4);
        for (guint i = 0; i < models->len; i++) {
            const DubModel *model = models->pdata[i];
            g_assert_true(g_utf8_validate(model->name, -1, NULL));
            g_assert_true(!model->problem || g_utf8_validate(model->problem, -1, NULL));
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD_MODEL_CASES("whisper", whisper_cases, test_whisper);
    ADD_MODEL_CASES("whisper/broken", broken_whispers, test_broken_whisper);
    add_model_test("voice", "piper", NULL, test_piper);
    add_model_test("voice", "piper-speakers", NULL, test_piper_speakers);
    ADD_MODEL_CASES("voice", vits_cases, test_vits);
    add_model_test("voice", "kokoro", NULL, test_kokoro);
    add_model_test("voice", "vad", NULL, test_vad);
    ADD_MODEL_CASES("voice/broken", spoilt_cases, test_spoilt);
    add_model_test("voice/broken", "kokoro", NULL, test_spoilt_kokoro);
    add_model_test("installed", "whole", NULL, test_installed);
    add_model_test("installed", "size", NULL, test_installed_size);
    add_model_test("installed", "missing", NULL, test_installed_missing);
    ADD_MODEL_CASES("installed", description_cases, test_description);
    add_model_test("installed", "too-long", NULL, test_description_long);
    add_model_test("rubbish", "anywhere", NULL, test_rubbish);
    return g_test_run();
}
