/* engines/mt/openai.c: chat models behind /v1/chat/completions: llama.cpp's server, vLLM, Ollama, OpenAI and
 * the others. A small instruction model translates better than rules do, as long as it is told the terms,
 * shown examples, and not believed blindly: what the guard refuses is an error, so that the next engine of a
 * chain does the sentence. */
#include "base/error.h"
#include "engines/drivers.h"
#include "engines/http-answers.h"
#include "engines/http.h"
#include "engines/mt/guard.h"
#include "engines/mt/prompt.h"

#include <string.h>

#define TOKENS_LEAST   32
#define TOKENS_MOST    2048
#define OPENAI_MODEL   "gpt-4o-mini"
#define ADAPTIONS_MOST 3
#define ANY            "mul"

typedef struct {
    DubHttpSettings http;
    char *model, *options;
} Settings;

#define FIELD(f) offsetof(Settings, f)
static const DubEnvSpec rows[] = {
    DUB_HTTP_ROWS("MT_OPENAI", "MT_OPENAI_KEY", "mt openai: its key, if it wants one",
                  "mt openai: the server of a chat model; https://api.openai.com if only the key is set"),
    { .name = "MT_OPENAI_MODEL",
      .offset = FIELD(model),
      .help = "mt openai: its model; " OPENAI_MODEL " at api.openai.com, else the server's own choice, if not set" },
    { .name = "MT_OPENAI_OPTIONS",
      .offset = FIELD(options),
      .help = "mt openai: JSON that is added to each request, for what one server knows and others do not" },
};

static const DubHttpService service = {
    .engine = "openai",
    .prefix = "MT_OPENAI",
    .key_setting = "MT_OPENAI_KEY",
    .key_header = "Authorization: Bearer ",
    .default_url = "https://api.openai.com",
};

/* What not every model takes, though most do. */
typedef enum { ADAPT_TOKENS = 1 << 0, ADAPT_TEMPERATURE = 1 << 1, ADAPT_STOP = 1 << 2 } Adaption;

typedef struct {
    DubEngine base;
    DubHttpClient *http;
    DubGuard *guard;
    char *from, *to, *model;
    DubJson *options; /* nullable */
    unsigned adapted; /* Adaption */
} OpenAi;

/* ── The answer ── */

/* Servers have many words for an end as it should be, and two for one that is none. */
static bool check_finished(const DubJson *choice, GError **error)
{
    const char *reason = NULL;
    if (!dub_json_get_string(choice, "finish_reason", DUB_JSON_OPTIONAL, &reason, error))
        return false;
    if (!reason || (!g_str_equal(reason, "length") && !g_str_equal(reason, "content_filter")))
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "finish_reason: %s, so the text is not whole", reason);
    return false;
}

bool dub_answer_chat(const DubJson *json, DubEngineReply *reply, GError **error)
{
    const DubJson *choices = NULL;
    const char *text = NULL;
    double dollars = 0; /* OpenRouter tells it */
    if (!dub_json_get_array(json, "choices", DUB_JSON_REQUIRED, &choices, error))
        return false;
    const DubJson *choice = json_array_get(choices, 0);
    if (!choice) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "choices: empty");
        return false;
    }
    if (!dub_json_get_string(choice, "message.content", DUB_JSON_REQUIRED, &text, error) ||
        !check_finished(choice, error))
        return false;
    dub_engine_reply_set_text(reply, text);
    if (dub_json_get_double(json, "usage.cost", DUB_JSON_OPTIONAL, &dollars, NULL))
        reply->usage.cost_micros = (int64_t) CLAMP(dollars * 1e6, 0, 1e12);
    return true;
}

/* ── The request ── */

/* (transfer full) */
static char *make_body(const OpenAi *self, const DubEngineRequest *request, const DubGlossaryMatches *terms)
{
    g_autoptr(DubJson) body = json_object();
    const gsize tokens = MIN(strlen(request->text) + TOKENS_LEAST, TOKENS_MOST);
    if (self->model)
        json_object_set_new(body, "model", json_string(self->model));
    json_object_set_new(body, "messages",
                        dub_prompt_messages(self->from, self->to, request->text, terms, request->context));
    json_object_set_new(body, self->adapted & ADAPT_TOKENS ? "max_completion_tokens" : "max_tokens",
                        json_integer((json_int_t) tokens));
    if (!(self->adapted & ADAPT_TEMPERATURE))
        json_object_set_new(body, "temperature", json_integer(0));
    if (!(self->adapted & ADAPT_STOP))
        json_object_set_new(body, "stop", json_pack("[s]", "\n"));
    if (self->options)
        json_object_update(body, self->options);
    return dub_json_to_text(body);
}

