/* base/http-poll.c */
#include "base/http-poll.h"

#include <libsoup/soup.h>

struct _DubHttpPoll {
    char *url;
    guint each_ms;
    DubHttpPollFunc on_answer;
    void *user_data;
    GMainContext *context;
    SoupSession *session;
    GCancellable *asking; /* NULL: no request is under way */
    GSource *tick;        /* NULL: it does not run */
};

static void on_sent(GObject *session, GAsyncResult *result, void *data)
{
    g_autoptr(GCancellable) asked = g_object_ref(g_task_get_cancellable(G_TASK(result)));
    SoupMessage *message = soup_session_get_async_result_message(SOUP_SESSION(session), result);
    g_autoptr(GInputStream) body = soup_session_send_finish(SOUP_SESSION(session), result, NULL);
    if (g_cancellable_is_cancelled(asked))
        return; /* nobody wants to know any more */
    DubHttpPoll *self = data;
    g_clear_object(&self->asking);
    self->on_answer(body ? soup_message_get_status(message) : 0, self->user_data);
}

void dub_http_poll_ask(DubHttpPoll *self)
{
    g_autoptr(SoupMessage) message = self->asking ? NULL : soup_message_new(SOUP_METHOD_GET, self->url);
    if (!message)
        return;
    self->asking = g_cancellable_new();
    g_main_context_push_thread_default(self->context);
    soup_session_send_async(self->session, message, G_PRIORITY_DEFAULT, self->asking, on_sent, self);
    g_main_context_pop_thread_default(self->context);
}

static gboolean on_tick(void *data)
{
    dub_http_poll_ask(data);
    return G_SOURCE_CONTINUE;
}

static void forget_request(DubHttpPoll *self)
{
    if (self->asking)
        g_cancellable_cancel(self->asking);
    g_clear_object(&self->asking);
}

DubHttpPoll *dub_http_poll_new(const char *url, guint each_ms, guint timeout_s, DubHttpPollFunc on_answer,
                               void *user_data)
{
    DubHttpPoll *self = g_new0(DubHttpPoll, 1);
    self->url = g_strdup(url);
    self->each_ms = each_ms;
    self->on_answer = on_answer;
    self->user_data = user_data;
    self->context = g_main_context_ref_thread_default();
    self->session = soup_session_new_with_options("timeout", timeout_s, NULL);
    return self;
}

void dub_http_poll_run(DubHttpPoll *self, bool runs)
{
    if (runs == (self->tick != NULL))
        return;
    if (!runs) {
        g_source_destroy(self->tick);
        g_clear_pointer(&self->tick, g_source_unref);
        forget_request(self);
        return;
    }
    self->tick = g_timeout_source_new(self->each_ms);
    g_source_set_callback(self->tick, on_tick, self, NULL);
    g_source_attach(self->tick, self->context);
}

void dub_http_poll_free(DubHttpPoll *self)
{
    if (!self)
        return;
    dub_http_poll_run(self, false);
    forget_request(self);
    g_object_unref(self->session);
    g_main_context_unref(self->context);
    g_free(self->url);
    g_free(self);
}
