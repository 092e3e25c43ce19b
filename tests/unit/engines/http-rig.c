/* tests/unit/engines/http-rig.c */
#include "http-rig.h"

#include "base/error.h"

#include <string.h>

const DubHttpService http_service = { "test", "TEST", "TEST_KEY", "Authorization: Bearer ", NULL };

DubHttpClient *http_client(const char *url, const char *key, const char *proxy)
{
    g_autoptr(GError) error = NULL;
    const DubHttpSettings settings = { .url = (char *) url, .key = (char *) key, .proxy = (char *) proxy };
    DubHttpClient *client = dub_http_client_new(&http_service, &settings, &error);
    g_assert_no_error(error);
    return client;
}

HttpRig *http_rig_new_with(const PeerStep *steps, guint n_steps, const char *key)
{
    HttpRig *self = g_new0(HttpRig, 1);
    self->peer = peer_new(steps, n_steps);
    g_autofree char *url = peer_url(self->peer);
    self->client = http_client(url, key, NULL);
    return self;
}

HttpRig *http_rig_new(const PeerStep *steps, guint n_steps)
{
    return http_rig_new_with(steps, n_steps, KEY);
}

void http_rig_free(HttpRig *self)
{
    dub_http_client_free(self->client);
    peer_free(self->peer);
    g_free(self);
}

const DubHttpRequest http_post = { .path = "/v1/x", .content_type = "application/json", .body = "{}", .body_size = 2 };

char *http_ask(DubHttpClient *client, const DubHttpRequest *request, int *code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubJson) json = dub_http_client_ask_json(client, request, &error);
    g_assert_true(!json == !!error);
    *code = error ? error->code : -1;
    if (!error)
        return g_strdup("ok");
    g_assert_true(error->domain == DUB_ERROR);
    g_assert_true(g_str_has_prefix(error->message, "test: "));
    g_assert_null(strstr(error->message, KEY));
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
    return g_strdup(error->message);
}

void assert_code(int code, int wanted, const char *said)
{
    if (code != wanted)
        g_error("code %d instead of %d: %s", code, wanted, said);
}

void assert_holds(const char *text, const char *part)
{
    if (!strstr(text, part))
        g_error("\"%s\" is not in \"%s\"", part, text);
}
