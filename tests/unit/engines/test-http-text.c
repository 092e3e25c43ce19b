/* Unit tests of engines/http-text: secrets, URLs, what servers say. */
#include "engines/http-text.h"

#include "base/clock.h"
#include "base/error.h"

#include <string.h>

/* ---- secrets ---- */

#define KEY "sk-Proj+4711/abcdefgh:fx"

typedef struct {
    const char *name, *text, *clean;
} SecretCase;

static const SecretCase secret_cases[] = {
    { "none", "nothing to hide", "nothing to hide" },
    { "whole", "wrong key " KEY ".", "wrong key […]." },
    { "twice", KEY KEY, "[…][…]" },
    { "other-case", "SK-PROJ+4711/ABCDEFGH:FX", "[…]" },
    { "start", "sk-Proj+47… is wrong", "[…]… is wrong" },
    { "end", "***cdefgh:fx", "***[…]" },
    { "middle", "<4711/abc>", "<[…]>" },
    { "seven-characters", "4711/ab", "4711/ab" },
    { "in-a-url", "GET /?key=sk-Proj%2B4711%2Fabcdefgh%3Afx", "GET /?key=[…]" },
    { "base64", "Basic c2stUHJvais0NzExL2FiY2RlZmdoOmZ4", "Basic […]" },
    { "short-secret", "the password is letmein", "the password is […]" },
    { "empty", "", "" },
};

static void test_secret(const void *data)
{
    const SecretCase *c = data;
    g_autoptr(GPtrArray) secrets = g_ptr_array_new_null_terminated(1, g_free, TRUE);
    dub_secrets_add(secrets, KEY);
    dub_secrets_add(secrets, "letmein");
    dub_secrets_add(secrets, "");
    dub_secrets_add(secrets, NULL);
    g_autofree char *clean = dub_secrets_hide(c->text, (const char *const *) secrets->pdata);
    g_assert_cmpstr(clean, ==, c->clean);
}

static void test_no_secrets(void)
{
    const char *const none[] = { NULL };
    g_autofree char *same = dub_secrets_hide("as it was", none);
    g_assert_cmpstr(same, ==, "as it was");
}

/* ---- URLs ---- */

typedef struct {
    const char *name, *text;
    const char *base, *place, *password; /* base NULL: refused */
    bool encrypted, local;
} UrlCase;

static const UrlCase url_cases[] = {
    { "plain", "https://api.example.com", "https://api.example.com", "https://api.example.com", NULL, true, false },
    { "slash", "https://api.example.com//", "https://api.example.com", "https://api.example.com", NULL, true, false },
    { "path", "http://h:8080/openai/v1/", "http://h:8080/openai/v1", "http://h:8080", NULL, false, false },
    { "local", "http://127.0.0.1:5000", "http://127.0.0.1:5000", "http://127.0.0.1:5000", NULL, false, true },
    { "localhost", "http://localhost", "http://localhost", "http://localhost", NULL, false, true },
    { "ip6", "http://[::1]:5000", "http://[::1]:5000", "http://[::1]:5000", NULL, false, true },
    { "not-so-local", "http://localhost.example.com", "http://localhost.example.com", "http://localhost.example.com",
      NULL, false, false },
    { "password", "https://me:secret@host/a", "https://me:secret@host/a", "https://host", "me:secret", true, false },
    { "no-scheme", "api.example.com", NULL },
    { "other-scheme", "ftp://api.example.com", NULL },
    { "no-host", "http:///v1", NULL },
    { "file", "file:///etc/passwd", NULL },
    { "query", "https://host/?key=secret", NULL },
    { "fragment", "https://host/#a", NULL },
    { "blank", "https://a b/", NULL },
    { "port", "https://host:99999/", NULL },
    { "empty", "", NULL },
};

static void test_url(const void *data)
{
    const UrlCase *c = data;
    DubHttpUrl url;
    g_autoptr(GError) error = NULL;
    const bool ok = dub_http_url_parse(&url, c->text, "X_URL", &error);
    g_assert_cmpstr(url.base, ==, c->base);
    g_assert_cmpstr(url.place, ==, c->place);
    g_assert_cmpstr(url.password, ==, c->password);
    g_assert_true(ok == !!c->base);
    if (ok) {
        g_assert_true(url.encrypted == c->encrypted);
        g_assert_true(url.local == c->local);
    } else {
        g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
        g_assert_true(g_str_has_prefix(error->message, "X_URL: "));
        g_assert_null(strstr(error->message, "secret"));
    }
    dub_http_url_clear(&url);
}

typedef struct {
    const char *name, *base, *path, *joined;
} JoinCase;

static const JoinCase join_cases[] = {
    { "plain", "https://host", "/v1/models", "https://host/v1/models" },
    { "version-twice", "https://host/v1", "/v1/models", "https://host/v1/models" },
    { "deeper", "https://host/openai/v1", "/v1/models", "https://host/openai/v1/models" },
    { "other-version", "https://host/v2", "/v1/models", "https://host/v2/v1/models" },
    { "almost", "https://host/xv1", "/v1/models", "https://host/xv1/v1/models" },
    { "one-word", "https://host/translate", "/translate", "https://host/translate/translate" },
    { "query", "https://host/v1", "/v1?q=1", "https://host/v1/v1?q=1" },
};

static void test_join(const void *data)
{
    const JoinCase *c = data;
    g_autofree char *joined = dub_http_url_join(c->base, c->path);
    g_assert_cmpstr(joined, ==, c->joined);
}

