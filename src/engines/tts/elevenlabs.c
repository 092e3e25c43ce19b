/* engines/tts/elevenlabs.c: ElevenLabs' API. Every voice speaks every language of the model. Nothing is
 * spoken twice. */
#include "base/clock.h"
#include "base/error.h"
#include "engines/drivers.h"
#include "engines/http-answers.h"
#include "engines/http.h"
#include "engines/wav.h"

#include <string.h>

#define PACE_MOST         1.2 /* that the service takes */
#define PACE_LEAST        1.01
#define VOICES_MOST       2000
#define VOICES_MOST_BYTES (16 * 1024 * 1024) /* each comes with its samples and settings */
#define ANY               "mul"

typedef struct {
    DubHttpSettings http;
    char *model, *voice, *rate_hz;
} Settings;

#define FIELD(f) offsetof(Settings, f)
static const DubEnvSpec rows[] = {
    DUB_HTTP_ROWS("ELEVENLABS", "ELEVENLABS_API_KEY", "elevenlabs: the key of the account",
                  "elevenlabs: the server; https://api.elevenlabs.io if not set"),
    { .name = "ELEVENLABS_MODEL",
      .offset = FIELD(model),
      .fallback = "eleven_flash_v2_5",
      .help = "elevenlabs: its model" },
    { .name = "ELEVENLABS_VOICE",
      .offset = FIELD(voice),
      .help = "elevenlabs: name or id of the voice where none is asked for; the account's first if not set" },
    { .name = "ELEVENLABS_RATE_HZ",
      .type = DUB_ENV_CHOICE,
      .offset = FIELD(rate_hz),
      .fallback = "24000",
      .choices = "16000|22050|24000|44100",
      .help = "elevenlabs: of what it sends; 44100 is not in every plan" },
};

static const DubHttpService service = {
    .engine = "elevenlabs",
    .prefix = "ELEVENLABS",
    .key_setting = "ELEVENLABS_API_KEY",
    .key_header = "xi-api-key: ",
    .default_url = "https://api.elevenlabs.io",
};

typedef struct {
    DubEngine base;
    DubHttpClient *http;
    char *model, *voice; /* voice: nullable */
    unsigned rate_hz;
    GPtrArray *voices; /* of DubElevenLabsVoice; NULL: not asked yet */
} ElevenLabs;

/* ── Voices ── */

static void free_voice(gpointer data)
{
    DubElevenLabsVoice *voice = data;
    g_free(voice->id);
    g_free(voice->name);
    g_free(voice->language);
    g_free(voice->gender);
    g_free(voice);
}

static bool add_voice(const DubJson *json, GPtrArray *voices, GError **error)
{
    const char *id = NULL, *name = NULL, *language = NULL, *gender = "";
    if (!dub_json_get_string(json, "voice_id", DUB_JSON_REQUIRED, &id, error) ||
        !dub_json_get_string(json, "name", DUB_JSON_REQUIRED, &name, error))
        return false;
    /* Labels are free text of whoever made the voice */
    dub_json_get_string(json, "labels.language", DUB_JSON_OPTIONAL, &language, NULL);
    dub_json_get_string(json, "labels.gender", DUB_JSON_OPTIONAL, &gender, NULL);
    DubElevenLabsVoice *voice = g_new0(DubElevenLabsVoice, 1);
    voice->id = g_strdup(id);
    voice->name = g_strdup(name);
    voice->language = g_strdup(language);
    voice->gender = g_strdup(g_str_equal(gender, "male") || g_str_equal(gender, "female") ? gender : "");
    g_ptr_array_add(voices, voice);
    return true;
}

GPtrArray *dub_answer_elevenlabs_voices(const DubJson *json, GError **error)
{
    g_autoptr(GPtrArray) voices = g_ptr_array_new_with_free_func(free_voice);
    const DubJson *list = NULL;
    if (!dub_json_get_array(json, "voices", DUB_JSON_REQUIRED, &list, error))
        return NULL;
    for (gsize i = 0; i < json_array_size(list) && i < VOICES_MOST; i++) {
        if (!add_voice(json_array_get(list, i), voices, error)) {
            g_prefix_error(error, "voices[%" G_GSIZE_FORMAT "].", i);
            return NULL;
        }
    }
    return g_steal_pointer(&voices);
}

static GPtrArray *ask_voices(DubHttpClient *http, int64_t deadline_ns, GCancellable *cancellable, GError **error)
{
    const int64_t most_ns = dub_clock_now() + DUB_HTTP_LIST_MS * DUB_NS_PER_MS;
    const DubHttpRequest request = {
        .path = "/v1/voices",
        .most_bytes = VOICES_MOST_BYTES,
        .cancellable = cancellable,
        .deadline_ns = deadline_ns ? MIN(deadline_ns, most_ns) : most_ns,
    };
    g_autoptr(DubJson) json = dub_http_client_ask_json(http, &request, error);
    if (!json)
        return NULL;
    GPtrArray *voices = dub_answer_elevenlabs_voices(json, error);
    return voices ? voices : dub_http_client_refuse(http, error);
}

/* "Rachel" is also found as "rachel", and "Rachel - calm" by its first word; an id is an id. */
static bool is_called(const DubElevenLabsVoice *voice, const char *name)
{
    const gsize length = strlen(name);
    return g_str_equal(voice->id, name) || (g_ascii_strncasecmp(voice->name, name, length) == 0 &&
                                            (!voice->name[length] || voice->name[length] == ' '));
}

