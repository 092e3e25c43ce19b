/* worker/breaker.c: three states, four events; step() is the only writer of the state. */
#include "worker/breaker.h"

#include "base/log.h"

typedef enum { EV_SUCCESS, EV_TRIPPED, EV_COOLED_DOWN, EV_ALIVE, N_EVENTS } BreakerEvent;

static const DubBreakerState next_state[][N_EVENTS] = {
    /* columns: the events in their order */
    [DUB_BREAKER_CLOSED] = { DUB_BREAKER_CLOSED, DUB_BREAKER_OPEN, DUB_BREAKER_CLOSED, DUB_BREAKER_CLOSED },
    [DUB_BREAKER_HALF_OPEN] = { DUB_BREAKER_CLOSED, DUB_BREAKER_OPEN, DUB_BREAKER_HALF_OPEN, DUB_BREAKER_HALF_OPEN },
    [DUB_BREAKER_OPEN] = { DUB_BREAKER_OPEN, DUB_BREAKER_OPEN, DUB_BREAKER_HALF_OPEN, DUB_BREAKER_HALF_OPEN },
};

const char *dub_breaker_state_to_string(DubBreakerState state)
{
    switch (state) {
    case DUB_BREAKER_CLOSED: return "closed";
    case DUB_BREAKER_HALF_OPEN: return "half-open";
    case DUB_BREAKER_OPEN: return "open";
    }
    return "invalid";
}

void dub_breaker_init(DubBreaker *self, unsigned threshold, int64_t cooldown_ns)
{
    *self = (DubBreaker){ .state = DUB_BREAKER_CLOSED, .threshold = threshold, .cooldown_ns = cooldown_ns };
}

static void step(DubBreaker *self, BreakerEvent event, int64_t now_ns)
{
    const DubBreakerState old = self->state;
    self->state = next_state[old][event];
    if (self->state == old)
        return;
    self->probing = false;
    if (self->state == DUB_BREAKER_OPEN)
        self->retry_at_ns = now_ns + self->cooldown_ns;
    dub_info("breaker: %s -> %s", dub_breaker_state_to_string(old), dub_breaker_state_to_string(self->state));
}

bool dub_breaker_allow(DubBreaker *self, int64_t now_ns)
{
    if (self->state == DUB_BREAKER_OPEN && now_ns >= self->retry_at_ns) {
        self->hurried = false;
        step(self, EV_COOLED_DOWN, now_ns);
    }
    if (self->state == DUB_BREAKER_HALF_OPEN && !self->probing) {
        self->probing = true;
        return true;
    }
    return self->state == DUB_BREAKER_CLOSED;
}

void dub_breaker_success(DubBreaker *self, int64_t now_ns)
{
    self->failures = 0;
    self->hurried = false;
    step(self, EV_SUCCESS, now_ns);
}

void dub_breaker_failure(DubBreaker *self, bool retryable, int64_t now_ns)
{
    if (!retryable) {
        self->probing = false; /* it answered, if only about this fragment: the next may probe */
        return;
    }
    self->failures++;
    self->total_failures++;
    if (self->state == DUB_BREAKER_HALF_OPEN || self->failures >= self->threshold)
        step(self, EV_TRIPPED, now_ns);
}

void dub_breaker_forget_probe(DubBreaker *self)
{
    self->probing = false;
}

void dub_breaker_alive(DubBreaker *self, int64_t now_ns)
{
    step(self, EV_ALIVE, now_ns);
}

void dub_breaker_late(DubBreaker *self, int64_t now_ns)
{
    if (self->state != DUB_BREAKER_OPEN || self->hurried)
        return;
    self->hurried = true;
    step(self, EV_ALIVE, now_ns);
}
