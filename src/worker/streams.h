/* worker/streams.h: which streams there should be, against which there are. Loop thread only; time is an argument.
 *
 * Hooks are a hint, the media server's path list is the truth: a lost hook, a restart of any part or a stream that was
 * published before we started all end in the same state. A publisher is known by its source id, so that one that came
 * back is told from one that never left. live/<id>/out has one owner: who finds it published stays in reserve. */
#pragma once

#include "worker/leases.h"

typedef struct {
    const char *stream_id; /* "x" of live/x/in */
    const char *source_id; /* the publisher's connection; "" when the server does not say */
    const char *query;     /* what the publisher wrote behind the path; "" for none */
    const char *output_id; /* who publishes live/x/out: "" when the server does not say; NULL: nobody does */
    const GError *refusal; /* (nullable) its tracks are known, and this is why it cannot be dubbed */
    bool is_taken_over;    /* told with start: it was in reserve until now */
} DubStreamEntry;

typedef struct {
    /* A worker for a stream that has none. Answered by dub_streams_ended() when it is over. */
    void (*start)(const DubStreamEntry *entry, void *user_data);
    /* Go on with the same output: a publisher came back while the stream drains, or (@is_same) it never left and only
     * our reading of it was cut off. false: too late, it ends first. */
    bool (*resume)(const char *stream_id, bool is_same, void *user_data);
    /* The publisher is gone, says the server, and the worker has not noticed: drain. */
    void (*stop)(const char *stream_id, void *user_data);
    /* Another media-service has the stream, or has it no more: told when it changes. Nothing is done to it
     * meanwhile. */
    void (*reserve)(const char *stream_id, bool is_in_reserve, void *user_data);
    /* It cannot be dubbed: told once a publisher. */
    void (*refuse)(const char *stream_id, const GError *refusal, void *user_data);
    /* (nullable) whether its lease is ours: as dub_leases_want(), and likewise it is asked for from here on. When the
     * answer changes to ours, dub_streams_owned(). NULL: the media server's path alone decides. */
    DubLeasesAnswer (*own)(const char *stream_id, bool looks_free, void *user_data);
    /* (nullable) It is not wanted any more, and not in use. */
    void (*disown)(const char *stream_id, void *user_data);
} DubStreamsEffects;

typedef enum {
    DUB_STREAMS_STARTED,
    DUB_STREAMS_ALREADY, /* it runs, or will when its turn comes */
    DUB_STREAMS_RESUMED,
    DUB_STREAMS_FULL,    /* as many run as may; it starts when one ends */
    DUB_STREAMS_RESERVE, /* another media-service has it; it starts when that one lets go of it */
    DUB_STREAMS_REFUSED, /* it cannot be dubbed */
    DUB_STREAMS_WAITING, /* for its lease */
} DubStreamsAnswer;
const char *dub_streams_answer_to_string(DubStreamsAnswer answer); /* "started" … */

typedef struct _DubStreams DubStreams;
/* @max_streams: MAX_CONCURRENT_STREAMS; more wait */
DubStreams *dub_streams_new(guint max_streams, const DubStreamsEffects *effects, void *user_data);
void dub_streams_free(DubStreams *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStreams, dub_streams_free)

DubStreamsAnswer dub_streams_ready(DubStreams *self, const DubStreamEntry *entry, int64_t now_ns);
void dub_streams_not_ready(DubStreams *self, const char *stream_id, int64_t now_ns);
/* The whole truth: what is not in @entries is not published. */
void dub_streams_listed(DubStreams *self, const DubStreamEntry *entries, gsize n_entries, int64_t now_ns);
/* Its worker has lost its source and plays what it has. While the publisher is still listed, it goes on. */
void dub_streams_source_ended(DubStreams *self, const char *stream_id);
/* @failed: it ended with an error: while its publisher stays, it is tried again after 2, 4, 8, 16, 32, 32 … s. */
void dub_streams_ended(DubStreams *self, const char *stream_id, bool failed, int64_t now_ns);
/* Its lease is ours now. It starts, or the lease is given back. */
void dub_streams_owned(DubStreams *self, const char *stream_id, int64_t now_ns);
guint dub_streams_running(const DubStreams *self);
