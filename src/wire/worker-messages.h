/* wire/worker-messages.h: what a worker sends to the sts-service. One object one thread.
 * _new() holds the defaults, every string NULL that has none; strings and objects in a message are its own.
 * _parse() checks what came from a peer: unknown fields are ignored, absent optional ones take their default, a wrong
 * one is %DUB_ERROR_INVALID_ARGUMENT and named ("config.channels: 3 is not within 1 and 2"). _to_json() leaves out what
 * is absent (NULL, -1). */
#pragma once

#include "wire/audio.h"

typedef struct {
    char *stream_id, *worker_id;
    char *takes_over;                        /* nullable: worker_id whose stream it was until now */
    char *source_language, *target_language; /* ["en"], ["es"] */
    char *voice_profile;                     /* ["default"] */
    guint chunk_duration_ms;                 /* [6000] 100…30000 */
    guint sample_rate_hz;                    /* [48000] 16000, 22050, 44100, 48000 */
    guint channels;                          /* [2] 1, 2 */
    char *format;                            /* ["m4a"] or "pcm_s16le" */
    guint max_inflight;                      /* [3] 1…10 */
    guint timeout_ms;                        /* [8000] 1000…30000 */
    DubJson *metadata;                       /* nullable */
} DubStreamInit;
DubStreamInit *dub_stream_init_new(void);
DubStreamInit *dub_stream_init_parse(const DubJson *payload, GError **error);
DubJson *dub_stream_init_to_json(const DubStreamInit *self);
void dub_stream_init_free(DubStreamInit *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStreamInit, dub_stream_init_free)

typedef struct {
    char *fragment_id, *stream_id;
    int64_t sequence_number; /* 0… */
    double timestamp_ms;     /* since 1970 */
    DubWireAudio *audio;
    DubJson *metadata; /* nullable */
} DubFragmentData;
DubFragmentData *dub_fragment_data_new(void);
/* Also %DUB_ERROR_CORRUPT and %DUB_ERROR_NO_SPACE, as dub_wire_audio_parse() */
DubFragmentData *dub_fragment_data_parse(const DubJson *payload, GError **error);
DubJson *dub_fragment_data_to_json(const DubFragmentData *self);
void dub_fragment_data_free(DubFragmentData *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubFragmentData, dub_fragment_data_free)

typedef enum { DUB_RECEIPT_RECEIVED, DUB_RECEIPT_APPLIED } DubReceiptStatus;
typedef struct { /* fragment:ack from a worker: it has the dubbed audio, or has put it on its timeline */
    char *fragment_id;
    DubReceiptStatus status;
    double timestamp_ms;
} DubFragmentReceipt;
DubFragmentReceipt *dub_fragment_receipt_new(void);
DubFragmentReceipt *dub_fragment_receipt_parse(const DubJson *payload, GError **error);
DubJson *dub_fragment_receipt_to_json(const DubFragmentReceipt *self);
void dub_fragment_receipt_free(DubFragmentReceipt *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubFragmentReceipt, dub_fragment_receipt_free)

typedef struct { /* stream:pause, stream:resume, stream:end */
    char *stream_id;
    char *reason; /* nullable */
} DubStreamControl;
DubStreamControl *dub_stream_control_new(void);
DubStreamControl *dub_stream_control_parse(const DubJson *payload, GError **error);
DubJson *dub_stream_control_to_json(const DubStreamControl *self);
void dub_stream_control_free(DubStreamControl *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStreamControl, dub_stream_control_free)

typedef enum { DUB_TRIGGER_SEQUENCE_NUMBER, DUB_TRIGGER_FRAGMENT_ID, DUB_TRIGGER_NTH_FRAGMENT } DubErrorTrigger;
typedef struct {
    DubErrorTrigger trigger;
    int64_t number; /* for sequence_number (0…) and nth_fragment (1…); else -1 */
    char *id;       /* for fragment_id; else NULL */
    char *error_code, *error_message /* nullable */;
    bool retryable; /* [true] */
    char *stage;    /* "asr", "translation", "tts"; nullable */
} DubErrorRule;
void dub_error_rule_free(DubErrorRule *self);

typedef struct { /* config:error_simulation */
    bool enabled;
    GPtrArray *rules; /* of DubErrorRule, at most DUB_WIRE_MAX_RULES; empty when not enabled */
} DubErrorSimulation;
DubErrorSimulation *dub_error_simulation_new(void);
DubErrorSimulation *dub_error_simulation_parse(const DubJson *payload, GError **error);
DubJson *dub_error_simulation_to_json(const DubErrorSimulation *self);
void dub_error_simulation_free(DubErrorSimulation *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubErrorSimulation, dub_error_simulation_free)

typedef struct {    /* simulate:disconnect */
    guint delay_ms; /* [0] 0…DUB_WIRE_MAX_DELAY_MS */
} DubDisconnectSimulation;
DubDisconnectSimulation *dub_disconnect_simulation_new(void);
DubDisconnectSimulation *dub_disconnect_simulation_parse(const DubJson *payload, GError **error);
DubJson *dub_disconnect_simulation_to_json(const DubDisconnectSimulation *self);
void dub_disconnect_simulation_free(DubDisconnectSimulation *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubDisconnectSimulation, dub_disconnect_simulation_free)
