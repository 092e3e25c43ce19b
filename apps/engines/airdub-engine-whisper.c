/* airdub-engine-whisper MODEL [--threads N]: Whisper, by whisper.cpp, as an engine program
 * (docs/engine-protocol.md). Each request stands alone: what was said before is not given to Whisper, which
 * would repeat it where it hears nothing. */
#include "base/error.h"
#include "base/json.h"
#include "engine-server.h"
#include "whisper-pieces.h"
#include "whisper-text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <whisper.h>

#define THREADS_MOST      64
#define TICK              (WHISPER_RATE_HZ / 100) /* Whisper's times are hundredths of a second */
#define LOOP_TOKENS_MOST  24
#define TWICE_LEAST_WORDS 5                          /* nobody says as much twice without a pause */
#define SLACK             (WHISPER_RATE_HZ * 3 / 10) /* by which its times may be wrong */

typedef struct {
    struct whisper_context *context;
    char *model;
    int n_threads;
} Whisper;

static void on_log(enum ggml_log_level level, const char *text, void *user_data G_GNUC_UNUSED)
{
    if (level >= GGML_LOG_LEVEL_ERROR)
        fputs(text, stderr);
}

/* ── Languages ── */

/* Whisper's names for what ISO 639-1 calls otherwise. */
static const struct {
    const char *iso, *whisper;
} languages[] = { { "nb", "no" }, { "jv", "jw" }, { "iw", "he" }, { "in", "id" }, { "fil", "tl" } };

/* (transfer full): "pt" for "pt-BR" */
static char *whisper_language(const char *language)
{
    char *name = g_ascii_strdown(language, (gssize) strcspn(language, "-_"));
    for (gsize i = 0; i < G_N_ELEMENTS(languages); i++)
        if (g_str_equal(name, languages[i].iso)) {
            g_free(name);
            return g_strdup(languages[i].whisper);
        }
    return name;
}

static bool knows_language(const Whisper *self, const char *name)
{
    if (!whisper_is_multilingual(self->context))
        return g_str_equal(name, "en");
    for (int i = 0; i <= whisper_lang_max_id(); i++)
        if (g_str_equal(name, whisper_lang_str(i)))
            return true;
    return false;
}

static json_t *make_offer(const Whisper *self, const char *language)
{
    json_t *offer = json_object();
    json_object_set_new(offer, "language", json_string(language));
    json_object_set_new(offer, "name", json_string(self->model));
    return offer;
}

static json_t *list(void *engine)
{
    const Whisper *self = engine;
    json_t *offers = json_array();
    for (int i = 0; i <= whisper_lang_max_id(); i++)
        if (knows_language(self, whisper_lang_str(i)))
            json_array_append_new(offers, make_offer(self, whisper_lang_str(i)));
    return offers;
}

/* ── Hearing ── */

typedef struct {
    const float *samples;
    const WhisperSpeech *speech;
    const char *language, *prompt;
    json_t *segments; /* filled */
} Hearing;

/* Whisper may say the same for ever, here until its window is full: two seconds of work. Once the last tokens
 * have come three times on end (one alone: four times), the one that would go on is taken away, and it says
 * something else. */
static void on_logits(struct whisper_context *context, struct whisper_state *state G_GNUC_UNUSED,
                      const whisper_token_data *tokens, int n_tokens, float *logits, void *user_data G_GNUC_UNUSED)
{
    for (int period = 1; period <= LOOP_TOKENS_MOST; period++) {
        const int same = period == 1 ? 3 : 2 * period;
        int n = 0;
        while (n < same && n_tokens - 1 - n - period >= 0 &&
               tokens[n_tokens - 1 - n].id == tokens[n_tokens - 1 - n - period].id)
            n++;
        const int next = n_tokens - period;
        if (n == same && tokens[next].id < whisper_token_eot(context))
            logits[tokens[next].id] = -INFINITY;
    }
}

/* Greedy and without a second try at a higher temperature: as few words are wrong, in bounded time. */
static struct whisper_full_params make_params(const Whisper *self, const char *language, const char *prompt,
                                              gsize n_samples)
{
    struct whisper_full_params params = whisper_full_default_params(WHISPER_SAMPLING_GREEDY);
    params.n_threads = self->n_threads;
    params.language = language;
    params.print_progress = params.print_realtime = params.print_timestamps = params.print_special = false;
    params.no_context = true;
    params.suppress_nst = true;
    params.temperature_inc = 0;
    params.audio_ctx = whisper_pieces_audio_ctx(n_samples);
    params.initial_prompt = prompt;
    params.logits_filter_callback = on_logits;
    return params;
}

static double mean_probability(const Whisper *self, int segment)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < whisper_full_n_tokens(self->context, segment); i++) {
        const whisper_token_data token = whisper_full_get_token_data(self->context, segment, i);
        if (token.id >= whisper_token_eot(self->context))
            continue; /* a time, or another that is no text */
        sum += token.p;
        n++;
    }
    return n ? sum / n : 0;
}

