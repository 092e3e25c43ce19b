/* sts/stats.h: what a stream's fragments came to: counts, mean and 95th percentile of their processing time. One
 * thread. */
#pragma once

#include <glib.h>
#include <stdint.h>

#define DUB_STS_STATS_SAMPLES 1024 /* the percentile is of the newest: 100 minutes of 6 s fragments */

typedef struct {
    uint64_t success, partial, failed;
    int64_t audio_ms; /* of the fragments answered, whatever came of them */
    double total_ms;  /* of all processing times */
    uint64_t n_times;
    float times_ms[DUB_STS_STATS_SAMPLES]; /* ring */
} DubStsStats;

void dub_sts_stats_add_time(DubStsStats *self, double processing_ms);
double dub_sts_stats_average_ms(const DubStsStats *self); /* 0 when there is none */
double dub_sts_stats_p95_ms(const DubStsStats *self);     /* nearest rank; 0 when there is none */
