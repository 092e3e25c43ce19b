/* engines/cost.h: how long an engine takes, learnt from how long it took. Pure: the owner locks.
 * The amount is what the time grows with: seconds of sound for recognition, characters for the other stages. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct {
    double mean_s, deviation_s; /* of the time for one unit */
    guint64 n;                  /* pieces seen; 0: nothing is known */
} DubCost;

void dub_cost_add(DubCost *self, double amount, int64_t taken_ns);

int64_t dub_cost_mean_ns(const DubCost *self, double amount); /* 0 when nothing is known */

/* Returns: the time within which nearly all pieces of @amount are done; 0 when nothing is known */
int64_t dub_cost_estimate_ns(const DubCost *self, double amount);
