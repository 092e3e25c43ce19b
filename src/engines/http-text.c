/* engines/http-text.c: secrets out of texts, URLs, and servers' messages. */
#include "engines/http-text.h"

#include "base/clock.h"
#include "base/error.h"

#include <curl/curl.h>
#include <gio/gio.h>
#include <math.h>
#include <string.h>

#define HIDDEN      "[…]"
#define WAIT_MOST_S 1e9

/* ── Secrets ── */

/* How many bytes at @text are also somewhere in @secret, in a row. */
static gsize length_shown(const char *text, const char *secret)
{
    gsize most = 0;
    for (const char *start = secret; *start; start++) {
        gsize n = 0;
        while (start[n] && g_ascii_tolower(text[n]) == g_ascii_tolower(start[n]))
            n++;
        most = MAX(most, n);
    }
    return most;
}

/* Returns: how many bytes at @text must not be seen, or 0 */
static gsize length_hidden(const char *text, const char *const *secrets)
{
    gsize most = 0;
    for (; *secrets; secrets++) {
        const gsize shown = length_shown(text, *secrets);
        if (shown >= MIN(strlen(*secrets), DUB_SECRET_SHOWN_MOST))
            most = MAX(most, shown);
    }
    return most;
}

char *dub_secrets_hide(const char *text, const char *const *secrets)
{
    GString *out = g_string_sized_new(strlen(text));
    while (*text) {
        const gsize hidden = length_hidden(text, secrets);
        if (hidden)
            g_string_append(out, HIDDEN);
        else
            g_string_append_c(out, *text);
        text += MAX(hidden, 1);
    }
    return g_string_free(out, FALSE);
}

void dub_secrets_add(GPtrArray *secrets, const char *secret)
{
    if (!secret || !*secret)
        return;
    g_ptr_array_add(secrets, g_strdup(secret));
    g_ptr_array_add(secrets, g_uri_escape_string(secret, NULL, FALSE));
    g_ptr_array_add(secrets, g_base64_encode((const guchar *) secret, strlen(secret)));
}

/* ── URLs ── */

static bool is_local(const char *host)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);
    if (g_ascii_strcasecmp(host, "localhost") == 0)
        return true;
    return address && g_inet_address_get_is_loopback(address);
}

static char *place_of(GUri *uri)
{
    const bool ip6 = strchr(g_uri_get_host(uri), ':') != NULL;
    g_autofree char *port = g_uri_get_port(uri) > 0 ? g_strdup_printf(":%d", g_uri_get_port(uri)) : g_strdup("");
    return g_strdup_printf("%s://%s%s%s%s", g_uri_get_scheme(uri), ip6 ? "[" : "", g_uri_get_host(uri), ip6 ? "]" : "",
                           port);
}

static bool has_blank(const char *text)
{
    for (; *text; text++)
        if (g_ascii_isspace(*text) || g_ascii_iscntrl(*text))
            return true;
    return false;
}

bool dub_http_url_parse(DubHttpUrl *url, const char *text, const char *setting, GError **error)
{
    *url = (DubHttpUrl){ 0 };
    g_autoptr(GUri) uri = has_blank(text) ? NULL : g_uri_parse(text, G_URI_FLAGS_ENCODED, NULL);
    const char *scheme = uri ? g_uri_get_scheme(uri) : "";
    const bool http = g_str_equal(scheme, "http") || g_str_equal(scheme, "https");
    if (!http || !g_uri_get_host(uri) || !*g_uri_get_host(uri) || g_uri_get_query(uri) || g_uri_get_fragment(uri)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "%s: not an http:// or https:// URL of a host and maybe a path", setting);
        return false;
    }
    url->base = g_strdup(text);
    for (gsize end = strlen(url->base); end && url->base[end - 1] == '/'; end--)
        url->base[end - 1] = '\0';
    url->place = place_of(uri);
    url->password = g_strdup(g_uri_get_userinfo(uri));
    url->encrypted = g_str_equal(scheme, "https");
    url->local = is_local(g_uri_get_host(uri));
    return true;
}

void dub_http_url_clear(DubHttpUrl *url)
{
    g_clear_pointer(&url->base, g_free);
    g_clear_pointer(&url->place, g_free);
    g_clear_pointer(&url->password, g_free);
}

char *dub_http_url_join(const char *base, const char *path)
{
    const gsize first = 1 + strcspn(path + 1, "/?"); /* "/v1" */
    const gsize length = strlen(base);
    if (path[first] == '/' && length > first && strncmp(base + length - first, path, first) == 0)
        path += first;
    return g_strconcat(base, path, NULL);
}

/* ── What servers say ── */

/* What is a message where: {"error": {"message"}} (OpenAI), {"message"} (DeepL), {"error"} (LibreTranslate,
 * Ollama),
 * {"detail": {"message"}} (ElevenLabs), {"detail"}, {"detail": [{"msg"}]} (FastAPI), {"explanation"}
 * (Apertium APy). */
static const char *find_words(const DubJson *json, unsigned depth)
{
    static const char *const names[] = { "explanation", "error", "detail", "details", "message", "msg" };
    if (json_is_string(json))
        return json_string_value(json);
    if (json_is_array(json))
        return depth ? find_words(json_array_get(json, 0), depth - 1) : NULL;
    for (gsize i = 0; depth && i < G_N_ELEMENTS(names); i++) {
        const char *words = find_words(json_object_get(json, names[i]), depth - 1);
        if (words && *words)
            return words;
    }
    return NULL;
}

static bool has_type(const char *type, const char *wanted)
{
    const gsize length = strlen(wanted);
    return g_ascii_strncasecmp(type, wanted, length) == 0 && (!type[length] || strchr("; \t", type[length]));
}

bool dub_http_type_is_json(const char *type)
{
    if (!type)
        return true;
    const gsize length = strcspn(type, "; \t");
    return has_type(type, "application/json") || has_type(type, "text/json") ||
           (length > 5 && g_ascii_strncasecmp(type + length - 5, "+json", 5) == 0);
}

char *dub_http_server_words(const char *body, gsize length, const char *content_type)
{
    g_autoptr(DubJson) json = dub_json_parse(body, length, NULL);
    const char *words = json ? find_words(json, 4) : NULL;
    if (words)
        return g_strdup(words);
    if (json || !content_type || !has_type(content_type, "text/plain"))
        return NULL;
    g_autofree char *text = g_strndup(body, length);
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    return *g_strstrip(valid) ? g_steal_pointer(&valid) : NULL;
}

int64_t dub_http_retry_after_ns(const char *value, const char *date, int64_t unix_ms)
{
    char *end = NULL;
    const double seconds = g_ascii_strtod(value, &end);
    if (end != value && !*end)
        return isfinite(seconds) && seconds >= 0 ? (int64_t) (MIN(seconds, WAIT_MOST_S) * DUB_NS_PER_S) : -1;
    const time_t until = curl_getdate(value, NULL);
    if (until < 0)
        return -1;
    const time_t theirs = date ? curl_getdate(date, NULL) : -1;
    const double now = theirs < 0 ? (double) unix_ms / 1000 : (double) theirs;
    return (int64_t) (CLAMP((double) until - now, 0, WAIT_MOST_S) * DUB_NS_PER_S);
}
