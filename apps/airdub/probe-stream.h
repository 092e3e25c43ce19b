/* airdub/probe-stream.h: one stream that is sent to an sts-service and timed. Main thread only; callbacks come from the
 * loop.
 *
 *   state         leaves when
 *   connecting    connected
 *   initialising  stream:ready
 *   sending       the last fragment is answered
 *   ending        stream:complete (on_done without error)
 *   done          –
 *
 * Nothing is tried twice: a connection that is refused or breaks, or a stream that is refused, is done with an error.
 */
#pragma once

#include "airdub/probe-clip.h"

#include <stdbool.h>

typedef struct {
    const char *url, *path, *nsp, *token; /* token: nullable */
    const char *from, *to, *voice;        /* voice: nullable */
    const ProbeClip *clip;
    guint window; /* fragments on their way at once; the service may want fewer */
    uint64_t n_fragments;
    int64_t segment_ns;
    int64_t interval_ns; /* from one fragment to the next; 0: as the window allows */
    int64_t offset_ns;   /* of the first, after stream:ready */
    guint timeout_ms;    /* a fragment's */
} ProbeStreamConfig;     /* what it points to must live as long as the stream */

typedef enum {
    PROBE_SUCCESS,
    PROBE_PARTIAL,
    PROBE_FAILED,  /* so says fragment:processed */
    PROBE_REFUSED, /* by an error event */
    PROBE_TIMEOUT, /* no answer, a second after its time */
    PROBE_LOST,    /* the connection broke before the answer came */
    PROBE_N_STATUSES,
} ProbeStatus;
const char *probe_status_to_string(ProbeStatus status);
bool probe_status_is_answer(ProbeStatus status); /* there is a time to it: the first three */

typedef struct {
    guint stream;    /* its index */
    uint64_t number; /* of the fragment */
    ProbeStatus status;
    double ack_ms;                         /* from sending to fragment:ack; -1: none came */
    double processed_ms;                   /* to fragment:processed; -1: none came */
    double server_ms;                      /* processing_time_ms; -1: not told */
    double asr_ms, translation_ms, tts_ms; /* -1: not told */
    const char *code, *message;            /* nullable */
} ProbeResult;

typedef struct {
    void (*on_result)(const ProbeResult *result, void *user_data);
    void (*on_pressure)(void *user_data); /* a backpressure event that asks for less came; it is not obeyed */
    void (*on_done)(const GError *error,
                    void *user_data); /* nothing follows; the stream may be freed, but not in here */
} ProbeStreamCallbacks;

typedef struct _ProbeStream ProbeStream;

/* Connects. @name: "probe-…", the stream's id. */
ProbeStream *probe_stream_new(guint index, const char *name, const ProbeStreamConfig *config,
                              const ProbeStreamCallbacks *callbacks, void *user_data);
guint probe_stream_count_in_flight(const ProbeStream *self); /* sent and not answered */
void probe_stream_free(ProbeStream *self);                   /* at once; no callback comes from here */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProbeStream, probe_stream_free)