/* ---- what servers say ---- */

typedef struct {
    const char *name, *type, *body;
    const char *words; /* NULL: none */
} WordsCase;

#define JSON "application/json"
static const WordsCase words_cases[] = {
    { "openai", JSON, "{\"error\":{\"message\":\"no such model\",\"type\":\"x\",\"code\":null}}", "no such model" },
    { "deepl", JSON, "{\"message\":\"Quota Exceeded\"}", "Quota Exceeded" },
    { "libretranslate", JSON, "{\"error\":\"Invalid API key\"}", "Invalid API key" },
    { "elevenlabs", JSON, "{\"detail\":{\"status\":\"voice_not_found\",\"message\":\"A voice\"}}", "A voice" },
    { "fastapi", JSON, "{\"detail\":\"Not Found\"}", "Not Found" },
    { "fastapi-fields", JSON, "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field required\"}]}", "field required" },
    { "apy", JSON, "{\"status\":\"error\",\"code\":400,\"message\":\"Bad Request\",\"explanation\":\"no pair\"}",
      "no pair" },
    { "json-without-type", NULL, "{\"error\":\"yes\"}", "yes" },
    { "error-is-true", JSON, "{\"error\":true,\"message\":\"yes\"}", "yes" },
    { "empty-words", JSON, "{\"error\":\"\",\"message\":\"yes\"}", "yes" },
    { "bare-string", JSON, "\"oops\"", "oops" },
    { "nothing-known", JSON, "{\"a\":1}", NULL },
    { "deep", JSON, "{\"error\":{\"error\":{\"error\":{\"error\":{\"error\":\"x\"}}}}}", NULL },
    { "number", JSON, "7", NULL },
    { "empty-list", JSON, "{\"detail\":[]}", NULL },
    { "text", "text/plain; charset=utf-8", " out of order\n", "out of order" },
    { "text-not-utf8", "text/plain", "a\xff", "a\xef\xbf\xbd" },
    { "html", "text/html", "<h1>502</h1>", NULL },
    { "no-type", NULL, "what is this", NULL },
    { "blank", "text/plain", " \n", NULL },
    { "empty", "text/plain", "", NULL },
};

static void test_words(const void *data)
{
    const WordsCase *c = data;
    g_autofree char *words = dub_http_server_words(c->body, strlen(c->body), c->type);
    g_assert_cmpstr(words, ==, c->words);
}

typedef struct {
    const char *name, *value, *date;
    double seconds; /* negative: nothing */
} RetryCase;

#define NOW_MS INT64_C(1445412480000) /* Wed, 21 Oct 2015 07:28:00 GMT */
static const RetryCase retry_cases[] = {
    { "seconds", "30", NULL, 30 },
    { "fraction", "0.5", NULL, 0.5 },
    { "now", "0", NULL, 0 },
    { "date", "Wed, 21 Oct 2015 07:28:20 GMT", NULL, 20 },
    { "date-by-their-clock", "Wed, 21 Oct 2015 08:28:20 GMT", "Wed, 21 Oct 2015 08:28:17 GMT", 3 },
    { "date-that-is-none", "Wed, 21 Oct 2015 07:28:20 GMT", "yesterday-ish", 20 },
    { "date-gone-by", "Wed, 21 Oct 2015 07:27:00 GMT", NULL, 0 },
    { "negative", "-5", NULL, -1 },
    { "nan", "nan", NULL, -1 },
    { "infinite", "inf", NULL, -1 },
    { "far", "1e300", NULL, 1e9 },
    { "words", "soon", NULL, -1 },
    { "empty", "", NULL, -1 },
};

static void test_retry(const void *data)
{
    const RetryCase *c = data;
    const int64_t ns = dub_http_retry_after_ns(c->value, c->date, NOW_MS);
    if (c->seconds < 0)
        g_assert_cmpint(ns, <, 0);
    else
        g_assert_cmpint(ns, ==, (int64_t) (c->seconds * DUB_NS_PER_S));
}

typedef struct {
    const char *name, *type;
    bool json;
} TypeCase;

static const TypeCase type_cases[] = {
    { "json", "application/json", true },
    { "json-charset", "Application/JSON; charset=utf-8", true },
    { "problem", "application/problem+json", true },
    { "text-json", "text/json", true },
    { "unsaid", NULL, true },
    { "html", "text/html", false },
    { "plain", "text/plain", false },
    { "jsonp", "application/jsonp", false },
    { "stream", "application/x-ndjson", false },
    { "plus", "+json", false },
    { "empty", "", false },
};

static void test_type(const void *data)
{
    const TypeCase *c = data;
    g_assert_true(dub_http_type_is_json(c->type) == c->json);
}

#define ADD(cases, prefix, func)                                                                    \
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {                                               \
        g_autofree char *path = g_strconcat("/engines/http-text/" prefix "/", cases[i].name, NULL); \
        g_test_add_data_func(path, &cases[i], func);                                                \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD(secret_cases, "secrets", test_secret)
    g_test_add_func("/engines/http-text/secrets/no-secrets", test_no_secrets);
    ADD(url_cases, "url", test_url)
    ADD(join_cases, "join", test_join)
    ADD(words_cases, "words", test_words)
    ADD(retry_cases, "retry-after", test_retry)
    ADD(type_cases, "type", test_type)
    return g_test_run();
}
