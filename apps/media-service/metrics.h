/* apps/media-service/metrics.h: the names of PROTOCOL's "Metrics", filled from a worker's statistics. Loop thread only.
 */
#pragma once

#include "base/loop-lag.h"
#include "worker/worker.h"

DubMetrics *media_metrics_new(void);
DubLoopLag *media_metrics_watch_loop(DubMetrics *metrics);
/* A worker exists: its info series appears before anything was processed. */
void media_metrics_begin(DubMetrics *metrics, const char *stream_id, const char *worker_id);
/* @dubbed_before: by the stream's workers before this one */
void media_metrics_update(DubMetrics *metrics, const char *stream_id, DubWorkerState state, const DubWorkerStats *stats,
                          uint64_t dubbed_before);
void media_metrics_latency(DubMetrics *metrics, const char *stream_id, double seconds);
void media_metrics_reserve(DubMetrics *metrics, const char *stream_id, bool is_in_reserve);
void media_metrics_leases(DubMetrics *metrics, unsigned held, bool is_store_up);
void media_metrics_lease_event(DubMetrics *metrics, const char *event);
void media_metrics_error(DubMetrics *metrics, const char *stream_id, const GError *error);
void media_metrics_forget(DubMetrics *metrics, const char *stream_id);
