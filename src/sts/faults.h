/* sts/faults.h: failures on demand, so that a worker's way with them can be tested. Echo mode only. One thread. */
#pragma once

#include "wire/worker-messages.h"

typedef struct {
    DubErrorSimulation *simulation; /* NULL: nothing fails */
    uint64_t n_seen;                /* fragments, for nth_fragment */
} DubStsFaults;

void dub_sts_faults_set(DubStsFaults *self, DubErrorSimulation *simulation /* (transfer full) (nullable) */);
/* One fragment more. Returns: (transfer none) (nullable): the first rule that it meets */
const DubErrorRule *dub_sts_faults_next(DubStsFaults *self, const DubFragmentData *fragment);