static double to_ms(gsize samples)
{
    return (double) samples * 1000 / WHISPER_RATE_HZ;
}

static WhisperSpan segment_span(const Whisper *self, int i, WhisperSpan piece)
{
    const gsize first = (gsize) MAX(whisper_full_get_segment_t0(self->context, i), 0) * TICK;
    const gsize end = (gsize) MAX(whisper_full_get_segment_t1(self->context, i), 0) * TICK;
    return (WhisperSpan){ MIN(piece.first + first, piece.end), MIN(piece.first + MAX(end, first), piece.end) };
}

/* Where a voice has to be found for this span to be believed. */
static WhisperSpan widen(WhisperSpan span, WhisperSpan piece)
{
    return (WhisperSpan){ MAX(span.first, piece.first + SLACK) - SLACK, MIN(span.end + SLACK, piece.end) };
}

/* Where Whisper does not know when something was said, it may say it twice: once where there is not enough
 * voice for it. */
static bool is_echo(const json_t *before, const char *said, double speech_s)
{
    const char *text = json_string_value(json_object_get(before, "text"));
    const double before_s = json_number_value(json_object_get(before, "speech_s"));
    return text && whisper_text_is_same(text, said) && whisper_text_is_hurried(said, MIN(before_s, speech_s));
}

/* Of an echo and what it repeats, the one stays that has more of a voice. */
static void append_segment(json_t *segments, json_t *segment)
{
    const size_t n = json_array_size(segments);
    const json_t *before = n ? json_array_get(segments, n - 1) : NULL;
    const double speech_s = json_number_value(json_object_get(segment, "speech_s"));
    if (!is_echo(before, json_string_value(json_object_get(segment, "text")), speech_s))
        json_array_append_new(segments, segment);
    else if (speech_s > json_number_value(json_object_get(before, "speech_s")))
        json_array_set_new(segments, n - 1, segment);
    else
        json_decref(segment);
}

static void add_segment(const Whisper *self, int i, const Hearing *hearing, WhisperSpan piece)
{
    const WhisperSpan span = segment_span(self, i, piece);
    const WhisperEvidence evidence = {
        .no_speech = whisper_full_get_segment_no_speech_prob(self->context, i),
        .probability = mean_probability(self, i),
        .speech_s = whisper_speech_seconds(hearing->speech, widen(span, piece)),
    };
    g_autofree char *said = whisper_text_clean(whisper_full_get_segment_text(self->context, i));
    whisper_text_halve(said, whisper_text_is_hurried(said, evidence.speech_s) ? 1 : TWICE_LEAST_WORDS);
    if (!whisper_text_is_believable(said, &evidence))
        return;
    const WhisperSpan spoken = whisper_speech_clip(hearing->speech, span);
    json_t *segment = json_object();
    json_object_set_new(segment, "text", json_string(said));
    json_object_set_new(segment, "start_ms", json_real(to_ms(spoken.first)));
    json_object_set_new(segment, "end_ms", json_real(to_ms(spoken.end)));
    json_object_set_new(segment, "confidence", json_real(evidence.probability));
    json_object_set_new(segment, "speech_s", json_real(evidence.speech_s));
    append_segment(hearing->segments, segment);
}

static bool hear_with(const Whisper *self, const Hearing *hearing, const char *prompt, WhisperSpan piece,
                      GError **error)
{
    const gsize n_samples = piece.end - piece.first;
    const struct whisper_full_params params = make_params(self, hearing->language, prompt, n_samples);
    if (whisper_full(self->context, params, hearing->samples + piece.first, (int) n_samples) != 0) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, "whisper.cpp gave up on this piece of sound");
        return false;
    }
    for (int i = 0; i < whisper_full_n_segments(self->context); i++)
        add_segment(self, i, hearing, piece);
    return true;
}

/* A prompt can make Whisper say nothing at all where somebody speaks: then it is asked once more without. */
static bool hear(const Whisper *self, const Hearing *hearing, WhisperSpan piece, GError **error)
{
    const size_t before = json_array_size(hearing->segments);
    if (!hear_with(self, hearing, hearing->prompt, piece, error))
        return false;
    const bool silenced = hearing->prompt && json_array_size(hearing->segments) == before;
    return !silenced || hear_with(self, hearing, NULL, piece, error);
}

static json_t *join_segments(const json_t *segments)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t i = 0; i < json_array_size(segments); i++)
        g_string_append_printf(text, "%s%s", i ? " " : "",
                               json_string_value(json_object_get(json_array_get(segments, i), "text")));
    return json_string(text->str);
}