/* Ids have twenty letters and digits, names do not. */
static bool is_id(const char *name)
{
    for (const char *c = name; *c; c++)
        if (!g_ascii_isalnum(*c))
            return false;
    return strlen(name) == 20;
}

static const char *choose(const GPtrArray *voices, const char *name)
{
    for (guint i = 0; i < voices->len; i++) {
        const DubElevenLabsVoice *voice = g_ptr_array_index(voices, i);
        if (!name || is_called(voice, name))
            return voice->id;
    }
    return NULL;
}

/* The id of the voice that is wanted; the list is asked for once, when a name needs it. */
static const char *find_voice(ElevenLabs *self, const DubEngineRequest *request, GError **error)
{
    const char *name = request->voice ? request->voice : self->voice;
    if (name && is_id(name))
        return name;
    if (!self->voices)
        self->voices = ask_voices(self->http, request->deadline_ns, request->cancellable, error);
    if (!self->voices)
        return NULL;
    const char *id = choose(self->voices, name);
    if (!id)
        g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND, "elevenlabs: the account has no voice \"%s\"",
                    name ? name : "at all");
    return id;
}

static GPtrArray *list_voices(const DubEngineConfig *config, GCancellable *cancellable, GError **error)
{
    const Settings *settings = config->settings;
    g_autoptr(GPtrArray) offers = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    if (!dub_http_is_set(&settings->http))
        return g_steal_pointer(&offers);
    g_autoptr(DubHttpClient) http = dub_http_client_new(&service, &settings->http, error);
    g_autoptr(GPtrArray) voices = http ? ask_voices(http, 0, cancellable, error) : NULL;
    for (guint i = 0; voices && i < voices->len; i++) {
        const DubElevenLabsVoice *voice = g_ptr_array_index(voices, i);
        const char *language = config->to ? config->to : voice->language ? voice->language : ANY;
        g_ptr_array_add(offers, dub_engine_offer_new(voice->name, language, NULL, voice->gender));
    }
    return voices ? g_steal_pointer(&offers) : NULL;
}

/* ── Speaking ── */

/* Only the newer models may be told the language; the others refuse to hear it. */
static bool takes_language(const char *model)
{
    return strstr(model, "v2_5") != NULL;
}

/* (transfer full) */
static char *make_body(const ElevenLabs *self, const DubEngineRequest *request)
{
    g_autoptr(DubJson) body = json_pack("{s:s, s:s}", "text", request->text, "model_id", self->model);
    if (takes_language(self->model))
        json_object_set_new(body, "language_code", json_stringn(request->to, strcspn(request->to, "-_")));
    if (request->pace >= PACE_LEAST)
        json_object_set_new(body, "voice_settings", json_pack("{s:f}", "speed", MIN(request->pace, PACE_MOST)));
    return dub_json_to_text(body);
}

static DubEngineReply *run(DubEngine *base, const DubEngineRequest *request, GError **error)
{
    ElevenLabs *self = (ElevenLabs *) base;
    const char *id = find_voice(self, request, error);
    if (!id)
        return NULL;
    g_autofree char *escaped = g_uri_escape_string(id, NULL, FALSE);
    g_autofree char *path = g_strdup_printf("/v1/text-to-speech/%s?output_format=pcm_%u", escaped, self->rate_hz);
    g_autofree char *about = g_strdup_printf("voice %s", request->voice ? request->voice : id);
    g_autofree char *body = make_body(self, request);
    const DubHttpRequest http = {
        .path = path,
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
    reply->pcm = dub_wav_read_raw(sound, self->rate_hz, error);
    if (!reply->pcm)
        return dub_http_client_refuse(self->http, error);
    reply->model = g_strdup(self->model);
    return g_steal_pointer(&reply);
}

/* ── Opening ── */

static void close_elevenlabs(DubEngine *base)
{
    ElevenLabs *self = (ElevenLabs *) base;
    dub_http_client_free(self->http);
    g_clear_pointer(&self->voices, g_ptr_array_unref);
    g_free(self->model);
    g_free(self->voice);
    g_free(self);
}

static DubEngine *open_elevenlabs(const DubEngineConfig *config, GError **error)
{
    const Settings *settings = config->settings;
    if (!dub_http_is_set(&settings->http)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, "elevenlabs: set ELEVENLABS_API_KEY");
        return NULL;
    }
    DubHttpClient *http = dub_http_client_new(&service, &settings->http, error);
    if (!http)
        return NULL;
    ElevenLabs *self = g_new0(ElevenLabs, 1);
    self->http = http;
    self->model = g_strdup(settings->model);
    self->voice = g_strdup(settings->voice);
    self->rate_hz = (unsigned) g_ascii_strtoull(settings->rate_hz, NULL, 10);
    return &self->base;
}

const DubEngineClass dub_engine_elevenlabs = {
    .stage = DUB_STAGE_TTS,
    .name = "elevenlabs",
    .brings = "a key of ElevenLabs' API: ELEVENLABS_API_KEY",
    .flags = DUB_ENGINE_REMOTE | DUB_ENGINE_ANY_LANGUAGE | DUB_ENGINE_BY_NAME,
    .settings = rows,
    .n_settings = G_N_ELEMENTS(rows),
    .settings_bytes = sizeof(Settings),
    .list = list_voices,
    .count = dub_http_count,
    .open = open_elevenlabs,
    .run = run,
    .close = close_elevenlabs,
};
