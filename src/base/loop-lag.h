/* base/loop-lag.h: how late a loop is: what is due on it has waited for this long behind whatever ran instead. A
 * histogram that is filled ten times a second. The loop's thread only. */
#pragma once

#include "base/metrics.h"

#define DUB_LOOP_LAG_HELP "How much later than due the loop ran what was due on it, ten times a second"
extern const double dub_loop_lag_buckets[]; /* seconds, ended by 0 */

typedef struct _DubLoopLag DubLoopLag;
/* Of the GMainContext that is thread-default now. @family: of @metrics, a histogram without labels; @metrics must
 * outlive it. */
DubLoopLag *dub_loop_lag_new(DubMetrics *metrics, guint family);
void dub_loop_lag_free(DubLoopLag *self); /* NULL is fine */
