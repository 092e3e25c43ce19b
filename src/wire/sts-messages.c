/* wire/sts-messages.c: PROTOCOL.md, "Events: sts -> worker", as tables. */
#include "wire/sts-messages.h"

#include "base/error.h"
#include "wire/fields.h"

#define AT(member) offsetof(T, member)
#define NEEDED     DUB_JSON_REQUIRED
#define MAY_BE     DUB_JSON_OPTIONAL
#define ANY_COUNT  0, DUB_WIRE_MAX_SEQUENCE

#define T DubStreamReady
static const DubField stream_ready_fields[] = {
    { "stream_id", FIELD_ID, NEEDED, AT(stream_id) },
    { "session_id", FIELD_ID, NEEDED, AT(session_id) },
    { "max_inflight", FIELD_UINT, NEEDED, AT(max_inflight), 1, DUB_WIRE_MAX_IN_FLIGHT, "3" },
    { "capabilities.batch_processing", FIELD_BOOL, MAY_BE, AT(batch_processing) },
    { "capabilities.async_delivery", FIELD_BOOL, MAY_BE, AT(async_delivery) },
    { "capabilities.expected_processing_ms", FIELD_MS, MAY_BE, AT(expected_processing_ms) },
};
#undef T
DEFINE_MESSAGE(DubStreamReady, dub_stream_ready, stream_ready_fields)
DEFINE_PARSE(DubStreamReady, dub_stream_ready)

#define T DubFragmentAck
static const DubField fragment_ack_fields[] = {
    { "fragment_id", FIELD_ID, NEEDED, AT(fragment_id) },
    { "status", FIELD_CHOICE, NEEDED, AT(status), .choices = "queued|processing" },
    { "queue_position", FIELD_INT, MAY_BE, AT(queue_position), ANY_COUNT },
    { "estimated_completion_ms", FIELD_MS, MAY_BE, AT(estimated_completion_ms) },
};
#undef T
DEFINE_MESSAGE(DubFragmentAck, dub_fragment_ack, fragment_ack_fields)
DEFINE_PARSE(DubFragmentAck, dub_fragment_ack)

#define T DubFragmentProcessed
static const DubField fragment_processed_fields[] = {
    { "fragment_id", FIELD_ID, NEEDED, AT(fragment_id) },
    { "stream_id", FIELD_ID, NEEDED, AT(stream_id) },
    { "sequence_number", FIELD_INT, NEEDED, AT(sequence_number), ANY_COUNT },
    { "status", FIELD_CHOICE, NEEDED, AT(status), .choices = "success|partial|failed" },
    { "dubbed_audio", FIELD_AUDIO, MAY_BE, AT(dubbed_audio) },
    { "transcript", FIELD_TEXT, MAY_BE, AT(transcript) },
    { "translated_text", FIELD_TEXT, MAY_BE, AT(translated_text) },
    { "processing_time_ms", FIELD_MS, MAY_BE, AT(processing_time_ms), .fallback = "0" },
    { "stage_timings.asr_ms", FIELD_MS, MAY_BE, AT(asr_ms) },
    { "stage_timings.translation_ms", FIELD_MS, MAY_BE, AT(translation_ms) },
    { "stage_timings.tts_ms", FIELD_MS, MAY_BE, AT(tts_ms) },
    { "error.code", FIELD_WORD, MAY_BE, AT(error_code) },
    { "error.message", FIELD_TEXT, MAY_BE, AT(error_message) },
    { "error.stage", FIELD_WORD, MAY_BE, AT(error_stage) },
    { "error.retryable", FIELD_BOOL, MAY_BE, AT(error_retryable) },
    { "metadata", FIELD_OBJECT, MAY_BE, AT(metadata) },
};
#undef T
static const DubMessageSpec fragment_processed_spec = MESSAGE_SPEC(DubFragmentProcessed, fragment_processed_fields);

DubFragmentProcessed *dub_fragment_processed_new(void)
{
    return dub_message_new(&fragment_processed_spec);
}

