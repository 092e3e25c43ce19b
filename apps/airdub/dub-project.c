/* airdub/dub-project.c: options into a header and back. */
#include "airdub/dub-project.h"

#include "base/error.h"
#include "media/output-name.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECES      16
#define PIECE_BYTES 65536

/* ── The settings ── */

typedef enum { TEXT, NUMBER, COUNT, YES_NO } Kind;
typedef struct {
    const char *key;
    Kind kind;
    gsize offset;
    const char *option;
    bool shapes; /* what is understood and said depends on it: --resume wants the same */
} Setting;

#define FIELD(name)     offsetof(DubOptions, name)
#define PROVIDER(stage) (offsetof(DubOptions, engines.providers) + (stage) * sizeof(char *))

static const Setting settings[] = {
    { "from", TEXT, FIELD(from), "--from", true },
    { "to", TEXT, FIELD(to), "--to", true },
    { "voice", TEXT, FIELD(voice), "--voice", true },
    { "bed", TEXT, FIELD(bed), "--bed", false },
    { "segment", NUMBER, FIELD(segment_s), "--segment", true },
    { "segment_mode", TEXT, FIELD(segment_mode), "--segment-mode", true },
    { "audio_track", COUNT, FIELD(audio_track), "--audio-track", true },
    { "asr", TEXT, PROVIDER(DUB_STAGE_ASR), "--asr", true },
    { "mt", TEXT, PROVIDER(DUB_STAGE_MT), "--mt", true },
    { "tts", TEXT, PROVIDER(DUB_STAGE_TTS), "--tts", true },
    { "model", TEXT, FIELD(engines.model), "--model", true },
    { "glossary", TEXT, FIELD(engines.glossary), "--glossary", true },
    { "transcript", TEXT, FIELD(transcript), "--transcript", true },
    { "translation", TEXT, FIELD(translation), "--translation", true },
    { "title", TEXT, FIELD(title), "--title", false },
    { "subtitles", TEXT, FIELD(subtitles_choice), "--subtitles", false },
    { "default", TEXT, FIELD(default_choice), "--default", false },
    { "keep_original", YES_NO, FIELD(keep_original), "--keep-original", false },
};

static DubJson *setting_to_json(const DubOptions *options, const Setting *setting)
{
    const void *field = (const char *) options + setting->offset;
    switch (setting->kind) {
    case TEXT: {
        const char *text = *(char *const *) field;
        return text ? json_string(text) : json_null();
    }
    case NUMBER: return json_real(*(const double *) field);
    case COUNT: return json_integer(*(const int *) field);
    case YES_NO: return json_boolean(*(const gboolean *) field);
    }
    return json_null();
}

static bool setting_from_json(DubOptions *options, const DubJson *header, const Setting *setting, GError **error)
{
    void *field = (char *) options + setting->offset;
    switch (setting->kind) {
    case TEXT: {
        const char *text = NULL;
        if (!dub_json_get_string(header, setting->key, DUB_JSON_OPTIONAL, &text, error))
            return false;
        if (!*(char **) field) /* what the command line says goes first */
            *(char **) field = g_strdup(text);
        return true;
    }
    case NUMBER: return dub_json_get_double(header, setting->key, DUB_JSON_OPTIONAL, field, error);
    case COUNT: {
        int64_t count = 0;
        const bool good = dub_json_get_int(header, setting->key, DUB_JSON_OPTIONAL, 0, G_MAXINT32, &count, error);
        *(int *) field = (int) count;
        return good;
    }
    case YES_NO: {
        bool yes = false;
        const bool good = dub_json_get_bool(header, setting->key, DUB_JSON_OPTIONAL, &yes, error);
        *(gboolean *) field = yes;
        return good;
    }
    }
    return false;
}

/* ── IN ── */

/* Of the length, and of pieces from the beginning to the end: gigabytes need not be read for it. The sound itself has a
 * digest for each fragment. Returns: (transfer full) */
static char *file_digest(const char *path, int64_t *size, GError **error)
{
    g_autofree guchar *buffer = g_malloc(PIECE_BYTES);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    struct stat facts;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && fstat(fd, &facts) == 0;
    *size = good ? facts.st_size : 0;
    const int64_t last = MAX(*size - PIECE_BYTES, 0);
    for (int i = 0; good && i < PIECES; i++) {
        const ssize_t n = pread(fd, buffer, PIECE_BYTES, (off_t) (last / (PIECES - 1) * i));
        good = n >= 0;
        g_checksum_update(sum, buffer, MAX(n, 0));
    }
    const int errnum = errno;
    if (fd >= 0)
        close(fd);
    if (good)
        return g_strndup(g_checksum_get_string(sum), 32);
    g_autofree char *what = g_strdup_printf("cannot read %s", path);
    g_propagate_error(error, dub_error_from_errno(errnum, what));
    return NULL;
}

