/* wire/sts-messages.h: what the sts-service sends to a worker. As wire/worker-messages.h, but what a worker can do
 * without may be missing: older services leave some of it out. */
#pragma once

#include "wire/audio.h"
#include "wire/errors.h"

typedef struct {
    char *stream_id, *session_id;
    guint max_inflight;                    /* 1…10: what was agreed to */
    bool batch_processing, async_delivery; /* capabilities; more of them are allowed and ignored */
    double expected_processing_ms;         /* a capability: what a fragment of the nominal length takes; -1: not told */
} DubStreamReady;
DubStreamReady *dub_stream_ready_new(void);
DubStreamReady *dub_stream_ready_parse(const DubJson *payload, GError **error);
DubJson *dub_stream_ready_to_json(const DubStreamReady *self);
void dub_stream_ready_free(DubStreamReady *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStreamReady, dub_stream_ready_free)

typedef enum { DUB_ACK_QUEUED, DUB_ACK_PROCESSING } DubAckStatus;
typedef struct { /* fragment:ack from the sts-service */
    char *fragment_id;
    DubAckStatus status;
    int64_t queue_position;         /* -1: not told */
    double estimated_completion_ms; /* -1: not told */
} DubFragmentAck;
DubFragmentAck *dub_fragment_ack_new(void);
DubFragmentAck *dub_fragment_ack_parse(const DubJson *payload, GError **error);
DubJson *dub_fragment_ack_to_json(const DubFragmentAck *self);
void dub_fragment_ack_free(DubFragmentAck *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubFragmentAck, dub_fragment_ack_free)

typedef enum { DUB_PROCESSED_SUCCESS, DUB_PROCESSED_PARTIAL, DUB_PROCESSED_FAILED } DubProcessedStatus;
const char *dub_processed_status_to_string(DubProcessedStatus status); /* "success" … as on the wire */

/* What became of a fragment. One struct from the engines to the worker, on both sides of the wire: a new field is a
 * member here, a row in sts-messages.c, and the place that fills it. Loose facts go into metadata without either. */
typedef struct {
    char *fragment_id, *stream_id;
    int64_t sequence_number;
    DubProcessedStatus status;
    DubWireAudio *dubbed_audio;         /* never NULL on success */
    char *transcript, *translated_text; /* nullable */
    double processing_time_ms;
    double asr_ms, translation_ms, tts_ms; /* stage_timings; -1: not told */
    char *error_code, *error_message;      /* nullable, both or none */
    char *error_stage;                     /* "asr", "translation", "tts", or what the peer calls it; nullable */
    bool error_retryable;                  /* not told: as wire/errors.h has it for the code */
    DubJson *metadata;                     /* nullable */
} DubFragmentProcessed;
DubFragmentProcessed *dub_fragment_processed_new(void);
/* Also %DUB_ERROR_CORRUPT and %DUB_ERROR_NO_SPACE, as dub_wire_audio_parse() */
DubFragmentProcessed *dub_fragment_processed_parse(const DubJson *payload, GError **error);
DubJson *dub_fragment_processed_to_json(const DubFragmentProcessed *self);
void dub_fragment_processed_free(DubFragmentProcessed *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubFragmentProcessed, dub_fragment_processed_free)
/* @stage: nullable. @message: nullable, "" then. Each may be what @self has already. */
void dub_fragment_processed_fail(DubFragmentProcessed *self, const char *code, const char *stage, bool retryable,
                                 const char *message);
/* @value: (transfer full): what JSON holds it is up to the caller; makes metadata where there is none */
void dub_fragment_processed_add(DubFragmentProcessed *self, const char *key, DubJson *value);
/* Where the original speaks, within the fragment, as metadata has it. false: not told, or impossible */
bool dub_fragment_processed_speech(const DubFragmentProcessed *self, double *start_ms, double *end_ms);

typedef enum { DUB_LOAD_LOW, DUB_LOAD_MEDIUM, DUB_LOAD_HIGH } DubLoad;
typedef enum { DUB_ACTION_NONE, DUB_ACTION_SLOW_DOWN, DUB_ACTION_PAUSE } DubPressureAction;
typedef struct {
    char *stream_id;
    DubLoad severity;
    DubPressureAction action;
    guint current_inflight, queue_depth;
    double recommended_delay_ms; /* -1: not told */
} DubBackpressure;
DubBackpressure *dub_backpressure_new(void);
DubBackpressure *dub_backpressure_parse(const DubJson *payload, GError **error);
DubJson *dub_backpressure_to_json(const DubBackpressure *self);
void dub_backpressure_free(DubBackpressure *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubBackpressure, dub_backpressure_free)

typedef struct {
    char *stream_id;
    int64_t total_fragments;
    double total_duration_ms;
    int64_t success_count, partial_count, failed_count;
    double avg_processing_time_ms, p95_processing_time_ms;
} DubStreamComplete;
DubStreamComplete *dub_stream_complete_new(void);
DubStreamComplete *dub_stream_complete_parse(const DubJson *payload, GError **error);
DubJson *dub_stream_complete_to_json(const DubStreamComplete *self);
void dub_stream_complete_free(DubStreamComplete *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStreamComplete, dub_stream_complete_free)

typedef struct {                              /* error */
    char *error_id, *stream_id, *fragment_id; /* nullable */
    char *code, *message;
    DubSeverity severity; /* not told: as wire/errors.h has it for the code */
    bool retryable;       /* the same */
    DubJson *metadata;    /* nullable */
} DubErrorEvent;
DubErrorEvent *dub_error_event_new(void);
/* Severity and retryable as the table in wire/errors.h has them; a fresh error_id. @stream_id, @fragment_id: nullable
 */
DubErrorEvent *dub_error_event_new_for(const char *code, const char *stream_id, const char *fragment_id,
                                       const char *message);
DubErrorEvent *dub_error_event_parse(const DubJson *payload, GError **error);
DubJson *dub_error_event_to_json(const DubErrorEvent *self);
void dub_error_event_free(DubErrorEvent *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubErrorEvent, dub_error_event_free)

typedef enum { DUB_SIMULATION_ACCEPTED, DUB_SIMULATION_REJECTED } DubSimulationStatus;
typedef struct { /* config:error_simulation:ack */
    DubSimulationStatus status;
    int64_t rules_count; /* -1: not told */
    char *error_message; /* nullable */
} DubErrorSimulationAck;
DubErrorSimulationAck *dub_error_simulation_ack_new(void);
DubErrorSimulationAck *dub_error_simulation_ack_parse(const DubJson *payload, GError **error);
DubJson *dub_error_simulation_ack_to_json(const DubErrorSimulationAck *self);
void dub_error_simulation_ack_free(DubErrorSimulationAck *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubErrorSimulationAck, dub_error_simulation_ack_free)

typedef enum { DUB_DISCONNECT_SCHEDULED, DUB_DISCONNECT_REJECTED } DubDisconnectStatus;
typedef struct { /* simulate:disconnect:ack */
    DubDisconnectStatus status;
    int64_t disconnect_at_ms; /* since 1970; -1: never */
    char *error_message;      /* nullable */
} DubDisconnectAck;
DubDisconnectAck *dub_disconnect_ack_new(void);
DubDisconnectAck *dub_disconnect_ack_parse(const DubJson *payload, GError **error);
DubJson *dub_disconnect_ack_to_json(const DubDisconnectAck *self);
void dub_disconnect_ack_free(DubDisconnectAck *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubDisconnectAck, dub_disconnect_ack_free)
