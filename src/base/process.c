/* base/process.c: signals and allocator. */
#include "base/process.h"

#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define KEEP_BYTES (4 << 20)  /* above any fragment's base64 in memory */
#define TRIM_BYTES (16 << 20) /* as much may lie idle */
#define SHARED_HEAPS 2        /* the main thread's and the others' */

void dub_process_setup(void)
{
    signal(SIGPIPE, SIG_IGN);
    mallopt(M_MMAP_THRESHOLD, KEEP_BYTES);
    mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
}

void dub_process_share_heaps(void)
{
    mallopt(M_ARENA_MAX, SHARED_HEAPS);
}

bool dub_process_end_with_parent(void)
{
    const pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    return getppid() == parent; /* it may have gone before we could ask */
}
