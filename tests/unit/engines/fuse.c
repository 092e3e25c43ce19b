#include "fuse.h"

#include "base/clock.h"

#include <time.h>

#define LOOK_US 2000

struct _Fuse {
    GCancellable *cancellable;
    FuseClock clock;
    int64_t at_ns;
    GThread *thread;
};

int64_t fuse_work(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t) now.tv_sec * DUB_NS_PER_S + now.tv_nsec;
}

static gpointer burn(gpointer data)
{
    Fuse *self = data;
    while (self->clock() < self->at_ns)
        g_usleep(LOOK_US);
    self->at_ns = self->clock();
    g_cancellable_cancel(self->cancellable);
    return NULL;
}

Fuse *fuse_light(GCancellable *cancellable, FuseClock clock, int64_t after_ns)
{
    Fuse *self = g_new0(Fuse, 1);
    self->cancellable = g_object_ref(cancellable);
    self->clock = clock;
    self->at_ns = clock() + after_ns;
    self->thread = g_thread_new("fuse", burn, self);
    return self;
}

int64_t fuse_burnt(Fuse *self)
{
    g_thread_join(self->thread);
    const int64_t at_ns = self->at_ns;
    g_object_unref(self->cancellable);
    g_free(self);
    return at_ns;
}
