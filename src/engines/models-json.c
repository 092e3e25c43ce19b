/* engines/models-json.c: model.json, which `airdub models install` writes beside a model's files
 * (docs/models.md), and the checksums in it. What it says is believed, within bounds; that its files are
 * there and whole is checked. */
#include "engines/models-private.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define DESCRIPTION_BYTES_MAX (256 << 10)
#define FILES_MAX             64
#define TEXT_MAX              100 /* bytes of a name, a licence */
#define RATE_MIN_HZ           4000
#define RATE_MAX_HZ           192000
#define CURE                  "'airdub models install %s' makes it anew"

/* A file of this very folder: nothing in model.json leads elsewhere. */
static bool is_plain_name(const char *name)
{
    return name[0] && name[0] != '.' && strlen(name) <= TEXT_MAX && !strchr(name, '/');
}

static bool find_kind(const char *word, DubModelKind *kind)
{
    for (int i = DUB_MODEL_WHISPER; i <= DUB_MODEL_VAD; i++) {
        if (strcmp(word, dub_model_kind_to_string((DubModelKind) i)) == 0) {
            *kind = (DubModelKind) i;
            return true;
        }
    }
    return false;
}

static const char *short_text(const DubJson *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && strlen(text) <= TEXT_MAX ? text : NULL;
}

static void read_languages(DubModel *self, const DubJson *list)
{
    const char *codes[MODELS_LANGUAGES_MAX];
    const gsize n = MIN(json_array_size(list), G_N_ELEMENTS(codes));
    for (gsize i = 0; i < n; i++) {
        const char *code = json_string_value(json_array_get(list, i));
        codes[i] = code ? code : "";
    }
    models_set_languages(self, codes, n);
}

static void read_voices(DubModel *self, const DubJson *list)
{
    size_t i;
    DubJson *voice;
    json_array_foreach((DubJson *) list, i, voice)
    {
        const char *name = short_text(voice, "name"), *language = short_text(voice, "language");
        const char *gender = short_text(voice, "gender");
        if (i >= MODELS_VOICES_MAX || !name || !language) {
            models_set_problem(self, MODELS_DESCRIPTION ": voices[%zu] is wrong; " CURE, i, self->name);
            return;
        }
        models_add_voice(self, name, language, gender ? gender : "");
    }
}

static void check_file(DubModel *self, const char *name, const DubJson *expected)
{
    const json_int_t bytes = json_integer_value(json_object_get(expected, "bytes"));
    if (!is_plain_name(name) || bytes <= 0) {
        models_set_problem(self, MODELS_DESCRIPTION ": a file's name or size is wrong; " CURE, self->name);
        return;
    }
    g_autofree char *folder = g_path_get_dirname(self->file);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    guint64 size = 0;
    if (!models_file_size(path, &size))
        models_set_problem(self, "%s: %s; " CURE, name, g_strerror(errno), self->name);
    else if (size != (guint64) bytes)
        models_set_problem(self, "%s has %" G_GUINT64_FORMAT " bytes and not %" JSON_INTEGER_FORMAT "; " CURE, name,
                           size, bytes, self->name);
    self->bytes += size;
}

static void check_files(DubModel *self, const DubJson *files)
{
    const char *name;
    DubJson *expected;
    if (json_object_size(files) == 0 || json_object_size(files) > FILES_MAX)
        models_set_problem(self, MODELS_DESCRIPTION ": files is missing or wrong; " CURE, self->name);
    json_object_foreach((DubJson *) files, name, expected)
    {
        if (self->problem)
            return;
        check_file(self, name, expected);
    }
}

/* Whisper's size and language are in the file itself, which is the one that counts. */
static void read_whisper(DubModel *self)
{
    g_autoptr(DubModel) described = models_describe_whisper(self->file, self->name);
    self->size = g_steal_pointer(&described->size);
    g_strfreev(self->languages);
    self->languages = g_steal_pointer(&described->languages);
    self->rate_hz = described->rate_hz;
    if (described->problem)
        models_set_problem(self, "%s", described->problem);
}

static bool is_voice(DubModelKind kind)
{
    return kind == DUB_MODEL_VITS || kind == DUB_MODEL_KOKORO;
}

