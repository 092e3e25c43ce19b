/* media/bounded-stop.c: each stop has a thread, which may hang; what the loop wants to know comes to it as an event. */
#include "media/bounded-stop.h"

#include "base/log.h"
#include "base/timer.h"

struct _DubGstStop {
    gatomicrefcount refs; /* the loop's and the thread's */
    GstElement *pipeline;
    GDestroyNotify gone;
    void *data;
    GMutex lock;
    GCond changed;
    bool is_stopped; /* guarded by lock */
    /* the loop's: */
    GSource *event; /* ready when it has stopped, or too late */
    DubGstStoppedFunc stopped;
    void *user_data;
};

static void stop_unref(void *data)
{
    DubGstStop *self = data;
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    g_source_unref(self->event);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->changed);
    g_free(self);
}

static DubGstStop *stop_ref(DubGstStop *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

static void *run_stop(void *data)
{
    DubGstStop *self = data;
    if (self->pipeline)
        gst_element_set_state(self->pipeline, GST_STATE_NULL);
    gst_clear_object(&self->pipeline);
    if (self->gone)
        self->gone(self->data);
    g_mutex_lock(&self->lock);
    self->is_stopped = true;
    g_cond_signal(&self->changed);
    g_mutex_unlock(&self->lock);
    g_source_set_ready_time(self->event, 0);
    stop_unref(self);
    return NULL;
}

static bool is_stopped(DubGstStop *self)
{
    g_mutex_lock(&self->lock);
    const bool is = self->is_stopped;
    g_mutex_unlock(&self->lock);
    return is;
}

static void warn(void)
{
    dub_warning("a media pipeline did not stop within %d ms; it is left behind", DUB_PIPELINE_STOP_MAX_MS);
}

static gboolean on_event(void *data)
{
    DubGstStop *self = data;
    if (!is_stopped(self))
        warn();
    const DubGstStoppedFunc stopped = self->stopped;
    void *user_data = self->user_data;
    g_source_destroy(self->event); /* and with it the loop's reference */
    if (stopped)
        stopped(user_data);
    return G_SOURCE_REMOVE;
}

static DubGstStop *stop_new(GstElement *pipeline)
{
    DubGstStop *self = g_new0(DubGstStop, 1);
    g_atomic_ref_count_init(&self->refs); /* the thread's */
    self->pipeline = pipeline;
    g_mutex_init(&self->lock);
    g_cond_init(&self->changed);
    self->event = dub_timer_new(NULL, NULL, NULL);
    return self;
}

static bool wait_until_stopped(DubGstStop *self)
{
    const gint64 deadline_us = g_get_monotonic_time() + DUB_PIPELINE_STOP_MAX_MS * G_TIME_SPAN_MILLISECOND;
    g_mutex_lock(&self->lock);
    while (!self->is_stopped && g_cond_wait_until(&self->changed, &self->lock, deadline_us)) {
    }
    const bool is = self->is_stopped;
    g_mutex_unlock(&self->lock);
    return is;
}

bool dub_gst_bounded_stop(GstElement *pipeline)
{
    DubGstStop *self = stop_ref(stop_new(pipeline));
    g_thread_unref(g_thread_new("media-stop", run_stop, self));
    const bool is = wait_until_stopped(self);
    if (!is)
        warn();
    stop_unref(self);
    return is;
}

DubGstStop *dub_gst_stop(GstElement *pipeline, GDestroyNotify gone, void *data, DubGstStoppedFunc stopped,
                         void *user_data)
{
    DubGstStop *self = stop_new(pipeline);
    self->gone = gone;
    self->data = data;
    self->stopped = stopped;
    self->user_data = user_data;
    g_source_set_name(self->event, "media-stop");
    g_source_set_callback(self->event, on_event, stop_ref(self), stop_unref);
    g_source_set_ready_time(self->event, g_get_monotonic_time() + DUB_PIPELINE_STOP_MAX_MS * G_TIME_SPAN_MILLISECOND);
    g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
    g_source_attach(self->event, context);
    g_thread_unref(g_thread_new("media-stop", run_stop, self));
    return stopped ? self : NULL;
}

void dub_gst_stop_forget(DubGstStop *self)
{
    if (self)
        self->stopped = NULL; /* the event is still the one that warns */
}
