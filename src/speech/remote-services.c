/* speech/remote-services.c */
#include "speech/remote-services.h"

#include "base/http.h"
#include "speech/remote-health.h"

typedef struct {
    DubRemoteServices *owner;
    char *url, *name;
    DubRemoteHealth *health;
} Service;

struct _DubRemoteServices {
    Service services[DUB_REMOTE_SERVICES_MAX];
    guint n_services, current, n_tried;
    DubRemoteServicesFunc on_back;
    void *user_data;
};

char **dub_remote_services_split(const char *urls)
{
    g_auto(GStrv) parts = g_strsplit(urls ? urls : "", ",", DUB_REMOTE_SERVICES_MAX + 1);
    g_autoptr(GStrvBuilder) kept = g_strv_builder_new();
    for (char **part = parts; *part && part < parts + DUB_REMOTE_SERVICES_MAX; part++)
        if (*g_strstrip(*part))
            g_strv_builder_add(kept, *part);
    return g_strv_builder_end(kept);
}

static void on_back(void *data)
{
    const Service *service = data;
    DubRemoteServices *self = service->owner;
    self->current = (guint) (service - self->services);
    self->n_tried = 0;
    self->on_back(self->user_data); /* the last: it may free us */
}

static void add(DubRemoteServices *self, const char *url)
{
    Service *service = &self->services[self->n_services++];
    *service = (Service){ .owner = self, .url = g_strdup(url), .name = dub_url_printable(url) };
    service->health = dub_remote_health_new(url, on_back, service);
}

DubRemoteServices *dub_remote_services_new(const char *urls, DubRemoteServicesFunc back, void *user_data)
{
    DubRemoteServices *self = g_new0(DubRemoteServices, 1);
    self->on_back = back;
    self->user_data = user_data;
    g_auto(GStrv) list = dub_remote_services_split(urls);
    for (char **url = list; *url; url++)
        add(self, *url);
    if (!self->n_services)
        add(self, urls ? urls : ""); /* the link says what is wrong with it */
    return self;
}

void dub_remote_services_free(DubRemoteServices *self)
{
    if (!self)
        return;
    for (guint i = 0; i < self->n_services; i++) {
        dub_remote_health_free(self->services[i].health);
        g_free(self->services[i].url);
        g_free(self->services[i].name);
    }
    g_free(self);
}

const char *dub_remote_services_url(const DubRemoteServices *self)
{
    return self->services[self->current].url;
}

const char *dub_remote_services_name(const DubRemoteServices *self)
{
    return self->services[self->current].name;
}

bool dub_remote_services_has_others(const DubRemoteServices *self)
{
    return self->n_services > 1;
}

bool dub_remote_services_next(DubRemoteServices *self)
{
    self->current = (self->current + 1) % self->n_services;
    if (++self->n_tried < self->n_services)
        return true;
    self->n_tried = 0;
    return false;
}

void dub_remote_services_works(DubRemoteServices *self)
{
    self->n_tried = 0;
}

void dub_remote_services_watch(DubRemoteServices *self, bool watches)
{
    for (guint i = 0; i < self->n_services; i++)
        dub_remote_health_watch(self->services[i].health, watches);
}
