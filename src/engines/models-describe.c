/* engines/models-describe.c: what a file or folder without our description is, as far as its names, its
 * header and Piper's .onnx.json tell. An .onnx is never parsed: only its first byte and the words near its
 * end are looked at. */
#include "engines/models-private.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define PIPER_BYTES_MAX            (1 << 20)
#define TOKENS_BYTES_MAX           (4 << 20)
#define ONNX_BYTES_MIN             1024
#define ONNX_TAIL_BYTES            (32 << 10)                  /* sherpa-onnx's description stands behind the graph */
#define KOKORO_STYLE_BYTES         (510 * 256 * sizeof(float)) /* of one voice */
#define KOKORO_RATE_HZ             24000
#define MMS_RATE_HZ                16000
#define WHISPER_RATE_HZ            16000
#define WHISPER_MAGIC              0x67676d6c
#define WHISPER_ENGLISH_VOCABULARY 51864
#define RATE_MIN_HZ                4000
#define RATE_MAX_HZ                192000
#define INSTALL_CURE               "'airdub models install NAME --from FOLDER' makes a complete folder of it"

static void voice_free(void *data)
{
    DubModelVoice *voice = data;
    g_free(voice->name);
    g_free(voice->language);
    g_free(voice->gender);
    g_free(voice);
}

DubModel *models_model_new(DubModelKind kind, const char *name, char *path)
{
    DubModel *self = g_new0(DubModel, 1);
    self->kind = kind;
    self->name = g_utf8_make_valid(name, -1);
    self->path = path;
    self->languages = g_new0(char *, 1);
    self->voices = g_ptr_array_new_with_free_func(voice_free);
    return self;
}

void dub_model_free(DubModel *self)
{
    if (!self)
        return;
    g_free(self->name);
    g_free(self->path);
    g_free(self->file);
    g_free(self->size);
    g_strfreev(self->languages);
    g_ptr_array_unref(self->voices);
    g_free(self->espeak_voice);
    g_free(self->licence);
    g_free(self->problem);
    g_free(self);
}

void models_add_voice(DubModel *self, const char *name, const char *language, const char *gender)
{
    DubModelVoice *voice = g_new0(DubModelVoice, 1);
    voice->name = g_strdup(name);
    voice->language = g_strdup(language);
    voice->gender = g_strdup(gender);
    g_ptr_array_add(self->voices, voice);
}

void models_set_problem(DubModel *self, const char *format, ...)
{
    if (self->problem)
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    self->problem = g_utf8_make_valid(text, -1);
    g_strdelimit(self->problem, "\r\n", ' ');
}

void models_set_languages(DubModel *self, const char *const *codes, gsize n)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    for (gsize i = 0; i < n && list->len < MODELS_LANGUAGES_MAX; i++) {
        char *language = models_language(codes[i]);
        if (language && !g_ptr_array_find_with_equal_func(list, language, g_str_equal, NULL))
            g_ptr_array_add(list, language);
        else
            g_free(language);
    }
    g_ptr_array_add(list, NULL);
    g_strfreev(self->languages);
    self->languages = (GStrv) g_ptr_array_free(g_steal_pointer(&list), FALSE);
}

/* ---- whisper ---- */

typedef struct {
    guint32 magic, n_vocab, n_audio_ctx, n_audio_state, n_audio_head, n_audio_layer, n_text_ctx, n_text_state,
        n_text_head, n_text_layer, n_mels, type;
} WhisperHeader; /* as it stands in the file: little-endian */

static bool is_within(guint32 value, guint32 min, guint32 max)
{
    return value >= min && value <= max;
}

static bool is_plausible(const WhisperHeader *h)
{
    return is_within(h->n_vocab, 51000, 53000) && is_within(h->n_audio_ctx, 1, 6000) &&
           is_within(h->n_audio_state, 64, 4096) && is_within(h->n_audio_head, 1, 64) &&
           is_within(h->n_audio_layer, 1, 64) && is_within(h->n_text_ctx, 1, 4096) &&
           is_within(h->n_text_state, 64, 4096) && is_within(h->n_text_head, 1, 64) &&
           is_within(h->n_text_layer, 1, 64) && is_within(h->n_mels, 40, 256);
}

