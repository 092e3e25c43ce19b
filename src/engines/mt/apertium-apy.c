/* engines/mt/apertium-apy.c: Apertium behind its own server, APy: for pairs that are not installed here. */
#include "base/error.h"
#include "engines/drivers.h"
#include "engines/http-answers.h"
#include "engines/http.h"
#include "engines/models-private.h"

#include <string.h>

static const DubEnvSpec rows[] = {
    DUB_HTTP_ROWS("APERTIUM_APY", "APERTIUM_APY_KEY", "apertium-apy: its key, if it wants one",
                  "apertium-apy: the server"),
};

static const DubHttpService service = {
    .engine = "apertium-apy",
    .prefix = "APERTIUM_APY",
    .key_setting = "APERTIUM_APY_KEY",
    .default_url = "http://localhost:2737",
};

typedef struct {
    DubEngine base;
    DubHttpClient *http;
    char *key; /* nullable */
} Apy;

/* ── Answers ── */

bool dub_answer_apertium_apy(const DubJson *json, DubEngineReply *reply, GError **error)
{
    const char *text = NULL;
    if (!dub_json_get_string(json, "responseData.translatedText", DUB_JSON_REQUIRED, &text, error))
        return false;
    g_autofree char *copy = g_strstrip(g_strdup(text));
    dub_engine_reply_set_text(reply, copy);
    return true;
}

static bool is_new(const GPtrArray *offers, const char *from, const char *to)
{
    for (guint i = 0; i < offers->len; i++) {
        const DubEngineOffer *offer = g_ptr_array_index(offers, i);
        if (g_str_equal(offer->language, from) && g_str_equal(offer->target, to))
            return false;
    }
    return true;
}

/* APy lists variants ("spa_LATAM") as pairs of their own. */
static bool add_pair(const DubJson *pair, const char *from, const char *to, GPtrArray *offers, GError **error)
{
    const char *source = NULL, *target = NULL;
    if (!dub_json_get_string(pair, "sourceLanguage", DUB_JSON_REQUIRED, &source, error) ||
        !dub_json_get_string(pair, "targetLanguage", DUB_JSON_REQUIRED, &target, error))
        return false;
    g_autofree char *source2 = models_language(source), *target2 = models_language(target);
    if (source2 && target2 && (!from || g_str_equal(source2, from)) && (!to || g_str_equal(target2, to)) &&
        is_new(offers, source2, target2))
        g_ptr_array_add(offers, dub_engine_offer_new("", source2, target2, ""));
    return true;
}

#define PAIRS_MOST 2000 /* is_new() looks at each */

GPtrArray *dub_answer_apertium_apy_pairs(const DubJson *json, const char *from, const char *to, GError **error)
{
    g_autoptr(GPtrArray) offers = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    const DubJson *pairs = NULL;
    if (!dub_json_get_array(json, "responseData", DUB_JSON_REQUIRED, &pairs, error))
        return NULL;
    for (gsize i = 0; i < json_array_size(pairs) && offers->len < PAIRS_MOST; i++) {
        if (!add_pair(json_array_get(pairs, i), from, to, offers, error)) {
            g_prefix_error(error, "responseData[%" G_GSIZE_FORMAT "].", i);
            return NULL;
        }
    }
    return g_steal_pointer(&offers);
}

/* ── Requests ── */

static void add_field(GString *form, const char *name, const char *value)
{
    g_string_append_printf(form, "%s%s=", form->len ? "&" : "", name);
    g_string_append_uri_escaped(form, value, NULL, FALSE);
}

/* format=txt: without it, APy takes text for HTML. */
static GString *make_form(const Apy *self, const DubEngineRequest *request)
{
    g_autofree char *pair = g_strdup_printf("%s|%s", request->from, request->to);
    GString *form = g_string_new(NULL);
    add_field(form, "langpair", pair);
    add_field(form, "markUnknown", "no");
    add_field(form, "format", "txt");
    if (self->key)
        add_field(form, "key", self->key);
    add_field(form, "q", request->text);
    return form;
}

static DubEngineReply *run(DubEngine *base, const DubEngineRequest *request, GError **error)
{
    Apy *self = (Apy *) base;
    g_autoptr(GString) form = make_form(self, request);
    const DubHttpRequest http = {
        .path = "/translate",
        .content_type = "application/x-www-form-urlencoded",
        .body = form->str,
        .body_size = form->len,
        .deadline_ns = request->deadline_ns,
        .cancellable = request->cancellable,
    };
    g_autoptr(DubJson) json = dub_http_client_ask_json(self->http, &http, error);
    if (!json)
        return NULL;
    g_autoptr(DubEngineReply) reply = dub_engine_reply_new();
    if (!dub_answer_apertium_apy(json, reply, error))
        return dub_http_client_refuse(self->http, error);
    return g_steal_pointer(&reply);
}

/* ── Opening ── */

static void close_apy(DubEngine *base)
{
    Apy *self = (Apy *) base;
    dub_http_client_free(self->http);
    g_free(self->key);
    g_free(self);
}

static DubEngine *open_apy(const DubEngineConfig *config, GError **error)
{
    const DubHttpSettings *settings = config->settings;
    if (!dub_http_is_set(settings)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, "apertium-apy: set APERTIUM_APY_URL");
        return NULL;
    }
    DubHttpClient *http = dub_http_client_new(&service, settings, error);
    if (!http)
        return NULL;
    Apy *self = g_new0(Apy, 1);
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
    g_autoptr(DubJson) json = http ? dub_http_client_ask_list(http, "/listPairs", cancellable, error) : NULL;
    if (!json)
        return NULL;
    GPtrArray *offers = dub_answer_apertium_apy_pairs(json, config->from, config->to, error);
    return offers ? offers : dub_http_client_refuse(http, error);
}

const DubEngineClass dub_engine_apertium_apy = {
    .stage = DUB_STAGE_MT,
    .name = "apertium-apy",
    .brings = "a server of Apertium, APy: APERTIUM_APY_URL",
    .flags = DUB_ENGINE_REMOTE | DUB_ENGINE_BY_NAME | DUB_ENGINE_RULES,
    .settings = rows,
    .n_settings = G_N_ELEMENTS(rows),
    .settings_bytes = sizeof(DubHttpSettings),
    .list = list_pairs,
    .count = dub_http_count,
    .open = open_apy,
    .run = run,
    .close = close_apy,
};
