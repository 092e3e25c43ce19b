/* worker/lease.c: five states, eight events; dub_lease_step() is the only writer of the state. */
#include "worker/lease.h"

#include <stddef.h>

#define MARGIN_PARTS   10 /* of the TTL: how much sooner than the store we stop */
#define RENEW_PARTS    3  /* so soon after the last grant was asked for */
#define PATIENCE_PARTS 6  /* so long a request may stay without an answer: two of them fit before the end */
#define RETRY_PARTS    12 /* so long after one that stayed without */

static const DubLeaseState next_state[DUB_N_LEASE_STATES][DUB_N_LEASE_EVENTS] = {
    /* columns: the events in their order */
    [DUB_LEASE_IDLE] = { DUB_LEASE_TAKING, DUB_LEASE_IDLE, DUB_LEASE_IDLE, DUB_LEASE_IDLE, DUB_LEASE_IDLE,
                         DUB_LEASE_IDLE, DUB_LEASE_IDLE, DUB_LEASE_IDLE },
    [DUB_LEASE_TAKING] = { DUB_LEASE_TAKING, DUB_LEASE_TAKING, DUB_LEASE_HELD, DUB_LEASE_OTHERS, DUB_LEASE_IDLE,
                           DUB_LEASE_IDLE, DUB_LEASE_TAKING, DUB_LEASE_IDLE },
    [DUB_LEASE_OTHERS] = { DUB_LEASE_TAKING, DUB_LEASE_OTHERS, DUB_LEASE_OTHERS, DUB_LEASE_OTHERS, DUB_LEASE_OTHERS,
                           DUB_LEASE_OTHERS, DUB_LEASE_OTHERS, DUB_LEASE_IDLE },
    [DUB_LEASE_HELD] = { DUB_LEASE_HELD, DUB_LEASE_RENEWING, DUB_LEASE_HELD, DUB_LEASE_HELD, DUB_LEASE_HELD,
                         DUB_LEASE_HELD, DUB_LEASE_IDLE, DUB_LEASE_IDLE },
    [DUB_LEASE_RENEWING] = { DUB_LEASE_RENEWING, DUB_LEASE_RENEWING, DUB_LEASE_HELD, DUB_LEASE_OTHERS,
                             DUB_LEASE_RENEWING, DUB_LEASE_HELD, DUB_LEASE_IDLE, DUB_LEASE_IDLE },
};

const char *dub_lease_state_to_string(DubLeaseState state)
{
    switch (state) {
    case DUB_LEASE_IDLE: return "idle";
    case DUB_LEASE_TAKING: return "taking";
    case DUB_LEASE_OTHERS: return "others";
    case DUB_LEASE_HELD: return "held";
    case DUB_LEASE_RENEWING: return "renewing";
    case DUB_N_LEASE_STATES: break;
    }
    return "invalid";
}

const char *dub_lease_event_to_string(DubLeaseEvent event)
{
    switch (event) {
    case DUB_LEASE_EV_TAKE: return "take";
    case DUB_LEASE_EV_RENEW: return "renew";
    case DUB_LEASE_EV_GRANTED: return "granted";
    case DUB_LEASE_EV_REFUSED: return "refused";
    case DUB_LEASE_EV_YOUNG: return "young";
    case DUB_LEASE_EV_UNANSWERED: return "unanswered";
    case DUB_LEASE_EV_RUN_OUT: return "run-out";
    case DUB_LEASE_EV_DROP: return "drop";
    case DUB_N_LEASE_EVENTS: break;
    }
    return "invalid";
}

void dub_lease_init(DubLease *self, int64_t ttl_ns)
{
    *self = (DubLease){ .state = DUB_LEASE_IDLE, .ttl_ns = ttl_ns };
}

static bool holds(DubLeaseState state)
{
    return state == DUB_LEASE_HELD || state == DUB_LEASE_RENEWING;
}

bool dub_lease_is_ours(const DubLease *self, int64_t now_ns)
{
    return holds(self->state) && now_ns < self->ends_ns;
}

