/* engines/tts/openai.c: servers that speak as OpenAI's does: /v1/audio/speech.
 * Nothing is spoken twice: who pays for each character does not want its pace mended by another request. */
#include "base/clock.h"
#include "base/error.h"
#include "engines/drivers.h"
#include "engines/http-answers.h"
#include "engines/http.h"
#include "engines/wav.h"

#include <string.h>

#define PACE_LEAST 1.01 /* below it, speed is not mentioned: not every server knows it */
#define ANY        "mul"

typedef struct {
    DubHttpSettings http;
    char *model, *voice, *voices, *format;
    unsigned rate_hz;
} Settings;

#define FIELD(f) offsetof(Settings, f)
static const DubEnvSpec rows[] = {
    DUB_HTTP_ROWS("TTS_OPENAI", "TTS_OPENAI_KEY", "tts openai: its key, if it wants one",
                  "tts openai: the server; https://api.openai.com if only the key is set"),
    { .name = "TTS_OPENAI_MODEL", .offset = FIELD(model), .fallback = "tts-1", .help = "tts openai: its model" },
    { .name = "TTS_OPENAI_VOICE",
      .offset = FIELD(voice),
      .fallback = "alloy",
      .help = "tts openai: the voice where none is asked for" },
    { .name = "TTS_OPENAI_VOICES",
      .offset = FIELD(voices),
      .help = "tts openai: voices by commas; the server is asked, or has OpenAI's, if not set" },
    { .name = "TTS_OPENAI_FORMAT",
      .type = DUB_ENV_CHOICE,
      .offset = FIELD(format),
      .fallback = "wav",
      .choices = "wav|pcm",
      .help = "tts openai: what it sends" },
    { .name = "TTS_OPENAI_RATE_HZ",
      .type = DUB_ENV_UINT,
      .offset = FIELD(rate_hz),
      .fallback = "24000",
      .min = 8000,
      .max = 96000,
      .help = "tts openai: of pcm, which does not tell" },
};

static const DubHttpService service = {
    .engine = "openai",
    .prefix = "TTS_OPENAI",
    .key_setting = "TTS_OPENAI_KEY",
    .key_header = "Authorization: Bearer ",
    .default_url = "https://api.openai.com",
};

static const char *const openai_voices[] = { "alloy", "ash",  "ballad", "coral",   "echo",  "fable",
                                             "nova",  "onyx", "sage",   "shimmer", "verse", NULL };

typedef struct {
    DubEngine base;
    DubHttpClient *http;
    char *model, *voice, *format;
    unsigned rate_hz;
} OpenAi;

/* ── Voices ── */

static const char *first_string(const DubJson *object, const char *const *names)
{
    for (; *names; names++) {
        const char *value = json_string_value(json_object_get(object, *names));
        if (value && *value)
            return value;
    }
    return NULL;
}

/* A name, or an object that calls it by one of these names. */
static bool add_voice(const DubJson *voice, const char *language, GPtrArray *offers)
{
    static const char *const names[] = { "voice_id", "id", "name", "voice", NULL };
    static const char *const languages[] = { "language", "lang", "locale", NULL };
    static const char *const genders[] = { "gender", NULL };
    const char *name = json_is_string(voice) ? json_string_value(voice) : first_string(voice, names);
    const char *own = first_string(voice, languages), *gender = first_string(voice, genders);
    if (!name || !*name)
        return false;
    g_ptr_array_add(offers, dub_engine_offer_new(name, own ? own : language, NULL, gender ? gender : ""));
    return true;
}

/* ["a"], {"voices": ["a"]}, {"voices": [{"id": "a"}]}, {"data": […]}: every server has a shape of its own. */
GPtrArray *dub_answer_voices(const DubJson *json, const char *language, GError **error)
{
    g_autoptr(GPtrArray) offers = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    const DubJson *voices = json_object_get(json, "voices");
    voices = voices ? voices : json_object_get(json, "data");
    voices = voices ? voices : json;
    if (!json_is_array(voices)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "voices: not an array");
        return NULL;
    }
    for (gsize i = 0; i < json_array_size(voices) && i < DUB_ANSWER_OFFERS_MOST; i++) {
        if (!add_voice(json_array_get(voices, i), language, offers)) {
            g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "voices[%" G_GSIZE_FORMAT "]: has no name", i);
            return NULL;
        }
    }
    return g_steal_pointer(&offers);
}

/* (transfer full) */
static GPtrArray *offer_names(const char *const *names, const char *language)
{
    GPtrArray *offers = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    for (; *names; names++)
        if (**names)
            g_ptr_array_add(offers, dub_engine_offer_new(*names, language, NULL, ""));
    return offers;
}

