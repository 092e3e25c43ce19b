/* apps/media-service/stream.h: one stream that is being dubbed, with what the endpoints tell of it. Loop thread only.
 */
#pragma once

#include "base/json.h"
#include "base/metrics.h"
#include "config.h"
#include "worker/runner.h"
#include "worker/streams.h"

typedef struct {
    const MediaConfig *config;
    DubMetrics *metrics;
    const char *rtmp_url;   /* of the media server, as this process reaches it */
    const char *rtmp_query; /* behind each path of it: "?key=…", or "" */
    unsigned lease_ttl_ms;  /* 0: there are no leases */
    const char *instance;   /* 16 letters or digits of this process alone; the second half is a secret */
    DubRunnerSpeechFunc create_speech;
    void *factory_data;
    /* Its source has ended, or was cut off: is the publisher still there? */
    void (*on_source_ended)(const char *stream_id, void *factory_data);
    /* The output is to be opened: answered by media_stream_output_owner(), never from inside; NULL: nobody else can
     * have it */
    void (*on_claim)(const char *stream_id, void *factory_data);
} MediaStreamContext; /* outlives its streams */

typedef struct _MediaStream MediaStream;
/* @on_stopped: last call; the stream may be freed in it. @error: NULL for a clean end */
typedef void (*MediaStreamStoppedFunc)(MediaStream *stream, const GError *error, void *user_data);

/* @entry: as the table starts it; @previous: (nullable): instance whose lease it was; @source: the URL that it is read
 * from */
MediaStream *media_stream_new(const MediaStreamContext *context, const DubStreamEntry *entry, const char *previous,
                              const char *source, MediaStreamStoppedFunc on_stopped, void *user_data, GError **error);
/* Whether a publisher's @query chooses among several sounds, which a server's RTMP may leave out. */
bool media_stream_chooses_track(const char *query);
void media_stream_free(MediaStream *self);
const char *media_stream_id(const MediaStream *self);
bool media_stream_resume(MediaStream *self, const char *source, bool is_same); /* as dub_runner_resume() */
/* The media server's answer. @owner: who publishes the output, "" when it does not say, NULL: nobody. @error: it gives
 * none */
void media_stream_output_owner(MediaStream *self, const char *owner, const GError *error);
void media_stream_note_output(MediaStream *self, const char *owner); /* at each list: while it is open, this is us */
void media_stream_source_gone(
    MediaStream *self); /* says the media server; nothing new for a stream that drains already */
void media_stream_stop(MediaStream *self, unsigned within_ms);
void media_stream_lose(MediaStream *self);              /* it is another's: freed next, with no goodbye */
void media_stream_refresh(MediaStream *self);           /* metrics and checkpoint follow the worker */
DubJson *media_stream_to_json(const MediaStream *self); /* (transfer full) for GET /v1/streams */
