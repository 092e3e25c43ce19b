/* media/bounded-stop.c: a network element may sit in a system call when it is told to stop. */
#include "media/bounded-stop.h"

#include "base/log.h"

typedef struct {
    gatomicrefcount refs; /* the waiting loop and the thread */
    GstElement *pipeline;
    GMutex lock;
    GCond changed;
    bool is_stopped; /* guarded by lock */
} Stop;

static void unref_stop(Stop *stop)
{
    if (!g_atomic_ref_count_dec(&stop->refs))
        return;
    g_mutex_clear(&stop->lock);
    g_cond_clear(&stop->changed);
    g_free(stop);
}

static void *run_stop(void *data)
{
    Stop *stop = data;
    gst_element_set_state(stop->pipeline, GST_STATE_NULL);
    gst_object_unref(stop->pipeline);
    g_mutex_lock(&stop->lock);
    stop->is_stopped = true;
    g_cond_signal(&stop->changed);
    g_mutex_unlock(&stop->lock);
    unref_stop(stop);
    return NULL;
}

static bool wait_until_stopped(Stop *stop)
{
    const gint64 deadline_us = g_get_monotonic_time() + DUB_PIPELINE_STOP_MAX_MS * G_TIME_SPAN_MILLISECOND;
    g_mutex_lock(&stop->lock);
    while (!stop->is_stopped && g_cond_wait_until(&stop->changed, &stop->lock, deadline_us)) {
    }
    const bool is_stopped = stop->is_stopped;
    g_mutex_unlock(&stop->lock);
    return is_stopped;
}

bool dub_gst_bounded_stop(GstElement *pipeline)
{
    Stop *stop = g_new0(Stop, 1);
    g_atomic_ref_count_init(&stop->refs);
    g_atomic_ref_count_inc(&stop->refs);
    g_mutex_init(&stop->lock);
    g_cond_init(&stop->changed);
    stop->pipeline = pipeline;
    g_thread_unref(g_thread_new("media-stop", run_stop, stop));
    const bool is_stopped = wait_until_stopped(stop);
    if (!is_stopped)
        dub_warning("a media pipeline did not stop within %d ms; it is left behind", DUB_PIPELINE_STOP_MAX_MS);
    unref_stop(stop);
    return is_stopped;
}
