/* worker/worker.h: what happens to one stream, from the first frame to the last: a state machine.
 *
 * One thread. Time is an argument of every event and effects are calls out through DubWorkerEffects, so the whole of it
 * runs under virtual time with no socket, pipeline or engine near it. Effects must not call back into the worker: what
 * they cause comes as a later event. worker/runner.h binds it to the real world.
 *
 *   state       entered when                      leaves when
 *   idle        created                           start
 *   connecting  source and speech are opened      the source has told its shape; an error
 *   running     the source delivers               its end, an error, stop
 *   recovering  the source broke and is retried   it is back; attempts are used up; stop
 *   draining    no more input                     everything is played, the publisher was waited for in vain and the
 *                                                 sink is closed; the publisher is back
 *   stopped     the end; @stopped was called
 */
#pragma once

#include "audio/pcm.h"
#include "speech/speech.h"
#include "timeline/segmenter.h"
#include "worker/breaker.h"

typedef enum {
    DUB_WORKER_IDLE,
    DUB_WORKER_CONNECTING,
    DUB_WORKER_RUNNING,
    DUB_WORKER_RECOVERING,
    DUB_WORKER_DRAINING,
    DUB_WORKER_STOPPED,
} DubWorkerState;
const char *dub_worker_state_to_string(DubWorkerState state);

typedef struct {
    const char *stream_id; /* for the log; copied */
    int64_t segment_ns;    /* nominal: 6 s */
    DubSegmentMode segment_mode;
    int64_t playout_delay_ns; /* 0: from segment_ns, see dub_worker_default_delay() */
    int64_t timeout_ns;       /* a fragment's at the sts-service; bounds the delay too */
    bool paced;               /* play in real time even from a file: the sink is live. A live source always is */
    double bed_gain;          /* linear */
    unsigned breaker_threshold;
    int64_t breaker_cooldown_ns;
    unsigned source_attempts; /* how often a broken live source is opened again in a row: 5 */
    int64_t
        patience_ns; /* so long a live source may be away: meanwhile its last key picture and silence go on; 0: not */
    uint64_t first_fragment; /* a restarted stream goes on counting here */
} DubWorkerConfig;

/* Segment + longest overhang + expected processing + margin, at most segment + timeout. @processing_ns: what a fragment
 * of the nominal length takes; 0: not known: 9.55 s for 6 s segments then. */
int64_t dub_worker_default_delay(int64_t segment_ns, int64_t timeout_ns, int64_t processing_ns);

typedef struct {
    bool has_video;
    bool live;                  /* the source sets the pace; a file can be held */
    unsigned rate_hz, channels; /* of the PCM */
    int64_t head_ns;      /* how much older than its arrival what comes first is: playing is that much further on */
    int64_t first_ns;     /* its timestamp */
    unsigned video_codec; /* any number, another for each: a picture of another codec needs another output */
    bool has_commentary;  /* dub_worker_source_commentary() brings what is recognised, in place of the sound */
} DubWorkerInput;

typedef struct {
    void *payload;                       /* opaque to the worker: it is handed on to push_video, or to free_payload */
    int64_t pts_ns, dts_ns, duration_ns; /* source time; dts and duration may be DUB_TIME_NONE */
    bool key_frame;
    gsize size_bytes;
    bool is_hidden; /* decoded for those behind it, not shown: it may lie before output time 0 */
} DubWorkerVideo;

typedef enum {
    DUB_FALLBACK_NONE,         /* it was dubbed */
    DUB_FALLBACK_DEADLINE,     /* no answer in time */
    DUB_FALLBACK_FAILED,       /* the sts-service said so */
    DUB_FALLBACK_DISCONNECTED, /* no link when its time came, or it was lost with the link */
    DUB_FALLBACK_CIRCUIT_OPEN,
    DUB_FALLBACK_BACKPRESSURE, /* waited for a free slot until its deadline */
    DUB_N_FALLBACKS,
} DubFallback;
const char *dub_fallback_to_string(DubFallback reason); /* the metric's label: "deadline" … */

/* One fragment's fate, told once, in order. */
typedef struct {
    uint64_t index;                /* of the stream, goes on over reconnects */
    int64_t start_ns, duration_ns; /* output timeline */
    DubFallback fallback;
    const DubSpeechResult *result; /* NULL when none came in time */
    int64_t latency_ns;            /* from submit to answer; DUB_TIME_NONE without */
} DubWorkerFragment;

typedef struct {
    uint64_t video_units, video_bytes, audio_segments, audio_bytes; /* taken in */
    uint64_t sent, answered[3];                                     /* by DubSpeechStatus */
    uint64_t dubbed, fallbacks[DUB_N_FALLBACKS];
    uint64_t late; /* answers that came after their deadline: dropped */
    uint64_t epochs, gaps_filled, overlaps_dropped, rebuffers, video_dropped, reconnections, pressure_events[3];
    unsigned inflight, video_queued;
    int64_t audio_queued_ns; /* original that waits to be played */
    int64_t av_delta_ns;     /* of the output, at its muxer; 0 here, filled in by who has the sink */
    int64_t played_ns, delay_ns;
    int64_t
        played_arrived_ns; /* live: when what is played now had come, on the monotonic clock; DUB_TIME_NONE: never */
    int64_t stood_in_ns;   /* of silence in place of a source that was away */
    DubBreakerState breaker;
    uint64_t breaker_failures;
} DubWorkerStats;

