/* sts/monitor.h: the namespace /monitor: tests and dashboards listen to what goes between all workers and the
 * service. Loop thread only.
 *
 * A listener gets events as they were sent, with "at" (Unix ms) and "session_id" added. Instead of audio it
 * gets the length of its base64 text, unless its CONNECT says {"audio": true}. What a listener sends has no
 * effect. Nothing here waits: an event that a listener has no room for is lost to it, and "monitor:lost"
 * {count} comes before the next event that it gets. */
#pragma once

#include "base/json.h"
#include "base/log-limit.h"
#include "socketio/server.h"

#define DUB_STS_MONITOR_MAX_LISTENERS 16
#define DUB_STS_MONITOR_MAX_WAITING_BYTES \
    (8 * 1024 * 1024) /* that a listener has not read: then events are lost to it */
#define DUB_STS_MONITOR_MAX_EVENT_BYTES                                          \
    (512 * 1024) /* about, of an event without its audio: more is told to nobody \
                  */

typedef struct _DubStsMonitor DubStsMonitor;

typedef struct {
    void (*refused)(void *user_data);                 /* a listener's token was wrong */
    void (*listeners)(guint number, void *user_data); /* so many there are now */
    void (*lost)(guint events, void *user_data);      /* so many more were lost, over all listeners */
} DubStsMonitorCallbacks;

/* @token: (nullable) that CONNECT must carry; copied. @server: outlives every call but _free(). @limit: (nullable)
 * outlives all of it */
DubStsMonitor *dub_sts_monitor_new(SioServer *server, const char *token, const DubStsMonitorCallbacks *callbacks,
                                   void *user_data, DubLogLimit *limit);
void dub_sts_monitor_free(DubStsMonitor *self); /* after the server; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStsMonitor, dub_sts_monitor_free)

/* Something was sent, or has come in. @self: NULL is fine. @payload: (transfer none) (nullable) */
void dub_sts_monitor_tell(DubStsMonitor *self, const char *session_id, const char *event, const DubJson *payload);
