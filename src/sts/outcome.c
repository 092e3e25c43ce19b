/* sts/outcome.c */
#include "sts/outcome.h"

#include <math.h>
#include <string.h>

#define FIXED_BYTES 1024 /* of an answer beside its audio and texts */

DubStsOutcome *dub_sts_outcome_new(DubSpeechStatus status)
{
    DubStsOutcome *self = g_new0(DubStsOutcome, 1);
    self->status = status;
    return self;
}

DubStsOutcome *dub_sts_outcome_new_failed(const char *code, const char *stage, bool retryable, const char *message)
{
    DubStsOutcome *self = dub_sts_outcome_new(DUB_SPEECH_FAILED);
    self->error_code = g_strdup(code);
    self->error_stage = g_strdup(stage);
    self->error_message = g_strdup(message);
    self->retryable = retryable;
    return self;
}

void dub_sts_outcome_free(DubStsOutcome *self)
{
    if (!self)
        return;
    json_decref(self->dubbed_audio);
    json_decref(self->metadata);
    g_free(self->transcript);
    g_free(self->translated_text);
    g_free(self->error_code);
    g_free(self->error_message);
    g_free(self->error_stage);
    g_free(self);
}

DubJson *dub_sts_audio_to_json(const char *format, guint rate_hz, guint channels, int64_t duration_ms,
                               DubJson *data_base64)
{
    return json_pack("{s:s, s:i, s:i, s:I, s:O}", "format", format, "sample_rate_hz", (int) rate_hz, "channels",
                     (int) channels, "duration_ms", (json_int_t) duration_ms, "data_base64", data_base64);
}

/* Engines hand out text from outside: whatever it is, the message stays JSON. */
static DubJson *string_to_json(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    return json_string(valid);
}

static void set_text(DubJson *object, const char *key, const char *text)
{
    if (text)
        json_object_set_new(object, key, string_to_json(text));
}

static DubJson *error_to_json(const DubStsOutcome *self)
{
    DubJson *error = json_object();
    json_object_set_new(error, "code", json_string(self->error_code));
    json_object_set_new(error, "message", string_to_json(self->error_message ? self->error_message : ""));
    set_text(error, "stage", self->error_stage);
    json_object_set_new(error, "retryable", json_boolean(self->retryable));
    return error;
}

static DubJson *timings_to_json(const DubStsOutcome *self)
{
    return json_pack("{s:I, s:I, s:I}", "asr_ms", (json_int_t) llround(self->asr_ms), "translation_ms",
                     (json_int_t) llround(self->translation_ms), "tts_ms", (json_int_t) llround(self->tts_ms));
}

DubJson *dub_sts_outcome_to_json(const DubStsOutcome *self, const DubStsFragment *fragment)
{
    DubJson *payload = json_pack("{s:s, s:s, s:I, s:s}", "fragment_id", fragment->fragment_id, "stream_id",
                                 fragment->stream_id, "sequence_number", (json_int_t) fragment->sequence_number,
                                 "status", dub_speech_status_to_string(self->status));
    if (self->dubbed_audio)
        json_object_set(payload, "dubbed_audio", self->dubbed_audio);
    set_text(payload, "transcript", self->transcript);
    set_text(payload, "translated_text", self->translated_text);
    json_object_set_new(payload, "processing_time_ms", json_integer((json_int_t) llround(self->processing_ms)));
    json_object_set_new(payload, "stage_timings", timings_to_json(self));
    if (self->error_code)
        json_object_set_new(payload, "error", error_to_json(self));
    if (self->metadata)
        json_object_set(payload, "metadata", self->metadata);
    return payload;
}

gsize dub_sts_outcome_size(const DubStsOutcome *self)
{
    return FIXED_BYTES + json_string_length(json_object_get(self->dubbed_audio, "data_base64")) +
           (self->transcript ? strlen(self->transcript) : 0) +
           (self->translated_text ? strlen(self->translated_text) : 0);
}