typedef struct {
    void (*open_source)(void *user_data);
    void (*close_source)(void *user_data);
    void (*hold_source)(bool held, void *user_data); /* files: too much waits for dubs or for the sink */
    void (*start_speech)(const DubWorkerInput *input, void *user_data);
    void (*submit)(DubFragment *fragment, void *user_data); /* (transfer full) */
    void (*applied)(uint64_t sequence_number, void *user_data);
    void (*end_speech)(void *user_data); /* nothing is awaited of it any more */
    /* Returns: false: dub_worker_sink_opened() or …_error() follows */
    bool (*open_sink)(const DubWorkerInput *input, void *user_data);
    void (*push_video)(void *payload, int64_t pts_ns, int64_t dts_ns, void *user_data); /* payload: (transfer full) */
    void (*push_audio)(DubPcm *pcm, void *user_data); /* (transfer full); contiguous */
    /* (nullable) (transfer none): what the next push_audio is the sum of; contiguous */
    void (*push_stems)(const DubPcm *bed, const DubPcm *dub, void *user_data);
    void (*end_sink)(bool complete, void *user_data);
    void (*fragment_decided)(const DubWorkerFragment *fragment, void *user_data);
    void (*state_changed)(DubWorkerState state, void *user_data);
    void (*stopped)(const GError *error,
                    void *user_data); /* error: why, NULL for a clean end; the worker may be freed later */
    /* Returns: (transfer full) (nullable): what shows the same picture once more; NULL: it cannot be repeated */
    void *(*copy_still)(const void *payload);
    void (*free_payload)(void *payload);
} DubWorkerEffects;

typedef struct _DubWorker DubWorker;
DubWorker *dub_worker_new(const DubWorkerConfig *config, const DubWorkerEffects *effects, void *user_data);
void dub_worker_free(DubWorker *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubWorker, dub_worker_free)

void dub_worker_start(DubWorker *self, int64_t now_ns);
/* No more input; what is in flight is played, then the end. @within_ns: live: all is out by then, evenly and faster
 * than real time; half of that is waited for dubs that are on their way. 0: at its own pace. A second call cuts it
 * short: what is undecided falls back at once. */
void dub_worker_stop(DubWorker *self, int64_t within_ns, int64_t now_ns);
/* The publisher is back while its stream drains or waits for the next attempt, or (@is_same) never left: opens the
 * source again and goes on with the same output, in a new epoch. false: not live, it is being read, stopped by hand, or
 * the output is closing already; and of the same publisher what has failed, or has ended again and again. */
bool dub_worker_resume(DubWorker *self, bool is_same, int64_t now_ns);
void dub_worker_tick(DubWorker *self, int64_t now_ns); /* each 20 ms while live; files need none */

void dub_worker_source_info(DubWorker *self, const DubWorkerInput *input, int64_t now_ns);
void dub_worker_source_video(DubWorker *self, const DubWorkerVideo *video,
                             int64_t now_ns); /* payload: (transfer full) */
void dub_worker_source_audio(DubWorker *self, const DubPcm *pcm, int64_t pts_ns, int64_t now_ns);
/* The clean commentary of a programme, in the source's time: it is recognised, and not heard. @pcm: of any shape */
void dub_worker_source_commentary(DubWorker *self, DubPcm *pcm, int64_t pts_ns, int64_t now_ns);
void dub_worker_source_eos(DubWorker *self, int64_t now_ns);
void dub_worker_source_error(DubWorker *self, const GError *error, int64_t now_ns);

/* What the engines take for a fragment of the nominal length, by their own measure. It sets the playout delay as long
 * as nothing has been played and none was configured; later it changes nothing: the delay is constant for a stream. */
void dub_worker_speech_expected(DubWorker *self, int64_t processing_ns, int64_t now_ns);
void dub_worker_speech_ready(DubWorker *self, unsigned max_inflight, int64_t now_ns);
void dub_worker_speech_result(DubWorker *self, DubSpeechResult *result /* (transfer full) */, int64_t now_ns);
void dub_worker_speech_pressure(DubWorker *self, DubPressure pressure, unsigned delay_ms, int64_t now_ns);
void dub_worker_speech_lost(DubWorker *self, int64_t now_ns);
void dub_worker_speech_failed(DubWorker *self, const GError *error, int64_t now_ns);

void dub_worker_sink_opened(DubWorker *self, int64_t now_ns);
void dub_worker_sink_room(DubWorker *self, bool room, int64_t now_ns);
void dub_worker_sink_finished(DubWorker *self, int64_t now_ns);
void dub_worker_sink_error(DubWorker *self, const GError *error, int64_t now_ns);

DubWorkerState dub_worker_state(const DubWorker *self);
void dub_worker_stats(const DubWorker *self, DubWorkerStats *stats);