static char *absolute(const char *name)
{
    g_autofree char *path = dub_options_local_path(name);
    return g_canonicalize_filename(path ? path : name, NULL);
}

/* ── The header ── */

static DubJson *header_new(const DubOptions *options, GError **error)
{
    int64_t size;
    g_autofree char *in = absolute(options->in);
    g_autofree char *out = absolute(options->out);
    g_autofree char *digest = file_digest(in, &size, error);
    if (!digest)
        return NULL;
    DubJson *header = json_object();
    json_object_set_new(header, "airdub_project", json_integer(DUB_PROJECT_VERSION));
    json_object_set_new(header, "airdub", json_string(AIRDUB_VERSION));
    json_object_set_new(header, "in", json_string(in));
    json_object_set_new(header, "in_bytes", json_integer((json_int_t) size));
    json_object_set_new(header, "in_digest", json_string(digest));
    json_object_set_new(header, "out", json_string(out));
    for (gsize i = 0; i < G_N_ELEMENTS(settings); i++)
        json_object_set_new(header, settings[i].key, setting_to_json(options, &settings[i]));
    return header;
}

static bool same_in(const DubJson *header, const DubOptions *options, const char *cure, GError **error)
{
    int64_t size, kept_size = 0;
    const char *kept_digest = NULL;
    g_autofree char *in = absolute(options->in);
    g_autofree char *digest = file_digest(in, &size, error);
    if (!digest)
        return false;
    if (!dub_json_get_int(header, "in_bytes", DUB_JSON_REQUIRED, 0, G_MAXINT64, &kept_size, error) ||
        !dub_json_get_string(header, "in_digest", DUB_JSON_REQUIRED, &kept_digest, error))
        return false;
    if (size == kept_size && g_str_equal(digest, kept_digest))
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s is not the file that %s was made from; %s", in,
                options->project, cure);
    return false;
}

/* What was kept was made as it would be made now. */
static bool same_settings(const DubJson *kept, const DubJson *now, const char *folder, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(settings); i++) {
        const DubJson *was = json_object_get(kept, settings[i].key);
        if (!settings[i].shapes || json_equal(was, json_object_get(now, settings[i].key)) ||
            (!was && json_is_null(json_object_get(now, settings[i].key))))
            continue;
        g_autofree char *text = was && !json_is_null(was) ? json_dumps(was, JSON_ENCODE_ANY) : NULL;
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "--resume: what is in %s was made with %s %s; say the same again, or begin anew with --force and "
                    "without --resume",
                    folder, settings[i].option, text ? text : "left out");
        return false;
    }
    return true;
}

/* ── Dub ── */

static bool refuse(GError **error, const char *text)
{
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, text);
    return false;
}

bool dub_project_check_options(const DubOptions *options, GError **error)
{
    const bool keeps = options->project || options->resume;
    g_autofree char *in = dub_options_local_path(options->in);
    g_autofree char *out = dub_options_local_path(options->out);
    const bool is_plain = in && g_file_test(in, G_FILE_TEST_IS_REGULAR) && out;
    if (options->targets->len > 1 && (keeps || options->stems))
        return refuse(
            error, "--project, --resume and --stems are of one language, and --to names several; dub them one by one");
    if (options->stems && !is_plain)
        return refuse(error, "--stems: IN and OUT must be files for it");
    if (!keeps)
        return true;
    if (!is_plain)
        return refuse(error, "--project and --resume read IN again: IN and OUT must be files for it");
    if (options->sts_url)
        return refuse(error, "--project and --resume keep what the engines here give; leave --sts out");
    return true;
}

static char *folder_of(const DubOptions *options)
{
    g_autofree char *out = absolute(options->out);
    return options->project ? g_strdup(options->project) : g_strconcat(out, ".resume", NULL);
}

DubKept *dub_project_open(const DubOptions *options, GError **error)
{
    g_autofree char *folder = folder_of(options);
    const DubKeptMode mode = options->resume ? DUB_KEPT_RESUME : options->force ? DUB_KEPT_REPLACE : DUB_KEPT_NEW;
    g_autoptr(DubJson) header = header_new(options, error);
    g_autoptr(DubKept) kept = header ? dub_kept_open(folder, mode, error) : NULL;
    if (!kept)
        return NULL;
    const DubJson *was = dub_kept_header(kept);
    DubOptions asked = *options;
    asked.project = folder;
    if (was && (!same_in(was, &asked, "begin anew with --force and without --resume", error) ||
                !same_settings(was, header, folder, error)))
        return NULL;
    return dub_kept_begin(kept, header, options->voice, error) ? g_steal_pointer(&kept) : NULL;
}

