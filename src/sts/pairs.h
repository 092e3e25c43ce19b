/* sts/pairs.h: the engines of each language pair that is in use, loaded once and shared by the streams.
 * Loop thread only; loading happens on threads of its own. */
#pragma once

#include "speech/engines.h"

#include <gio/gio.h>

#define DUB_STS_MAX_PAIRS 8 /* loaded at once; one that no stream uses makes room */

typedef struct {
    const char *asr_driver, *mt_driver, *tts_driver, *asr_model; /* NULL: the default. Not copied */
    guint n_lanes;                                               /* 0: one a core */
} DubStsPairsConfig;

typedef struct _DubStsPairs DubStsPairs;
DubStsPairs *dub_sts_pairs_new(const DubStsPairsConfig *config);
void dub_sts_pairs_free(DubStsPairs *self); /* after all leases; what is still loading is closed when it is done */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStsPairs, dub_sts_pairs_free)

typedef struct _DubStsLease DubStsLease; /* one stream's use of a pair */

/* @engines: NULL with @error. Not called after dub_sts_lease_free(), never from inside dub_sts_pairs_lease(). */
typedef void (*DubStsLeaseFunc)(DubSpeechEngines *engines, const GError *error, void *user_data);

/* @from, @to: "en", "en-US": the region is left out. Returns: (transfer full) */
DubStsLease *dub_sts_pairs_lease(DubStsPairs *self, const char *from, const char *to, DubStsLeaseFunc on_loaded,
                                 void *user_data);
void dub_sts_lease_free(DubStsLease *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStsLease, dub_sts_lease_free)
