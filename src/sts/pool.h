/* sts/pool.h: a fixed number of threads that work for all streams in turn.
 * Everything here is called on the thread whose thread-default GMainContext was current at dub_sts_pool_new(); only a
 * job's run function is called elsewhere.
 *
 * A lane is one stream's queue. Free threads take from the lanes in turn, one job each time, so a stream with a long
 * queue waits for itself and not the others for it. A lane's jobs start in the order they were pushed, at most so many
 * at once as it was made for. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

typedef struct _DubStsPool DubStsPool;
typedef struct _DubStsLane DubStsLane;

typedef struct {
    /* Pool thread. May look at @cancellable whenever it likes; it is cancelled when nobody wants the outcome any more.
     */
    void (*run)(void *job, GCancellable *cancellable);
    void (*done)(void *job); /* loop thread, when `run` has returned; not for a lane that was freed meanwhile */
    void (*free)(void *job); /* any thread, last */
} DubStsJobClass;

DubStsPool *dub_sts_pool_new(guint n_threads);
void dub_sts_pool_free(DubStsPool *self); /* after its lanes; waits for the jobs that run */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStsPool, dub_sts_pool_free)
guint dub_sts_pool_count_threads(const DubStsPool *self);

DubStsLane *dub_sts_lane_new(DubStsPool *pool, guint max_parallel);
void dub_sts_lane_free(DubStsLane *self); /* drops what is queued, cancels what runs, and does not wait for it */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStsLane, dub_sts_lane_free)

/* @job: (transfer full). @cancellable: (transfer none): cancels this one job; one that has not begun runs all the same,
 * so that it can tell. One a job: dub_sts_lane_free() cancels it too. */
void dub_sts_lane_push(DubStsLane *self, const DubStsJobClass *klass, void *job, GCancellable *cancellable);
guint dub_sts_lane_count_queued(DubStsLane *self); /* not begun */
