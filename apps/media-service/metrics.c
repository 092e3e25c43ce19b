/* apps/media-service/metrics.c: one table of families; counters are set from the worker's own, so nothing is counted
 * twice. */
#include "metrics.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/loop-lag.h"

#define NAME(rest) "media_service_worker_" rest

enum {
    INFO,
    SEGMENTS,
    SEGMENT_BYTES,
    SENT,
    PROCESSED,
    LATENCY,
    INFLIGHT,
    BREAKER_STATE,
    BREAKER_FAILURES,
    BREAKER_FALLBACKS,
    FALLBACKS,
    AV_DELTA,
    AV_CORRECTIONS,
    BUFFER_VIDEO,
    BUFFER_AUDIO,
    ERRORS,
    PIPELINE,
    PRESSURE,
    RECONNECTIONS,
    DUBBED,
    LATE,
    REBUFFERS,
    STOOD_IN,
    DELAY,
    RESERVE,
    LOOP_LAG,
    LEASES,
    LEASE_EVENTS,
    LEASE_STORE,
    N_FAMILIES
};

static const double latency_buckets[] = { 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15, 0 };

static const DubMetricSpec families[N_FAMILIES] = {
    [INFO] = { NAME("info_info"), DUB_METRIC_GAUGE, "Always 1: a worker exists for the stream", "stream_id,worker_id",
               NULL },
    [SEGMENTS] = { NAME("segments_processed_total"), DUB_METRIC_COUNTER, "Segments cut from the input",
                   "stream_id,type", NULL },
    [SEGMENT_BYTES] = { NAME("segments_bytes_total"), DUB_METRIC_COUNTER,
                        "Bytes taken in: encoded video, decoded audio", "stream_id,type", NULL },
    [SENT] = { NAME("sts_fragments_sent_total"), DUB_METRIC_COUNTER, "Fragments sent to sts-service", "stream_id",
               NULL },
    [PROCESSED] = { NAME("sts_fragments_processed_total"), DUB_METRIC_COUNTER, "Answers of sts-service",
                    "stream_id,status", NULL },
    [LATENCY] = { NAME("sts_processing_latency_seconds"), DUB_METRIC_HISTOGRAM, "From sending a fragment to its answer",
                  "stream_id", latency_buckets },
    [INFLIGHT] = { NAME("sts_inflight_fragments"), DUB_METRIC_GAUGE, "Fragments sent and not yet answered", "stream_id",
                   NULL },
    [BREAKER_STATE] = { NAME("circuit_breaker_state"), DUB_METRIC_GAUGE, "0 closed, 1 half-open, 2 open", "stream_id",
                        NULL },
    [BREAKER_FAILURES] = { NAME("circuit_breaker_failures_total"), DUB_METRIC_COUNTER, "Retryable failures counted",
                           "stream_id", NULL },
    [BREAKER_FALLBACKS] = { NAME("circuit_breaker_fallbacks_total"), DUB_METRIC_COUNTER,
                            "Fragments that played the original because the breaker was open", "stream_id", NULL },
    [FALLBACKS] = { NAME("fallback_total"), DUB_METRIC_COUNTER, "Fragments that played the original",
                    "stream_id,reason", NULL },
    [AV_DELTA] = { NAME("av_sync_delta_ms"), DUB_METRIC_GAUGE,
                   "How far sound is ahead of the pictures where both are muxed into the output", "stream_id", NULL },
    [AV_CORRECTIONS] = { NAME("av_sync_corrections_total"), DUB_METRIC_COUNTER,
                         "Gaps filled with silence and overlaps dropped", "stream_id", NULL },
    [BUFFER_VIDEO] = { NAME("av_buffer_video_size"), DUB_METRIC_GAUGE, "Access units that wait for their playout time",
                       "stream_id", NULL },
    [BUFFER_AUDIO] = { NAME("av_buffer_audio_size"), DUB_METRIC_GAUGE, "Milliseconds of audio that wait", "stream_id",
                       NULL },
    [ERRORS] = { NAME("errors_total"), DUB_METRIC_COUNTER, "Workers that ended with an error", "stream_id,error_type",
                 NULL },
    [PIPELINE] = { NAME("pipeline_state"), DUB_METRIC_GAUGE, "0 stopped, 1 connecting, 2 draining, 3 playing",
                   "stream_id,pipeline", NULL },
    [PRESSURE] = { NAME("backpressure_events_total"), DUB_METRIC_COUNTER, "Backpressure events received",
                   "stream_id,action", NULL },
    [RECONNECTIONS] = { NAME("reconnections_total"), DUB_METRIC_COUNTER, "Times the link to sts-service broke",
                        "stream_id", NULL },
    [DUBBED] = { NAME("dubbed_total"), DUB_METRIC_COUNTER, "Fragments that played their dub", "stream_id", NULL },
    [LATE] = { NAME("late_answers_total"), DUB_METRIC_COUNTER, "Answers dropped: their deadline had passed",
               "stream_id", NULL },
    [REBUFFERS] = { NAME("rebuffers_total"), DUB_METRIC_COUNTER, "Times the input stalled for longer than the delay",
                    "stream_id", NULL },
    [STOOD_IN] = { NAME("source_away_seconds_total"), DUB_METRIC_COUNTER,
                   "Output in which silence and the last picture stood in for a source that was away", "stream_id",
                   NULL },
    [LOOP_LAG] = { "media_service_loop_lag_seconds", DUB_METRIC_HISTOGRAM, DUB_LOOP_LAG_HELP, NULL,
                   dub_loop_lag_buckets },
    [RESERVE] = { NAME("in_reserve"), DUB_METRIC_GAUGE, "1: another publishes the stream's output", "stream_id", NULL },
    [LEASES] = { "media_service_leases_held", DUB_METRIC_GAUGE, "Streams whose lease this service has", NULL, NULL },
    [LEASE_EVENTS] = { "media_service_lease_events_total", DUB_METRIC_COUNTER,
                       "Leases won, lost while they were in use, and found to be others'", "event", NULL },
    [LEASE_STORE] = { "media_service_lease_store_up", DUB_METRIC_GAUGE, "1: the store of leases answers", NULL, NULL },
    [DELAY] = { NAME("playout_delay_seconds"), DUB_METRIC_GAUGE, "From a frame in to the same frame out", "stream_id",
                NULL },
};

