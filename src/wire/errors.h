/* wire/errors.h: the error codes of the protocol: how bad each is and whether trying again may help. Any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum { DUB_SEVERITY_WARNING, DUB_SEVERITY_ERROR, DUB_SEVERITY_FATAL } DubSeverity;

typedef struct {
    const char *code; /* "TIMEOUT" */
    DubSeverity severity;
    bool retryable;
} DubWireErrorKind;

/* Never NULL: a code that is not in the table is an error that is not retryable. */
const DubWireErrorKind *dub_wire_error_kind(const char *code);

/* Returns: the code that a parse error of this folder is answered with: "INVALID_CONFIG" for a wrong shape
 * (%DUB_ERROR_INVALID_ARGUMENT), "INVALID_AUDIO" (%DUB_ERROR_CORRUPT), "FRAGMENT_TOO_LARGE" (%DUB_ERROR_NO_SPACE) */
const char *dub_wire_code_of_error(const GError *error);
