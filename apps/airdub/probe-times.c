/* airdub/probe-times.c: below 128 µs a bin is a microsecond; above, each octave has 64. */
#include "airdub/probe-times.h"

#include <math.h>

#define US_PER_MS   1000.0
#define LINEAR_BINS 128u
#define OCTAVE_BINS 64u
#define LINEAR_BITS 7
#define MAX_US      UINT64_C(0xffffffff)

G_STATIC_ASSERT(PROBE_N_BINS >= LINEAR_BINS + OCTAVE_BINS * (32 - LINEAR_BITS));

static guint bin_of(uint64_t us)
{
    if (us < LINEAR_BINS)
        return (guint) us;
    const guint shift = (guint) (64 - __builtin_clzll(us)) - LINEAR_BITS;
    return LINEAR_BINS + (shift - 1) * OCTAVE_BINS + (guint) (us >> shift) - OCTAVE_BINS;
}

static double middle_ms(guint bin)
{
    if (bin < LINEAR_BINS)
        return bin / US_PER_MS;
    const guint shift = (bin - LINEAR_BINS) / OCTAVE_BINS + 1;
    const double from = ldexp(OCTAVE_BINS + (bin - LINEAR_BINS) % OCTAVE_BINS, (int) shift);
    return (from + ldexp(0.5, (int) shift)) / US_PER_MS;
}

void probe_times_add(ProbeTimes *self, double ms)
{
    ms = fmax(ms, 0);
    self->min_ms = self->n > 0 ? fmin(self->min_ms, ms) : ms;
    self->max_ms = fmax(self->max_ms, ms);
    self->total_ms += ms;
    self->n++;
    self->bins[bin_of((uint64_t) fmin(round(ms * US_PER_MS), MAX_US))]++;
}

double probe_times_quantile_ms(const ProbeTimes *self, double share)
{
    const uint64_t rank = (uint64_t) fmax(1, ceil(share * (double) self->n));
    uint64_t below = 0;
    if (rank >= self->n)
        return self->max_ms;
    if (rank == 1)
        return self->min_ms;
    for (guint bin = 0; bin < PROBE_N_BINS; bin++) {
        below += self->bins[bin];
        if (below >= rank)
            return CLAMP(middle_ms(bin), self->min_ms, self->max_ms);
    }
    return self->max_ms;
}

double probe_times_mean_ms(const ProbeTimes *self)
{
    return self->n > 0 ? self->total_ms / (double) self->n : 0;
}

/* 1, 2, 5, 10, … of the unit of a bin */
static double next_bound_ms(double bound_ms)
{
    const double lead = bound_ms / pow(10, floor(log10(bound_ms) + 0.01));
    return lead > 1.5 && lead < 3 ? bound_ms * 2.5 : bound_ms * 2;
}

GArray *probe_times_bars(const ProbeTimes *self)
{
    GArray *bars = g_array_new(FALSE, FALSE, sizeof(ProbeBar));
    ProbeBar bar = { 1 / US_PER_MS, 0 };
    uint64_t left = self->n;
    for (guint bin = 0; bin < PROBE_N_BINS && left > 0; bin++) {
        for (; middle_ms(bin) > bar.to_ms; bar = (ProbeBar){ next_bound_ms(bar.to_ms), 0 })
            if (bar.n > 0 || bars->len > 0)
                g_array_append_val(bars, bar);
        bar.n += self->bins[bin];
        left -= self->bins[bin];
    }
    if (bar.n > 0)
        g_array_append_val(bars, bar);
    return bars;
}
