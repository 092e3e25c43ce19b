/* apps/media-service/sts-watch.c */
#include "sts-watch.h"

#include "speech/remote-health.h"

#include <libsoup/soup.h>

#define EACH_S    2
#define TIMEOUT_S 3

struct _StsWatch {
    char *url; /* NULL: what was given is no URL */
    SoupSession *session;
    GCancellable *asking; /* NULL: no request is under way */
    guint tick_id;
    const char *problem;
};

/* One that has no such page is somebody else's, or older than the page: it answers, and that is all that can
 * be known. */
static const char *problem_of(guint status)
{
    if (status == SOUP_STATUS_OK || status == SOUP_STATUS_NOT_FOUND)
        return NULL;
    return "sts-service is not ready; streams play the original";
}

static void on_answer(GObject *session, GAsyncResult *result, void *data)
{
    g_autoptr(GCancellable) asked = g_object_ref(g_task_get_cancellable(G_TASK(result)));
    SoupMessage *message = soup_session_get_async_result_message(SOUP_SESSION(session), result);
    g_autoptr(GInputStream) body = soup_session_send_finish(SOUP_SESSION(session), result, NULL);
    if (g_cancellable_is_cancelled(asked))
        return; /* we are gone */
    StsWatch *self = data;
    g_clear_object(&self->asking);
    self->problem = body ? problem_of(soup_message_get_status(message))
                         : "sts-service does not answer; streams play the original";
}

static gboolean on_tick(void *data)
{
    StsWatch *self = data;
    g_autoptr(SoupMessage) message =
        self->asking || !self->url ? NULL : soup_message_new(SOUP_METHOD_GET, self->url);
    if (!message)
        return G_SOURCE_CONTINUE;
    self->asking = g_cancellable_new();
    soup_session_send_async(self->session, message, G_PRIORITY_DEFAULT, self->asking, on_answer, self);
    return G_SOURCE_CONTINUE;
}

StsWatch *sts_watch_new(const char *url)
{
    StsWatch *self = g_new0(StsWatch, 1);
    self->url = dub_remote_health_url(url, "/health/ready");
    self->session = soup_session_new_with_options("timeout", TIMEOUT_S, NULL);
    self->problem = self->url ? "sts-service has not answered yet"
                              : "STS_SERVICE_URL is no URL such as http://localhost:3000";
    self->tick_id = g_timeout_add_seconds(EACH_S, on_tick, self);
    on_tick(self);
    return self;
}

void sts_watch_free(StsWatch *self)
{
    if (!self)
        return;
    g_source_remove(self->tick_id);
    if (self->asking)
        g_cancellable_cancel(self->asking);
    g_clear_object(&self->asking);
    g_object_unref(self->session);
    g_free(self->url);
    g_free(self);
}

const char *sts_watch_problem(const StsWatch *self)
{
    return self->problem;
}
