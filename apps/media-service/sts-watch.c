/* apps/media-service/sts-watch.c */
#include "sts-watch.h"

#include "base/http-poll.h"
#include "speech/remote-health.h"

#include <libsoup/soup.h>

#define EACH_MS   2000
#define TIMEOUT_S 3

struct _StsWatch {
    DubHttpPoll *poll; /* NULL: what was given is no URL */
    const char *problem;
};

/* One that has no such page is somebody else's, or older than the page: it answers, and that is all that can
 * be known. */
static const char *problem_of(guint status)
{
    switch (status) {
    case 0: return "sts-service does not answer; streams play the original";
    case SOUP_STATUS_OK:
    case SOUP_STATUS_NOT_FOUND: return NULL;
    default: return "sts-service is not ready; streams play the original";
    }
}

static void on_answer(guint status, void *data)
{
    StsWatch *self = data;
    self->problem = problem_of(status);
}

StsWatch *sts_watch_new(const char *url)
{
    StsWatch *self = g_new0(StsWatch, 1);
    g_autofree char *page = dub_remote_health_url(url, "/health/ready");
    if (!page) {
        self->problem = "STS_SERVICE_URL is no URL such as http://localhost:3000";
        return self;
    }
    self->problem = "sts-service has not answered yet";
    self->poll = dub_http_poll_new(page, EACH_MS, TIMEOUT_S, on_answer, self);
    dub_http_poll_run(self->poll, true);
    dub_http_poll_ask(self->poll);
    return self;
}

void sts_watch_free(StsWatch *self)
{
    if (!self)
        return;
    dub_http_poll_free(self->poll);
    g_free(self);
}

const char *sts_watch_problem(const StsWatch *self)
{
    return self->problem;
}
