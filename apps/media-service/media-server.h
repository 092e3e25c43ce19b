/* apps/media-service/media-server.h: the media server this service works with, the built-in one or a MediaMTX, behind
 * one face: who publishes. Its path list is asked each second either way. Loop thread only. */
#pragma once

#include "config.h"
#include "worker/streams.h"

typedef struct {
    void (*on_ready)(const DubStreamEntry *entry, void *user_data); /* a hint, at once (built-in only) */
    void (*on_not_ready)(const char *stream_id, void *user_data);
    void (*on_list)(const DubStreamEntry *entries, gsize n_entries, void *user_data); /* the truth */
    void (*on_silence)(void *user_data); /* it was asked for its list and gives none */
} MediaServerCallbacks;

typedef struct _MediaServer MediaServer;
/* Built-in: listens at once; %DUB_ERROR_BUSY names the port and the setting. */
MediaServer *media_server_new(const MediaConfig *config, const MediaServerCallbacks *callbacks, void *user_data,
                              GError **error);
/* The built-in one: players get what is queued for them, and the end. */
void media_server_stop(MediaServer *self);
bool media_server_has_stopped(
    const MediaServer *self); /* nobody is connected any more; another server is not ours to stop */
void media_server_free(MediaServer *self);
const char *media_server_rtmp_url(const MediaServer *self); /* as this process reaches it: "rtmp://127.0.0.1:1935" */
/* Where live/<id>/in is to be read, by the newest list: over RTMP, whose times are exact, or over RTSP what MediaMTX's
 * RTMP leaves out. (transfer full) */
char *media_server_source_url(const MediaServer *self, const char *stream_id);
guint media_server_rtmp_port(const MediaServer *self);  /* built-in; 0 otherwise */
guint media_server_rtmps_port(const MediaServer *self); /* built-in with a certificate; 0 otherwise */
/* "?key=…" behind a path of that URL; "" when the server is not the built-in one */
const char *media_server_rtmp_query(const MediaServer *self);
guint media_server_api_port(const MediaServer *self); /* built-in; 0 otherwise */
void media_server_refresh(MediaServer *self); /* asks at once; the next on_list or on_silence is newer than this call */
/* The same for those whom strangers send: an answer that is under way is not thrown away for them, however many come.
 * Returns: a number; theirs is the first on_list or on_silence in which media_server_answered() is no less */
guint64 media_server_ask(MediaServer *self);
guint64 media_server_answered(const MediaServer *self);
/* Who publishes live/<id>/out, by the newest list: "" when the server does not say who; NULL: nobody */
const char *media_server_output(const MediaServer *self, const char *stream_id);
bool media_server_reachable(const MediaServer *self); /* did it answer when last asked */
