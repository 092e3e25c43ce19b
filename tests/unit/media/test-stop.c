/* tests/unit/media/test-stop.c: a pipeline whose element sits in a call and does not come out when it is told to
 * stop. */
#include "base/log.h"
#include "media/bounded-stop.h"

typedef struct {
    GMutex lock;
    GCond changed;
    bool is_in, may_go; /* guarded by lock */
    gint is_gone;       /* atomic */
    unsigned n_stopped, n_ticks;
} Hang;

/* The streaming thread */
static void on_handoff(G_GNUC_UNUSED GstElement *sink, G_GNUC_UNUSED GstBuffer *buffer, G_GNUC_UNUSED GstPad *pad,
                       void *data)
{
    Hang *hang = data;
    g_mutex_lock(&hang->lock);
    hang->is_in = true;
    g_cond_broadcast(&hang->changed);
    while (!hang->may_go)
        g_cond_wait(&hang->changed, &hang->lock);
    g_mutex_unlock(&hang->lock);
}

static GstElement *hanging_pipeline(Hang *hang)
{
    GstElement *pipeline = gst_parse_launch("fakesrc ! fakesink name=sink signal-handoffs=true sync=false", NULL);
    g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    g_signal_connect(sink, "handoff", G_CALLBACK(on_handoff), hang);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    g_mutex_lock(&hang->lock);
    while (!hang->is_in)
        g_cond_wait(&hang->changed, &hang->lock);
    g_mutex_unlock(&hang->lock);
    return pipeline;
}

static void let_go(Hang *hang)
{
    g_mutex_lock(&hang->lock);
    hang->may_go = true;
    g_cond_broadcast(&hang->changed);
    g_mutex_unlock(&hang->lock);
}

static void on_gone(void *data)
{
    g_atomic_int_set(&((Hang *) data)->is_gone, 1);
}

static void on_stopped(void *data)
{
    ((Hang *) data)->n_stopped++;
}

static gboolean on_tick(void *data)
{
    ((Hang *) data)->n_ticks++;
    return G_SOURCE_CONTINUE;
}

/* What else is on the loop does not notice. */
static void test_nobody_waits(void)
{
    Hang hang = { 0 };
    g_mutex_init(&hang.lock);
    g_cond_init(&hang.changed);
    GstElement *pipeline = hanging_pipeline(&hang);
    const guint tick = g_timeout_add(10, on_tick, &hang);
    dub_gst_stop(pipeline, on_gone, &hang, on_stopped, &hang);
    while (hang.n_ticks < 20)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(g_atomic_int_get(&hang.is_gone), ==, 0); /* and it still hangs */
    g_assert_cmpuint(hang.n_stopped, ==, 0);
    let_go(&hang);
    while (!hang.n_stopped)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(g_atomic_int_get(&hang.is_gone), ==, 1);
    g_source_remove(tick);
    g_mutex_clear(&hang.lock);
    g_cond_clear(&hang.changed);
}

/* The owner is told after a bounded time, and what the pipeline's threads may be in is not freed. */
static void test_hangs_for_ever(void)
{
    Hang *hang = g_new0(Hang, 1); /* its thread keeps it */
    const gint64 began_us = g_get_monotonic_time();
    dub_gst_stop(hanging_pipeline(hang), on_gone, hang, on_stopped, hang);
    while (!hang->n_stopped)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(g_get_monotonic_time() - began_us, >=, DUB_PIPELINE_STOP_MAX_MS * G_TIME_SPAN_MILLISECOND);
    g_assert_cmpint(g_atomic_int_get(&hang->is_gone), ==, 0);
    let_go(hang);
    while (!g_atomic_int_get(&hang->is_gone))
        g_thread_yield();
    g_assert_cmpuint(hang->n_stopped, ==, 1);
    g_free(hang);
}

static void test_forgotten(void)
{
    Hang hang = { 0 };
    GstElement *pipeline = gst_parse_launch("fakesrc ! fakesink", NULL);
    dub_gst_stop_forget(dub_gst_stop(pipeline, on_gone, &hang, on_stopped, &hang));
    while (!g_atomic_int_get(&hang.is_gone))
        g_main_context_iteration(NULL, FALSE);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    g_assert_cmpuint(hang.n_stopped, ==, 0);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    dub_log_setup("test-stop", DUB_LOG_ERROR, DUB_LOG_TEXT);
    g_test_add_func("/media/stop/nobody-waits", test_nobody_waits);
    g_test_add_func("/media/stop/hangs-for-ever", test_hangs_for_ever);
    g_test_add_func("/media/stop/forgotten", test_forgotten);
    return g_test_run();
}
