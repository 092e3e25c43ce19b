/* Tells ThreadSanitizer what GLib synchronises by. GLib is not built with it, and its mutexes are futexes of its own:
 * without this everything that a GMutex guards looks like a race. Linked into what is built with -Db_sanitize=thread
 * alone. */
#include <dlfcn.h>
#include <gio/gio.h>
#include <pthread.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

/* Relaxed: looking a function up must not look like a hand-over between the threads that do. */
#define REAL(name)                                                              \
    ({                                                                          \
        static gpointer real;                                                   \
        if (!__atomic_load_n(&real, __ATOMIC_RELAXED))                          \
            __atomic_store_n(&real, dlsym(RTLD_NEXT, #name), __ATOMIC_RELAXED); \
        (__typeof__(&name)) __atomic_load_n(&real, __ATOMIC_RELAXED);           \
    })

void g_mutex_lock(GMutex *mutex)
{
    REAL(g_mutex_lock)(mutex);
    __tsan_acquire(mutex);
}

void g_mutex_unlock(GMutex *mutex)
{
    __tsan_release(mutex);
    REAL(g_mutex_unlock)(mutex);
}

gboolean g_mutex_trylock(GMutex *mutex)
{
    const gboolean locked = REAL(g_mutex_trylock)(mutex);
    if (locked)
        __tsan_acquire(mutex);
    return locked;
}

/* This one is pthread's, which TSan knows, but not when libglib locks it: what that does is left out (tsan.supp). What
 * looks as if libglib's caller had done it, since the jump to pthread's is the last in a function, is not, and would
 * unlock what nobody had locked. So it is locked from here, as GLib does. */
static pthread_mutex_t *pthread_mutex_of(GRecMutex *mutex)
{
    if (!g_atomic_pointer_get(&mutex->p)) { /* a static one, used for the first time */
        GRecMutex made;
        g_rec_mutex_init(&made);
        if (!g_atomic_pointer_compare_and_exchange(&mutex->p, NULL, made.p))
            g_rec_mutex_clear(&made);
    }
    return g_atomic_pointer_get(&mutex->p);
}

void g_rec_mutex_lock(GRecMutex *mutex)
{
    pthread_mutex_lock(pthread_mutex_of(mutex));
}

gboolean g_rec_mutex_trylock(GRecMutex *mutex)
{
    return pthread_mutex_trylock(pthread_mutex_of(mutex)) == 0;
}

void g_rec_mutex_unlock(GRecMutex *mutex)
{
    pthread_mutex_unlock(pthread_mutex_of(mutex));
}

void g_cond_wait(GCond *cond, GMutex *mutex)
{
    __tsan_release(mutex);
    REAL(g_cond_wait)(cond, mutex);
    __tsan_acquire(mutex);
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time)
{
    __tsan_release(mutex);
    const gboolean signalled = REAL(g_cond_wait_until)(cond, mutex, end_time);
    __tsan_acquire(mutex);
    return signalled;
}

gboolean(g_atomic_ref_count_dec)(gatomicrefcount *count)
{
    __tsan_release(count);
    const gboolean last = REAL(g_atomic_ref_count_dec)(count);
    if (last)
        __tsan_acquire(count);
    return last;
}

void g_async_queue_push(GAsyncQueue *queue, gpointer data)
{
    __tsan_release(queue);
    REAL(g_async_queue_push)(queue, data);
}

gpointer g_async_queue_pop(GAsyncQueue *queue)
{
    gpointer data = REAL(g_async_queue_pop)(queue);
    __tsan_acquire(queue);
    return data;
}

/* What one thread attaches and another's loop runs. */
typedef struct {
    GSourceFunc func;
    gpointer data;
    GDestroyNotify notify;
    gpointer source; /* (nullable) its address alone is used: what attaching releases, running acquires */
} Idle;

static Idle *idle_new(GSourceFunc func, gpointer data, GDestroyNotify notify, GSource *source)
{
    Idle *idle = g_new(Idle, 1);
    *idle = (Idle){ func, data, notify, source };
    __tsan_release(idle);
    return idle;
}

static void acquire_idle(gpointer data)
{
    __tsan_acquire(data);
    const Idle *idle = data;
    if (idle->source)
        __tsan_acquire(idle->source);
}

static gboolean on_idle(gpointer data)
{
    acquire_idle(data);
    const Idle *idle = data;
    return idle->func(idle->data);
}

static void free_idle(gpointer data)
{
    acquire_idle(data);
    Idle *idle = data;
    if (idle->notify)
        idle->notify(idle->data);
    g_free(idle);
}

void(g_source_set_callback)(GSource *source, GSourceFunc func, gpointer data, GDestroyNotify notify)
{
    if (source->source_funcs == &g_idle_funcs)
        REAL(g_source_set_callback)(source, on_idle, idle_new(func, data, notify, source), free_idle);
    else
        REAL(g_source_set_callback)(source, func, data, notify);
}

guint g_source_attach(GSource *source, GMainContext *context)
{
    __tsan_release(source);
    return REAL(g_source_attach)(source, context);
}

/* GLib makes the idle source of these two itself. */
void g_main_context_invoke_full(GMainContext *context, gint priority, GSourceFunc func, gpointer data,
                                GDestroyNotify notify)
{
    REAL(g_main_context_invoke_full)(context, priority, on_idle, idle_new(func, data, notify, NULL), free_idle);
}

void g_main_context_invoke(GMainContext *context, GSourceFunc func, gpointer data)
{
    g_main_context_invoke_full(context, G_PRIORITY_DEFAULT, func, data, NULL);
}

/* ---- GTask: what starts the work in another thread is seen there; its return is an idle source ---- */

static GQuark task_func_quark(void)
{
    return g_quark_from_static_string("tsan-task-func");
}

/* Not the task's own address, which unreferencing releases: the work may begin after that, and must not seem to wait
 * for it. */
static gpointer start_of(GTask *task)
{
    return (gpointer *) task + 1;
}

static void run_task(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    __tsan_acquire(start_of(task));
    const GTaskThreadFunc func = (GTaskThreadFunc) g_object_get_qdata(G_OBJECT(task), task_func_quark());
    func(task, source, data, cancellable);
}

/* Whichever thread has the last reference frees the task's data, after all that the others did with theirs. */
static void on_task_disposed(gpointer task, G_GNUC_UNUSED GObject *object)
{
    __tsan_acquire(task);
}

void g_task_run_in_thread(GTask *task, GTaskThreadFunc func)
{
    g_object_set_qdata(G_OBJECT(task), task_func_quark(), (gpointer) func);
    g_object_weak_ref(G_OBJECT(task), on_task_disposed, task);
    __tsan_release(start_of(task));
    REAL(g_task_run_in_thread)(task, run_task);
}

void(g_object_unref)(gpointer object)
{
    if (G_IS_TASK(object))
        __tsan_release(object);
    REAL(g_object_unref)(object);
}
