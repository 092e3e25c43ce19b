/* tests/unit/engines/fuse.h: cancels something while the test's own thread is inside a call. */
#pragma once

#include <gio/gio.h>
#include <stdint.h>

typedef int64_t (*FuseClock)(void); /* dub_clock_now, or: */
/* CPU time of this process, ns: what others do on the machine is not in it. */
int64_t fuse_work(void);

typedef struct _Fuse Fuse;
/* @cancellable is cancelled @after_ns from now, on @clock. */
Fuse *fuse_light(GCancellable *cancellable, FuseClock clock, int64_t after_ns);
int64_t fuse_burnt(Fuse *self); /* when it was, on the clock; waits for it and frees @self */
