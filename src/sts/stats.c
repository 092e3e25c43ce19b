/* sts/stats.c */
#include "sts/stats.h"

#include <stdlib.h>
#include <string.h>

void dub_sts_stats_add_time(DubStsStats *self, double processing_ms)
{
    self->times_ms[self->n_times++ % DUB_STS_STATS_SAMPLES] = (float) processing_ms;
    self->total_ms += processing_ms;
}

double dub_sts_stats_average_ms(const DubStsStats *self)
{
    return self->n_times > 0 ? self->total_ms / (double) self->n_times : 0;
}

static int compare(const void *a, const void *b)
{
    const float x = *(const float *) a, y = *(const float *) b;
    return (x > y) - (x < y);
}

double dub_sts_stats_p95_ms(const DubStsStats *self)
{
    const gsize n = MIN(self->n_times, DUB_STS_STATS_SAMPLES);
    if (n == 0)
        return 0;
    g_autofree float *sorted = g_memdup2(self->times_ms, n * sizeof sorted[0]);
    qsort(sorted, n, sizeof sorted[0], compare);
    return (double) sorted[(n * 95 + 99) / 100 - 1];
}
