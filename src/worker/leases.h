/* worker/leases.h: the leases of one media-service: which streams it has, asks for, or watches while others have them.
 * Pure: requests to the store and news go out as effects, answers and time come in. Effects never call back. Any one
 * thread.
 *
 * Who has more room asks sooner, for a few at a time, and rests after each that it got, so that streams spread over the
 * services. No more are held and asked for than the service may run. */
#pragma once

#include "worker/lease.h"

typedef enum { DUB_LEASE_TAKE, DUB_LEASE_RENEW, DUB_LEASE_RELEASE } DubLeaseVerb;

typedef struct {
    DubLeaseVerb verb;
    const char *stream_id;
    uint64_t number; /* told with the answer */
    uint64_t serial; /* of the take; with the holder's name it is the lease's value in the store, so that no late
                      * request of an old lease touches a new one */
    int64_t token, generation; /* renew: DubLeaseTerms; a lease that the store lost with its data is set anew */
} DubLeaseRequest;

typedef enum { DUB_LEASE_GRANTED, DUB_LEASE_REFUSED, DUB_LEASE_STORE_YOUNG } DubLeaseOutcome;

typedef struct {
    DubLeaseVerb verb;
    const char *stream_id;
    uint64_t number;
    DubLeaseOutcome outcome;
    DubLeaseTerms terms;
    const char *previous; /* (nullable) taken: who had it last, if that was another */
} DubLeaseAnswer;

typedef enum { DUB_LEASE_NEWS_WON, DUB_LEASE_NEWS_LOST, DUB_LEASE_NEWS_OTHERS } DubLeaseNews;

typedef struct {
    /* Takes and renewals that stay without an answer are asked again; a release is not. */
    void (*send)(const DubLeaseRequest *request, void *user_data);
    /* Lost: nothing of the stream may go out from here on. */
    void (*news)(const char *stream_id, DubLeaseNews news, void *user_data);
} DubLeasesEffects;

typedef enum { DUB_LEASES_OURS, DUB_LEASES_OTHERS, DUB_LEASES_UNKNOWN } DubLeasesAnswer;

typedef struct _DubLeases DubLeases;
/* @max_held: MAX_CONCURRENT_STREAMS; @ttl_ns: the same in all services of a store */
DubLeases *dub_leases_new(guint max_held, int64_t ttl_ns, const DubLeasesEffects *effects, void *user_data);
void dub_leases_free(DubLeases *self); /* releases nothing */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubLeases, dub_leases_free)

/* From here on dub_leases_tick() asks for it, watches and renews it, until it is dropped. @looks_free: its holder does
 * not seem to use it: asked for before it runs out. */
DubLeasesAnswer dub_leases_want(DubLeases *self, const char *stream_id, bool looks_free, int64_t now_ns);
/* Not wanted any more, and not in use: released if it is ours. Not from inside an effect. */
void dub_leases_drop(DubLeases *self, const char *stream_id, int64_t now_ns);
void dub_leases_answer(DubLeases *self, const DubLeaseAnswer *answer, int64_t now_ns);
void dub_leases_stop_taking(DubLeases *self);           /* what is held is renewed still */
void dub_leases_hurry(DubLeases *self, int64_t now_ns); /* the store is back: what waited for it is asked now */
void dub_leases_tick(DubLeases *self, int64_t now_ns);
int64_t dub_leases_due(const DubLeases *self); /* when to tick; G_MAXINT64: never */
bool dub_leases_is_ours(const DubLeases *self, const char *stream_id, int64_t now_ns);
const char *dub_leases_previous(const DubLeases *self, const char *stream_id); /* (nullable) as taken */
int64_t dub_leases_token(const DubLeases *self, const char *stream_id);        /* 0: not ours */
guint dub_leases_held(const DubLeases *self);
