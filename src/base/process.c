/* base/process.c: signals and allocator. */
#include "base/process.h"

#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static const struct {
    int pages_bytes; /* a block of this size has pages of its own, which go back to the kernel with it */
    int top_bytes;   /* as much may lie idle at a heap's end */
    int heaps;       /* 0: as malloc does */
} memory[] = {
    [DUB_PROCESS_COMMAND] = { 4 << 20, 16 << 20, 0 },   /* above any fragment's sound */
    [DUB_PROCESS_ENGINES] = { 512 << 10, 16 << 20, 0 }, /* above an encoded fragment's base64 */
    [DUB_PROCESS_MEDIA] = { 64 << 10, 1 << 20, 2 },     /* above most access units */
};

void dub_process_setup(DubProcessKind kind)
{
    signal(SIGPIPE, SIG_IGN);
    mallopt(M_MMAP_THRESHOLD, memory[kind].pages_bytes);
    mallopt(M_TRIM_THRESHOLD, memory[kind].top_bytes);
    if (memory[kind].heaps)
        mallopt(M_ARENA_MAX, memory[kind].heaps);
}

bool dub_process_end_with_parent(void)
{
    const pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    return getppid() == parent; /* it may have gone before we could ask */
}
