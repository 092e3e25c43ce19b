/* A source whose time is moved, also by another thread. */
#include "base/timer.h"

typedef struct {
    GSource *timer;
    unsigned n_fired;
} Rig;

static gboolean on_fired(void *data)
{
    Rig *rig = data;
    rig->n_fired++;
    g_source_set_ready_time(rig->timer, -1);
    return G_SOURCE_CONTINUE;
}

static void *wake(void *timer)
{
    g_source_set_ready_time(timer, 0);
    return NULL;
}

static void on_destroyed(void *data)
{
    ((Rig *) data)->timer = NULL;
}

static void test_moved(void)
{
    Rig rig = { 0 };
    GSource *timer = rig.timer = dub_timer_new(on_fired, &rig, on_destroyed);
    g_source_attach(timer, NULL);
    g_assert_false(g_main_context_pending(NULL)); /* not due until it is told */
    g_source_set_ready_time(timer, g_get_monotonic_time() + 1000);
    while (rig.n_fired < 1)
        g_main_context_iteration(NULL, TRUE);
    g_assert_false(g_main_context_pending(NULL));
    GThread *thread = g_thread_new("waker", wake, timer);
    while (rig.n_fired < 2)
        g_main_context_iteration(NULL, TRUE);
    g_thread_join(thread);
    g_source_destroy(timer);
    g_source_unref(timer);
    g_assert_null(rig.timer);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/timer/moved", test_moved);
    return g_test_run();
}