static DubJson *ask_once(OpenAi *self, const DubEngineRequest *request, const DubGlossaryMatches *terms, GError **error)
{
    g_autofree char *body = make_body(self, request, terms);
    g_autofree char *about = self->model ? g_strdup_printf("/v1/chat/completions for model %s", self->model) : NULL;
    const DubHttpRequest http = {
        .path = "/v1/chat/completions",
        .content_type = "application/json",
        .body = body,
        .body_size = strlen(body),
        .about = about,
        .deadline_ns = request->deadline_ns,
        .cancellable = request->cancellable,
    };
    return dub_http_client_ask_json(self->http, &http, error);
}

/* Returns: whether @refusal names something that can be left out, which is done from now on */
static bool adapt(OpenAi *self, const GError *refusal)
{
    static const char *const names[] = { "max_tokens", "temperature", "'stop'" };
    for (gsize i = 0; refusal->code == DUB_ERROR_INVALID_ARGUMENT && i < G_N_ELEMENTS(names); i++) {
        if ((self->adapted & (1u << i)) || !strstr(refusal->message, names[i]))
            continue;
        self->adapted |= 1u << i;
        return true;
    }
    return false;
}

static DubJson *ask(OpenAi *self, const DubEngineRequest *request, const DubGlossaryMatches *terms, GError **error)
{
    for (int attempt = 0;; attempt++) {
        g_autoptr(GError) refusal = NULL;
        DubJson *json = ask_once(self, request, terms, &refusal);
        if (json)
            return json;
        if (attempt < ADAPTIONS_MOST && adapt(self, refusal))
            continue;
        g_propagate_error(error, g_steal_pointer(&refusal));
        return NULL;
    }
}

static DubEngineReply *run(DubEngine *base, const DubEngineRequest *request, GError **error)
{
    OpenAi *self = (OpenAi *) base;
    g_autoptr(DubGlossaryMatches) terms =
        request->glossary ? dub_glossary_find(request->glossary, request->text) : NULL;
    g_autoptr(DubJson) json = ask(self, request, terms, error);
    if (!json)
        return NULL;
    g_autoptr(DubEngineReply) reply = dub_engine_reply_new();
    if (!dub_answer_chat(json, reply, error))
        return dub_http_client_refuse(self->http, error);
    g_autofree char *line = dub_prompt_read(reply->text, request->text);
    if (!dub_guard_check(self->guard, request->text, line, terms, error))
        return NULL;
    dub_engine_reply_set_text(reply, line);
    reply->model = g_strdup(self->model);
    return g_steal_pointer(&reply);
}

/* ── Opening ── */

static void close_openai(DubEngine *base)
{
    OpenAi *self = (OpenAi *) base;
    dub_http_client_free(self->http);
    dub_guard_free(self->guard);
    json_decref(self->options);
    g_free(self->from);
    g_free(self->to);
    g_free(self->model);
    g_free(self);
}

/* @options: (out) (transfer full) (nullable) */
static bool read_options(const char *text, DubJson **options, GError **error)
{
    if (!text)
        return true;
    *options = dub_json_parse(text, strlen(text), error);
    if (*options && json_is_object(*options))
        return true;
    g_clear_pointer(options, json_decref);
    g_clear_error(error);
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                        "MT_OPENAI_OPTIONS: not a JSON object, like {\"cache_prompt\": true}");
    return false;
}

static DubEngine *open_openai(const DubEngineConfig *config, GError **error)
{
    const Settings *settings = config->settings;
    g_autoptr(DubJson) options = NULL;
    if (!dub_http_is_set(&settings->http)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, "openai: set MT_OPENAI_URL, or MT_OPENAI_KEY");
        return NULL;
    }
    if (!read_options(settings->options, &options, error))
        return NULL;
    DubHttpClient *http = dub_http_client_new(&service, &settings->http, error);
    if (!http)
        return NULL;
    OpenAi *self = g_new0(OpenAi, 1);
    self->http = http;
    self->options = g_steal_pointer(&options);
    self->guard = dub_guard_new(config->from, config->to);
    self->from = g_strdup(config->from);
    self->to = g_strdup(config->to);
    self->model = g_strdup(settings->model ? settings->model : settings->http.url ? NULL : OPENAI_MODEL);
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
    g_ptr_array_add(offers, dub_engine_offer_new(settings->model ? settings->model : "",
                                                 config->from ? config->from : ANY, config->to ? config->to : ANY, ""));
    return g_steal_pointer(&offers);
}

const DubEngineClass dub_engine_openai_mt = {
    .stage = DUB_STAGE_MT,
    .name = "openai",
    .brings = "a server with /v1/chat/completions: MT_OPENAI_URL, or a key for OpenAI's: MT_OPENAI_KEY",
    .flags = DUB_ENGINE_REMOTE | DUB_ENGINE_ANY_LANGUAGE | DUB_ENGINE_BY_NAME | DUB_ENGINE_GLOSSARY,
    .settings = rows,
    .n_settings = G_N_ELEMENTS(rows),
    .settings_bytes = sizeof(Settings),
    .list = list_models,
    .count = dub_http_count,
    .open = open_openai,
    .run = run,
    .close = close_openai,
};
