/* worker/breaker.h: stop asking an sts-service that keeps failing. Loop thread only. Time is an argument. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef enum { DUB_BREAKER_CLOSED, DUB_BREAKER_HALF_OPEN, DUB_BREAKER_OPEN } DubBreakerState; /* values: the metric's */

typedef struct {
    DubBreakerState state;
    unsigned threshold;  /* consecutive retryable failures that open it: PROTOCOL.md, 5 */
    int64_t cooldown_ns; /* open for this long, then one probe: 30 s */
    unsigned failures;   /* consecutive */
    uint64_t total_failures;
    int64_t retry_at_ns;
    bool probing; /* half-open: the one probe is out */
    bool hurried; /* half-open, or open again, by a late answer: the next one changes nothing */
} DubBreaker;

void dub_breaker_init(DubBreaker *self, unsigned threshold, int64_t cooldown_ns);
/* May a fragment be sent at @now_ns? A true in half-open state is the probe. */
bool dub_breaker_allow(DubBreaker *self, int64_t now_ns);
void dub_breaker_success(DubBreaker *self, int64_t now_ns);
/* Non-retryable failures never count: they say something of the fragment, not of the service. */
void dub_breaker_failure(DubBreaker *self, bool retryable, int64_t now_ns);
void dub_breaker_forget_probe(DubBreaker *self); /* the probe was lost with its connection */
/* The service has shown that it lives, and it is probed at once instead of after the cooldown: the original plays
 * anyway, so that a probe costs the viewer nothing. A new link always shows it. A late answer does so once a cooldown:
 * who is only slow, and late again, must get rid of its load. */
void dub_breaker_alive(DubBreaker *self, int64_t now_ns);
void dub_breaker_late(DubBreaker *self, int64_t now_ns);
const char *dub_breaker_state_to_string(DubBreakerState state);