static DubModel *model_from_json(const char *folder, const char *name, const DubJson *json)
{
    const char *word = short_text(json, "kind"), *file = short_text(json, "file");
    DubModelKind kind;
    if (!word || !file || !find_kind(word, &kind) || !is_plain_name(file))
        return NULL;
    char *path = g_build_filename(folder, file, NULL);
    DubModel *self = models_model_new(kind, name, is_voice(kind) ? g_strdup(folder) : g_strdup(path));
    const json_int_t rate = json_integer_value(json_object_get(json, "rate_hz"));
    self->file = path;
    self->rate_hz = rate >= RATE_MIN_HZ && rate <= RATE_MAX_HZ ? (unsigned) rate : 0;
    self->licence = g_strdup(short_text(json, "licence"));
    self->espeak_voice = g_strdup(short_text(json, "espeak_voice"));
    self->reads_letters = json_is_true(json_object_get(json, "reads_letters"));
    read_languages(self, json_object_get(json, "languages"));
    read_voices(self, json_object_get(json, "voices"));
    check_files(self, json_object_get(json, "files"));
    if (kind == DUB_MODEL_WHISPER)
        read_whisper(self);
    if (is_voice(kind) && (self->voices->len == 0 || !self->languages[0]))
        models_set_problem(self, MODELS_DESCRIPTION " names no voice or no language; " CURE, name);
    return self;
}

static DubModel *wrong_description(const char *folder, const char *name, const char *why)
{
    DubModel *self = models_model_new(DUB_MODEL_VITS, name, g_strdup(folder));
    models_set_problem(self, "%s; " CURE, why, name);
    return self;
}

bool models_read_description(const char *folder, DubModel **model)
{
    g_autofree char *path = g_build_filename(folder, MODELS_DESCRIPTION, NULL);
    g_autofree char *base = g_path_get_basename(folder);
    g_autofree char *name = g_utf8_make_valid(base, -1);
    guint64 size;
    if (!models_file_size(path, &size))
        return false;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubJson) json = models_file_read_json(path, DESCRIPTION_BYTES_MAX, &error);
    if (!json) {
        *model = wrong_description(folder, name, error->message);
        return true;
    }
    *model = model_from_json(folder, name, json);
    if (!*model)
        *model = wrong_description(folder, name, MODELS_DESCRIPTION ": kind or file is missing or wrong");
    return true;
}

/* ---- checksums ---- */

static bool hash_file(const char *path, GChecksum *sum, GError **error)
{
    const int fd = models_file_open(path);
    if (fd < 0) {
        g_propagate_error(error, dub_error_from_errno(errno, path));
        return false;
    }
    g_autofree guchar *buffer = g_malloc(1 << 20);
    ssize_t n;
    while ((n = read(fd, buffer, 1 << 20)) > 0)
        g_checksum_update(sum, buffer, n);
    if (n < 0)
        g_propagate_error(error, dub_error_from_errno(errno, path));
    close(fd);
    return n == 0;
}

static bool verify_file(const char *folder, const char *name, const DubJson *expected, GError **error)
{
    if (!is_plain_name(name)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT,
                    "%s/" MODELS_DESCRIPTION ": a file's name is wrong; install it again", folder);
        return false;
    }
    const char *wanted = short_text(expected, "sha256");
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    if (!hash_file(path, sum, error))
        return false;
    if (wanted && g_ascii_strcasecmp(g_checksum_get_string(sum), wanted) == 0)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT,
                "%s is not what was installed: its SHA-256 differs; install it again", path);
    return false;
}

static int verify_files(const char *folder, const DubJson *files, GError **error)
{
    int n = 0;
    const char *name;
    DubJson *expected;
    json_object_foreach((DubJson *) files, name, expected)
    {
        if (n >= FILES_MAX)
            break;
        if (!verify_file(folder, name, expected, error))
            return -1;
        n++;
    }
    return n;
}

int dub_model_verify(const DubModel *self, GError **error)
{
    if (!self->file)
        return 0;
    g_autofree char *folder = g_path_get_dirname(self->file);
    g_autofree char *path = g_build_filename(folder, MODELS_DESCRIPTION, NULL);
    guint64 size;
    if (!models_file_size(path, &size))
        return 0;
    g_autoptr(DubJson) json = models_file_read_json(path, DESCRIPTION_BYTES_MAX, error);
    if (!json)
        return -1;
    return verify_files(folder, json_object_get(json, "files"), error);
}
