/* speech/remote-health.h: looks at an sts-service's /health while its link is down, to be there as soon as it is back:
 * the next attempt may be half a minute away. One GLib main context: that which was thread-default at creation. */
#pragma once

#include <stdbool.h>

typedef struct _DubRemoteHealth DubRemoteHealth;

/* Not from inside a call. Only of a service that was seen not to answer: one that answers all along but refuses the
 * link has its own reasons, and is not hurried. */
typedef void (*DubRemoteHealthFunc)(void *user_data);

/* @url: of the service, http, https, ws or wss; its path does not count */
DubRemoteHealth *dub_remote_health_new(const char *url, DubRemoteHealthFunc on_back, void *user_data);
void dub_remote_health_watch(DubRemoteHealth *self, bool watches); /* asks twice a second, one request at a time */
/* (transfer full): http or https, the @path in place of @url's; NULL where @url is none */
char *dub_remote_health_url(const char *url, const char *path);
void dub_remote_health_free(DubRemoteHealth *self); /* no callback after it; NULL is fine */
