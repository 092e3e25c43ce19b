/* apps/media-service/leases.h: the leases of this service's streams, bound to their store and to the loop. Loop thread
 * only. */
#pragma once

#include "base/metrics.h"
#include "config.h"
#include "worker/leases.h"

typedef struct {
    void (*won)(const char *stream_id, void *user_data);  /* not from inside a call */
    void (*lost)(const char *stream_id, void *user_data); /* nothing of the stream may go out from here on */
} MediaLeasesCallbacks;

typedef struct _MediaLeases MediaLeases;
/* LEASE_URL is set. @holder: this process, as the store and the other services know it; a secret of theirs */
MediaLeases *media_leases_new(const MediaConfig *config, const char *holder, DubMetrics *metrics,
                              const MediaLeasesCallbacks *callbacks, void *user_data, GError **error);
void media_leases_free(MediaLeases *self);
DubLeasesAnswer media_leases_want(MediaLeases *self, const char *stream_id, bool looks_free);
void media_leases_drop(MediaLeases *self, const char *stream_id);
bool media_leases_is_ours(const MediaLeases *self, const char *stream_id);
const char *media_leases_previous(const MediaLeases *self, const char *stream_id); /* (nullable) who had it before us */
void media_leases_stop_taking(MediaLeases *self);
bool media_leases_is_idle(const MediaLeases *self);        /* the store knows all that we have released */
const char *media_leases_problem(const MediaLeases *self); /* NULL: the store answers */
