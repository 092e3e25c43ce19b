/* base/process.c: signals and allocator. */
#include "base/process.h"

#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define KEEP_BYTES   (512 << 10) /* above an encoded fragment's base64, below most fragments' sound */
#define TRIM_BYTES   (16 << 20)  /* as much may lie idle */
#define SHARED_HEAPS 2           /* the main thread's and the others' */
#define PAGES_BYTES  (64 << 10)  /* from here on a block has pages of its own: above most access units, below any fragment's sound */
#define TOP_BYTES    (1 << 20)   /* as much may lie idle at the end of a small heap */

void dub_process_setup(void)
{
    signal(SIGPIPE, SIG_IGN);
    mallopt(M_MMAP_THRESHOLD, KEEP_BYTES);
    mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
}

void dub_process_keep_heaps_small(void)
{
    mallopt(M_ARENA_MAX, SHARED_HEAPS);
    mallopt(M_MMAP_THRESHOLD, PAGES_BYTES);
    mallopt(M_TRIM_THRESHOLD, TOP_BYTES);
}

bool dub_process_end_with_parent(void)
{
    const pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    return getppid() == parent; /* it may have gone before we could ask */
}
