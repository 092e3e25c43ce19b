/* speech/remote-health.c */
#include "speech/remote-health.h"

#include "base/log.h"

#include <libsoup/soup.h>

#define EACH_MS   500
#define TIMEOUT_S 2

struct _DubRemoteHealth {
    char *url; /* NULL: the service's is no URL, which its link will say */
    DubRemoteHealthFunc on_back;
    void *user_data;
    GMainContext *context;
    SoupSession *session;
    GCancellable *asking; /* NULL: no request is under way */
    GSource *tick;        /* NULL: not watching */
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

static void on_answer(GObject *session, GAsyncResult *result, void *data)
{
    g_autoptr(GCancellable) asked = g_object_ref(g_task_get_cancellable(G_TASK(result)));
    SoupMessage *message = soup_session_get_async_result_message(SOUP_SESSION(session), result);
    g_autoptr(GInputStream) body = soup_session_send_finish(SOUP_SESSION(session), result, NULL);
    if (g_cancellable_is_cancelled(asked))
        return; /* nobody wants to know any more */
    DubRemoteHealth *self = data;
    g_clear_object(&self->asking);
    const bool answers = body && soup_message_get_status(message) == SOUP_STATUS_OK;
    const bool is_back = answers && self->was_silent;
    self->was_silent = !answers;
    if (!is_back)
        return;
    dub_info("sts-service: %s answers again", self->url);
    self->on_back(self->user_data); /* the last: it may free us */
}

static gboolean on_tick(void *data)
{
    DubRemoteHealth *self = data;
    if (self->asking)
        return G_SOURCE_CONTINUE;
    g_autoptr(SoupMessage) message = soup_message_new(SOUP_METHOD_GET, self->url);
    if (!message)
        return G_SOURCE_CONTINUE;
    self->asking = g_cancellable_new();
    g_main_context_push_thread_default(self->context);
    soup_session_send_async(self->session, message, G_PRIORITY_DEFAULT, self->asking, on_answer, self);
    g_main_context_pop_thread_default(self->context);
    return G_SOURCE_CONTINUE;
}

static void forget_request(DubRemoteHealth *self)
{
    if (self->asking)
        g_cancellable_cancel(self->asking);
    g_clear_object(&self->asking);
}

DubRemoteHealth *dub_remote_health_new(const char *url, DubRemoteHealthFunc on_back, void *user_data)
{
    DubRemoteHealth *self = g_new0(DubRemoteHealth, 1);
    self->url = url ? dub_remote_health_url(url, "/health") : NULL;
    self->on_back = on_back;
    self->user_data = user_data;
    self->context = g_main_context_ref_thread_default();
    self->session = soup_session_new_with_options("timeout", TIMEOUT_S, NULL);
    return self;
}

void dub_remote_health_watch(DubRemoteHealth *self, bool watches)
{
    if (!self->url || watches == (self->tick != NULL))
        return;
    if (!watches) {
        g_source_destroy(self->tick);
        g_clear_pointer(&self->tick, g_source_unref);
        forget_request(self);
        return;
    }
    self->tick = g_timeout_source_new(EACH_MS);
    g_source_set_callback(self->tick, on_tick, self, NULL);
    g_source_attach(self->tick, self->context);
}

void dub_remote_health_free(DubRemoteHealth *self)
{
    if (!self)
        return;
    dub_remote_health_watch(self, false);
    forget_request(self);
    g_object_unref(self->session);
    g_main_context_unref(self->context);
    g_free(self->url);
    g_free(self);
}
