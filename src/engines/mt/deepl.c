/* engines/mt/deepl.c: DeepL's API, version 2. The account's glossaries and formality are left alone. */
#include "base/error.h"
#include "engines/drivers.h"
#include "engines/http-answers.h"
#include "engines/http.h"

#include <string.h>

#define URL_PRO            "https://api.deepl.com"
#define URL_FREE           "https://api-free.deepl.com"
#define FREE_KEY_ENDS      ":fx"
#define CONTEXT_MOST_BYTES 1000

static const DubEnvSpec rows[] = {
    DUB_HTTP_ROWS("DEEPL", "DEEPL_AUTH_KEY", "deepl: the key of the account",
                  "deepl: the server; DeepL's own, for free keys (…:fx) the free one, if not set"),
};

static const DubHttpService service = {
    .engine = "deepl",
    .prefix = "DEEPL",
    .key_setting = "DEEPL_AUTH_KEY",
    .key_header = "Authorization: DeepL-Auth-Key ",
    .default_url = URL_PRO,
};

typedef struct {
    DubEngine base;
    DubHttpClient *http;
} DeepL;

/* A target that has variants wants one of them. */
static const struct {
    char language[3];
    const char *variant;
} variants[] = { { "en", "EN-US" }, { "pt", "PT-PT" }, { "zh", "ZH-HANS" } };

/* (transfer full) */
static char *target_code(const char *to)
{
    for (gsize i = 0; i < G_N_ELEMENTS(variants); i++)
        if (g_str_equal(to, variants[i].language))
            return g_strdup(variants[i].variant);
    return g_ascii_strup(to, -1);
}

/* ── Answers ── */

bool dub_answer_deepl(const DubJson *json, DubEngineReply *reply, GError **error)
{
    const DubJson *translations = NULL;
    const char *text = NULL;
    if (!dub_json_get_array(json, "translations", DUB_JSON_REQUIRED, &translations, error))
        return false;
    if (json_array_size(translations) != 1) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "translations: %zu instead of one",
                    json_array_size(translations));
        return false;
    }
    if (!dub_json_get_string(json_array_get(translations, 0), "text", DUB_JSON_REQUIRED, &text, error))
        return false;
    dub_engine_reply_set_text(reply, text);
    return true;
}

/* "EN-GB", "en" -> "en"; (transfer full) */
static char *language_of(const char *code)
{
    return g_ascii_strdown(code, (gssize) strcspn(code, "-_"));
}

/* The languages of a list, each once, the one that is wanted or all */
static bool read_languages(const DubJson *json, const char *wanted, GPtrArray *languages, GError **error)
{
    if (!json_is_array(json)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "the list of languages: not an array");
        return false;
    }
    for (gsize i = 0; i < json_array_size(json); i++) {
        const char *code = NULL;
        if (!dub_json_get_string(json_array_get(json, i), "language", DUB_JSON_REQUIRED, &code, error))
            return false;
        g_autofree char *language = language_of(code);
        if ((wanted && !g_str_equal(language, wanted)) ||
            g_ptr_array_find_with_equal_func(languages, language, g_str_equal, NULL))
            continue;
        g_ptr_array_add(languages, g_steal_pointer(&language));
    }
    return true;
}

GPtrArray *dub_answer_deepl_languages(const DubJson *sources, const DubJson *targets, const char *from, const char *to,
                                      GError **error)
{
    g_autoptr(GPtrArray) offers = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    g_autoptr(GPtrArray) of_sources = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) of_targets = g_ptr_array_new_with_free_func(g_free);
    if (!read_languages(sources, from, of_sources, error) || !read_languages(targets, to, of_targets, error))
        return NULL;
    for (guint i = 0; i < of_sources->len; i++) {
        for (guint j = 0; j < of_targets->len && offers->len < DUB_ANSWER_OFFERS_MOST; j++) {
            const char *source = g_ptr_array_index(of_sources, i), *target = g_ptr_array_index(of_targets, j);
            if (!g_str_equal(source, target))
                g_ptr_array_add(offers, dub_engine_offer_new("", source, target, ""));
        }
    }
    return g_steal_pointer(&offers);
}