void dub_fragment_processed_free(DubFragmentProcessed *self)
{
    dub_message_free(&fragment_processed_spec, self);
}

DubFragmentProcessed *dub_fragment_processed_parse(const DubJson *payload, GError **error)
{
    g_autoptr(DubFragmentProcessed) self = dub_message_parse(&fragment_processed_spec, payload, error);
    if (!self)
        return NULL;
    if (self->status == DUB_PROCESSED_SUCCESS && !self->dubbed_audio) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "dubbed_audio: missing");
        return NULL;
    }
    if (self->error_code && !json_is_boolean(json_object_get(json_object_get(payload, "error"), "retryable")))
        self->error_retryable = dub_wire_error_kind(self->error_code)->retryable;
    return g_steal_pointer(&self);
}

const char *dub_processed_status_to_string(DubProcessedStatus status)
{
    switch (status) {
    case DUB_PROCESSED_SUCCESS: return "success";
    case DUB_PROCESSED_PARTIAL: return "partial";
    case DUB_PROCESSED_FAILED: return "failed";
    }
    return "invalid";
}

void dub_fragment_processed_fail(DubFragmentProcessed *self, const char *code, const char *stage, bool retryable,
                                 const char *message)
{
    const DubFragmentProcessed before = *self; /* freed last: the new words may be the old ones */
    self->status = DUB_PROCESSED_FAILED;
    self->error_code = g_strdup(code);
    self->error_stage = g_strdup(stage);
    self->error_message = g_strdup(message ? message : "");
    self->error_retryable = retryable;
    g_free(before.error_code);
    g_free(before.error_stage);
    g_free(before.error_message);
}

void dub_fragment_processed_add(DubFragmentProcessed *self, const char *key, DubJson *value)
{
    if (!self->metadata)
        self->metadata = json_object();
    json_object_set_new(self->metadata, key, value);
}

bool dub_fragment_processed_speech(const DubFragmentProcessed *self, double *start_ms, double *end_ms)
{
    *start_ms = *end_ms = -1;
    return self->metadata &&
           dub_json_get_double(self->metadata, "speech_start_ms", DUB_JSON_OPTIONAL, start_ms, NULL) &&
           dub_json_get_double(self->metadata, "speech_end_ms", DUB_JSON_OPTIONAL, end_ms, NULL) && *start_ms >= 0 &&
           *end_ms >= *start_ms && *end_ms <= DUB_WIRE_MAX_DURATION_MS;
}

DubJson *dub_fragment_processed_to_json(const DubFragmentProcessed *self)
{
    DubJson *payload = dub_message_to_json(&fragment_processed_spec, self);
    if (!self->error_code)
        json_object_del(payload, "error");
    return payload;
}

#define T DubBackpressure
static const DubField backpressure_fields[] = {
    { "stream_id", FIELD_ID, NEEDED, AT(stream_id) },
    { "severity", FIELD_CHOICE, NEEDED, AT(severity), .choices = "low|medium|high" },
    { "action", FIELD_CHOICE, NEEDED, AT(action), .choices = "none|slow_down|pause" },
    { "current_inflight", FIELD_UINT, MAY_BE, AT(current_inflight), 0, G_MAXINT32 },
    { "queue_depth", FIELD_UINT, MAY_BE, AT(queue_depth), 0, G_MAXINT32 },
    { "recommended_delay_ms", FIELD_MS, MAY_BE, AT(recommended_delay_ms) },
};
#undef T
DEFINE_MESSAGE(DubBackpressure, dub_backpressure, backpressure_fields)
DEFINE_PARSE(DubBackpressure, dub_backpressure)