/* A server that does not list its voices has OpenAI's, as far as anybody can know. */
static GPtrArray *ask_voices(DubHttpClient *http, const char *language, GCancellable *cancellable, GError **error)
{
    g_autoptr(GError) refusal = NULL;
    const DubHttpRequest request = {
        .path = "/v1/audio/voices",
        .deadline_ns = dub_clock_now() + DUB_HTTP_LIST_MS * DUB_NS_PER_MS,
        .cancellable = cancellable,
    };
    g_autoptr(DubJson) json = dub_http_client_ask_json(http, &request, &refusal);
    if (!json && (refusal->code == DUB_ERROR_NOT_FOUND || refusal->code == DUB_ERROR_INVALID_ARGUMENT))
        return offer_names(openai_voices, language);
    if (!json) {
        g_propagate_error(error, g_steal_pointer(&refusal));
        return NULL;
    }
    GPtrArray *offers = dub_answer_voices(json, language, error);
    return offers ? offers : dub_http_client_refuse(http, error);
}

static GPtrArray *list_voices(const DubEngineConfig *config, GCancellable *cancellable, GError **error)
{
    const Settings *settings = config->settings;
    const char *language = config->to ? config->to : ANY;
    if (!dub_http_is_set(&settings->http))
        return g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    if (settings->voices) {
        g_auto(GStrv) names = g_strsplit(settings->voices, ",", -1);
        for (char **name = names; *name; name++)
            g_strstrip(*name);
        return offer_names((const char *const *) names, language);
    }
    g_autoptr(DubHttpClient) http = dub_http_client_new(&service, &settings->http, error);
    return http ? ask_voices(http, language, cancellable, error) : NULL;
}

/* ── Speaking ── */

/* (transfer full) */
static char *make_body(const OpenAi *self, const DubEngineRequest *request, const char *voice)
{
    g_autoptr(DubJson) body = json_pack("{s:s, s:s, s:s, s:s}", "model", self->model, "input", request->text, "voice",
                                        voice, "response_format", self->format);
    if (request->pace >= PACE_LEAST)
        json_object_set_new(body, "speed", json_real(request->pace));
    return dub_json_to_text(body);
}

static DubEngineReply *run(DubEngine *base, const DubEngineRequest *request, GError **error)
{
    OpenAi *self = (OpenAi *) base;
    const char *voice = request->voice ? request->voice : self->voice;
    g_autofree char *body = make_body(self, request, voice);
    g_autofree char *about = g_strdup_printf("/v1/audio/speech, voice %s or model %s", voice, self->model);
    const DubHttpRequest http = {
        .path = "/v1/audio/speech",
        .content_type = "application/json",
        .body = body,
        .body_size = strlen(body),
        .about = about,
        .most_bytes = DUB_HTTP_SOUND_MOST_BYTES,
        .deadline_ns = request->deadline_ns,
        .cancellable = request->cancellable,
    };
    g_autoptr(GBytes) sound = dub_http_client_ask_sound(self->http, &http, error);
    if (!sound)
        return NULL;
    g_autoptr(DubEngineReply) reply = dub_engine_reply_new();
    reply->pcm =
        g_str_equal(self->format, "pcm") ? dub_wav_read_raw(sound, self->rate_hz, error) : dub_wav_read(sound, error);
    if (!reply->pcm)
        return dub_http_client_refuse(self->http, error);
    reply->model = g_strdup(voice);
    return g_steal_pointer(&reply);
}

/* ── Opening ── */

static void close_openai(DubEngine *base)
{
    OpenAi *self = (OpenAi *) base;
    dub_http_client_free(self->http);
    g_free(self->model);
    g_free(self->voice);
    g_free(self->format);
    g_free(self);
}

static DubEngine *open_openai(const DubEngineConfig *config, GError **error)
{
    const Settings *settings = config->settings;
    if (!dub_http_is_set(&settings->http)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, "openai: set TTS_OPENAI_URL, or TTS_OPENAI_KEY");
        return NULL;
    }
    DubHttpClient *http = dub_http_client_new(&service, &settings->http, error);
    if (!http)
        return NULL;
    OpenAi *self = g_new0(OpenAi, 1);
    self->http = http;
    self->model = g_strdup(settings->model);
    self->voice = g_strdup(settings->voice);
    self->format = g_strdup(settings->format);
    self->rate_hz = settings->rate_hz;
    return &self->base;
}

const DubEngineClass dub_engine_openai_tts = {
    .stage = DUB_STAGE_TTS,
    .name = "openai",
    .brings = "a server with /v1/audio/speech: TTS_OPENAI_URL, or a key for OpenAI's: TTS_OPENAI_KEY",
    .flags = DUB_ENGINE_REMOTE | DUB_ENGINE_ANY_LANGUAGE | DUB_ENGINE_BY_NAME,
    .settings = rows,
    .n_settings = G_N_ELEMENTS(rows),
    .settings_bytes = sizeof(Settings),
    .list = list_voices,
    .count = dub_http_count,
    .open = open_openai,
    .run = run,
    .close = close_openai,
};
