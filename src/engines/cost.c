/* engines/cost.c: an exponential mean and its mean deviation, as TCP keeps them of round trips (RFC 6298): the last
 * dozen pieces count, one that took long on a busy machine does not stay for ever. */
#include "engines/cost.h"

#include <math.h>

#define MEAN_SHARE      0.125
#define DEVIATION_SHARE 0.25
#define DEVIATIONS      2.0
#define AMOUNT_LEAST    0.5 /* a piece of almost nothing says nothing of the time for a unit */

void dub_cost_add(DubCost *self, double amount, int64_t taken_ns)
{
    if (amount < AMOUNT_LEAST || taken_ns < 0)
        return;
    const double unit_s = (double) taken_ns / 1e9 / amount;
    if (self->n++ == 0) {
        self->mean_s = unit_s;
        self->deviation_s = unit_s / 4;
        return;
    }
    self->deviation_s += DEVIATION_SHARE * (fabs(unit_s - self->mean_s) - self->deviation_s);
    self->mean_s += MEAN_SHARE * (unit_s - self->mean_s);
}

int64_t dub_cost_mean_ns(const DubCost *self, double amount)
{
    return self->n ? (int64_t) (self->mean_s * amount * 1e9) : 0;
}

int64_t dub_cost_estimate_ns(const DubCost *self, double amount)
{
    if (self->n == 0)
        return 0;
    return (int64_t) ((self->mean_s + DEVIATIONS * self->deviation_s) * amount * 1e9);
}
