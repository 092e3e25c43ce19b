/* sts/pool.c: one lock guards the queues; it is never held while a job runs. */
#include "sts/pool.h"

struct _DubStsPool {
    GMutex lock; /* guards ready and closing, and of each lane: queue, running, listed, freed */
    GCond work;
    GQueue ready; /* of DubStsLane that a thread may take from; whose turn it is stands first */
    bool closing;
    GMainContext *context;
    GPtrArray *threads; /* of GThread */
};

struct _DubStsLane {
    gatomicrefcount refs; /* the owner's and one for each task */
    DubStsPool *pool;
    GPtrArray *cancellables; /* of the tasks that are not done; loop thread only */
    GQueue queue;            /* of Task, not begun */
    guint running, max_parallel;
    bool listed; /* in pool->ready */
    bool freed;
};

typedef struct {
    DubStsLane *lane;
    const DubStsJobClass *klass;
    void *job;
    GCancellable *cancellable;
} Task;

static void lane_unref(DubStsLane *lane)
{
    if (!g_atomic_ref_count_dec(&lane->refs))
        return;
    g_ptr_array_unref(lane->cancellables);
    g_free(lane);
}

static Task *task_new(DubStsLane *lane, const DubStsJobClass *klass, void *job, GCancellable *cancellable)
{
    Task *task = g_new0(Task, 1);
    g_atomic_ref_count_inc(&lane->refs);
    task->lane = lane;
    task->klass = klass;
    task->job = job;
    task->cancellable = g_object_ref(cancellable);
    return task;
}

static void task_free(void *data)
{
    Task *task = data;
    task->klass->free(task->job);
    g_object_unref(task->cancellable);
    lane_unref(task->lane);
    g_free(task);
}

/* Lock held. */
static void list_if_ready(DubStsLane *lane)
{
    if (lane->listed || lane->freed || lane->queue.length == 0 || lane->running >= lane->max_parallel)
        return;
    lane->listed = true;
    g_queue_push_tail(&lane->pool->ready, lane);
    g_cond_signal(&lane->pool->work);
}

/* Lock held; waits for work. Returns: NULL when the pool ends. */
static Task *take_task(DubStsPool *self)
{
    while (!self->closing && self->ready.length == 0)
        g_cond_wait(&self->work, &self->lock);
    if (self->closing)
        return NULL;
    DubStsLane *lane = g_queue_pop_head(&self->ready);
    Task *task = g_queue_pop_head(&lane->queue);
    lane->listed = false;
    lane->running++;
    list_if_ready(lane); /* at the end: the others' turn comes first */
    return task;
}

static gboolean on_done(void *data)
{
    const Task *task = data;
    DubStsLane *lane = task->lane;
    if (lane->freed)
        return G_SOURCE_REMOVE;
    g_ptr_array_remove(lane->cancellables, task->cancellable);
    task->klass->done(task->job);
    return G_SOURCE_REMOVE;
}

static void post_done(GMainContext *context, Task *task)
{
    g_autoptr(GSource) source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, on_done, task, task_free); /* freed even if it never runs */
    g_source_attach(source, context);
}

static void *run_thread(void *data)
{
    DubStsPool *self = data;
    Task *task;
    g_mutex_lock(&self->lock);
    while ((task = take_task(self))) {
        g_mutex_unlock(&self->lock);
        task->klass->run(task->job, task->cancellable);
        g_mutex_lock(&self->lock);
        task->lane->running--;
        list_if_ready(task->lane);
        post_done(self->context, task);
    }
    g_mutex_unlock(&self->lock);
    return NULL;
}

DubStsPool *dub_sts_pool_new(guint n_threads)
{
    g_return_val_if_fail(n_threads > 0, NULL);
    DubStsPool *self = g_new0(DubStsPool, 1);
    g_mutex_init(&self->lock);
    g_cond_init(&self->work);
    self->context = g_main_context_ref_thread_default();
    self->threads = g_ptr_array_new();
    for (guint i = 0; i < n_threads; i++) {
        g_autofree char *name = g_strdup_printf("sts-work-%u", i);
        g_ptr_array_add(self->threads, g_thread_new(name, run_thread, self));
    }
    return self;
}

void dub_sts_pool_free(DubStsPool *self)
{
    if (!self)
        return;
    g_mutex_lock(&self->lock);
    self->closing = true;
    g_cond_broadcast(&self->work);
    g_mutex_unlock(&self->lock);
    for (guint i = 0; i < self->threads->len; i++)
        g_thread_join(g_ptr_array_index(self->threads, i));
    g_ptr_array_unref(self->threads);
    g_queue_clear(&self->ready); /* lanes belong to their owners */
    g_main_context_unref(self->context);
    g_cond_clear(&self->work);
    g_mutex_clear(&self->lock);
    g_free(self);
}

guint dub_sts_pool_count_threads(const DubStsPool *self)
{
    return self->threads->len;
}

DubStsLane *dub_sts_lane_new(DubStsPool *pool, guint max_parallel)
{
    g_return_val_if_fail(max_parallel > 0, NULL);
    DubStsLane *self = g_new0(DubStsLane, 1);
    g_atomic_ref_count_init(&self->refs);
    self->pool = pool;
    self->max_parallel = max_parallel;
    self->cancellables = g_ptr_array_new_with_free_func(g_object_unref);
    return self;
}

void dub_sts_lane_free(DubStsLane *self)
{
    if (!self)
        return;
    GQueue dropped = G_QUEUE_INIT;
    g_mutex_lock(&self->pool->lock);
    self->freed = true;
    dropped = self->queue;
    g_queue_init(&self->queue);
    if (self->listed)
        g_queue_remove(&self->pool->ready, self);
    self->listed = false;
    g_mutex_unlock(&self->pool->lock);
    for (guint i = 0; i < self->cancellables->len; i++)
        g_cancellable_cancel(g_ptr_array_index(self->cancellables, i));
    g_queue_clear_full(&dropped, task_free);
    lane_unref(self);
}

void dub_sts_lane_push(DubStsLane *self, const DubStsJobClass *klass, void *job, GCancellable *cancellable)
{
    Task *task = task_new(self, klass, job, cancellable);
    g_ptr_array_add(self->cancellables, g_object_ref(cancellable));
    g_mutex_lock(&self->pool->lock);
    g_queue_push_tail(&self->queue, task);
    list_if_ready(self);
    g_mutex_unlock(&self->pool->lock);
}

guint dub_sts_lane_count_queued(DubStsLane *self)
{
    g_mutex_lock(&self->pool->lock);
    const guint n = self->queue.length;
    g_mutex_unlock(&self->pool->lock);
    return n;
}
