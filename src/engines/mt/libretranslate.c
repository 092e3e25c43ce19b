/* engines/mt/libretranslate.c: a LibreTranslate server, one's own or another's. It wants its key in the
 * request itself. */
#include "base/error.h"
#include "engines/drivers.h"
#include "engines/http-answers.h"
#include "engines/http.h"

#include <string.h>

static const DubEnvSpec rows[] = {
    DUB_HTTP_ROWS("LIBRETRANSLATE", "LIBRETRANSLATE_KEY", "libretranslate: its key, if it wants one",
                  "libretranslate: the server; https://libretranslate.com if only the key is set"),
};

static const DubHttpService service = {
    .engine = "libretranslate",
    .prefix = "LIBRETRANSLATE",
    .key_setting = "LIBRETRANSLATE_KEY",
    .default_url = "https://libretranslate.com",
};

typedef struct {
    DubEngine base;
    DubHttpClient *http;
    char *key; /* nullable */
} LibreTranslate;

/* ── Answers ── */

bool dub_answer_libretranslate(const DubJson *json, DubEngineReply *reply, GError **error)
{
    const char *text = NULL;
    if (!dub_json_get_string(json, "translatedText", DUB_JSON_REQUIRED, &text, error))
        return false;
    dub_engine_reply_set_text(reply, text);
    return true;
}

/* Simplified Chinese is listed as "zh-Hans", and asked for as "zh", which is what airdub calls it. */
static const char *code_of(const char *listed)
{
    return g_strcmp0(listed, "zh-Hans") ? listed : "zh";
}

static bool add_targets(const DubJson *targets, const char *from, const char *to, GPtrArray *offers, GError **error)
{
    for (gsize i = 0; i < json_array_size(targets) && offers->len < DUB_ANSWER_OFFERS_MOST; i++) {
        const char *target = code_of(json_string_value(json_array_get(targets, i)));
        if (!target) {
            g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "targets[%" G_GSIZE_FORMAT "]: not a string", i);
            return false;
        }
        if (!g_str_equal(target, from) && (!to || g_str_equal(target, to)))
            g_ptr_array_add(offers, dub_engine_offer_new("", from, target, ""));
    }
    return true;
}

GPtrArray *dub_answer_libretranslate_languages(const DubJson *json, const char *from, const char *to, GError **error)
{
    g_autoptr(GPtrArray) offers = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    if (!json_is_array(json)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "the list of languages: not an array");
        return NULL;
    }
    for (gsize i = 0; i < json_array_size(json); i++) {
        const DubJson *language = json_array_get(json, i), *targets = NULL;
        const char *code = NULL;
        if (!dub_json_get_string(language, "code", DUB_JSON_REQUIRED, &code, error) ||
            !dub_json_get_array(language, "targets", DUB_JSON_REQUIRED, &targets, error))
            return NULL;
        code = code_of(code);
        if ((!from || g_str_equal(code, from)) && !add_targets(targets, code, to, offers, error))
            return NULL;
    }
    return g_steal_pointer(&offers);
}

/* ── Requests ── */

static DubEngineReply *run(DubEngine *base, const DubEngineRequest *request, GError **error)
{
    LibreTranslate *self = (LibreTranslate *) base;
    g_autoptr(DubJson) question = json_pack("{s:s, s:s, s:s, s:s}", "q", request->text, "source", request->from,
                                            "target", request->to, "format", "text");
    if (self->key)
        json_object_set_new(question, "api_key", json_string(self->key));
    g_autofree char *body = dub_json_to_text(question);
    const DubHttpRequest http = {
        .path = "/translate",
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
    if (!dub_answer_libretranslate(json, reply, error))
        return dub_http_client_refuse(self->http, error);
    return g_steal_pointer(&reply);
}

/* ── Opening ── */

static void close_libretranslate(DubEngine *base)
{
    LibreTranslate *self = (LibreTranslate *) base;
    dub_http_client_free(self->http);
    g_free(self->key);
    g_free(self);
}

static DubEngine *open_libretranslate(const DubEngineConfig *config, GError **error)
{
    const DubHttpSettings *settings = config->settings;
    if (!dub_http_is_set(settings)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE,
                            "libretranslate: set LIBRETRANSLATE_URL, or LIBRETRANSLATE_KEY");
        return NULL;
    }
    DubHttpClient *http = dub_http_client_new(&service, settings, error);
    if (!http)
        return NULL;
    LibreTranslate *self = g_new0(LibreTranslate, 1);
    self->http = http;
    self->key = g_strdup(settings->key);
    return &self->base;
}

static GPtrArray *list_pairs(const DubEngineConfig *config, GCancellable *cancellable, GError **error)
{
    const DubHttpSettings *settings = config->settings;
    if (!dub_http_is_set(settings))
        return g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    g_autoptr(DubHttpClient) http = dub_http_client_new(&service, settings, error);
    g_autoptr(DubJson) json = http ? dub_http_client_ask_list(http, "/languages", cancellable, error) : NULL;
    if (!json)
        return NULL;
    GPtrArray *offers = dub_answer_libretranslate_languages(json, config->from, config->to, error);
    return offers ? offers : dub_http_client_refuse(http, error);
}

const DubEngineClass dub_engine_libretranslate = {
    .stage = DUB_STAGE_MT,
    .name = "libretranslate",
    .brings = "a LibreTranslate server: LIBRETRANSLATE_URL, or a key for libretranslate.com: LIBRETRANSLATE_KEY",
    .flags = DUB_ENGINE_REMOTE | DUB_ENGINE_BY_NAME,
    .settings = rows,
    .n_settings = G_N_ELEMENTS(rows),
    .settings_bytes = sizeof(DubHttpSettings),
    .list = list_pairs,
    .count = dub_http_count,
    .open = open_libretranslate,
    .run = run,
    .close = close_libretranslate,
};
