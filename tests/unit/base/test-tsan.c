/* Does TSan know what tests/support/tsan-glib.c teaches it, and does it still find a race beside that? Each case runs
 * in a process of its own, since TSan's reports end it with a status. Built for TSan alone. */
#include <gio/gio.h>
#include <stdbool.h>

#define LIMIT_US (20 * G_USEC_PER_SEC)

#define ALONE _Alignas(64) /* TSan remembers the last accesses to eight bytes: others there would push these out */

static ALONE int shared; /* what both threads change: not at once, but only the hand-over makes it so */

/* For an order of events that TSan must not take for a hand-over. */
static ALONE int n_steps;

static void step(void)
{
    __atomic_fetch_add(&n_steps, 1, __ATOMIC_RELAXED);
}

static void wait_for_steps(int n)
{
    while (__atomic_load_n(&n_steps, __ATOMIC_RELAXED) < n)
        g_thread_yield();
}

/* ── GTask ── */

static void run_task(GTask *task, G_GNUC_UNUSED gpointer source, gpointer data, G_GNUC_UNUSED GCancellable *cancellable)
{
    ++*(int *) data;
    g_task_return_boolean(task, TRUE);
}

static void on_done(G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer is_done)
{
    ++*(int *) g_task_get_task_data(G_TASK(result));
    g_assert_true(g_task_propagate_boolean(G_TASK(result), NULL));
    *(bool *) is_done = true;
}

static void on_freed(gpointer data)
{
    ++*(int *) data;
    step();
}

static GTask *start_task(GDestroyNotify on_task_freed, bool *is_done)
{
    GTask *task = g_task_new(NULL, NULL, on_done, is_done);
    shared = 1;
    g_task_set_task_data(task, &shared, on_task_freed);
    g_task_run_in_thread(task, run_task);
    return task;
}

static void iterate_until(const bool *is_done)
{
    while (!*is_done)
        g_main_context_iteration(NULL, TRUE);
}

/* More than once: a thread that the pool starts anew knows what its starter did. */
static void task_there_and_back(void)
{
    for (int i = 0; i < 4; i++) {
        bool is_done = false;
        g_object_unref(start_task(NULL, &is_done));
        iterate_until(&is_done);
    }
}

static gpointer unref_when_told(gpointer task)
{
    wait_for_steps(1);
    g_object_unref(task);
    return NULL;
}

static void task_freed_elsewhere(void)
{
    bool is_done = false;
    GThread *thread = g_thread_new("other", unref_when_told, start_task(on_freed, &is_done));
    iterate_until(&is_done);
    step();
    g_thread_join(thread);
    wait_for_steps(2); /* freed, by that thread or by the pool's */
}

static void task_touched_after_start(void)
{
    bool is_done = false;
    GTask *task = start_task(NULL, &is_done);
    shared++;
    g_object_unref(task);
    iterate_until(&is_done);
}

/* ── Two threads ── */

static void with_thread(GThreadFunc func, GSourceFunc beside)
{
    GThread *thread = g_thread_new("other", func, NULL);
    beside(NULL);
    g_thread_join(thread);
}

static GMutex lock;

static gboolean locked(G_GNUC_UNUSED gpointer data)
{
    g_mutex_lock(&lock);
    shared++;
    g_mutex_unlock(&lock);
    step();
    return G_SOURCE_REMOVE;
}

static gpointer locked_too(gpointer data)
{
    locked(data);
    return NULL;
}

static gpointer tried(G_GNUC_UNUSED gpointer data)
{
    wait_for_steps(1); /* so that it is this one that comes after the other */
    while (!g_mutex_trylock(&lock))
        g_thread_yield();
    shared++;
    g_mutex_unlock(&lock);
    return NULL;
}

static gpointer unlocked(G_GNUC_UNUSED gpointer data)
{
    shared++;
    return NULL;
}

static void mutex_locked(void)
{
    with_thread(locked_too, locked);
}

static void mutex_tried(void)
{
    with_thread(tried, locked);
}

static void mutex_forgotten(void)
{
    with_thread(unlocked, locked);
}

static GRecMutex rec_lock;

static gboolean rec_locked(G_GNUC_UNUSED gpointer data)
{
    g_rec_mutex_lock(&rec_lock);
    while (!g_rec_mutex_trylock(&rec_lock))
        g_thread_yield();
    shared++;
    g_rec_mutex_unlock(&rec_lock);
    shared++;
    g_rec_mutex_unlock(&rec_lock);
    return G_SOURCE_REMOVE;
}

static gpointer rec_tried(gpointer data)
{
    while (!g_rec_mutex_trylock(&rec_lock))
        g_thread_yield();
    rec_locked(data);
    g_rec_mutex_unlock(&rec_lock);
    return NULL;
}

static void rec_mutex(void)
{
    with_thread(rec_tried, rec_locked);
}

static gboolean on_invoked(gpointer is_done)
{
    shared++;
    *(bool *) is_done = true;
    return G_SOURCE_REMOVE;
}

static gpointer invoke(gpointer is_done)
{
    shared++;
    g_main_context_invoke(NULL, on_invoked, is_done);
    return NULL;
}

static void invoked(void)
{
    bool is_done = false;
    g_assert_true(g_main_context_acquire(NULL)); /* else the other thread runs it at once */
    GThread *thread = g_thread_new("other", invoke, &is_done);
    iterate_until(&is_done);
    g_main_context_release(NULL);
    g_thread_join(thread);
}

typedef struct {
    const char *name;
    void (*run)(void);
    bool is_race;
} Case;

static const Case cases[] = {
    { "task/there-and-back", task_there_and_back, false },
    { "task/freed-elsewhere", task_freed_elsewhere, false },
    { "task/touched-after-start", task_touched_after_start, true },
    { "mutex/locked", mutex_locked, false },
    { "mutex/tried", mutex_tried, false },
    { "mutex/forgotten", mutex_forgotten, true },
    { "mutex/recursive", rec_mutex, false },
    { "main-context/invoked", invoked, false },
};

static void test_case(const void *data)
{
    const Case *c = data;
    if (g_test_subprocess()) {
        c->run();
        return;
    }
    g_test_trap_subprocess(NULL, LIMIT_US, 0);
    if (c->is_race) {
        g_test_trap_assert_failed();
        g_test_trap_assert_stderr("*WARNING: ThreadSanitizer: data race*");
    } else {
        g_test_trap_assert_passed();
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/tsan/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    return g_test_run();
}
