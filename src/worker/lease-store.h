/* worker/lease-store.h: the store of leases: a Redis, a Valkey or what speaks like them, over one connection. Nothing
 * blocks. hiredis reads and writes the protocol, GIO connects, also by TLS. Loop thread only: callbacks come from the
 * GMainContext that was thread-default at creation, never from inside a call, and none after dub_lease_store_free(). */
#pragma once

#include "worker/leases.h"

typedef struct {
    const char *url;    /* redis://[user:password@]host[:port][/database], or rediss:// by TLS; a secret */
    const char *holder; /* of this process alone, [A-Za-z0-9]+ */
    unsigned ttl_ms;
} DubLeaseStoreConfig;

typedef struct {
    /* Requests that the link lost are not answered at all. */
    void (*on_answer)(const DubLeaseAnswer *answer, void *user_data);
    void (*on_link)(bool is_up, void *user_data); /* when it changes: what was asked before is lost */
} DubLeaseStoreCallbacks;

/* "LEASE_URL: …": what is wrong with it, without a part of it: it may hold a password. */
bool dub_lease_store_check_url(const char *url, GError **error);

typedef struct _DubLeaseStore DubLeaseStore;
/* Connects at once, and again for ever, each second at most. Strings are copied. */
DubLeaseStore *dub_lease_store_new(const DubLeaseStoreConfig *config, const DubLeaseStoreCallbacks *callbacks,
                                   void *user_data, GError **error);
void dub_lease_store_free(DubLeaseStore *self); /* what was not sent yet is lost */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubLeaseStore, dub_lease_store_free)
/* Without a link, or with too many requests under way, it is lost. */
void dub_lease_store_send(DubLeaseStore *self, const DubLeaseRequest *request);
bool dub_lease_store_is_idle(const DubLeaseStore *self);        /* everything is answered, or there is no link */
const char *dub_lease_store_problem(const DubLeaseStore *self); /* NULL: it answers */
