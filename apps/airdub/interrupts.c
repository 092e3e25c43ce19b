/* airdub/interrupts.c: a thread with a loop for two signals. */
#include "airdub/interrupts.h"

#include "base/error.h"
#include "base/timer.h"

#include <glib-unix.h>
#include <unistd.h>

#define GRACE_MS 3000 /* from the second signal to the end */

struct _Interrupts {
    void (*on_interrupt)(unsigned count, void *user_data);
    void *user_data;
    GMainContext *context; /* the thread's */
    GMainLoop *loop;
    GThread *thread;
    unsigned count;  /* the thread's */
    unsigned n_told; /* the main thread's */
    GSource *teller; /* on the main context, ready when there is something to tell */
};

static gboolean on_grace_over(void *data)
{
    (void) data;
    _exit(dub_error_exit_status(&(GError){ .domain = DUB_ERROR, .code = DUB_ERROR_CANCELLED }));
}

static void attach(Interrupts *self, GSource *source, GSourceFunc callback)
{
    g_source_set_callback(source, callback, self, NULL);
    g_source_attach(source, self->context);
    g_source_unref(source);
}

/* The thread. */
static gboolean on_signal(void *data)
{
    Interrupts *self = data;
    const unsigned count = (unsigned) g_atomic_int_add((gint *) &self->count, 1) + 1;
    if (count > 2)
        on_grace_over(NULL);
    if (count == 2)
        attach(self, g_timeout_source_new(GRACE_MS), on_grace_over);
    g_source_set_ready_time(self->teller, 0);
    return G_SOURCE_CONTINUE;
}

/* The main thread. */
static gboolean on_told(void *data)
{
    Interrupts *self = data;
    g_source_set_ready_time(self->teller, -1);
    while (self->n_told < (unsigned) g_atomic_int_get((gint *) &self->count))
        self->on_interrupt(++self->n_told, self->user_data);
    return G_SOURCE_CONTINUE;
}

static void *run(void *data)
{
    g_main_loop_run(((Interrupts *) data)->loop);
    return NULL;
}

Interrupts *interrupts_new(void (*on_interrupt)(unsigned count, void *user_data), void *user_data)
{
    Interrupts *self = g_new0(Interrupts, 1);
    self->on_interrupt = on_interrupt;
    self->user_data = user_data;
    self->teller = dub_timer_new(on_told, self, NULL);
    g_source_attach(self->teller, NULL);
    self->context = g_main_context_new();
    self->loop = g_main_loop_new(self->context, FALSE);
    attach(self, g_unix_signal_source_new(SIGINT), on_signal);
    attach(self, g_unix_signal_source_new(SIGTERM), on_signal);
    self->thread = g_thread_new("interrupts", run, self);
    return self;
}

static gboolean on_quit(void *data)
{
    g_main_loop_quit(((Interrupts *) data)->loop);
    return G_SOURCE_REMOVE;
}

void interrupts_free(Interrupts *self)
{
    if (!self)
        return;
    attach(self, g_idle_source_new(),
           on_quit); /* also where the thread has not begun yet: a loop forgets a quit before its run */
    g_thread_join(self->thread);
    g_source_destroy(self->teller);
    g_source_unref(self->teller);
    g_main_loop_unref(self->loop);
    g_main_context_unref(self->context);
    g_free(self);
}
