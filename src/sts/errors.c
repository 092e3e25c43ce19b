/* sts/errors.c */
#include "sts/errors.h"

#include <string.h>

static const DubStsErrorKind kinds[] = {
    { "AUTH_FAILED", "fatal", false },
    { "STREAM_NOT_FOUND", "error", false },
    { "STREAM_PAUSED", "error", true },
    { "INVALID_CONFIG", "error", false },
    { "INVALID_VOICE_PROFILE", "error", false },
    { "FRAGMENT_TOO_LARGE", "error", false },
    { "INVALID_SEQUENCE", "error", false },
    { "INVALID_AUDIO", "error", false },
    { "TIMEOUT", "error", true },
    { "MODEL_ERROR", "error", true },
    { "GPU_OOM", "error", true },
    { "QUEUE_FULL", "warning", true },
    { "BACKPRESSURE_EXCEEDED", "warning", true },
    { "RATE_LIMIT", "warning", true },
    { "RATE_LIMIT_EXCEEDED", "warning", true },
    { "TRANSLATION_API_UNAVAILABLE", "error", true },
    { "DURATION_MISMATCH_EXCEEDED", "error", false },
};

const DubStsErrorKind *dub_sts_error_kind(const char *code)
{
    static const DubStsErrorKind other = { "", "error", false };
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].code, code) == 0)
            return &kinds[i];
    }
    return &other;
}

static void set_text(DubJson *object, const char *key, const char *text)
{
    if (!text)
        return;
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    json_object_set_new(object, key, json_string(valid));
}

DubJson *dub_sts_error_to_json(const char *code, const char *stream_id, const char *fragment_id, const char *message)
{
    const DubStsErrorKind *kind = dub_sts_error_kind(code);
    g_autofree char *error_id = g_uuid_string_random();
    DubJson *payload = json_pack("{s:s}", "error_id", error_id);
    set_text(payload, "stream_id", stream_id);
    set_text(payload, "fragment_id", fragment_id);
    json_object_set_new(payload, "code", json_string(code));
    set_text(payload, "message", message);
    json_object_set_new(payload, "severity", json_string(kind->severity));
    json_object_set_new(payload, "retryable", json_boolean(kind->retryable));
    return payload;
}
