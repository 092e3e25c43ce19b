/* worker/schedule-world.h: the world of a random schedule: what it knows of the stream that it plays with, and the
 * effects that it gives to the worker. Each effect checks that it may happen; schedule_world_check() what holds after
 * each event. */
#pragma once

#include "base/clock.h"
#include "worker/worker.h"

#define RATE       8000u
#define MS         DUB_NS_PER_MS
#define BLOCK_MS   20
#define BLOCK      (RATE / 1000 * BLOCK_MS)
#define CODES      (1 << 20) /* numbers of frames that a level tells apart: two minutes */
#define MOST_STEPS 160
#define FADE       (RATE / 1000 * DUB_CROSSFADE_MS)

typedef enum {
    PLAY,        /* so many blocks of the source */
    WAIT,        /* time passes, and nothing comes */
    SKIP,        /* timestamps go on later, earlier, or elsewhere */
    READY,       /* the link is there */
    ANSWER,      /* one fragment is dubbed, or fails */
    AGAIN,       /* an answer comes twice, or is for nobody */
    PRESSURE,    /* pause, slow down, resume */
    LINK_ERROR,  /* it is lost, or given up */
    EXPECTED,    /* the engines tell what they take */
    AWAY,        /* the source breaks, or ends */
    BACK,        /* the source tells its shape; or who waits for it learns that it is there */
    SINK_BREAKS, /* the output */
    SINK_OPENS,  /* it is ours */
    ROOM,        /* it takes no more, or more again */
    STOP,
    N_EVENTS
} EventType;

typedef struct {
    EventType type;
    unsigned a, b; /* any number: what of it matters, each event says */
} Event;

typedef struct {
    unsigned number;
    unsigned setting[8];
    unsigned n_events;
    Event events[MOST_STEPS];
} Schedule;

typedef struct {
    int64_t first_code, source_ns;
    unsigned base;
    bool taken, is_late, is_early; /* its timestamp lies after, or before the end of the block before it */
} Block;

typedef struct {
    int64_t source_ns, number;
    unsigned base;
    bool key_frame, squeezed, is_still; /* it goes back in time: the worker gives it another */
} Picture;

typedef struct {
    int64_t start_ns, deadline_ns;
    uint64_t sequence_number;
    gsize n_frames;
    float *samples; /* what an echo answers */
    bool is_out, was_lost, succeeded, failed;
} Sent;

typedef struct {
    int64_t from, end; /* output frames */
} FadeIn;

typedef struct {
    const Schedule *schedule;
    char *problem;
    DubWorkerConfig config;
    DubWorker *worker;
    DubWorkerInput input;
    DubWorkerStats stats;
    int64_t now_ns;
    bool live, ended, end_asked, complete, stopped, erred, stop_asked, hurried, cut_short, winding_down;
    int64_t stop_by_ns;
    /* source */
    bool source_open, told, held, is_known;
    int64_t overdue_until_ns;
    int64_t source_ns, furthest_ns,
        sound_end_ns;               /* of the next block; of the pictures and of the sound so far, in this base */
    unsigned channels, video_codec; /* as the source is now */
    unsigned base, blocks_since_key, pictures_in_base;
    GArray *blocks; /* Block */
    int64_t next_code, n_pictures, live_pictures;
    uint64_t pictures_in, pictures_out;
    bool is_late, is_early, has_skipped, may_rejoin;
    /* speech */
    bool speech_started, speech_up;
    unsigned max_inflight;
    uint64_t next_sequence, submitted, results, late;
    GArray *sent; /* Sent: not decided yet */
    uint64_t next_index, n_dubbed, n_original;
    int64_t decided_end_ns, stood_in_ns; /* the silence in place of the source is nobody's fragment */
    /* sink */
    bool sink_open, sink_opening, sink_broke;
    unsigned may_change; /* outputs, because the source came back with what needs another */
    unsigned n_sinks;
    bool sink_has_video, sink_has_sound;
    int64_t sink_frames, last_dts_ns, last_number;
    int64_t out_end; /* frame of the output timeline after the last one pushed; -1: this sink has none */
    int64_t last_code;
    guint block_at;
    bool tailless;    /* the dub decided last */
    GArray *fades;    /* FadeIn */
    bool was_away;    /* something before it was played to nobody */
    gsize n_zeros;    /* frames of silence since last_code */
    int64_t n_unsure; /* frames since last_code that fade in */
    unsigned sound_base, video_base;
    int64_t sound_offset_ns, video_offset_ns; /* output - source, in this sink */
} World;

#define CHECK(w, condition, ...)                                                            \
    do {                                                                                    \
        if (!(condition) && !(w)->problem) {                                                \
            g_autofree char *told = g_strdup_printf(__VA_ARGS__);                           \
            (w)->problem = g_strdup_printf("%s: %s (line %d)", #condition, told, __LINE__); \
        }                                                                                   \
    } while (0)

extern const DubWorkerEffects schedule_world_effects;
extern World *schedule_world_running; /* for what has no argument: free_payload, a crash */

void schedule_world_new_sink(World *w);         /* it is open */
guint schedule_world_count_out(const World *w); /* fragments that have been sent and have no answer */
void schedule_world_check(World *w);
void schedule_world_check_end(World *w);
