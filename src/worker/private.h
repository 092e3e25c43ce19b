/* worker/private.h: the worker's struct, shared by worker.c (states, events), intake.c (what the source
 * delivers) and play.c (what is sent, decided, played). */
#pragma once

#include "audio/drift.h"
#include "audio/resampler.h"
#include "timeline/companion.h"
#include "timeline/epoch.h"
#include "timeline/mixer.h"
#include "timeline/pace.h"
#include "timeline/playout.h"
#include "timeline/speech-mix.h"
#include "worker/fragments.h"
#include "worker/worker.h"

#define DUB_WORKER_VIDEO_BYTES_MAX (G_GUINT64_CONSTANT(512) * 1024 * 1024) /* 40 s at 100 Mbit/s */

typedef enum {
    LINK_DOWN, /* never started, lost (it comes back by itself), or failed (restarted at retry_ns) */
    LINK_READY,
    LINK_ENDED, /* told that nothing follows */
} SpeechLink;

typedef enum { SINK_CLOSED, SINK_OPENING, SINK_OPEN, SINK_BROKEN, SINK_ENDING, SINK_DONE } SinkState;

typedef struct {
    int64_t at_ns; /* output time; DUB_TIME_NONE: nothing of it has come yet */
    DubWorkerInput input;
} DubOutputChange;

struct _DubWorker {
    DubWorkerConfig config;
    DubWorkerEffects effects;
    void *user_data;
    char *stream_id;

    DubWorkerState state;
    GError *error; /* why it stops, NULL for a clean end */
    DubWorkerInput input;
    bool known;               /* the source has told its shape */
    int64_t age_ns, first_ns; /* of what this opening of the source began with, until it has its place: input's */
    bool paced;               /* real time: deadlines count */
    bool stop_asked;          /* cut short: a file does not get its final name */
    int64_t decide_by_ns;     /* the end is hurried: until then it waits for dubs; DUB_TIME_NONE: it is not */
    int64_t hurry_ns;         /* in which what is in hand leaves then */
    bool held;
    bool starving; /* live: everything received is played */

    /* Before output time 0 is known: what came of the first stream waits for the other. */
    GQueue early;      /* Early *, at most EARLY_MAX */
    bool early_has[2]; /* something of sound, of video */
    int64_t early_since_ns;
    DubEpochs epochs;
    int64_t sound_offset_ns; /* of the epoch that the newest sound belongs to */
    bool in_overlap;         /* more of the sound that comes has been heard already */
    DubResampler *resampler; /* what comes with another rate or number of channels than the first source's */
    DubDrift *drift;         /* makes sound fit that runs at another rate than its timestamps */
    int64_t drift_ns;        /* smoothed distance of audio's timestamps from its frame count */
    DubPace pace;
    int64_t last_dts_ns; /* of the video taken in, output time */
    int64_t arrived_ns;  /* when the newest sound came; DUB_TIME_NONE: none did */

    int64_t owed_frames; /* silence before the first of `delayed`, which is written as there is room for it */
    GQueue delayed;      /* Delayed *: the sound after it; next to nothing, since the source is held */

    int64_t away_until_ns;     /* the source broke off: it is waited for until then */
    bool awaits[DUB_N_TRACKS]; /* … and nothing of the track has come since */
    int64_t away_since_ns;
    bool stands_in;    /* its place is being filled, and that was said */
    void *still;       /* payload of the newest key picture that has left and can be repeated; NULL */
    gsize still_bytes; /* of it */
    int64_t shown_ns;  /* output time up to which pictures have left */

    GQueue changes;          /* DubOutputChange *: where the source came back with what needs another output */
    bool is_changing_output; /* it is being opened: what is due waits for it, not for long */

    DubSpeechMix *speech_mix; /* what the segmenter gets of the sound */
    DubSegmenter *segmenter;
    DubCompanion *commentary;  /* what is recognised; NULL: the sound that is heard */
    bool is_commentary_missed; /* said once, until it is back */
    DubMixer *mixer;
    DubPlayout *playout;
    DubFragments *fragments;

    SpeechLink link;
    uint64_t next_sequence; /* on the present link */
    unsigned max_inflight;
    int64_t speech_retry_ns; /* a failed backend is made anew then; DUB_TIME_NONE: it is alive */
    int64_t send_after_ns;   /* backpressure asked for a pause */
    DubBreaker breaker;

    SinkState sink;
    bool sink_room;
    unsigned sink_breaks; /* since it last ran well: they have an end */
    int64_t sink_opened_ns, sink_retry_ns;
    int64_t sink_broken_ns;   /* since when there is none; DUB_TIME_NONE */
    GError *sink_error;       /* what broke it last; NULL: it never broke */
    bool sink_was_broken;     /* once is enough: from then on it begins with a picture */
    bool sink_started;        /* something was pushed since it was opened */
    int64_t sink_base_frame;  /* output frame that is the sink's 0 */
    unsigned source_attempts; /* breaks since it last ran well */
    int64_t source_opened_ns, source_retry_ns;

    DubWorkerStats stats;
};

int64_t dub_worker_end(const DubWorker *self); /* of what has come, output time */
void dub_worker_hurry_from(DubWorker *self, int64_t position_ns, int64_t now_ns);
int64_t dub_worker_frames_to_ns(const DubWorker *self, int64_t frames);
void dub_worker_play(DubWorker *self, int64_t now_ns);          /* send, decide, render, push: as far as things stand */
bool dub_worker_is_full(const DubWorker *self, int64_t now_ns); /* a file has enough in hand */
bool dub_worker_all_played(const DubWorker *self);
void dub_worker_take_segments(DubWorker *self);
void dub_worker_hear_commentary(DubWorker *self, bool is_all); /* is_all: what has not come by now will not */
/* In place of a source that is away, up to that frame of the output. Nobody need dub it. */
void dub_worker_put_silence(DubWorker *self, int64_t until_frame);
void dub_worker_forget_still(DubWorker *self);                                 /* no picture is to be repeated */
bool dub_worker_awaits(const DubWorker *self, DubTrack track, int64_t now_ns); /* there is hope for it */
void dub_worker_go_on(DubWorker *self,
                      int64_t now_ns); /* the end of every event: play on, and see whether that was all */
bool dub_worker_take_owed(DubWorker *self,
                          int64_t now_ns); /* one piece of what waits for room; whether there was any, and room */
void dub_worker_finish_intake(DubWorker *self, int64_t now_ns); /* nothing follows: what waits for its place gets one */
void dub_worker_end_drift(DubWorker *self);    /* the sound has a gap here, or its end: nothing of it is held */
void dub_worker_clear_intake(DubWorker *self); /* frees what waits */
