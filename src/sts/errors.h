/* sts/errors.h: PROTOCOL.md's table of error codes. Any thread. */
#pragma once

#include "base/json.h"

#include <stdbool.h>

typedef struct {
    const char *code;
    const char *severity; /* "warning", "error", "fatal" */
    bool retryable;
} DubStsErrorKind;

const DubStsErrorKind *dub_sts_error_kind(const char *code); /* never NULL: one not in the table is an error, not retryable */

/* Returns: (transfer full): the payload of an error event. @stream_id, @fragment_id: nullable */
DubJson *dub_sts_error_to_json(const char *code, const char *stream_id, const char *fragment_id, const char *message);
