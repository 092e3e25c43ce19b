/* speech/remote-services.h: the sts-services that a link may go to, the first one preferred, and their health while
 * there is no link: the next attempt may be half a minute away, and one that is back is there at once. One GLib main
 * context: that which was thread-default at creation. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct _DubRemoteServices DubRemoteServices;

/* Not from inside a call. One that was seen not to answer does again, and is now the current one. */
typedef void (*DubRemoteServicesFunc)(void *user_data);

/* @urls: "URL[,URL…]", http, https, ws or wss; at most DUB_REMOTE_SERVICES_MAX, more are passed over */
#define DUB_REMOTE_SERVICES_MAX 8
DubRemoteServices *dub_remote_services_new(const char *urls, DubRemoteServicesFunc on_back, void *user_data);
void dub_remote_services_free(DubRemoteServices *self); /* no callback after it; NULL is fine */

const char *dub_remote_services_url(const DubRemoteServices *self);  /* of the current one */
const char *dub_remote_services_name(const DubRemoteServices *self); /* the same without a password, for messages */
bool dub_remote_services_has_others(const DubRemoteServices *self);
/* The current one did not work: the next is. Returns: false once all have had their turn, so it is time to wait. */
bool dub_remote_services_next(DubRemoteServices *self);
void dub_remote_services_works(DubRemoteServices *self);               /* the current one does: all have turns again */
void dub_remote_services_watch(DubRemoteServices *self, bool watches); /* their health */

/* Each of them in turn; NULL where the list is none. (transfer full) */
char **dub_remote_services_split(const char *urls);
