/* base/metrics.h: Prometheus metrics, text format 0.0.4. Thread-safe: one lock a registry, held for an update only.
 * Families are declared once, as a table; a child (one set of label values) appears with its first update and goes
 * with dub_metrics_remove(), so that an ended stream leaves no series behind. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum { DUB_METRIC_COUNTER, DUB_METRIC_GAUGE, DUB_METRIC_HISTOGRAM } DubMetricType;

typedef struct {
    const char *name; /* whole: "media_service_worker_fallback_total" */
    DubMetricType type;
    const char *help;
    const char *labels;    /* names separated by ',': "stream_id,reason"; NULL for none; at most 4 */
    const double *buckets; /* HISTOGRAM: rising upper bounds, ended by 0; +Inf is added */
} DubMetricSpec;

typedef struct _DubMetrics DubMetrics;
DubMetrics *dub_metrics_new(const DubMetricSpec *specs, gsize n_specs); /* @specs: static, kept by reference */
void dub_metrics_free(DubMetrics *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubMetrics, dub_metrics_free)

/* @metric: index in the table. @...: one const char * per label of the family, in its order (copied), then NULL. */
void dub_metrics_add(DubMetrics *self, guint metric, double amount,
                     ...) G_GNUC_NULL_TERMINATED; /* counter (>= 0), gauge */
void dub_metrics_set(DubMetrics *self, guint metric, double value, ...) G_GNUC_NULL_TERMINATED;     /* gauge, counter */
void dub_metrics_observe(DubMetrics *self, guint metric, double value, ...) G_GNUC_NULL_TERMINATED; /* histogram */
/* Drops every child of every family whose label @label has the value @value. */
void dub_metrics_remove(DubMetrics *self, const char *label, const char *value);
char *dub_metrics_to_text(
    DubMetrics *self); /* (transfer full); families without children are left out, label-less ones are 0 */
