/* timeline/epoch.h: from the source's timestamps to the one output timeline. Worker's loop thread only, no clock.
 *
 * Output time 0 is the earliest first timestamp of the source's streams. While timestamps run on, output = source -
 * offset. A jump (a restarted encoder, a looping file, a lost hour) starts a new epoch with an offset of its own:
 * output time goes on, never backwards, and both streams follow the same offset, so they stay in sync across it. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum { DUB_TRACK_VIDEO, DUB_TRACK_AUDIO, DUB_N_TRACKS } DubTrack;

/* Forward steps up to max_gap_ns are a gap in the same epoch (a stall, lost packets): silence is played. Anything
 * further, and any step back beyond DUB_EPOCH_MAX_BACK_NS, is another time base. */
#define DUB_EPOCH_LIVE_GAP_NS INT64_C(10000000000)   /* longer than any stall that a publisher survives */
#define DUB_EPOCH_FILE_GAP_NS INT64_C(3600000000000) /* a track of a file may start or pause when it likes */
#define DUB_EPOCH_MAX_BACK_NS INT64_C(1000000000)    /* jitter and reordering stay far below */

typedef struct {
    int64_t offset_ns;    /* newest epoch's; output = source - offset */
    int64_t opened_at_ns; /* output time of what opened it */
    unsigned epoch;       /* 0, 1, … */
    struct {
        bool seen;   /* something of it has come */
        bool broken; /* the source was opened anew: nothing it says now belongs to the old offset */
        unsigned epoch;
        int64_t offset_ns; /* the track's own: it follows when its own timestamps jump */
        int64_t end_ns;    /* output time up to which the track has come */
    } tracks[DUB_N_TRACKS];
    bool anchored;
    int64_t max_gap_ns;
} DubEpochs;

void dub_epochs_init(DubEpochs *self, int64_t max_gap_ns);

/* Sets output time 0 at source time @first_ns. Before it, dub_epochs_map() must not be called. */
void dub_epochs_anchor(DubEpochs *self, int64_t first_ns);

/* The source was opened anew: whatever timestamps come next are a new epoch. */
void dub_epochs_break(DubEpochs *self);

/**
 * dub_epochs_map:
 * @source_ns: the timestamp to be judged (decode time for video), @duration_ns: how far the unit reaches
 * @resume_at_ns: output time at which a new epoch may start at the earliest (live: where playing time stands now;
 * files: 0)
 * @offset_ns: (out): what to subtract from all timestamps of this unit
 * Returns: true when this unit opened a new epoch
 */
bool dub_epochs_map(DubEpochs *self, DubTrack track, int64_t source_ns, int64_t duration_ns, int64_t resume_at_ns,
                    int64_t *offset_ns);