static bool check_request(const Whisper *self, const char *from, const char *language, int64_t rate_hz, GError **error)
{
    if (rate_hz != WHISPER_RATE_HZ)
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "rate_hz: Whisper hears %d", WHISPER_RATE_HZ);
    else if (!knows_language(self, language))
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                    "the Whisper model \"%s\" does not know the language \"%s\"%s", self->model, from,
                    whisper_is_multilingual(self->context) ? "" : ": it is for English alone");
    else
        return true;
    return false;
}

static bool transcribe(void *engine, const EngineTask *task, json_t *reply, GArray *sound G_GNUC_UNUSED, GError **error)
{
    const Whisper *self = engine;
    const char *from = "en", *terms = NULL;
    int64_t rate_hz = WHISPER_RATE_HZ;
    if (!dub_json_get_string(task->message, "from", DUB_JSON_REQUIRED, &from, error) ||
        !dub_json_get_string(task->message, "terms", DUB_JSON_OPTIONAL, &terms, error) ||
        !dub_json_get_int(task->message, "rate_hz", DUB_JSON_OPTIONAL, 8000, 192000, &rate_hz, error))
        return false;
    g_autofree char *language = whisper_language(from);
    if (!check_request(self, from, language, rate_hz, error))
        return false;

    g_autofree char *prompt = whisper_text_prompt(terms, language);
    g_autoptr(WhisperSpeech) speech = whisper_speech_find(task->samples, task->n_samples);
    g_autoptr(GArray) pieces = whisper_pieces_cut(speech, task->samples, task->n_samples);
    const Hearing hearing = { .samples = task->samples,
                              .speech = speech,
                              .language = language,
                              .prompt = prompt,
                              .segments = json_array() };
    json_object_set_new(reply, "segments", hearing.segments);
    for (guint i = 0; i < pieces->len; i++)
        if (!hear(self, &hearing, g_array_index(pieces, WhisperSpan, i), error))
            return false;
    json_object_set_new(reply, "text", join_segments(hearing.segments));
    json_object_set_new(reply, "model", json_string(self->model));
    return true;
}

/* ── Start ── */

/* (transfer full): "tiny.en" for ".../ggml-tiny.en-q8_0.bin" */
static char *model_name(const char *path)
{
    g_autofree char *file = g_path_get_basename(path);
    const char *name = g_str_has_prefix(file, "ggml-") ? file + strlen("ggml-") : file;
    return g_strndup(name, g_str_has_suffix(name, ".bin") ? strlen(name) - strlen(".bin") : strlen(name));
}

static bool check_processor(GError **error)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c") ||
        !__builtin_cpu_supports("bmi2")) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE,
                            "this processor lacks AVX2, FMA, F16C or BMI2, which Whisper was built for; choose another "
                            "recogniser, such as pocketsphinx");
        return false;
    }
#else
    (void) error;
#endif
    return true;
}

static bool read_arguments(int argc, char **argv, Whisper *self, GError **error)
{
    GOptionEntry entries[] = { { "threads", 't', 0, G_OPTION_ARG_INT, &self->n_threads, "Threads for one request (1)",
                                 "N" },
                               G_OPTION_ENTRY_NULL };
    g_autoptr(GOptionContext) options = g_option_context_new("MODEL.bin - Whisper as an engine program");
    g_option_context_add_main_entries(options, entries, NULL);
    if (!g_option_context_parse(options, &argc, &argv, error))
        return false;
    if (argc == 2 && self->n_threads >= 1 && self->n_threads <= THREADS_MOST) {
        self->model = g_strdup(argv[1]);
        return true;
    }
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "usage: %s MODEL.bin [--threads 1…%d]", g_get_prgname(),
                THREADS_MOST);
    return false;
}

static bool load(Whisper *self, GError **error)
{
    g_autofree char *path = g_steal_pointer(&self->model);
    struct whisper_context_params params = whisper_context_default_params();
    params.use_gpu = false;
    whisper_log_set(on_log, NULL);
    self->model = model_name(path);
    if (!g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE, "there is no model %s; `airdub models install` gets one", path);
        return false;
    }
    self->context = whisper_init_from_file_with_params(path, params);
    if (self->context)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE, "%s is no Whisper model that whisper.cpp can read; get it again",
                path);
    return false;
}

static int serve(EngineServer *server, int argc, char **argv)
{
    static const EngineKind kind = { .name = "whisper",
                                     .run = "asr",
                                     .hears_hz = WHISPER_RATE_HZ,
                                     .list = list,
                                     .work = transcribe };
    Whisper self = { .n_threads = 1 };
    g_autoptr(GError) error = NULL;
    int status;
    if (check_processor(&error) && read_arguments(argc, argv, &self, &error) && load(&self, &error))
        status = engine_server_run(server, &kind, &self);
    else
        status = engine_server_refuse(server, error);
    whisper_free(self.context);
    g_free(self.model);
    return status;
}

int main(int argc, char **argv)
{
    g_autoptr(EngineServer) server = engine_server_new();
    return serve(server, argc, argv);
}
