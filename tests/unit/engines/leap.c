/* tests/unit/engines/leap.c: what the linker puts in the place of dub_clock_now(). */
#include "leap.h"

int64_t __real_dub_clock_now(void);
int64_t __wrap_dub_clock_now(void);

static int64_t ahead_ns; /* atomic */

void leap(int64_t ns)
{
    __atomic_add_fetch(&ahead_ns, ns, __ATOMIC_SEQ_CST);
}

int64_t __wrap_dub_clock_now(void)
{
    return __real_dub_clock_now() + __atomic_load_n(&ahead_ns, __ATOMIC_SEQ_CST);
}
