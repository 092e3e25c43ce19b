/* airdub/probe-times.h: how long things took, in constant memory however many there were: a histogram whose bins are at
 * most 1/64 of their value wide. One thread. */
#pragma once

#include <glib.h>
#include <stdint.h>

#define PROBE_N_BINS 1792 /* up to 2^32 µs, a good hour; what is longer counts as that */

typedef struct {
    uint64_t n;
    double min_ms, max_ms, total_ms;
    uint64_t bins[PROBE_N_BINS];
} ProbeTimes; /* starts zeroed */

void probe_times_add(ProbeTimes *self, double ms); /* negative counts as 0 */
/* Returns: the time that @share (0…1) of all did not take longer than (nearest rank), within 0.8 %; exact at 0 and 1; 0
 * when there is none */
double probe_times_quantile_ms(const ProbeTimes *self, double share);
double probe_times_mean_ms(const ProbeTimes *self);

/* The same as a few bars for people. */
typedef struct {
    double to_ms; /* from the bar before; 1, 2, 5, 10, 20, 50, … times a microsecond */
    uint64_t n;
} ProbeBar;
GArray *probe_times_bars(
    const ProbeTimes *self); /* (transfer full) (element-type ProbeBar): from the first that is not empty to the last */
