/* wire/errors.c: PROTOCOL.md's table of error codes. */
#include "wire/errors.h"

#include "base/error.h"

#include <string.h>

static const DubWireErrorKind kinds[] = {
    { "AUTH_FAILED", DUB_SEVERITY_FATAL, false },
    { "STREAM_NOT_FOUND", DUB_SEVERITY_ERROR, false },
    { "STREAM_PAUSED", DUB_SEVERITY_ERROR, true },
    { "STREAM_IN_USE", DUB_SEVERITY_ERROR, true },
    { "INVALID_CONFIG", DUB_SEVERITY_ERROR, false },
    { "INVALID_VOICE_PROFILE", DUB_SEVERITY_ERROR, false },
    { "FRAGMENT_TOO_LARGE", DUB_SEVERITY_ERROR, false },
    { "INVALID_SEQUENCE", DUB_SEVERITY_ERROR, false },
    { "INVALID_AUDIO", DUB_SEVERITY_ERROR, false },
    { "TIMEOUT", DUB_SEVERITY_ERROR, true },
    { "MODEL_ERROR", DUB_SEVERITY_ERROR, true },
    { "GPU_OOM", DUB_SEVERITY_ERROR, true },
    { "QUEUE_FULL", DUB_SEVERITY_WARNING, true },
    { "BACKPRESSURE_EXCEEDED", DUB_SEVERITY_WARNING, true },
    { "RATE_LIMIT", DUB_SEVERITY_WARNING, true },
    { "RATE_LIMIT_EXCEEDED", DUB_SEVERITY_WARNING, true },
    { "TRANSLATION_API_UNAVAILABLE", DUB_SEVERITY_ERROR, true },
    { "DURATION_MISMATCH_EXCEEDED", DUB_SEVERITY_ERROR, false },
};

const DubWireErrorKind *dub_wire_error_kind(const char *code)
{
    static const DubWireErrorKind other = { "", DUB_SEVERITY_ERROR, false };
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (strcmp(kinds[i].code, code) == 0)
            return &kinds[i];
    return &other;
}

const char *dub_wire_code_of_error(const GError *error)
{
    if (g_error_matches(error, DUB_ERROR, DUB_ERROR_CORRUPT))
        return "INVALID_AUDIO";
    if (g_error_matches(error, DUB_ERROR, DUB_ERROR_NO_SPACE))
        return "FRAGMENT_TOO_LARGE";
    return "INVALID_CONFIG";
}
