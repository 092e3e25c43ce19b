/* SPDX-License-Identifier: MIT
 * socketio/json.h: JSON text <-> jansson values, quick for messages that are one long string. Internal. Any thread. */
#pragma once

#include <glib.h>
#include <jansson.h>

/**
 * sio_json_parse:
 * @text: @length bytes of valid UTF-8: one JSON value, nothing after it but white space
 * As RFC 8259 has it. The last of equal keys counts; a lone surrogate becomes U+FFFD; integers over 64 bits become
 * reals. Returns: (transfer full): NULL with %SIO_ERROR_BAD_JSON, also for more than %SIO_MAX_DEPTH levels and for
 * numbers out of a double's range
 */
json_t *sio_json_parse(const char *text, gsize length, GError **error);
void sio_json_append(GString *text, const json_t *value);                     /* compact */
void sio_json_append_string(GString *text, const char *string, gsize length); /* quoted; valid UTF-8 */