#define T DubStreamComplete
static const DubField stream_complete_fields[] = {
    { "stream_id", FIELD_ID, NEEDED, AT(stream_id) },
    { "total_fragments", FIELD_INT, NEEDED, AT(total_fragments), ANY_COUNT },
    { "total_duration_ms", FIELD_MS, MAY_BE, AT(total_duration_ms), .fallback = "0" },
    { "statistics.success_count", FIELD_INT, MAY_BE, AT(success_count), ANY_COUNT, "0" },
    { "statistics.partial_count", FIELD_INT, MAY_BE, AT(partial_count), ANY_COUNT, "0" },
    { "statistics.failed_count", FIELD_INT, MAY_BE, AT(failed_count), ANY_COUNT, "0" },
    { "statistics.avg_processing_time_ms", FIELD_MS, MAY_BE, AT(avg_processing_time_ms), .fallback = "0" },
    { "statistics.p95_processing_time_ms", FIELD_MS, MAY_BE, AT(p95_processing_time_ms), .fallback = "0" },
};
#undef T
DEFINE_MESSAGE(DubStreamComplete, dub_stream_complete, stream_complete_fields)
DEFINE_PARSE(DubStreamComplete, dub_stream_complete)

#define T DubErrorEvent
static const DubField error_event_fields[] = {
    { "error_id", FIELD_ID, MAY_BE, AT(error_id) },
    { "stream_id", FIELD_ID, MAY_BE, AT(stream_id) },
    { "fragment_id", FIELD_ID, MAY_BE, AT(fragment_id) },
    { "code", FIELD_WORD, NEEDED, AT(code) },
    { "message", FIELD_TEXT, MAY_BE, AT(message), .fallback = "" },
    { "severity", FIELD_CHOICE, MAY_BE, AT(severity), .fallback = "error", .choices = "warning|error|fatal" },
    { "retryable", FIELD_BOOL, MAY_BE, AT(retryable) },
    { "metadata", FIELD_OBJECT, MAY_BE, AT(metadata) },
};
#undef T
DEFINE_MESSAGE(DubErrorEvent, dub_error_event, error_event_fields)

DubErrorEvent *dub_error_event_parse(const DubJson *payload, GError **error)
{
    DubErrorEvent *self = dub_message_parse(&dub_error_event_spec, payload, error);
    if (!self)
        return NULL;
    const DubWireErrorKind *kind = dub_wire_error_kind(self->code);
    if (!json_is_string(json_object_get(payload, "severity")))
        self->severity = kind->severity;
    if (!json_is_boolean(json_object_get(payload, "retryable")))
        self->retryable = kind->retryable;
    return self;
}

DubErrorEvent *dub_error_event_new_for(const char *code, const char *stream_id, const char *fragment_id,
                                       const char *message)
{
    const DubWireErrorKind *kind = dub_wire_error_kind(code);
    DubErrorEvent *self = g_new0(DubErrorEvent, 1);
    self->error_id = g_uuid_string_random();
    self->stream_id = g_strdup(stream_id);
    self->fragment_id = g_strdup(fragment_id);
    self->code = g_strdup(code);
    self->message = g_strdup(message);
    self->severity = kind->severity;
    self->retryable = kind->retryable;
    return self;
}

#define T DubErrorSimulationAck
static const DubField error_simulation_ack_fields[] = {
    { "status", FIELD_CHOICE, NEEDED, AT(status), .choices = "accepted|rejected" },
    { "rules_count", FIELD_INT, MAY_BE, AT(rules_count), ANY_COUNT },
    { "error_message", FIELD_TEXT, MAY_BE, AT(error_message) },
};
#undef T
DEFINE_MESSAGE(DubErrorSimulationAck, dub_error_simulation_ack, error_simulation_ack_fields)
DEFINE_PARSE(DubErrorSimulationAck, dub_error_simulation_ack)

#define T DubDisconnectAck
static const DubField disconnect_ack_fields[] = {
    { "status", FIELD_CHOICE, NEEDED, AT(status), .choices = "scheduled|rejected" },
    { "disconnect_at_ms", FIELD_INT, MAY_BE, AT(disconnect_at_ms), ANY_COUNT },
    { "error_message", FIELD_TEXT, MAY_BE, AT(error_message) },
};
#undef T
DEFINE_MESSAGE(DubDisconnectAck, dub_disconnect_ack, disconnect_ack_fields)
DEFINE_PARSE(DubDisconnectAck, dub_disconnect_ack)
