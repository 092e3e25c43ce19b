/* base/clock.h: the two clocks of the product, and three meters. Any thread.
 * Everything that decides takes its time as an argument; only the outermost layer reads a clock. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define DUB_NS_PER_US INT64_C(1000)
#define DUB_NS_PER_MS INT64_C(1000000)
#define DUB_NS_PER_S  INT64_C(1000000000)
#define DUB_TIME_NONE INT64_MIN /* "no timestamp"; never a valid time */

int64_t dub_clock_now(void);     /* ns, CLOCK_MONOTONIC: deadlines, durations */
int64_t dub_clock_unix_ms(void); /* ms since 1970: wire timestamps and logs only */

int64_t dub_clock_thread_cpu(void);     /* ns of CPU that the calling thread has used */
int64_t dub_clock_process_cpu(void);    /* … that all threads have, those that ended too, but no child process */
int64_t dub_clock_child_cpu(pid_t pid); /* … that a child has, not yet waited for; 0 for no such process */

/**
 * dub_samples_to_ns / dub_ns_to_samples:
 * @rate_hz: samples a second, > 0
 * Exact for |result| < 2^63: computed in 128 bits, rounded to nearest.
 */
int64_t dub_samples_to_ns(int64_t samples, unsigned rate_hz);
int64_t dub_ns_to_samples(int64_t ns, unsigned rate_hz);