static const char *size_of(const WhisperHeader *h)
{
    if (h->n_audio_layer >= 32)
        return h->n_text_layer < h->n_audio_layer ? "turbo" : "large";
    return h->n_audio_layer >= 24   ? "medium"
           : h->n_audio_layer >= 12 ? "small"
           : h->n_audio_layer >= 6  ? "base"
                                    : "tiny";
}

/* false: the problem says why */
static bool read_whisper_header(DubModel *self, WhisperHeader *header)
{
    guint32 words[sizeof *header / sizeof(guint32)];
    const gssize n = models_file_read(self->path, words, sizeof words, false);
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
        words[i] = GUINT32_FROM_LE(words[i]);
    memcpy(header, words, sizeof words);
    if (n < 0)
        models_set_problem(self, "cannot be read: %s", g_strerror(errno));
    else if (models_is_lfs_pointer(self->path))
        models_set_problem(self, "is only Git LFS's pointer to the model; fetch it with 'git lfs pull'");
    else if (n < (gssize) sizeof words || header->magic != WHISPER_MAGIC)
        models_set_problem(self, "is not a ggml file of whisper.cpp; convert or fetch the model again");
    else if (!is_plausible(header))
        models_set_problem(self, "is a ggml file, but not of a Whisper model; remove it from here");
    return !self->problem;
}

/* Far less than the smallest quantisation needs: the file was cut off. Attention and the two layers behind it
 * are 12 squares of the width in each layer, 16 with the decoder's second attention; a weight takes at least
 * two bits. */
static guint64 whisper_bytes_min(const WhisperHeader *h)
{
    const guint64 audio = 12 * (guint64) h->n_audio_layer * h->n_audio_state * h->n_audio_state;
    const guint64 text = 16 * (guint64) h->n_text_layer * h->n_text_state * h->n_text_state;
    return (audio + text + (guint64) h->n_vocab * h->n_text_state) / 4;
}

static char *whisper_name(const char *path)
{
    g_autofree char *base = g_path_get_basename(path);
    if (g_str_has_suffix(base, ".bin"))
        base[strlen(base) - 4] = '\0';
    return g_strconcat("whisper-", g_str_has_prefix(base, "ggml-") ? base + 5 : base, NULL);
}

DubModel *models_describe_whisper(const char *path, const char *name)
{
    g_autofree char *own_name = name ? g_strdup(name) : whisper_name(path);
    DubModel *self = models_model_new(DUB_MODEL_WHISPER, own_name, g_strdup(path));
    WhisperHeader header;
    self->file = g_strdup(path);
    self->rate_hz = WHISPER_RATE_HZ;
    if (!models_file_size(path, &self->bytes))
        models_set_problem(self, "cannot be read: %s", g_strerror(errno));
    if (!read_whisper_header(self, &header))
        return self;
    self->size = g_strdup(size_of(&header));
    if (header.n_vocab == WHISPER_ENGLISH_VOCABULARY)
        models_set_languages(self, (const char *[]){ "en" }, 1);
    if (self->bytes < whisper_bytes_min(&header))
        models_set_problem(self, "is cut off: %" G_GUINT64_FORMAT " bytes are too few for Whisper %s; fetch it again",
                           self->bytes, self->size);
    return self;
}

/* ---- voices ---- */

/* Whether there is such a file, with what it adds to the model's size. */
static bool add_file(DubModel *self, const char *name)
{
    g_autofree char *path = g_build_filename(self->path, name, NULL);
    guint64 size = 0;
    const bool there = models_file_size(path, &size);
    self->bytes += size;
    return there;
}

static void check_tokens(DubModel *self)
{
    const guint64 before = self->bytes;
    if (!add_file(self, MODELS_TOKENS))
        models_set_problem(self, MODELS_TOKENS " is missing; " INSTALL_CURE);
    else if (self->bytes == before || self->bytes - before > TOKENS_BYTES_MAX)
        models_set_problem(self, MODELS_TOKENS " is empty or far too large; fetch it again");
}

