/* apps/media-service/sts-watch.c */
#include "sts-watch.h"

#include "base/http-poll.h"
#include "speech/remote-health.h"
#include "speech/remote-services.h"

#include <libsoup/soup.h>

#define EACH_MS   2000
#define TIMEOUT_S 3

typedef struct {
    DubHttpPoll *poll;   /* NULL: what was given is no URL */
    const char *problem; /* NULL: none */
} Watched;

struct _StsWatch {
    Watched services[DUB_REMOTE_SERVICES_MAX];
    guint n_services;
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
    Watched *service = data;
    service->problem = problem_of(status);
}

static void watch(Watched *service, const char *url)
{
    g_autofree char *page = dub_remote_health_url(url, "/health/ready");
    if (!page) {
        service->problem = "STS_SERVICE_URL is no URL such as http://localhost:3000";
        return;
    }
    service->problem = "sts-service has not answered yet";
    service->poll = dub_http_poll_new(page, EACH_MS, TIMEOUT_S, on_answer, service);
    dub_http_poll_run(service->poll, true);
    dub_http_poll_ask(service->poll);
}

StsWatch *sts_watch_new(const char *urls)
{
    StsWatch *self = g_new0(StsWatch, 1);
    g_auto(GStrv) list = dub_remote_services_split(urls);
    for (char **url = list; *url; url++)
        watch(&self->services[self->n_services++], *url);
    if (!self->n_services)
        watch(&self->services[self->n_services++], "");
    return self;
}

void sts_watch_free(StsWatch *self)
{
    if (!self)
        return;
    for (guint i = 0; i < self->n_services; i++)
        dub_http_poll_free(self->services[i].poll);
    g_free(self);
}

const char *sts_watch_problem(const StsWatch *self)
{
    for (guint i = 0; i < self->n_services; i++)
        if (!self->services[i].problem)
            return NULL;
    return self->services[0].problem;
}
