/* tests/support/engine-run.c: one engine from the command line, whichever driver it is: settings from the
 * environment, each result a line of JSON. Not installed. engine-run mt deepl --text "Good evening."
 *     engine-run asr whisper --wav clip.wav --terms "snap, down"
 *     engine-run tts kokoro --text "Hola." --to es --out hola.wav
 *     engine-run tts elevenlabs --list */
#include "audio/fragment-codec.h"
#include "base/clock.h"
#include "base/env.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "engines/list.h"
#include "engines/wav.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    char *text, *wav, *from, *to, *voice, *terms, *context, *glossary, *model, *model_dir, *out;
    double pace;
    int deadline_ms, cancel_ms, times;
    gboolean list, lines, threads, debug;
} Options;

typedef struct {
    const Options *options;
    const DubEngineClass *klass;
    DubEngine *engine;
    DubEngineMemory *memory;
    DubGlossary *glossary;
    DubPcm *pcm;
    const char *text;
    /* of the last run */
    DubEngineReply *reply;
    GError *error;
    int64_t took_ns, cancelled_ns; /* cancelled_ns: how long ago the cancel was when run() returned; 0: none */
} Run;

static const char *const codes[DUB_N_ERRORS] = {
    [DUB_ERROR_FAILED] = "FAILED",
    [DUB_ERROR_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
    [DUB_ERROR_NOT_FOUND] = "NOT_FOUND",
    [DUB_ERROR_UNSUPPORTED] = "UNSUPPORTED",
    [DUB_ERROR_NO_AUDIO] = "NO_AUDIO",
    [DUB_ERROR_CORRUPT] = "CORRUPT",
    [DUB_ERROR_BUSY] = "BUSY",
    [DUB_ERROR_NO_SPACE] = "NO_SPACE",
    [DUB_ERROR_IO] = "IO",
    [DUB_ERROR_NETWORK] = "NETWORK",
    [DUB_ERROR_TIMEOUT] = "TIMEOUT",
    [DUB_ERROR_CANCELLED] = "CANCELLED",
    [DUB_ERROR_ENGINE] = "ENGINE",
    [DUB_ERROR_PROTOCOL] = "PROTOCOL",
    [DUB_ERROR_BACKPRESSURE] = "BACKPRESSURE",
    [DUB_ERROR_AUTH] = "AUTH",
};

/* ---- output ---- */

static void print_json(DubJson *json)
{
    g_autofree char *text = dub_json_to_text(json);
    puts(text);
    fflush(stdout);
    json_decref(json);
}

static void print_error(const GError *error)
{
    const bool ours = error->domain == DUB_ERROR && error->code >= 0 && error->code < DUB_N_ERRORS;
    print_json(json_pack("{s:b, s:s, s:s}", "ok", 0, "code", ours ? codes[error->code] : "FOREIGN", "message",
                         error->message));
}

static DubJson *spans_to_json(const GArray *spans)
{
    DubJson *array = json_array();
    for (guint i = 0; i < spans->len; i++) {
        const DubEngineSpan *span = &g_array_index(spans, DubEngineSpan, i);
        json_array_append_new(array, json_pack("{s:s, s:f, s:f, s:f}", "text", span->text, "start_ms",
                                               (double) span->start_ns / DUB_NS_PER_MS, "end_ms",
                                               (double) span->end_ns / DUB_NS_PER_MS, "confidence", span->confidence));
    }
    return array;
}

static DubJson *usage_to_json(const DubEngineUsage *usage)
{
    return json_pack("{s:f, s:f, s:f, s:I, s:I}", "cpu_ms", (double) usage->cpu_ns / DUB_NS_PER_MS, "programs_cpu_ms",
                     (double) usage->programs_cpu_ns / DUB_NS_PER_MS, "audio_ms",
                     (double) usage->audio_ns / DUB_NS_PER_MS, "characters", (json_int_t) usage->characters,
                     "cost_micros", (json_int_t) usage->cost_micros);
}

static void print_result(const Run *run)
{
    const DubEngineReply *reply = run->reply;
    DubJson *json =
        reply ? json_pack("{s:b, s:s, s:s?, s:o, s:o, s:o}", "ok", 1, "text", reply->text, "model", reply->model,
                          "segments", spans_to_json(reply->segments), "words", spans_to_json(reply->words), "usage",
                          usage_to_json(&reply->usage))
              : json_pack("{s:b, s:s, s:s}", "ok", 0, "code", codes[run->error->code], "message", run->error->message);
    json_object_set_new(json, "took_ms", json_real((double) run->took_ns / DUB_NS_PER_MS));
    if (run->cancelled_ns)
        json_object_set_new(json, "since_cancel_ms", json_real((double) run->cancelled_ns / DUB_NS_PER_MS));
    if (reply && reply->pcm) {
        json_object_set_new(json, "rate_hz", json_integer(reply->pcm->rate_hz));
        json_object_set_new(json, "sound_ms", json_real((double) dub_pcm_duration_ns(reply->pcm) / DUB_NS_PER_MS));
    }
    print_json(json);
}

static bool write_sound(const Run *run)
{
    if (!run->options->out || !run->reply || !run->reply->pcm)
        return true;
    g_autoptr(GBytes) wav = dub_wav_write(run->reply->pcm, NULL);
    return wav &&
           g_file_set_contents(run->options->out, g_bytes_get_data(wav, NULL), (gssize) g_bytes_get_size(wav), NULL);
}

/* ---- one request ---- */

typedef struct {
    GCancellable *cancellable;
    int ms;
    GMutex lock;
    GCond changed;
    bool done;
    int64_t at_ns; /* 0: not cancelled */
} Canceller;

static gpointer cancel_later(gpointer data)
{
    Canceller *self = data;
    const gint64 until_us = g_get_monotonic_time() + self->ms * G_TIME_SPAN_MILLISECOND;
    g_mutex_lock(&self->lock);
    while (!self->done && g_cond_wait_until(&self->changed, &self->lock, until_us))
        ;
    if (!self->done) {
        self->at_ns = dub_clock_now();
        g_cancellable_cancel(self->cancellable);
    }
    g_mutex_unlock(&self->lock);
    return NULL;
}

static void canceller_stop(Canceller *self, GThread *thread)
{
    g_mutex_lock(&self->lock);
    self->done = true;
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
    g_thread_join(thread);
}

static gpointer run_once(gpointer data)
{
    Run *self = data;
    const Options *options = self->options;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    Canceller canceller = { .cancellable = cancellable, .ms = options->cancel_ms };
    GThread *thread = options->cancel_ms >= 0 ? g_thread_new("cancel", cancel_later, &canceller) : NULL;
    const int64_t began_ns = dub_clock_now();
    const DubEngineRequest request = {
        .pcm = self->pcm,
        .text = self->text,
        .from = options->from,
        .to = options->to,
        .voice = options->voice,
        .pace = options->pace,
        .glossary = self->glossary,
        .terms = options->terms,
        .context = options->context,
        .deadline_ns = options->deadline_ms ? began_ns + options->deadline_ms * DUB_NS_PER_MS : 0,
        .cancellable = cancellable,
        .memory = self->memory,
    };
    self->reply = dub_engine_run(self->engine, &request, &self->error);
    const int64_t ended_ns = dub_clock_now();
    self->took_ns = ended_ns - began_ns;
    if (thread)
        canceller_stop(&canceller, thread);
    self->cancelled_ns = canceller.at_ns ? ended_ns - canceller.at_ns : 0;
    return NULL;
}

static bool run_and_print(Run *self)
{
    if (self->options->threads)
        g_thread_join(g_thread_new("engine", run_once, self));
    else
        run_once(self);
    print_result(self);
    const bool ok = self->reply && write_sound(self);
    g_clear_pointer(&self->reply, dub_engine_reply_free);
    g_clear_error(&self->error);
    return ok;
}

static bool run_lines(Run *self)
{
    char line[DUB_ENGINE_TEXT_MOST_BYTES];
    bool ok = true;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        self->text = line;
        ok = run_and_print(self) && ok;
    }
    return ok;
}

