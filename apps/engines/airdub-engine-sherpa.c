/* airdub-engine-sherpa vits|kokoro FOLDER [--threads N]: neural voices, by sherpa-onnx, as an engine program
 * (docs/engine-protocol.md). sherpa-onnx is given phonemes, which eSpeak NG makes, or letters where the voice
 * reads those. */
#include "base/error.h"
#include "base/json.h"
#include "engine-server.h"
#include "engines/engine.h"
#include "engines/models.h"
#include "text/phonemes.h"

#include <sherpa-onnx/c-api/c-api.h>
#include <string.h>

#define THREADS_MOST  64
#define SPOKEN_MOST_S 300 /* a fragment is a minute at most, and its dub little longer */
#define CHUNK_MOST    400 /* code points of a VITS voice's sentence: they were trained on single ones */
#define PAUSE_MS      150 /* between two sentences of a VITS voice, which ends each at once */
#define LEVEL_MOST    1.0f

typedef struct {
    const SherpaOnnxOfflineTts *tts;
    GPtrArray *models; /* of DubModel; holds: */
    const DubModel *model;
    int n_threads;
} Sherpa;

static bool is_kokoro(const Sherpa *self)
{
    return self->model->kind == DUB_MODEL_KOKORO;
}

/* ── Voices ── */

static json_t *make_offer(const DubModelVoice *voice)
{
    json_t *offer = json_object();
    json_object_set_new(offer, "language", json_string(voice->language));
    json_object_set_new(offer, "name", json_string(voice->name));
    json_object_set_new(offer, "gender", json_string(voice->gender));
    return offer;
}

static json_t *list(void *engine)
{
    const Sherpa *self = engine;
    json_t *offers = json_array();
    for (guint i = 0; i < self->model->voices->len; i++)
        json_array_append_new(offers, make_offer(g_ptr_array_index(self->model->voices, i)));
    return offers;
}

static bool suits(const DubModelVoice *voice, const char *name, const char *language)
{
    return name ? g_str_equal(voice->name, name) : dub_engine_covers(voice->language, language);
}

/* Returns: the number of the voice called @name, else of the first that speaks @language; -1 with an error */
static int find_voice(const Sherpa *self, const char *name, const char *language, GError **error)
{
    for (guint i = 0; i < self->model->voices->len; i++)
        if (suits(g_ptr_array_index(self->model->voices, i), name, language))
            return (int) i;
    if (name)
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "voice: %s has none called \"%s\"; `airdub voices` lists them", self->model->name, name);
    else
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "%s has no voice for the language \"%s\"",
                    self->model->name, language);
    return -1;
}

/* ── Speaking ── */

/* (transfer full): pieces that a voice which reads letters was trained on: single sentences, in lower case */
static GPtrArray *split_letters(const char *text)
{
    g_autofree char *lower = g_utf8_strdown(text, -1);
    g_autofree char *composed = g_utf8_normalize(lower, -1, G_NORMALIZE_DEFAULT_COMPOSE);
    return dub_phonemes_split(composed ? composed : lower, DUB_PHONEMES_PIPER, CHUNK_MOST);
}

static GPtrArray *make_chunks(const Sherpa *self, const char *text, const DubModelVoice *voice, GError **error)
{
    if (self->model->reads_letters)
        return split_letters(text);
    const DubPhonemeSet set = is_kokoro(self) ? DUB_PHONEMES_KOKORO : DUB_PHONEMES_PIPER;
    const char *language = self->model->espeak_voice ? self->model->espeak_voice : voice->language;
    g_autofree char *phonemes = dub_phonemes(text, language, set, error);
    return phonemes ? dub_phonemes_split(phonemes, set, is_kokoro(self) ? DUB_PHONEMES_KOKORO_MOST : CHUNK_MOST) : NULL;
}

static void append_pause(const Sherpa *self, GArray *sound, int rate_hz)
{
    if (!is_kokoro(self) && sound->len > 0)
        g_array_set_size(sound, sound->len + (guint) (rate_hz * PAUSE_MS / 1000));
}

/* A model may leave what is no number where it was given what it does not know. */
static void append_samples(GArray *sound, const SherpaOnnxGeneratedAudio *audio)
{
    for (int i = 0; i < audio->n; i++) {
        const float sample =
            audio->samples[i] == audio->samples[i] ? CLAMP(audio->samples[i], -LEVEL_MOST, LEVEL_MOST) : 0;
        g_array_append_val(sound, sample);
    }
}

static bool speak_chunk(const Sherpa *self, const char *chunk, int speaker, double pace, GArray *sound, GError **error)
{
    g_autoptr(GArray) code_points = dub_phonemes_code_points(chunk);
    const int32_t length = (int32_t) code_points->len;
    const SherpaOnnxGenerationConfig config = {
        .sid = speaker,
        .speed = (float) pace,
        .silence_scale = 1,
        .phoneme_codepoints = (const int32_t *) (const void *) code_points->data,
        .phoneme_codepoints_lens = &length,
        .phoneme_codepoints_num_sentences = 1,
    };
    const int rate_hz = SherpaOnnxOfflineTtsSampleRate(self->tts);
    if (sound->len > (guint) (SPOKEN_MOST_S * rate_hz)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "text: takes more than %d s to say", SPOKEN_MOST_S);
        return false;
    }
    const SherpaOnnxGeneratedAudio *audio = SherpaOnnxOfflineTtsGenerateWithConfig(self->tts, "", &config, NULL, NULL);
    if (!audio) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, "sherpa-onnx gave no sound for this text");
        return false;
    }
    append_pause(self, sound, rate_hz);
    append_samples(sound, audio);
    SherpaOnnxDestroyOfflineTtsGeneratedAudio(audio);
    return true;
}

