/* Unit tests of sts/pool, on real threads. Jobs wait for a gate, never for a time. */
#include "sts/pool.h"

typedef struct {
    GMutex lock;
    GCond cond;
    bool open;
    guint inside;   /* jobs that wait at the gate */
    GString *begun; /* names in the order they began */
    GString *done;  /* names in the order `done` came */
    guint freed;
} Gate;

typedef struct {
    Gate *gate;
    char name;
    bool cancelled;
} Job;

static void on_cancelled(G_GNUC_UNUSED GCancellable *cancellable, Gate *gate)
{
    g_mutex_lock(&gate->lock);
    g_cond_broadcast(&gate->cond);
    g_mutex_unlock(&gate->lock);
}

static void run_job(void *data, GCancellable *cancellable)
{
    Job *job = data;
    Gate *gate = job->gate;
    const gulong id = g_cancellable_connect(cancellable, G_CALLBACK(on_cancelled), gate, NULL);
    g_mutex_lock(&gate->lock);
    g_string_append_c(gate->begun, job->name);
    gate->inside++;
    g_cond_broadcast(&gate->cond);
    while (!gate->open && !g_cancellable_is_cancelled(cancellable))
        g_cond_wait(&gate->cond, &gate->lock);
    gate->inside--;
    job->cancelled = g_cancellable_is_cancelled(cancellable);
    g_mutex_unlock(&gate->lock);
    g_cancellable_disconnect(cancellable, id);
}

static void job_done(void *data)
{
    const Job *job = data;
    g_string_append_c(job->gate->done, job->cancelled ? '!' : job->name);
}

static void job_free(void *data)
{
    Job *job = data;
    g_mutex_lock(&job->gate->lock);
    job->gate->freed++;
    g_cond_broadcast(&job->gate->cond);
    g_mutex_unlock(&job->gate->lock);
    g_free(job);
}

static const DubStsJobClass job_class = { run_job, job_done, job_free };

static void gate_init(Gate *gate)
{
    *gate = (Gate){ .begun = g_string_new(NULL), .done = g_string_new(NULL) };
    g_mutex_init(&gate->lock);
    g_cond_init(&gate->cond);
}

static void gate_clear(Gate *gate)
{
    g_string_free(gate->begun, TRUE);
    g_string_free(gate->done, TRUE);
    g_mutex_clear(&gate->lock);
    g_cond_clear(&gate->cond);
}

static void open_gate(Gate *gate)
{
    g_mutex_lock(&gate->lock);
    gate->open = true;
    g_cond_broadcast(&gate->cond);
    g_mutex_unlock(&gate->lock);
}

static void wait_inside(Gate *gate, guint n)
{
    g_mutex_lock(&gate->lock);
    while (gate->inside != n)
        g_cond_wait(&gate->cond, &gate->lock);
    g_mutex_unlock(&gate->lock);
}

static void wait_done(Gate *gate, gsize n)
{
    while (gate->done->len < n)
        g_main_context_iteration(NULL, TRUE);
}

static GCancellable *push(DubStsLane *lane, Gate *gate, char name)
{
    Job *job = g_new0(Job, 1);
    job->gate = gate;
    job->name = name;
    GCancellable *cancellable = g_cancellable_new();
    dub_sts_lane_push(lane, &job_class, job, cancellable);
    return cancellable;
}

static void push_all(DubStsLane *lane, Gate *gate, const char *names)
{
    for (; *names; names++)
        g_object_unref(push(lane, gate, *names));
}

static void test_lanes_take_turns(void)
{
    Gate gate;
    gate_init(&gate);
    g_autoptr(DubStsPool) pool = dub_sts_pool_new(1);
    g_autoptr(DubStsLane) a = dub_sts_lane_new(pool, 1);
    g_autoptr(DubStsLane) b = dub_sts_lane_new(pool, 1);
    push_all(a, &gate, "1");
    wait_inside(&gate, 1);
    push_all(a, &gate, "234");
    push_all(b, &gate, "xy");
    g_assert_cmpuint(dub_sts_lane_count_queued(a), ==, 3);
    open_gate(&gate);
    wait_done(&gate, 6);
    g_assert_true(g_str_equal(gate.begun->str, "1x2y34") || g_str_equal(gate.begun->str, "12x3y4"));
    g_assert_cmpstr(gate.done->str, ==, gate.begun->str);
    g_assert_cmpuint(dub_sts_lane_count_queued(a), ==, 0);
    g_clear_pointer(&a, dub_sts_lane_free);
    g_clear_pointer(&b, dub_sts_lane_free);
    g_clear_pointer(&pool, dub_sts_pool_free);
    g_assert_cmpuint(gate.freed, ==, 6);
    gate_clear(&gate);
}

static void test_lane_is_bounded(void)
{
    Gate gate;
    gate_init(&gate);
    g_autoptr(DubStsPool) pool = dub_sts_pool_new(3);
    DubStsLane *a = dub_sts_lane_new(pool, 1);
    DubStsLane *b = dub_sts_lane_new(pool, 2);
    push_all(a, &gate, "1234");
    push_all(b, &gate, "xyz");
    wait_inside(&gate, 3);
    g_assert_cmpuint(dub_sts_lane_count_queued(a), ==, 3);
    g_assert_cmpuint(dub_sts_lane_count_queued(b), ==, 1);
    open_gate(&gate);
    wait_done(&gate, 7);
    dub_sts_lane_free(a);
    dub_sts_lane_free(b);
    g_clear_pointer(&pool, dub_sts_pool_free);
    gate_clear(&gate);
}

static void test_cancel_one(void)
{
    Gate gate;
    gate_init(&gate);
    g_autoptr(DubStsPool) pool = dub_sts_pool_new(1);
    DubStsLane *lane = dub_sts_lane_new(pool, 1);
    g_autoptr(GCancellable) first = push(lane, &gate, '1');
    g_autoptr(GCancellable) second = push(lane, &gate, '2');
    g_cancellable_cancel(first);
    wait_done(&gate, 1);
    g_cancellable_cancel(second);
    wait_done(&gate, 2);
    g_assert_cmpstr(gate.done->str, ==, "!!"); /* each told */
    dub_sts_lane_free(lane);
    g_clear_pointer(&pool, dub_sts_pool_free);
    gate_clear(&gate);
}

static void test_free_lane_cancels(void)
{
    Gate gate;
    gate_init(&gate);
    g_autoptr(DubStsPool) pool = dub_sts_pool_new(1);
    DubStsLane *gone = dub_sts_lane_new(pool, 1);
    DubStsLane *stays = dub_sts_lane_new(pool, 1);
    push_all(gone, &gate, "123");
    wait_inside(&gate, 1);
    dub_sts_lane_free(gone); /* the gate is shut: only the cancelling lets the job out */
    open_gate(&gate);
    push_all(stays, &gate, "x");
    wait_done(&gate, 1);
    g_assert_cmpstr(gate.done->str, ==, "x");
    g_assert_cmpstr(gate.begun->str, ==, "1x");
    dub_sts_lane_free(stays);
    g_clear_pointer(&pool, dub_sts_pool_free);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(gate.freed, ==, 4);
    gate_clear(&gate);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sts/pool/lanes-take-turns", test_lanes_take_turns);
    g_test_add_func("/sts/pool/lane-is-bounded", test_lane_is_bounded);
    g_test_add_func("/sts/pool/cancel-one", test_cancel_one);
    g_test_add_func("/sts/pool/free-lane-cancels", test_free_lane_cancels);
    return g_test_run();
}
