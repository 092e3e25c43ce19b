/* timeline/epoch.c: a track follows its own offset until its timestamps stop making sense under it; then the other
 * track's or the newest epoch's, where the timestamp fits there; else it opens the next one. */
#include "timeline/epoch.h"

#include <string.h>

#define STEP_NS INT64_C(100000000) /* no jitter */
#define NEAR_NS INT64_C(500000000) /* as far as sound and picture of one place come apart */

void dub_epochs_init(DubEpochs *self, int64_t max_gap_ns)
{
    memset(self, 0, sizeof *self);
    self->max_gap_ns = max_gap_ns;
}

void dub_epochs_anchor(DubEpochs *self, int64_t first_ns)
{
    self->anchored = true;
    self->offset_ns = first_ns;
    for (int i = 0; i < DUB_N_TRACKS; i++)
        self->tracks[i].offset_ns = first_ns;
}

static int64_t furthest_end(const DubEpochs *self)
{
    int64_t end = 0;
    for (int i = 0; i < DUB_N_TRACKS; i++)
        end = MAX(end, self->tracks[i].end_ns);
    return end;
}

static void open_epoch(DubEpochs *self, int64_t source_ns, int64_t resume_at_ns)
{
    self->opened_at_ns = MAX(furthest_end(self), resume_at_ns);
    self->offset_ns = source_ns - self->opened_at_ns;
    self->epoch++;
}

void dub_epochs_break(DubEpochs *self)
{
    for (int i = 0; i < DUB_N_TRACKS; i++) {
        self->tracks[i].broken = true;
        self->tracks[i].epoch = self->epoch; /* no epoch of before is one to follow the other track into */
    }
}

static bool runs_on(const DubEpochs *self, DubTrack track, int64_t output_ns)
{
    const int64_t step = output_ns - self->tracks[track].end_ns;
    return step <= self->max_gap_ns && step >= -DUB_EPOCH_MAX_BACK_NS;
}

/* After a break, or a stall of both, the track's own end says nothing: it lies as far back as that was long. */
static bool fits_newest(const DubEpochs *self, DubTrack track, int64_t output_ns)
{
    const bool follows = !self->tracks[track].broken && runs_on(self, track, output_ns);
    return follows || ABS(output_ns - self->opened_at_ns) <= DUB_EPOCH_LIVE_GAP_NS;
}

/* A step near the bounds is one to the other track and none to this one, whose end lies some milliseconds elsewhere. It
 * has stepped too, if not as far, and fits better where the other has gone. */
static bool steps_into_newest(const DubEpochs *self, DubTrack track, int64_t source_ns)
{
    if (self->tracks[track].epoch == self->epoch)
        return false;
    const int64_t end_ns = self->tracks[track].end_ns;
    const int64_t own_step = ABS(source_ns - self->tracks[track].offset_ns - end_ns);
    const int64_t newest_step = ABS(source_ns - self->offset_ns - end_ns);
    return own_step > STEP_NS && newest_step < own_step;
}

/* Only this track had left, for less than what the other needs to show the same: it comes back to where the other is.
 */
static bool rejoins_other(DubEpochs *self, DubTrack track, int64_t source_ns)
{
    const DubTrack other = track == DUB_TRACK_AUDIO ? DUB_TRACK_VIDEO : DUB_TRACK_AUDIO;
    if (self->tracks[track].broken || self->tracks[other].broken || !self->tracks[other].seen ||
        !runs_on(self, track, source_ns - self->tracks[other].offset_ns))
        return false;
    self->tracks[track].offset_ns = self->tracks[other].offset_ns;
    self->tracks[track].epoch = self->tracks[other].epoch;
    return true;
}

/* A track that had left alone and cannot go back to where the other is takes it along: both are at one place of the
 * source. */
static void take_other_along(DubEpochs *self, DubTrack track, int64_t source_ns)
{
    const DubTrack other = track == DUB_TRACK_AUDIO ? DUB_TRACK_VIDEO : DUB_TRACK_AUDIO;
    const int64_t other_source_ns = self->tracks[other].end_ns + self->tracks[other].offset_ns;
    if (!self->tracks[other].seen || self->tracks[other].broken || ABS(source_ns - other_source_ns) > NEAR_NS)
        return;
    self->tracks[other].offset_ns = self->offset_ns;
    self->tracks[other].epoch = self->epoch;
    self->tracks[other].end_ns = self->opened_at_ns;
}

static void follow_newest(DubEpochs *self, DubTrack track, int64_t source_ns, int64_t resume_at_ns)
{
    const bool newer = self->tracks[track].epoch < self->epoch;
    if (!newer || !fits_newest(self, track, source_ns - self->offset_ns)) {
        open_epoch(self, source_ns, resume_at_ns);
        take_other_along(self, track, source_ns);
    }
    self->tracks[track].offset_ns = self->offset_ns;
    self->tracks[track].epoch = self->epoch;
    self->tracks[track].broken = false;
}

bool dub_epochs_map(DubEpochs *self, DubTrack track, int64_t source_ns, int64_t duration_ns, int64_t resume_at_ns,
                    int64_t *offset_ns)
{
    g_return_val_if_fail(self->anchored, false);
    const unsigned before = self->epoch;
    const bool own = !self->tracks[track].broken && runs_on(self, track, source_ns - self->tracks[track].offset_ns) &&
                     !steps_into_newest(self, track, source_ns);
    if (!own && !rejoins_other(self, track, source_ns))
        follow_newest(self, track, source_ns, resume_at_ns);
    self->tracks[track].seen = true;
    *offset_ns = self->tracks[track].offset_ns;
    self->tracks[track].end_ns = MAX(self->tracks[track].end_ns, source_ns - *offset_ns + duration_ns);
    return self->epoch != before;
}
