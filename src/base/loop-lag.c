/* base/loop-lag.c: a source that knows when it should have run. */
#include "base/loop-lag.h"

#include "base/timer.h"

#define EACH_US (100 * G_TIME_SPAN_MILLISECOND)

const double dub_loop_lag_buckets[] = { 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5, 0 };

struct _DubLoopLag {
    DubMetrics *metrics;
    guint family;
    GSource *source;
    gint64 due_us;
};

static gboolean on_due(void *data)
{
    DubLoopLag *self = data;
    const gint64 now_us = g_get_monotonic_time();
    dub_metrics_observe(self->metrics, self->family, (double) MAX(now_us - self->due_us, 0) / G_USEC_PER_SEC, NULL);
    self->due_us = now_us + EACH_US;
    g_source_set_ready_time(self->source, self->due_us);
    return G_SOURCE_CONTINUE;
}

DubLoopLag *dub_loop_lag_new(DubMetrics *metrics, guint family)
{
    DubLoopLag *self = g_new0(DubLoopLag, 1);
    self->metrics = metrics;
    self->family = family;
    self->source = dub_timer_new(on_due, self, NULL);
    g_source_set_name(self->source, "loop-lag");
    self->due_us = g_get_monotonic_time() + EACH_US;
    g_source_set_ready_time(self->source, self->due_us);
    g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
    g_source_attach(self->source, context);
    return self;
}

void dub_loop_lag_free(DubLoopLag *self)
{
    if (!self)
        return;
    g_source_destroy(self->source);
    g_source_unref(self->source);
    g_free(self);
}
