/* Tells ThreadSanitizer what GLib synchronises by. GLib is not built with it, and its mutexes are futexes of its own: without
 * this everything that a GMutex guards looks like a race. Linked into what is built with -Db_sanitize=thread alone. */
#include <dlfcn.h>
#include <glib.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define REAL(name)                                                                        \
    ({                                                                                    \
        static gpointer real;                                                             \
        if (!__atomic_load_n(&real, __ATOMIC_ACQUIRE))                                    \
            __atomic_store_n(&real, dlsym(RTLD_NEXT, #name), __ATOMIC_RELEASE);           \
        (__typeof__(&name)) __atomic_load_n(&real, __ATOMIC_ACQUIRE);                     \
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
    GSource *source; /* its address alone is used: what attaching releases, running acquires */
} Idle;

static gboolean on_idle(gpointer data)
{
    const Idle *idle = data;
    __tsan_acquire(data);
    __tsan_acquire(idle->source);
    return idle->func(idle->data);
}

static void free_idle(gpointer data)
{
    Idle *idle = data;
    __tsan_acquire(data);
    __tsan_acquire(idle->source);
    if (idle->notify)
        idle->notify(idle->data);
    g_free(idle);
}

void(g_source_set_callback)(GSource *source, GSourceFunc func, gpointer data, GDestroyNotify notify)
{
    if (source->source_funcs != &g_idle_funcs) {
        REAL(g_source_set_callback)(source, func, data, notify);
        return;
    }
    Idle *idle = g_new(Idle, 1);
    *idle = (Idle){ func, data, notify, source };
    __tsan_release(idle);
    REAL(g_source_set_callback)(source, on_idle, idle, free_idle);
}

guint g_source_attach(GSource *source, GMainContext *context)
{
    __tsan_release(source);
    return REAL(g_source_attach)(source, context);
}