static bool has_word(const char *text, gssize length, const char *word)
{
    return memmem(text, (gsize) length, word, strlen(word)) != NULL;
}

/* ONNX begins with its version, field 1. */
static void check_onnx(DubModel *self)
{
    guint64 size = 0;
    guchar first = 0;
    if (!models_file_size(self->file, &size) || models_file_read(self->file, &first, 1, false) < 0) {
        models_set_problem(self, "%s cannot be read: %s", self->file, g_strerror(errno));
        return;
    }
    self->bytes += size;
    if (models_is_lfs_pointer(self->file))
        models_set_problem(self, "%s is only Git LFS's pointer to the model; fetch it with 'git lfs pull'", self->file);
    else if (size < ONNX_BYTES_MIN || first != 0x08)
        models_set_problem(self, "%s is not an ONNX model; fetch it again", self->file);
}

/* sherpa-onnx ends its program where a model lacks the description that it wants. */
static void check_description(DubModel *self)
{
    char tail[ONNX_TAIL_BYTES];
    const gssize n = models_file_read(self->file, tail, sizeof tail, true);
    if (n <= 0)
        return;
    if (!has_word(tail, n, "n_speakers") || !has_word(tail, n, "sample_rate"))
        models_set_problem(self, "%s lacks the description that sherpa-onnx needs; " INSTALL_CURE, self->file);
    self->reads_letters =
        self->kind == DUB_MODEL_VITS && has_word(tail, n, "frontend") && has_word(tail, n, "characters");
}

/* Piper's table of speakers: {"name": number}. A number without a name is its voice's name. */
static void add_speakers(DubModel *self, const DubJson *speakers, const char *language)
{
    const gsize n = json_object_size(speakers);
    if (n < 2 || n > MODELS_VOICES_MAX)
        return;
    const char *name;
    DubJson *number;
    g_autofree const char **names = g_new0(const char *, n);
    json_object_foreach((DubJson *) speakers, name, number)
    {
        const json_int_t i = json_is_integer(number) ? json_integer_value(number) : -1;
        if (i >= 0 && i < (json_int_t) n)
            names[i] = name;
    }
    for (gsize i = 0; i < n; i++) {
        g_autofree char *numbered = g_strdup_printf("%zu", i);
        models_add_voice(self, names[i] ? names[i] : numbered, language, "");
    }
}

static void read_piper(DubModel *self)
{
    g_autofree char *path = g_strconcat(self->file, ".json", NULL);
    guint64 size = 0;
    if (!models_file_size(path, &size))
        return;
    self->bytes += size;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubJson) json = models_file_read_json(path, PIPER_BYTES_MAX, &error);
    const char *voice = NULL, *code = NULL, *type = NULL;
    const DubJson *speakers = NULL;
    int64_t rate = 0;
    if (!json ||
        !dub_json_get_int(json, "audio.sample_rate", DUB_JSON_OPTIONAL, RATE_MIN_HZ, RATE_MAX_HZ, &rate, &error) ||
        !dub_json_get_string(json, "espeak.voice", DUB_JSON_OPTIONAL, &voice, &error) ||
        !dub_json_get_string(json, "language.code", DUB_JSON_OPTIONAL, &code, &error) ||
        !dub_json_get_string(json, "phoneme_type", DUB_JSON_OPTIONAL, &type, &error) ||
        !dub_json_get_object(json, "speaker_id_map", DUB_JSON_OPTIONAL, &speakers, &error)) {
        models_set_problem(self, "%s; fetch the voice again", error->message);
        return;
    }
    self->rate_hz = (unsigned) rate;
    if (type && strcmp(type, "espeak") != 0)
        models_set_problem(self, "reads %.20s, not eSpeak NG's phonemes; take another voice", type);
    self->espeak_voice = g_strdup(voice);
    if (code || voice)
        models_set_languages(self, (const char *[]){ code ? code : voice }, 1);
    if (speakers && self->languages[0])
        add_speakers(self, speakers, voice ? voice : self->languages[0]);
}

