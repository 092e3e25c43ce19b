/* engines/asr/openai.c: servers that hear as OpenAI's does: /v1/audio/transcriptions. */
#include "base/error.h"
#include "engines/asr/activity.h"
#include "engines/drivers.h"
#include "engines/http-answers.h"
#include "engines/http.h"
#include "engines/wav.h"

#include <math.h>
#include <string.h>

#define RATE_HZ           16000
#define PROMPT_MOST_BYTES 800 /* Whisper looks at 224 tokens of a prompt, the last ones */
#define NO_SPEECH         0.6 /* on noise and silence Whisper says "you", and 0.9 for this */
#define REPETITIVE        2.4 /* how many times smaller zlib makes a text that goes round in circles */
#define ANY               "mul"

typedef struct {
    DubHttpSettings http;
    char *model, *path;
} Settings;

#define FIELD(f) offsetof(Settings, f)
static const DubEnvSpec rows[] = {
    DUB_HTTP_ROWS("ASR_OPENAI", "ASR_OPENAI_KEY", "asr openai: its key",
                  "asr openai: the server; https://api.openai.com if only the key is set"),
    { .name = "ASR_OPENAI_MODEL", .offset = FIELD(model), .fallback = "whisper-1", .help = "asr openai: its model" },
    { .name = "ASR_OPENAI_PATH",
      .offset = FIELD(path),
      .fallback = "/v1/audio/transcriptions",
      .help = "asr openai: where it listens; /inference for whisper.cpp's server" },
};

static const DubHttpService service = {
    .engine = "openai",
    .prefix = "ASR_OPENAI",
    .key_setting = "ASR_OPENAI_KEY",
    .key_header = "Authorization: Bearer ",
    .default_url = "https://api.openai.com",
};

typedef struct {
    DubEngine base;
    DubHttpClient *http;
    char *model, *path;
    bool plain; /* the model gives no segments: it refused verbose_json */
} OpenAi;

/* ── The answer ── */

static char closing(char c)
{
    return c == '[' ? ']' : c == '(' ? ')' : '\0';
}

/* (transfer full): one line, without what stands in brackets, which nobody said, and without notes of music */
static char *clean_text(const char *text)
{
    GString *out = g_string_new(NULL);
    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        const char *end = closing(*p) ? strchr(p, closing(*p)) : NULL;
        const gunichar c = g_utf8_get_char(p);
        const bool blank = end || g_unichar_isspace(c) || (c >= 0x2669 && c <= 0x266c);
        if (!blank)
            g_string_append_unichar(out, c);
        else if (out->len && out->str[out->len - 1] != ' ')
            g_string_append_c(out, ' ');
        if (end)
            p = end;
    }
    g_strchomp(out->str);
    return g_string_free(out, FALSE);
}

static bool is_noise(const DubJson *segment)
{
    double no_speech = 0, repetitive = 0;
    return (dub_json_get_double(segment, "no_speech_prob", DUB_JSON_OPTIONAL, &no_speech, NULL) &&
            no_speech > NO_SPEECH) ||
           (dub_json_get_double(segment, "compression_ratio", DUB_JSON_OPTIONAL, &repetitive, NULL) &&
            repetitive > REPETITIVE);
}

static double confidence_of(const DubJson *segment)
{
    double logprob = NAN;
    dub_json_get_double(segment, "avg_logprob", DUB_JSON_OPTIONAL, &logprob, NULL);
    return isnan(logprob) ? -1 : CLAMP(exp(logprob), 0, 1);
}

static int64_t to_ns(double seconds, int64_t duration_ns)
{
    return (int64_t) CLAMP(seconds * 1e9, 0, (double) duration_ns);
}

static bool add_segment(const DubJson *segment, int64_t duration_ns, DubEngineReply *reply, GString *all,
                        GError **error)
{
    const char *text = NULL;
    double start_s = 0, end_s = 0;
    if (!dub_json_get_string(segment, "text", DUB_JSON_REQUIRED, &text, error) ||
        !dub_json_get_double(segment, "start", DUB_JSON_REQUIRED, &start_s, error) ||
        !dub_json_get_double(segment, "end", DUB_JSON_REQUIRED, &end_s, error))
        return false;
    g_autofree char *clean = clean_text(text);
    if (!*clean || is_noise(segment))
        return true;
    const guint n = reply->segments->len;
    const int64_t earliest_ns = n ? g_array_index(reply->segments, DubEngineSpan, n - 1).start_ns : 0;
    const int64_t start_ns = MAX(to_ns(start_s, duration_ns), earliest_ns);
    const int64_t end_ns = MAX(to_ns(end_s, duration_ns), start_ns);
    dub_engine_reply_add_segment(reply, clean, start_ns, end_ns, confidence_of(segment));
    g_string_append_printf(all, "%s%s", all->len ? " " : "", clean);
    return true;
}

static bool add_segments(const DubJson *segments, int64_t duration_ns, DubEngineReply *reply, GError **error)
{
    g_autoptr(GString) all = g_string_new(NULL);
    for (gsize i = 0; i < MIN(json_array_size(segments), DUB_ANSWER_SEGMENTS_MOST); i++) {
        if (!add_segment(json_array_get(segments, i), duration_ns, reply, all, error)) {
            g_prefix_error(error, "segments[%" G_GSIZE_FORMAT "].", i);
            return false;
        }
    }
    dub_engine_reply_set_text(reply, all->str);
    return true;
}

