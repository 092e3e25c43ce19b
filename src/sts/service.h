/* sts/service.h: sts-service's streams on a Socket.IO server: who may come in, and the wiring of connection, session
 * and work. Loop thread only. */
#pragma once

#include "base/metrics.h"
#include "engines/settings.h"
#include "socketio/server.h"

typedef struct {
    bool echo;
    guint echo_delay_ms;
    bool pressure_events;
    double pressure_low, pressure_medium, pressure_high; /* echo: fractions of max_inflight */
    guint max_sessions;                                  /* streams at once */
    guint disconnect_delay_ms;                           /* from stream:complete to closing the connection */
    const char *api_key;                                 /* NULL: everybody may come in */
    bool monitor;                                        /* serve /monitor */
    const char *monitor_token;                           /* NULL: everybody may listen */
    bool empty_original;                                 /* the original, not silence, where nobody speaks */
    const char *from, *to;                               /* full mode: this pair is loaded at the start */
    const DubEngineSettings *engines;                    /* full mode: must outlive the service */
} DubStsServiceConfig;

extern const DubMetricSpec dub_sts_metric_specs[];
extern const gsize dub_sts_n_metric_specs;

typedef struct _DubStsService DubStsService;

/* @error: (nullable) why the engines could not be loaded */
typedef void (*DubStsLoadedFunc)(const GError *error, void *user_data);

/* @config: its strings must outlive the service. @metrics: made of dub_sts_metric_specs; outlives it. Loading the
 * engines begins at once; @on_loaded follows, never from inside the call (echo mode has nothing to load: it never
 * comes). */
DubStsService *dub_sts_service_new(const DubStsServiceConfig *config, DubMetrics *metrics, DubStsLoadedFunc on_loaded,
                                   void *user_data);
void dub_sts_service_free(DubStsService *self); /* after the SioServer */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStsService, dub_sts_service_free)

void dub_sts_service_attach(DubStsService *self, SioServer *server); /* serves "/", "/sts" and perhaps "/monitor" */

typedef enum { DUB_STS_LOADING, DUB_STS_READY, DUB_STS_BROKEN, DUB_STS_DRAINING } DubStsReadiness;
DubStsReadiness dub_sts_service_readiness(const DubStsService *self);
const char *dub_sts_readiness_to_string(DubStsReadiness readiness); /* "loading" … */
guint dub_sts_service_count_streams(const DubStsService *self);     /* that are not complete */
guint dub_sts_service_count_in_flight(const DubStsService *self);   /* fragments */

/* No new streams; those there are end as if their workers had said so. @on_drained: once, when all is answered; maybe
 * from inside the call. */
void dub_sts_service_drain(DubStsService *self, void (*on_drained)(void *user_data), void *user_data);
