/* airdub/live-view.h: what `airdub live` shows: addresses, a line a stream, what happens to the services.
 * Main thread only. On a terminal the streams' lines are rewritten in place, below everything else. */
#pragma once

#include "base/json.h"

typedef enum {
    LIVE_VIEW_TERMINAL, /* rewritten in place */
    LIVE_VIEW_PLAIN,    /* a line a stream every few seconds */
    LIVE_VIEW_JSON,     /* a JSON line a stream every second */
    LIVE_VIEW_QUIET,    /* addresses and accidents only */
} LiveViewStyle;

typedef struct {
    char *server, *stream_key; /* for OBS */
    char *publish_url, *play_url;
    char *rtsp_url; /* NULL without MediaMTX */
    unsigned rtmp_port, http_port, sts_port, api_port;
} LiveAddresses;
void live_addresses_clear(LiveAddresses *self);

typedef struct _LiveView LiveView;
LiveView *live_view_new(LiveViewStyle style);
void live_view_ready(LiveView *self, const LiveAddresses *addresses);
void live_view_streams(LiveView *self, const DubJson *streams, int64_t now_ns); /* the array of GET /v1/streams */
/* To stderr, above the streams. @program: who says it */
void live_view_say(LiveView *self, const char *program, const char *line);
/* @event: "died", "stopping"; JSON only. @detail: (transfer full) members to add, may be NULL */
void live_view_event(LiveView *self, const char *event, DubJson *detail);
void live_view_free(LiveView *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LiveView, live_view_free)