int64_t dub_lease_due(const DubLease *self, DubLeaseEvent *event)
{
    switch (self->state) {
    case DUB_LEASE_IDLE:
    case DUB_LEASE_OTHERS: *event = DUB_LEASE_EV_TAKE; return self->next_ns;
    case DUB_LEASE_TAKING: *event = DUB_LEASE_EV_UNANSWERED; return self->asked_ns + self->ttl_ns / PATIENCE_PARTS;
    case DUB_LEASE_HELD: *event = DUB_LEASE_EV_RENEW; return MIN(self->next_ns, self->ends_ns);
    case DUB_LEASE_RENEWING:
        *event = DUB_LEASE_EV_UNANSWERED;
        return MIN(self->asked_ns + self->ttl_ns / PATIENCE_PARTS, self->ends_ns);
    case DUB_N_LEASE_STATES: break;
    }
    return G_MAXINT64;
}

static void keep(DubLease *self, const DubLeaseTerms *terms)
{
    self->terms = *terms;
    self->ends_ns = self->asked_ns + self->ttl_ns - self->ttl_ns / MARGIN_PARTS;
    self->next_ns = self->asked_ns + self->ttl_ns / RENEW_PARTS;
}

/* What follows from the change alone. */
static unsigned actions_of(DubLeaseState old, DubLeaseState state, DubLeaseEvent event)
{
    unsigned actions = DUB_LEASE_DO_NOTHING;
    if (holds(old) && !holds(state) && event != DUB_LEASE_EV_DROP)
        actions |= DUB_LEASE_SAY_LOST;
    if (old != state && (event == DUB_LEASE_EV_DROP || event == DUB_LEASE_EV_RUN_OUT) && old != DUB_LEASE_OTHERS)
        actions |= DUB_LEASE_SEND_RELEASE; /* also of what was only asked for: it may have been granted */
    if (old != DUB_LEASE_TAKING && state == DUB_LEASE_TAKING)
        actions |= DUB_LEASE_SEND_TAKE;
    if (old != DUB_LEASE_RENEWING && state == DUB_LEASE_RENEWING)
        actions |= DUB_LEASE_SEND_RENEW;
    if (!holds(old) && holds(state))
        actions |= DUB_LEASE_SAY_WON;
    if (old != DUB_LEASE_OTHERS && state == DUB_LEASE_OTHERS)
        actions |= DUB_LEASE_SAY_OTHERS;
    return actions;
}

static unsigned step(DubLease *self, DubLeaseEvent event, const DubLeaseTerms *terms, int64_t now_ns)
{
    const DubLeaseState old = self->state;
    self->state = next_state[old][event];
    const unsigned actions = actions_of(old, self->state, event);
    if (actions & (DUB_LEASE_SEND_TAKE | DUB_LEASE_SEND_RENEW))
        self->asked_ns = now_ns;
    if (event == DUB_LEASE_EV_GRANTED && self->state == DUB_LEASE_HELD && old != DUB_LEASE_HELD)
        keep(self, terms);
    else if (event == DUB_LEASE_EV_REFUSED || event == DUB_LEASE_EV_YOUNG)
        self->next_ns = now_ns + terms->wait_ns;
    else if (event == DUB_LEASE_EV_UNANSWERED || event == DUB_LEASE_EV_RUN_OUT)
        self->next_ns = now_ns + self->ttl_ns / RETRY_PARTS;
    return actions;
}

/* A process that stood still finds first that its lease has run out, whatever else has come meanwhile; and a grant that
 * it finds then is as old as its request. */
unsigned dub_lease_step(DubLease *self, DubLeaseEvent event, const DubLeaseTerms *terms, int64_t now_ns)
{
    if (holds(self->state) && now_ns >= self->ends_ns && event != DUB_LEASE_EV_DROP)
        return step(self, DUB_LEASE_EV_RUN_OUT, NULL, now_ns);
    const int64_t would_end_ns = self->asked_ns + self->ttl_ns - self->ttl_ns / MARGIN_PARTS;
    if (self->state == DUB_LEASE_TAKING && event == DUB_LEASE_EV_GRANTED && now_ns >= would_end_ns)
        return step(self, DUB_LEASE_EV_UNANSWERED, NULL, now_ns) | DUB_LEASE_SEND_RELEASE;
    return step(self, event, terms, now_ns);
}
