/* sts/faults.h: failures on demand, so that a worker's way with them can be tested. Echo mode only. One thread. */
#pragma once

#include "base/json.h"

#define DUB_STS_MAX_FAULT_RULES 64

typedef struct {
    char *code, *message, *stage;
    bool retryable;
    /*< private >*/
    int trigger;
    uint64_t number; /* sequence_number, nth_fragment */
    char *id;        /* fragment_id */
} DubStsFault;

typedef struct {
    GPtrArray *rules; /* of DubStsFault */
    uint64_t n_seen;  /* fragments, for nth_fragment */
} DubStsFaults;

void dub_sts_faults_init(DubStsFaults *self);
void dub_sts_faults_clear(DubStsFaults *self);
/* Takes a config:error_simulation. On failure (%DUB_ERROR_INVALID_ARGUMENT, names the field) the old rules stay. */
bool dub_sts_faults_configure(DubStsFaults *self, const DubJson *payload, GError **error);
/* One fragment more. Returns: (transfer none) (nullable): the first rule that it meets */
const DubStsFault *dub_sts_faults_next(DubStsFaults *self, const char *fragment_id, uint64_t sequence_number);