static void complete_vits(DubModel *self)
{
    g_autofree char *language = models_language_of_name(self->name);
    if (!self->languages[0] && language)
        models_set_languages(self, (const char *[]){ language }, 1);
    if (!self->languages[0])
        models_set_problem(self, "its language is not known: call the folder vits-LANGUAGE-… , such as vits-es-%s",
                           self->name);
    if (self->reads_letters)
        g_clear_pointer(&self->espeak_voice, g_free);
    else if (!self->espeak_voice)
        self->espeak_voice = g_strdup(self->languages[0]);
    if (self->voices->len == 0 && self->languages[0])
        models_add_voice(self, self->name, self->espeak_voice ? self->espeak_voice : self->languages[0], "");
}

static void describe_vits(DubModel *self, bool has_lexicon)
{
    check_onnx(self);
    check_tokens(self);
    check_description(self);
    read_piper(self);
    if (!self->rate_hz && strstr(self->name, "mms"))
        self->rate_hz = MMS_RATE_HZ;
    if (has_lexicon)
        models_set_problem(
            self, "reads a lexicon, and airdub speaks by phonemes or letters; take a Piper, Coqui or MMS voice");
    complete_vits(self);
}

/* The voices of the folders that sherpa-onnx publishes, in their order. */
static const char *const kokoro_english[] = { "af",          "af_bella",  "af_nicole",  "af_sarah",
                                              "af_sky",      "am_adam",   "am_michael", "bf_emma",
                                              "bf_isabella", "bm_george", "bm_lewis" };
static const char *const kokoro_v1[] = {
    "af_alloy",    "af_aoede",   "af_bella",  "af_heart",  "af_jessica", "af_kore",    "af_nicole",     "af_nova",
    "af_river",    "af_sarah",   "af_sky",    "am_adam",   "am_echo",    "am_eric",    "am_fenrir",     "am_liam",
    "am_michael",  "am_onyx",    "am_puck",   "am_santa",  "bf_alice",   "bf_emma",    "bf_isabella",   "bf_lily",
    "bm_daniel",   "bm_fable",   "bm_george", "bm_lewis",  "ef_dora",    "em_alex",    "ff_siwis",      "hf_alpha",
    "hf_beta",     "hm_omega",   "hm_psi",    "if_sara",   "im_nicola",  "jf_alpha",   "jf_gongitsune", "jf_nezumi",
    "jf_tebukuro", "jm_kumo",    "pf_dora",   "pm_alex",   "pm_santa",   "zf_xiaobei", "zf_xiaoni",     "zf_xiaoxiao",
    "zf_xiaoyi",   "zm_yunjian", "zm_yunxi",  "zm_yunxia", "zm_yunyang"
};

static const char *kokoro_language(const char *voice)
{
    switch (voice[0]) {
    case 'a': return "en-us";
    case 'b': return "en-gb";
    case 'e': return "es";
    case 'f': return "fr";
    case 'h': return "hi";
    case 'i': return "it";
    case 'j': return "ja";
    case 'p': return "pt-br";
    case 'z': return "cmn";
    default: return "en";
    }
}

static void add_kokoro_voices(DubModel *self, const char *const *names, gsize n)
{
    g_autoptr(GPtrArray) languages = g_ptr_array_new();
    for (gsize i = 0; i < n; i++) {
        const char *language = kokoro_language(names[i]);
        models_add_voice(self, names[i], language, names[i][1] == 'f' ? "female" : "male");
        g_ptr_array_add(languages, (void *) (names[i][0] == 'z' ? "zh" : language));
    }
    models_set_languages(self, (const char *const *) languages->pdata, languages->len);
}

static void read_kokoro_voices(DubModel *self)
{
    g_autofree char *path = g_build_filename(self->path, MODELS_VOICES, NULL);
    guint64 size = 0;
    if (!models_file_size(path, &size) || size == 0 || size % KOKORO_STYLE_BYTES != 0)
        models_set_problem(self, MODELS_VOICES " does not hold whole voices; fetch it again");
    else if (size / KOKORO_STYLE_BYTES == G_N_ELEMENTS(kokoro_v1))
        add_kokoro_voices(self, kokoro_v1, G_N_ELEMENTS(kokoro_v1));
    else if (size / KOKORO_STYLE_BYTES == G_N_ELEMENTS(kokoro_english))
        add_kokoro_voices(self, kokoro_english, G_N_ELEMENTS(kokoro_english));
    else
        models_set_problem(self, "which voices " MODELS_VOICES " holds is not known; " INSTALL_CURE);
    self->bytes += size;
}

