/* speech/remote-health.c */
#include "speech/remote-health.h"

#include "base/http-poll.h"
#include "base/log.h"

#include <libsoup/soup.h>

#define EACH_MS   500
#define TIMEOUT_S 2

struct _DubRemoteHealth {
    char *url;         /* NULL: the service's is no URL, which its link will say */
    DubHttpPoll *poll; /* NULL without a URL */
    DubRemoteHealthFunc on_back;
    void *user_data;
    bool was_silent;
};

char *dub_remote_health_url(const char *url, const char *path)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
    if (!uri || !g_uri_get_host(uri))
        return NULL;
    const bool is_secure = g_str_equal(g_uri_get_scheme(uri), "https") || g_str_equal(g_uri_get_scheme(uri), "wss");
    return g_uri_join(G_URI_FLAGS_NONE, is_secure ? "https" : "http", NULL, g_uri_get_host(uri), g_uri_get_port(uri),
                      path, NULL, NULL);
}

static void on_answer(guint status, void *data)
{
    DubRemoteHealth *self = data;
    const bool answers = status == SOUP_STATUS_OK;
    const bool is_back = answers && self->was_silent;
    self->was_silent = !answers;
    if (!is_back)
        return;
    dub_info("sts-service: %s answers again", self->url);
    self->on_back(self->user_data); /* the last: it may free us */
}

DubRemoteHealth *dub_remote_health_new(const char *url, DubRemoteHealthFunc on_back, void *user_data)
{
    DubRemoteHealth *self = g_new0(DubRemoteHealth, 1);
    self->url = url ? dub_remote_health_url(url, "/health") : NULL;
    self->poll = self->url ? dub_http_poll_new(self->url, EACH_MS, TIMEOUT_S, on_answer, self) : NULL;
    self->on_back = on_back;
    self->user_data = user_data;
    return self;
}

void dub_remote_health_watch(DubRemoteHealth *self, bool watches)
{
    if (self->poll)
        dub_http_poll_run(self->poll, watches);
}

void dub_remote_health_free(DubRemoteHealth *self)
{
    if (!self)
        return;
    dub_http_poll_free(self->poll);
    g_free(self->url);
    g_free(self);
}
