/* apps/media-service/stream.h: one stream that is being dubbed, with what the endpoints tell of it. Loop thread only. */
#pragma once

#include "base/json.h"
#include "base/metrics.h"
#include "config.h"
#include "worker/runner.h"

typedef struct {
    const MediaConfig *config;
    DubMetrics *metrics;
    const char *rtmp_url;           /* of the media server, as this process reaches it */
    DubRunnerSpeechFunc create_speech;
    void *factory_data;
} MediaStreamContext;               /* outlives its streams */

typedef struct _MediaStream MediaStream;
/* @on_stopped: last call; the stream may be freed in it. @error: NULL for a clean end */
typedef void (*MediaStreamStoppedFunc)(MediaStream *stream, const GError *error, void *user_data);

/* @query: the publisher's, "lang=fr&voice=…"; may be "" */
MediaStream *media_stream_new(const MediaStreamContext *context, const char *stream_id, const char *query,
                              MediaStreamStoppedFunc on_stopped, void *user_data, GError **error);
void media_stream_free(MediaStream *self);
const char *media_stream_id(const MediaStream *self);
bool media_stream_resume(MediaStream *self);
void media_stream_source_gone(MediaStream *self); /* says the media server; nothing new for a stream that drains already */
void media_stream_stop(MediaStream *self, unsigned within_ms);
void media_stream_refresh(MediaStream *self); /* metrics and checkpoint follow the worker */
DubJson *media_stream_to_json(const MediaStream *self); /* (transfer full) for GET /v1/streams */