static bool run_all(Run *self)
{
    bool ok = true;
    if (self->options->lines)
        return run_lines(self);
    for (int i = 0; i < self->options->times; i++)
        ok = run_and_print(self) && ok;
    return ok;
}

/* ---- setting up ---- */

static DubPcm *read_sound(const char *path, GError **error)
{
    g_autofree char *data = NULL;
    gsize length = 0;
    if (!g_file_get_contents(path, &data, &length, error))
        return NULL;
    g_autoptr(GBytes) bytes = g_bytes_new_take(g_steal_pointer(&data), length);
    return dub_fragment_decode(bytes, 16000, 1, error);
}

static bool list_offers(const DubEngineClass *klass, const DubEngineConfig *config, GError **error)
{
    g_autoptr(GPtrArray) offers = klass->list(config, NULL, error);
    for (guint i = 0; offers && i < offers->len; i++) {
        const DubEngineOffer *offer = g_ptr_array_index(offers, i);
        print_json(json_pack("{s:s, s:s, s:s?, s:s}", "name", offer->name, "language", offer->language, "target",
                             offer->target, "gender", offer->gender));
    }
    return offers != NULL;
}

static bool open_and_run(Run *run, const DubEngineConfig *config, GError **error)
{
    const Options *options = run->options;
    if (options->wav && !(run->pcm = read_sound(options->wav, error)))
        return false;
    if (options->glossary && !(run->glossary = dub_glossary_load(options->glossary, options->from, options->to, error)))
        return false;
    run->engine = dub_engine_open(run->klass, config, error);
    if (!run->engine)
        return false;
    run->memory = dub_engine_memory_new();
    run->text = options->text;
    return run_all(run);
}

