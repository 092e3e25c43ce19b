/* timeline/pace.h: does a live source run faster or slower than this machine's clock? Worker's loop thread only; time
 * is an argument.
 *
 * The output follows the source: it keeps the source's timestamps, which its viewers play by, so nothing is resampled
 * for it. Only when things leave is moved, by a millisecond a second at most. What comes late says nothing, networks do
 * that; what came earliest within some seconds does. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    bool has_begun, has_usual;
    int64_t since_ns;    /* of the span that is being looked at */
    int64_t earliest_ns; /* in it */
    int64_t usual_ns;    /* as it was in the first span */
} DubPace;

void dub_pace_reset(DubPace *self); /* what was usual is no longer: a new epoch, a stall */
/* @early_ns: how much earlier something came than the anchor of the playout says.
 * Returns: by how much everything leaves later from now on (negative: earlier); mostly 0 */
int64_t dub_pace_arrived(DubPace *self, int64_t early_ns, int64_t now_ns);
