/* timeline/epoch.c: a track follows its own offset until its timestamps stop making sense under it; then the newest
 * epoch's, when the timestamp fits there; else it opens the next one. */
#include "timeline/epoch.h"

#include <string.h>

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
    for (int i = 0; i < DUB_N_TRACKS; i++)
        self->tracks[i].broken = true;
}

static bool runs_on(const DubEpochs *self, DubTrack track, int64_t output_ns)
{
    const int64_t step = output_ns - self->tracks[track].end_ns;
    return step <= self->max_gap_ns && step >= -DUB_EPOCH_MAX_BACK_NS;
}

/* After a break the track's own end says nothing: it lies as far back as the break was long. */
static bool fits_newest(const DubEpochs *self, DubTrack track, int64_t output_ns)
{
    if (!self->tracks[track].broken)
        return runs_on(self, track, output_ns);
    return ABS(output_ns - self->opened_at_ns) <= DUB_EPOCH_LIVE_GAP_NS;
}

bool dub_epochs_map(DubEpochs *self, DubTrack track, int64_t source_ns, int64_t duration_ns, int64_t resume_at_ns,
                    int64_t *offset_ns)
{
    g_return_val_if_fail(self->anchored, false);
    const unsigned before = self->epoch;
    const bool own = !self->tracks[track].broken && runs_on(self, track, source_ns - self->tracks[track].offset_ns);
    if (!own) {
        const bool newer = self->tracks[track].epoch < self->epoch;
        if (!newer || !fits_newest(self, track, source_ns - self->offset_ns))
            open_epoch(self, source_ns, resume_at_ns);
        self->tracks[track].offset_ns = self->offset_ns;
        self->tracks[track].epoch = self->epoch;
        self->tracks[track].broken = false;
    }
    *offset_ns = self->tracks[track].offset_ns;
    self->tracks[track].end_ns = MAX(self->tracks[track].end_ns, source_ns - *offset_ns + duration_ns);
    return self->epoch != before;
}
