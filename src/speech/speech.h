/* speech/speech.h: the seam. A fragment goes in, its dub comes out; nothing above knows whether the engines run in this
 * process (speech/local.h) or behind Socket.IO (speech/remote.h).
 * Loop thread only: create, call and free on the thread whose thread-default GMainContext was current at creation;
 * callbacks come on it, never from inside a call. After dub_speech_free() none comes any more. */
#pragma once

#include "audio/pcm.h"
#include "engines/engine.h"
#include "speech/lines.h"
#include "wire/sts-messages.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct _DubKept DubKept; /* speech/kept.h */

typedef struct {
    const char *stream_id, *worker_id; /* [A-Za-z0-9_-]{1,64} */
    const char *takes_over; /* (nullable) worker_id whose stream it was: an sts-service closes that one's connection */
    const char *source_language, *target_language; /* ISO 639-1 */
    const char *voice;                             /* NULL or "default": the language's own */
    unsigned rate_hz, channels;                    /* of the fragments; dubs come back at this rate, 1 or 2 channels */
    unsigned segment_ms;                           /* nominal, 100…30000 */
    unsigned max_inflight;                         /* wanted, 1…10 */
    unsigned timeout_ms;                           /* a fragment's, 1000…30000 */
    DubKept *kept; /* (nullable) of the local backend: answers what it has, and keeps what the engines give */
} DubSpeechConfig;

typedef struct {
    uint64_t sequence_number; /* 0, 1, 2, … since the last on_ready */
    int64_t start_ns;         /* output timeline; carried as metadata.pts_ns */
    DubPcm *pcm;              /* mono or stereo at config's rate; owned */
    int64_t deadline_ns;      /* nobody wants the dub later than this, dub_clock_now(); 0: no hurry */
    char **log_tags;          /* nullable, owned: dub_log_set_tags() while it is worked on */
    GPtrArray *given;         /* nullable, owned: of DubSpeechLine, by their start: what is said, so nobody listens */
} DubFragment;
DubFragment *dub_fragment_new(uint64_t sequence_number, int64_t start_ns, DubPcm *pcm /* (transfer full) */);
void dub_fragment_free(DubFragment *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubFragment, dub_fragment_free)

/* What the engines themselves used, by stage: on threads of this process, and in programs of their own. */
typedef struct {
    int64_t threads_ns[DUB_N_STAGES], programs_ns[DUB_N_STAGES];
} DubSpeechCpu;

typedef struct {
    uint64_t sequence_number;
    DubFragmentProcessed *answer; /* owned, never NULL: status, texts, times, error, metadata. Its texts are never NULL;
                                   * the ids and the audio in it are the wire's, and not set here */
    DubPcm *dub;                  /* starts at the fragment's first sample, config's rate; NULL when failed */
    DubSpeechCpu cpu;             /* zeros where the engines run elsewhere */
    GPtrArray *lines;             /* owned, of DubSpeechLine; NULL where the engines run elsewhere */
} DubSpeechResult;
DubSpeechResult *dub_speech_result_new(uint64_t sequence_number);
/* @answer: (transfer full) */
DubSpeechResult *dub_speech_result_new_for(uint64_t sequence_number, DubFragmentProcessed *answer);
void dub_speech_result_free(DubSpeechResult *self);
/* Where the original speaks, within the fragment, in ns. false: not known */
bool dub_speech_result_span(const DubSpeechResult *self, int64_t *start_ns, int64_t *end_ns);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSpeechResult, dub_speech_result_free)

typedef enum { DUB_PRESSURE_NONE, DUB_PRESSURE_SLOW_DOWN, DUB_PRESSURE_PAUSE } DubPressure;

typedef struct {
    /* Before on_ready, by a backend that knows it: what a fragment of the nominal length takes. May be NULL. */
    void (*on_expected)(int64_t processing_ns, void *user_data);
    /* Fragments may be submitted, numbered from 0. @max_inflight: what the backend agreed to. Comes again after a
     * reconnect; what was in flight before is lost then and will not be answered. */
    void (*on_ready)(unsigned max_inflight, void *user_data);
    /* @result: (transfer full). In sequence order. */
    void (*on_result)(DubSpeechResult *result, void *user_data);
    void (*on_pressure)(DubPressure pressure, unsigned delay_ms, void *user_data);
    /* The link broke; the backend tries again by itself. @attempt: 1…; on_ready follows when it is back. */
    void (*on_lost)(const GError *error, unsigned attempt, void *user_data);
    /* No use in trying: wrong language, auth refused, attempts used up. Nothing follows. */
    void (*on_failed)(const GError *error, void *user_data);
    /* After dub_speech_end(): everything is answered. */
    void (*on_complete)(void *user_data);
} DubSpeechCallbacks;

typedef struct _DubSpeech DubSpeech;

/* What a backend implements; its struct begins with a DubSpeech. */
typedef struct {
    const char *name; /* "local", "remote" */
    void (*start)(DubSpeech *self);
    void (*submit)(DubSpeech *self, DubFragment *fragment);
    void (*applied)(DubSpeech *self, uint64_t sequence_number);
    void (*end)(DubSpeech *self);
    void (*free)(DubSpeech *self);
} DubSpeechClass;
struct _DubSpeech {
    const DubSpeechClass *klass;
    DubSpeechCallbacks callbacks;
    void *user_data;
};

void dub_speech_start(DubSpeech *self); /* connect or load; on_ready or on_failed follows */
/* @fragment: (transfer full). Only while ready; keeping to max_inflight is the caller's part. Each is answered by
 * exactly one on_result, unless on_lost or free comes first. */
void dub_speech_submit(DubSpeech *self, DubFragment *fragment);
void dub_speech_applied(DubSpeech *self, uint64_t sequence_number); /* its dub is on the output timeline */
void dub_speech_end(DubSpeech *self);                               /* no more fragments; on_complete follows */
void dub_speech_free(DubSpeech *self);                              /* at any time; work in flight is cancelled */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSpeech, dub_speech_free)