static bool work(const Options *options, const DubEngineClass *klass, const char *argument, GError **error)
{
    g_auto(GStrv) environment = g_get_environ();
    g_autofree void *settings = g_malloc0(MAX(klass->settings_bytes, 1));
    Run run = { .options = options, .klass = klass };
    if (!dub_env_load(klass->settings, klass->n_settings, settings, environment, error))
        return false;
    const DubEngineConfig config = {
        .settings = klass->n_settings ? settings : NULL,
        .model_dir = options->model_dir,
        .model = options->model,
        .argument = argument,
        .from = options->from,
        .to = options->to,
        .n_cores = 1,
    };
    const bool ok = options->list ? list_offers(klass, &config, error) : open_and_run(&run, &config, error);
    dub_engine_close(run.engine);
    dub_engine_memory_free(run.memory);
    dub_glossary_unref(run.glossary);
    dub_pcm_unref(run.pcm);
    dub_env_clear(klass->settings, klass->n_settings, settings);
    return ok;
}

static bool parse_options(Options *self, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "text", 0, 0, G_OPTION_ARG_STRING, &self->text, "to translate or to speak", "TEXT" },
        { "wav", 0, 0, G_OPTION_ARG_FILENAME, &self->wav, "to hear", "FILE" },
        { "lines", 0, 0, G_OPTION_ARG_NONE, &self->lines, "a request for each line of standard input", NULL },
        { "from", 0, 0, G_OPTION_ARG_STRING, &self->from, "[en]", "LANGUAGE" },
        { "to", 0, 0, G_OPTION_ARG_STRING, &self->to, "[es]", "LANGUAGE" },
        { "voice", 0, 0, G_OPTION_ARG_STRING, &self->voice, "", "NAME" },
        { "pace", 0, 0, G_OPTION_ARG_DOUBLE, &self->pace, "", "TIMES" },
        { "terms", 0, 0, G_OPTION_ARG_STRING, &self->terms, "for a recogniser", "A, B" },
        { "context", 0, 0, G_OPTION_ARG_STRING, &self->context, "what was said before", "TEXT" },
        { "glossary", 0, 0, G_OPTION_ARG_STRING, &self->glossary, "", "SPEC" },
        { "model", 0, 0, G_OPTION_ARG_STRING, &self->model, "", "NAME" },
        { "model-dir", 0, 0, G_OPTION_ARG_FILENAME, &self->model_dir, "", "FOLDER" },
        { "out", 0, 0, G_OPTION_ARG_FILENAME, &self->out, "the sound, as WAV", "FILE" },
        { "deadline-ms", 0, 0, G_OPTION_ARG_INT, &self->deadline_ms, "", "MS" },
        { "cancel-ms", 0, 0, G_OPTION_ARG_INT, &self->cancel_ms, "cancel so long after the start", "MS" },
        { "times", 0, 0, G_OPTION_ARG_INT, &self->times, "the same request", "N" },
        { "threads", 0, 0, G_OPTION_ARG_NONE, &self->threads, "each request in a thread of its own", NULL },
        { "list", 0, 0, G_OPTION_ARG_NONE, &self->list, "what it offers", NULL },
        { "debug", 0, 0, G_OPTION_ARG_NONE, &self->debug, "log everything", NULL },
        { NULL }
    };
    g_autoptr(GOptionContext) context = g_option_context_new("STAGE ENGINE");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return false;
    if (*argc == 3 && (self->list || self->text || self->wav || self->lines))
        return true;
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                        "usage: engine-run asr|mt|tts ENGINE --list | --text … | --wav … | --lines");
    return false;
}

static DubEngineStage stage_of(const char *name)
{
    static const char *const names[] = { "asr", "mt", "tts" };
    for (int stage = 0; stage < DUB_N_STAGES; stage++)
        if (g_str_equal(name, names[stage]))
            return (DubEngineStage) stage;
    return DUB_N_STAGES;
}

static void clear_options(Options *self)
{
    char *const strings[] = { self->text,    self->wav,      self->from,  self->to,        self->voice, self->terms,
                              self->context, self->glossary, self->model, self->model_dir, self->out };
    for (gsize i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free(strings[i]);
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    g_autoptr(GError) error = NULL;
    g_autofree char *argument = NULL;
    Options options = { .cancel_ms = -1, .times = 1 };
    bool ok = parse_options(&options, &argc, &argv, &error);
    dub_log_setup("engine-run", options.debug ? DUB_LOG_DEBUG : DUB_LOG_WARNING, DUB_LOG_TEXT);
    if (!options.list) {
        options.from = options.from ? options.from : g_strdup("en");
        options.to = options.to ? options.to : g_strdup("es");
    }
    const DubEngineStage stage = ok ? stage_of(argv[1]) : DUB_N_STAGES;
    const DubEngineClass *klass =
        ok && stage != DUB_N_STAGES ? dub_engine_find(stage, argv[2], &argument, &error) : NULL;
    ok = klass && work(&options, klass, argument, &error);
    if (error)
        print_error(error);
    clear_options(&options);
    return ok ? 0 : 1;
}
