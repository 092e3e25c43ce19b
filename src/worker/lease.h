/* worker/lease.h: whether one stream is ours, by a lease in a store that all media-services share. A pure state
 * machine: time is an argument, and what is to be done comes back as flags. Any one thread.
 *
 * A lease lasts for its TTL from when the store took the request. The store took it after it was sent, so by our own
 * clock the stream is ours until the TTL has passed since the *sending* of the newest granted request, less a margin
 * for the two clocks' rates and for the time it takes to stop. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    DUB_LEASE_IDLE,     /* not ours, and nothing is under way */
    DUB_LEASE_TAKING,   /* asked for */
    DUB_LEASE_OTHERS,   /* another has it */
    DUB_LEASE_HELD,     /* ours */
    DUB_LEASE_RENEWING, /* ours, and asked for anew */
    DUB_N_LEASE_STATES
} DubLeaseState;

typedef enum {
    DUB_LEASE_EV_TAKE,       /* it is wanted, and time to ask */
    DUB_LEASE_EV_RENEW,      /* a part of the TTL has passed */
    DUB_LEASE_EV_GRANTED,    /* the store's answer */
    DUB_LEASE_EV_REFUSED,    /* the store's answer: another has it, or it has run out there */
    DUB_LEASE_EV_YOUNG,      /* the store's answer: it started a moment ago, and may have forgotten a lease */
    DUB_LEASE_EV_UNANSWERED, /* no answer in time, or the link broke */
    DUB_LEASE_EV_RUN_OUT,    /* by our own clock */
    DUB_LEASE_EV_DROP,       /* not wanted any more */
    DUB_N_LEASE_EVENTS
} DubLeaseEvent;

/* What is to be done now, in this order. */
typedef enum {
    DUB_LEASE_DO_NOTHING = 0,
    DUB_LEASE_SAY_LOST = 1 << 0, /* stop publishing before anything else */
    DUB_LEASE_SEND_RELEASE = 1 << 1,
    DUB_LEASE_SEND_TAKE = 1 << 2,
    DUB_LEASE_SEND_RENEW = 1 << 3,
    DUB_LEASE_SAY_WON = 1 << 4,
    DUB_LEASE_SAY_OTHERS = 1 << 5,
} DubLeaseAction;

typedef struct {
    int64_t token;      /* granted: rises with every grant of any stream, also when the store has lost its data */
    int64_t generation; /* granted: of the store's data, for the next renewal */
    int64_t wait_ns;    /* refused, young: so long until asking makes sense */
} DubLeaseTerms;

typedef struct {
    DubLeaseState state;
    int64_t ttl_ns;
    int64_t asked_ns; /* when the newest request was sent */
    int64_t ends_ns;  /* held: ours until then */
    int64_t next_ns;  /* idle, others: not to be asked for before; held: to be renewed then */
    DubLeaseTerms terms;
} DubLease;

void dub_lease_init(DubLease *self, int64_t ttl_ns);
/* @terms: (nullable): with the store's answers. Returns: DubLeaseAction flags */
unsigned dub_lease_step(DubLease *self, DubLeaseEvent event, const DubLeaseTerms *terms, int64_t now_ns);
bool dub_lease_is_ours(const DubLease *self, int64_t now_ns);
/* When time itself is the next event, and which; G_MAXINT64: never */
int64_t dub_lease_due(const DubLease *self, DubLeaseEvent *event);
const char *dub_lease_state_to_string(DubLeaseState state);
const char *dub_lease_event_to_string(DubLeaseEvent event);