bool dub_answer_transcription(const DubJson *json, int64_t duration_ns, DubEngineReply *reply, GError **error)
{
    const DubJson *segments = NULL;
    const char *text = NULL;
    if (!dub_json_get_string(json, "text", DUB_JSON_REQUIRED, &text, error) ||
        !dub_json_get_array(json, "segments", DUB_JSON_OPTIONAL, &segments, error))
        return false;
    if (json_array_size(segments))
        return add_segments(segments, duration_ns, reply, error);
    g_autofree char *clean = clean_text(text);
    dub_engine_reply_set_text(reply, clean);
    return true;
}

/* ── The request ── */

/* (transfer full): the first of @terms, as many as fit */
static char *make_prompt(const char *terms)
{
    gsize length = strlen(terms);
    if (length <= PROMPT_MOST_BYTES)
        return g_strdup(terms);
    for (length = PROMPT_MOST_BYTES; length && terms[length] != ','; length--)
        ;
    return g_strndup(terms, length);
}

static DubHttpPart field(const char *name, const char *value)
{
    return (DubHttpPart){ .name = name, .data = value, .size = strlen(value) };
}

static DubJson *ask(OpenAi *self, GBytes *wav, const char *format, const DubEngineRequest *request, GError **error)
{
    g_autofree char *prompt = request->terms ? make_prompt(request->terms) : NULL;
    g_autofree char *about = g_strdup_printf("%s for model %s", self->path, self->model);
    const DubHttpPart parts[] = {
        { "file", "speech.wav", "audio/wav", g_bytes_get_data(wav, NULL), g_bytes_get_size(wav) },
        field("model", self->model),
        field("language", request->from),
        field("response_format", format),
        field("temperature", "0"),
        field("prompt", prompt ? prompt : ""),
    };
    const DubHttpRequest http = {
        .path = self->path,
        .parts = parts,
        .n_parts = G_N_ELEMENTS(parts) - (prompt && *prompt ? 0 : 1),
        .about = about,
        .deadline_ns = request->deadline_ns,
        .cancellable = request->cancellable,
    };
    return dub_http_client_ask_json(self->http, &http, error);
}

/* Not every model gives segments; one that does not says so, before it has worked. */
static DubJson *transcribe(OpenAi *self, const DubEngineRequest *request, GError **error)
{
    g_autoptr(GBytes) wav = dub_wav_write(request->pcm, error);
    if (!wav)
        return NULL;
    g_autoptr(GError) refusal = NULL;
    DubJson *json = self->plain ? NULL : ask(self, wav, "verbose_json", request, &refusal);
    if (json || (refusal && refusal->code != DUB_ERROR_INVALID_ARGUMENT)) {
        if (refusal)
            g_propagate_error(error, g_steal_pointer(&refusal));
        return json;
    }
    json = ask(self, wav, "json", request, refusal ? NULL : error);
    self->plain = self->plain || json;
    if (!json && refusal)
        g_propagate_error(error, g_steal_pointer(&refusal));
    return json;
}

static DubEngineReply *run(DubEngine *base, const DubEngineRequest *request, GError **error)
{
    OpenAi *self = (OpenAi *) base;
    gsize n_frames = 0;
    g_autofree bool *speech = dub_activity_find(request->pcm, &n_frames);
    if (!speech) /* nothing is sent, and nothing is invented */
        return dub_engine_reply_new();
    g_autoptr(DubJson) json = transcribe(self, request, error);
    if (!json)
        return NULL;
    g_autoptr(DubEngineReply) reply = dub_engine_reply_new();
    if (!dub_answer_transcription(json, dub_pcm_duration_ns(request->pcm), reply, error))
        return dub_http_client_refuse(self->http, error);
    reply->model = g_strdup(self->model);
    return g_steal_pointer(&reply);
}

/* ── Opening ── */

static void close_openai(DubEngine *base)
{
    OpenAi *self = (OpenAi *) base;
    dub_http_client_free(self->http);
    g_free(self->model);
    g_free(self->path);
    g_free(self);
}

static DubEngine *open_openai(const DubEngineConfig *config, GError **error)
{
    const Settings *settings = config->settings;
    if (!dub_http_is_set(&settings->http)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, "openai: set ASR_OPENAI_KEY, or ASR_OPENAI_URL");
        return NULL;
    }
    DubHttpClient *http = dub_http_client_new(&service, &settings->http, error);
    if (!http)
        return NULL;
    OpenAi *self = g_new0(OpenAi, 1);
    self->http = http;
    self->model = g_strdup(settings->model);
    self->path = g_strconcat(*settings->path == '/' ? "" : "/", settings->path, NULL);
    return &self->base;
}

static GPtrArray *list_models(const DubEngineConfig *config, GCancellable *cancellable, GError **error)
{
    const Settings *settings = config->settings;
    g_autoptr(GPtrArray) offers = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    if (!dub_http_is_set(&settings->http))
        return g_steal_pointer(&offers);
    g_autoptr(DubHttpClient) http = dub_http_client_new(&service, &settings->http, error);
    if (!http || !dub_http_client_check(http, "/v1/models", cancellable, error))
        return NULL;
    g_ptr_array_add(offers, dub_engine_offer_new(settings->model, config->from ? config->from : ANY, NULL, ""));
    return g_steal_pointer(&offers);
}

const DubEngineClass dub_engine_openai_asr = {
    .stage = DUB_STAGE_ASR,
    .name = "openai",
    .brings = "a server with /v1/audio/transcriptions: ASR_OPENAI_URL, or a key for OpenAI's: ASR_OPENAI_KEY",
    .flags = DUB_ENGINE_REMOTE | DUB_ENGINE_ANY_LANGUAGE | DUB_ENGINE_BY_NAME,
    .rate_hz = RATE_HZ,
    .settings = rows,
    .n_settings = G_N_ELEMENTS(rows),
    .settings_bytes = sizeof(Settings),
    .list = list_models,
    .count = dub_http_count,
    .open = open_openai,
    .run = run,
    .close = close_openai,
};