/* ── Requests ── */

/* The end of what was said before: whole characters */
static const char *end_of(const char *context)
{
    const gsize length = strlen(context);
    const char *start = length > CONTEXT_MOST_BYTES ? context + length - CONTEXT_MOST_BYTES : context;
    while ((*start & 0xc0) == 0x80)
        start++;
    return start;
}

/* (transfer full) */
static char *make_body(const DubEngineRequest *request)
{
    g_autofree char *source = g_ascii_strup(request->from, (gssize) strcspn(request->from, "-_"));
    g_autofree char *target = target_code(request->to);
    g_autoptr(DubJson) body =
        json_pack("{s:[s], s:s, s:s}", "text", request->text, "source_lang", source, "target_lang", target);
    if (request->context && *request->context) /* is not translated, and not billed */
        json_object_set_new(body, "context", json_string(end_of(request->context)));
    return dub_json_to_text(body);
}

static DubEngineReply *run(DubEngine *base, const DubEngineRequest *request, GError **error)
{
    DeepL *self = (DeepL *) base;
    g_autofree char *body = make_body(request);
    const DubHttpRequest http = {
        .path = "/v2/translate",
        .content_type = "application/json",
        .body = body,
        .body_size = strlen(body),
        .deadline_ns = request->deadline_ns,
        .cancellable = request->cancellable,
    };
    g_autoptr(DubJson) json = dub_http_client_ask_json(self->http, &http, error);
    if (!json)
        return NULL;
    g_autoptr(DubEngineReply) reply = dub_engine_reply_new();
    if (!dub_answer_deepl(json, reply, error))
        return dub_http_client_refuse(self->http, error);
    return g_steal_pointer(&reply);
}

/* ── Opening ── */

static DubHttpClient *new_client(const DubHttpSettings *settings, GError **error)
{
    DubHttpSettings complete = *settings;
    const bool is_free = settings->key && g_str_has_suffix(settings->key, FREE_KEY_ENDS);
    if (!complete.url)
        complete.url = (char *) (is_free ? URL_FREE : URL_PRO);
    return dub_http_client_new(&service, &complete, error);
}

static void close_deepl(DubEngine *base)
{
    DeepL *self = (DeepL *) base;
    dub_http_client_free(self->http);
    g_free(self);
}

static DubEngine *open_deepl(const DubEngineConfig *config, GError **error)
{
    const DubHttpSettings *settings = config->settings;
    if (!dub_http_is_set(settings)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, "deepl: set DEEPL_AUTH_KEY");
        return NULL;
    }
    DubHttpClient *http = new_client(settings, error);
    if (!http)
        return NULL;
    DeepL *self = g_new0(DeepL, 1);
    self->http = http;
    return &self->base;
}

static GPtrArray *list_pairs(const DubEngineConfig *config, GCancellable *cancellable, GError **error)
{
    const DubHttpSettings *settings = config->settings;
    if (!dub_http_is_set(settings))
        return g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    g_autoptr(DubHttpClient) http = new_client(settings, error);
    g_autoptr(DubJson) sources =
        http ? dub_http_client_ask_list(http, "/v2/languages?type=source", cancellable, error) : NULL;
    g_autoptr(DubJson) targets =
        sources ? dub_http_client_ask_list(http, "/v2/languages?type=target", cancellable, error) : NULL;
    if (!targets)
        return NULL;
    GPtrArray *offers = dub_answer_deepl_languages(sources, targets, config->from, config->to, error);
    return offers ? offers : dub_http_client_refuse(http, error);
}

const DubEngineClass dub_engine_deepl = {
    .stage = DUB_STAGE_MT,
    .name = "deepl",
    .brings = "a key of DeepL's API: DEEPL_AUTH_KEY",
    .flags = DUB_ENGINE_REMOTE | DUB_ENGINE_BY_NAME,
    .settings = rows,
    .n_settings = G_N_ELEMENTS(rows),
    .settings_bytes = sizeof(DubHttpSettings),
    .list = list_pairs,
    .count = dub_http_count,
    .open = open_deepl,
    .run = run,
    .close = close_deepl,
};