static void describe_kokoro(DubModel *self)
{
    self->rate_hz = KOKORO_RATE_HZ;
    check_onnx(self);
    check_tokens(self);
    check_description(self);
    read_kokoro_voices(self);
}

/* ---- folders ---- */

typedef struct {
    const char *onnx; /* with Piper's description beside it, else the only or first one */
    unsigned n_onnx;  /* of those that may be meant */
    bool tokens, voices, lexicon;
} FolderContent;

static bool is_listed(const GPtrArray *names, const char *name)
{
    return g_ptr_array_find_with_equal_func((GPtrArray *) names, name, g_str_equal, NULL);
}

/* "model.onnx" is meant where there is one: beside it may lie model.int8.onnx. */
static void find_onnx(const GPtrArray *names, FolderContent *content)
{
    if (is_listed(names, "model.onnx")) {
        content->onnx = "model.onnx";
        content->n_onnx = 1;
        return;
    }
    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        if (!g_str_has_suffix(name, ".onnx"))
            continue;
        if (!content->onnx)
            content->onnx = name;
        content->n_onnx++;
    }
}

static void add_voice_model(const char *folder, const FolderContent *content, GPtrArray *found)
{
    g_autofree char *name = g_path_get_basename(folder);
    DubModel *self = models_model_new(content->voices ? DUB_MODEL_KOKORO : DUB_MODEL_VITS, name, g_strdup(folder));
    g_ptr_array_add(found, self);
    if (content->n_onnx == 0)
        models_set_problem(self, "the .onnx is missing; fetch the voice again");
    else if (content->n_onnx > 1)
        models_set_problem(self, "holds %u .onnx files; give each voice a folder of its own", content->n_onnx);
    if (self->problem)
        return;
    self->file = g_build_filename(folder, content->onnx, NULL);
    if (content->voices)
        describe_kokoro(self);
    else
        describe_vits(self, content->lexicon);
}

static void add_whisper_models(const char *folder, const GPtrArray *names, GPtrArray *found)
{
    for (guint i = 0; i < names->len && found->len < DUB_MODELS_MAX; i++) {
        if (!g_str_has_prefix(names->pdata[i], "ggml-") || !g_str_has_suffix(names->pdata[i], ".bin"))
            continue;
        g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);
        g_ptr_array_add(found, models_describe_whisper(path, NULL));
    }
}

static bool is_vad(const FolderContent *content)
{
    return content->onnx && strstr(content->onnx, "vad") && !content->tokens;
}

static void add_vad(const char *folder, const FolderContent *content, GPtrArray *found)
{
    g_autofree char *name = g_path_get_basename(folder);
    DubModel *self = models_model_new(DUB_MODEL_VAD, name, g_build_filename(folder, content->onnx, NULL));
    g_ptr_array_add(found, self);
    self->file = g_strdup(self->path);
    self->rate_hz = WHISPER_RATE_HZ;
    check_onnx(self);
}

void models_describe_folder(const char *folder, GPtrArray *found)
{
    DubModel *described = NULL;
    if (models_read_description(folder, &described)) {
        g_ptr_array_add(found, described);
        return;
    }
    g_autoptr(GPtrArray) names = models_list_folder(folder);
    if (!names)
        return;
    FolderContent content = {
        .tokens = is_listed(names, MODELS_TOKENS),
        .voices = is_listed(names, MODELS_VOICES),
        .lexicon = is_listed(names, "lexicon.txt"),
    };
    find_onnx(names, &content);
    add_whisper_models(folder, names, found);
    if (is_vad(&content))
        add_vad(folder, &content, found);
    else if (content.onnx || content.tokens || content.voices)
        add_voice_model(folder, &content, found);
}
