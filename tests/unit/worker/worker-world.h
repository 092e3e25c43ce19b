/* tests/unit/worker/worker-world.h: what is around a worker, under virtual time: a scripted source and speech backend,
 * a sink that checks what it gets. No socket, pipeline, engine or clock: a minute of streaming takes milliseconds. */
#pragma once

#include "worker/worker.h"

#include "base/clock.h"

#define RATE     16000u
#define BLOCK_MS 20
#define FRAME_MS 40
#define MS       DUB_NS_PER_MS
#define NEVER    G_MAXUINT

typedef struct {
    const char *name;
    bool live, has_video;
    unsigned length_ms;             /* of the source */
    unsigned ready_at_ms;           /* NEVER: the link does not come up */
    unsigned answer_after_ms;       /* NEVER: no answers */
    unsigned fail_from, fail_to;    /* sequence numbers answered with a retryable failure, [from, to) */
    unsigned lose_at_ms, lost_ms;   /* the link breaks, 0: it does not; it is back so much later, or 3 s */
    unsigned leap_at_ms, leap_ms;   /* from there on the sound is so much later */
    unsigned jump_at_ms;            /* the source's timestamps start again from 0 */
    unsigned stall_at_ms, stall_ms; /* nothing arrives for this long, then all of it at once */
    unsigned head_ms;               /* so much has happened when the source opens: all of it comes at once */
    unsigned stop_at_ms;            /* asked to stop within 10 s */
    unsigned away_at_ms, away_ms;   /* the publisher ends, and is back with timestamps from 0 */
    unsigned back_age_ms;           /* … and so much of what comes then has waited for its key frame */
    unsigned patience_ms;           /* so long the source may be away */
    unsigned back_rate_hz, back_channels, back_codec; /* what it comes back with; 0: as it was */
    bool back_without_video;
    bool told_back;                  /* … which the worker is told, and need not find out */
    bool breaks_away;                /* … it ends as an error, and so does what is tried meanwhile */
    unsigned claim_ms;               /* so long it takes to be told that the output is ours */
    bool dts_repeats;                /* every third picture has the DTS of the one before it, as some muxers write */
    unsigned n_hidden;               /* so many pictures that an edit list hides come before the first one shown */
    unsigned breaks, break_after_ms; /* so often the output breaks, so long after it was opened */
    /* expected */
    bool gives_up; /* over the breaks */
    int min_dubbed, max_dubbed;
    DubFallback reason; /* at least one of these */
    unsigned max_rebuffers;
} Case;

typedef struct {
    uint64_t sequence_number;
    int64_t at_ns;
    gsize n_frames;
} Answer;

typedef struct {
    const Case *c;
    DubWorker *worker;
    int64_t now_ns, start_ns;
    bool source_open, held, speech_started, speech_up, sink_open, ended, complete, stopped, lost, is_back;
    int64_t arrived_ms; /* of the source */
    GArray *answers;
    unsigned live_payloads, n_opens;
    int64_t worst_queued_ns; /* of original sound */
    int n_waited;            /* blocks of sound, for the first picture */
    int64_t out_frames, last_dts_ns, last_video_pts_ns, first_out_ns;
    int64_t worst_late_ns;                     /* of a picture against p + D */
    int64_t worst_gap_ns[2];                   /* of the clock, between two pieces of sound, two pictures */
    int64_t came_ns[2], sink_frames, apart_ns; /* since the output was opened; the most that both were apart */
    unsigned n_sinks, n_stills, n_submitted;
    GError *error;
    unsigned n_breaks;
    int64_t sink_opened_ns, sink_asked_ns;
    bool sink_opening;
    int decided, dubbed, reasons[DUB_N_FALLBACKS];
    uint64_t next_index, last_sequence;
} World;

/* When what happens at that moment of the source is stamped. */
int64_t world_source_time(const World *w, int64_t ms);
void world_move_source(World *w);
void world_move_speech(World *w);
void world_run(World *w);
void world_expect_outcome(const World *w);
void world_run_case(const Case *c, void (*run)(World *w), void (*expect)(const World *w));