DubMetrics *media_metrics_new(void)
{
    return dub_metrics_new(families, N_FAMILIES);
}

DubLoopLag *media_metrics_watch_loop(DubMetrics *metrics)
{
    return dub_loop_lag_new(metrics, LOOP_LAG);
}

void media_metrics_begin(DubMetrics *metrics, const char *stream_id, const char *worker_id)
{
    dub_metrics_set(metrics, INFO, 1, stream_id, worker_id, NULL);
}

static int input_state(DubWorkerState state)
{
    switch (state) {
    case DUB_WORKER_CONNECTING:
    case DUB_WORKER_RECOVERING: return 1;
    case DUB_WORKER_RUNNING: return 3;
    case DUB_WORKER_IDLE:
    case DUB_WORKER_DRAINING:
    case DUB_WORKER_STOPPED: return 0;
    }
    return 0;
}

static int output_state(DubWorkerState state, const DubWorkerStats *stats)
{
    if (state == DUB_WORKER_STOPPED || state == DUB_WORKER_IDLE)
        return 0;
    if (state == DUB_WORKER_DRAINING)
        return 2;
    return stats->played_ns > 0 ? 3 : 1;
}

static void set(DubMetrics *metrics, int family, const char *stream_id, double value)
{
    dub_metrics_set(metrics, (guint) family, value, stream_id, NULL);
}

static void update_speech(DubMetrics *metrics, const char *stream_id, const DubWorkerStats *stats)
{
    static const char *const actions[] = { "none", "slow_down", "pause" };
    set(metrics, SENT, stream_id, (double) stats->sent);
    set(metrics, INFLIGHT, stream_id, stats->inflight);
    set(metrics, BREAKER_STATE, stream_id, stats->breaker);
    set(metrics, BREAKER_FAILURES, stream_id, (double) stats->breaker_failures);
    set(metrics, BREAKER_FALLBACKS, stream_id, (double) stats->fallbacks[DUB_FALLBACK_CIRCUIT_OPEN]);
    set(metrics, RECONNECTIONS, stream_id, (double) stats->reconnections);
    set(metrics, LATE, stream_id, (double) stats->late);
    for (int i = 0; i < 3; i++) {
        dub_metrics_set(metrics, PROCESSED, (double) stats->answered[i], stream_id,
                        dub_processed_status_to_string((DubProcessedStatus) i), NULL);
        dub_metrics_set(metrics, PRESSURE, (double) stats->pressure_events[i], stream_id, actions[i], NULL);
    }
    for (int i = DUB_FALLBACK_NONE + 1; i < DUB_N_FALLBACKS; i++)
        dub_metrics_set(metrics, FALLBACKS, (double) stats->fallbacks[i], stream_id,
                        dub_fallback_to_string((DubFallback) i), NULL);
}