static bool speak(void *engine, const EngineTask *task, json_t *reply, GArray *sound, GError **error)
{
    const Sherpa *self = engine;
    const char *text = NULL, *to = NULL, *name = NULL;
    double pace = 1;
    if (!dub_json_get_string(task->message, "text", DUB_JSON_REQUIRED, &text, error) ||
        !dub_json_get_string(task->message, "to", DUB_JSON_REQUIRED, &to, error) ||
        !dub_json_get_string(task->message, "voice", DUB_JSON_OPTIONAL, &name, error) ||
        !dub_json_get_double(task->message, "pace", DUB_JSON_OPTIONAL, &pace, error))
        return false;
    const int speaker = find_voice(self, name, to, error);
    if (speaker < 0)
        return false;
    /* Kokoro that is told to hurry is misunderstood three times as often: whoever wants it faster stretches
     * the sound. */
    pace = is_kokoro(self) ? 1 : CLAMP(pace, 1, DUB_ENGINE_PACE_MOST);
    const DubModelVoice *voice = g_ptr_array_index(self->model->voices, (guint) speaker);
    g_autoptr(GPtrArray) chunks = make_chunks(self, text, voice, error);
    for (guint i = 0; chunks && i < chunks->len; i++)
        if (!speak_chunk(self, g_ptr_array_index(chunks, i), speaker, pace, sound, error))
            return false;
    json_object_set_new(reply, "rate_hz", json_integer(SherpaOnnxOfflineTtsSampleRate(self->tts)));
    json_object_set_new(reply, "model", json_string(voice->name));
    return chunks != NULL;
}

/* ── Start ── */

static bool load(Sherpa *self, const char *folder, GError **error)
{
    g_autofree char *tokens = g_build_filename(self->model->path, "tokens.txt", NULL);
    g_autofree char *voices = g_build_filename(self->model->path, "voices.bin", NULL);
    SherpaOnnxOfflineTtsConfig config = { .model.num_threads = self->n_threads,
                                          .model.provider = "cpu",
                                          .max_num_sentences = 1 };
    if (is_kokoro(self)) {
        config.model.kokoro = (SherpaOnnxOfflineTtsKokoroModelConfig){ .model = self->model->file,
                                                                       .voices = voices,
                                                                       .tokens = tokens,
                                                                       .length_scale = 1 };
    } else {
        config.model.vits = (SherpaOnnxOfflineTtsVitsModelConfig){ .model = self->model->file,
                                                                   .tokens = tokens,
                                                                   .noise_scale = 0.667f,
                                                                   .noise_scale_w = 0.8f,
                                                                   .length_scale = 1 };
    }
    self->tts = SherpaOnnxCreateOfflineTts(&config);
    if (self->tts)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE,
                "sherpa-onnx cannot read the voice in %s; `airdub models check` may say why", folder);
    return false;
}

/* sherpa-onnx ends the process when it is given what is no voice: so it is looked at first. */
static bool find_model(Sherpa *self, const char *kind, const char *folder, GError **error)
{
    self->models = dub_models_find(folder);
    for (guint i = 0; i < self->models->len && !self->model; i++) {
        const DubModel *model = g_ptr_array_index(self->models, i);
        if (g_str_equal(dub_model_kind_to_string(model->kind), kind))
            self->model = model;
    }
    if (!self->model)
        g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE,
                    "there is no %s voice in %s; `airdub models list` shows what can be installed", kind, folder);
    else if (self->model->problem)
        g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE, "%s: %s", folder, self->model->problem);
    return self->model && !self->model->problem;
}

static bool open_voice(Sherpa *self, int argc, char **argv, GError **error)
{
    GOptionEntry entries[] = { { "threads", 't', 0, G_OPTION_ARG_INT, &self->n_threads, "Threads for one request (1)",
                                 "N" },
                               G_OPTION_ENTRY_NULL };
    g_autoptr(GOptionContext) options = g_option_context_new("vits|kokoro FOLDER - neural voices as an engine program");
    g_option_context_add_main_entries(options, entries, NULL);
    if (!g_option_context_parse(options, &argc, &argv, error))
        return false;
    const bool known = argc == 3 && (g_str_equal(argv[1], "vits") || g_str_equal(argv[1], "kokoro"));
    if (known && self->n_threads >= 1 && self->n_threads <= THREADS_MOST)
        return find_model(self, argv[1], argv[2], error) && load(self, argv[2], error);
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "usage: %s vits|kokoro FOLDER [--threads 1…%d]",
                g_get_prgname(), THREADS_MOST);
    return false;
}

int main(int argc, char **argv)
{
    static const EngineKind kind = { .name = "sherpa-onnx", .run = "tts", .list = list, .work = speak };
    g_autoptr(EngineServer) server = engine_server_new();
    g_autoptr(GError) error = NULL;
    Sherpa self = { .n_threads = 1 };
    const int status = open_voice(&self, argc, argv, &error) ? engine_server_run(server, &kind, &self)
                                                             : engine_server_refuse(server, error);
    if (self.tts)
        SherpaOnnxDestroyOfflineTts(self.tts);
    g_clear_pointer(&self.models, g_ptr_array_unref);
    return status;
}