/* What a run before this one left, which was cut short: all of it is in OUT now. */
static void remove_partial(const DubOptions *options, DubKept *kept)
{
    guint64 n_kept, n_asked;
    DubOutputName name;
    g_autofree char *out = absolute(options->out);
    dub_kept_counts(kept, &n_kept, &n_asked);
    if (n_kept == 0)
        return;
    dub_output_name_init(&name, out);
    unlink(name.partial);
    dub_output_name_clear(&name);
}

bool dub_project_close(const DubOptions *options, DubKept *kept, bool is_complete, GError **error)
{
    if (!is_complete)
        return true;
    if (options->resume)
        remove_partial(options, kept);
    return options->project ? dub_kept_finish(kept, error) : dub_kept_remove(kept, error);
}

/* ── Redub ── */

static bool take_names(DubOptions *options, const DubJson *header, GError **error)
{
    const char *in = NULL, *out = NULL;
    if (!dub_json_get_string(header, "in", DUB_JSON_REQUIRED, &in, error) ||
        !dub_json_get_string(header, "out", DUB_JSON_REQUIRED, &out, error))
        return false;
    if (!options->out) {
        options->out = g_strdup(out);
        options->force = TRUE; /* what the project made before is what is mended */
    }
    if (!options->in)
        options->in = g_strdup(in);
    return true;
}

static bool check_in(const DubOptions *options, GError **error)
{
    if (access(options->in, R_OK) == 0)
        return true;
    const int errnum = errno;
    g_autofree char *quoted = g_shell_quote(options->project);
    g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND,
                "cannot read %s, which the project was made from: %s; say where it is: airdub redub --in FILE %s",
                options->in, g_strerror(errnum), quoted);
    return false;
}

static bool take_settings(DubOptions *options, const DubJson *header, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(settings); i++)
        if (!setting_from_json(options, header, &settings[i], error))
            return false;
    g_clear_pointer(&options->transcript, g_free); /* what is said stands in the project by now */
    g_clear_pointer(&options->translation, g_free);
    return true;
}

/* A project may come from somebody else: it does not choose which program is run here. */
static bool check_engines(const DubOptions *given, const DubOptions *options, GError **error)
{
    static const char *const names[DUB_N_STAGES] = { "--asr", "--mt", "--tts" };
    for (int stage = 0; stage < DUB_N_STAGES; stage++) {
        const char *providers = options->engines.providers[stage];
        if (given->engines.providers[stage] || !providers || !strstr(providers, "exec:"))
            continue;
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "the project names a program as an engine (%.100s), which is run only if you say so: %s='%.100s'",
                    providers, names[stage], providers);
        return false;
    }
    return true;
}

DubKept *dub_project_open_redub(DubOptions *options, GError **error)
{
    const DubOptions given = *options;
    g_autoptr(DubKept) kept = dub_kept_open(options->project, DUB_KEPT_REDUB, error);
    if (!kept)
        return NULL;
    const DubJson *header = dub_kept_header(kept);
    if (!take_names(options, header, error) || !take_settings(options, header, error)) {
        g_prefix_error(error, "%s/project.jsonl: line 1: ", options->project);
        return NULL;
    }
    if (!check_engines(&given, options, error) || !check_in(options, error) ||
        !same_in(header, options, "name the right one with --in FILE, or dub this one anew", error))
        return NULL;
    return g_steal_pointer(&kept);
}

static void choose(DubOptions *options, DubEngineStage stage, const char *name)
{
    g_free(options->engines.providers[stage]);
    options->engines.providers[stage] = g_strdup(name);
}

bool dub_project_choose_engines(DubOptions *options, DubKept *kept, GError **error)
{
    g_autoptr(DubJson) header = header_new(options, error);
    if (!header || !dub_kept_begin(kept, header, options->voice, error))
        return false;
    const DubProjectChange change = dub_kept_needs(kept);
    choose(options, DUB_STAGE_ASR, "null"); /* nobody listens */
    if (change < DUB_PROJECT_TRANSLATE)
        choose(options, DUB_STAGE_MT, "null");
    if (change < DUB_PROJECT_SPEAK) {
        choose(options, DUB_STAGE_TTS, "null");
        g_clear_pointer(&options->voice, g_free); /* nobody need have it */
    }
    return true;
}
