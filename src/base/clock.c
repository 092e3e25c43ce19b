/* base/clock.c: monotonic and wall clock, sample arithmetic. */
#include "base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts); /* cannot fail for these ids on Linux */
    return ts.tv_sec * DUB_NS_PER_S + ts.tv_nsec;
}

int64_t dub_clock_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t dub_clock_unix_ms(void)
{
    return read_clock(CLOCK_REALTIME) / DUB_NS_PER_MS;
}

int64_t dub_clock_thread_cpu(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t dub_clock_process_cpu(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t dub_clock_child_cpu(pid_t pid)
{
    clockid_t id;
    struct timespec ts;
    if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &ts) < 0)
        return 0;
    return ts.tv_sec * DUB_NS_PER_S + ts.tv_nsec;
}

static int64_t scale(int64_t value, int64_t numerator, int64_t denominator)
{
    const __int128 product = (__int128) value * numerator;
    const __int128 half = denominator / 2;
    return (int64_t) ((product + (product < 0 ? -half : half)) / denominator);
}

int64_t dub_samples_to_ns(int64_t samples, unsigned rate_hz)
{
    return scale(samples, DUB_NS_PER_S, rate_hz);
}

int64_t dub_ns_to_samples(int64_t ns, unsigned rate_hz)
{
    return scale(ns, rate_hz, DUB_NS_PER_S);
}
