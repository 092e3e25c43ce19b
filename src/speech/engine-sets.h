/* speech/engine-sets.h: the engines of each pair of languages that is in use, loaded once and shared by the streams.
 * Loop thread only; loading, and closing what no stream uses any more, happen on threads of their own. */
#pragma once

#include "speech/lanes.h"

#include <gio/gio.h>

#define DUB_ENGINE_SETS_MOST 8 /* pairs loaded at once; one that no stream uses makes room */

typedef struct _DubEngineSets DubEngineSets;
DubEngineSets *dub_engine_sets_new(const DubEngineSettings *settings); /* keeps a reference as long as it loads */
/* After all leases. Waits until the engines are closed; what is still loading is closed when it is done. */
void dub_engine_sets_free(DubEngineSets *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubEngineSets, dub_engine_sets_free)

typedef struct _DubEngineLease DubEngineLease; /* one stream's use of a pair */

/* @lanes: NULL with @error. Not called after dub_engine_lease_free(), never from inside dub_engine_sets_lease(). */
typedef void (*DubEngineLeaseFunc)(DubLanes *lanes, const GError *error, void *user_data);

/* @from, @to: "en", "en-US": the region is left out. Returns: (transfer full) */
DubEngineLease *dub_engine_sets_lease(DubEngineSets *self, const char *from, const char *to,
                                      DubEngineLeaseFunc on_loaded, void *user_data);
void dub_engine_lease_free(DubEngineLease *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubEngineLease, dub_engine_lease_free)