void media_metrics_update(DubMetrics *metrics, const char *stream_id, DubWorkerState state, const DubWorkerStats *stats,
                          uint64_t dubbed_before)
{
    update_speech(metrics, stream_id, stats);
    dub_metrics_set(metrics, SEGMENTS, (double) stats->audio_segments, stream_id, "audio", NULL);
    /* Video is not cut; a segment of it is what plays beside a segment of sound. */
    dub_metrics_set(metrics, SEGMENTS, stats->video_units ? (double) stats->audio_segments : 0, stream_id, "video",
                    NULL);
    dub_metrics_set(metrics, SEGMENT_BYTES, (double) stats->audio_bytes, stream_id, "audio", NULL);
    dub_metrics_set(metrics, SEGMENT_BYTES, (double) stats->video_bytes, stream_id, "video", NULL);
    set(metrics, AV_DELTA, stream_id, (double) stats->av_delta_ns / DUB_NS_PER_MS);
    set(metrics, AV_CORRECTIONS, stream_id, (double) (stats->gaps_filled + stats->overlaps_dropped));
    set(metrics, BUFFER_VIDEO, stream_id, stats->video_queued);
    set(metrics, BUFFER_AUDIO, stream_id, (double) (stats->audio_queued_ns / DUB_NS_PER_MS));
    set(metrics, DUBBED, stream_id, (double) (dubbed_before + stats->dubbed));
    set(metrics, REBUFFERS, stream_id, (double) stats->rebuffers);
    set(metrics, STOOD_IN, stream_id, (double) stats->stood_in_ns / DUB_NS_PER_S);
    set(metrics, DELAY, stream_id, (double) stats->delay_ns / DUB_NS_PER_S);
    dub_metrics_set(metrics, PIPELINE, input_state(state), stream_id, "input", NULL);
    dub_metrics_set(metrics, PIPELINE, output_state(state, stats), stream_id, "output", NULL);
}

void media_metrics_latency(DubMetrics *metrics, const char *stream_id, double seconds)
{
    dub_metrics_observe(metrics, LATENCY, seconds, stream_id, NULL);
}

void media_metrics_reserve(DubMetrics *metrics, const char *stream_id, bool is_in_reserve)
{
    set(metrics, RESERVE, stream_id, is_in_reserve);
}

void media_metrics_leases(DubMetrics *metrics, unsigned held, bool is_store_up)
{
    dub_metrics_set(metrics, LEASES, held, NULL);
    dub_metrics_set(metrics, LEASE_STORE, is_store_up, NULL);
}

void media_metrics_lease_event(DubMetrics *metrics, const char *event)
{
    dub_metrics_add(metrics, LEASE_EVENTS, 1, event, NULL);
}

/* The words of PROTOCOL.md; what is nobody's fault but ours is internal. */
static const char *error_type(const GError *error)
{
    if (error->domain != DUB_ERROR)
        return "internal";
    switch ((DubErrorCode) error->code) {
    case DUB_ERROR_NO_AUDIO: return "no_audio";
    case DUB_ERROR_UNSUPPORTED: return "unsupported_codec";
    case DUB_ERROR_CORRUPT: return "corrupt";
    case DUB_ERROR_STALLED: return "stalled";
    case DUB_ERROR_NETWORK:
    case DUB_ERROR_PROTOCOL:
    case DUB_ERROR_NOT_FOUND: return "network";
    case DUB_ERROR_BUSY:
    case DUB_ERROR_AUTH: return "refused";
    case DUB_ERROR_TIMEOUT: return "timeout";
    case DUB_ERROR_NO_SPACE:
    case DUB_ERROR_IO: return "disk";
    case DUB_ERROR_ENGINE:
    case DUB_ERROR_BACKPRESSURE: return "engine";
    case DUB_ERROR_FAILED:
    case DUB_ERROR_INVALID_ARGUMENT:
    case DUB_ERROR_CANCELLED:
    case DUB_N_ERRORS: break;
    }
    return "internal";
}

void media_metrics_error(DubMetrics *metrics, const char *stream_id, const GError *error)
{
    dub_metrics_add(metrics, ERRORS, 1, stream_id, error_type(error), NULL);
}

void media_metrics_forget(DubMetrics *metrics, const char *stream_id)
{
    dub_metrics_remove(metrics, "stream_id", stream_id);
}
