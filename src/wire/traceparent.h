/* wire/traceparent.h: the W3C Trace Context header "traceparent", which a worker may send in an event's metadata: it
 * goes into the log, so that a fragment is found again in whatever its sender traces with. Any thread. */
#pragma once

#include "base/json.h"

#include <stdbool.h>

/* Trace Context, section 3.2: "00-<32 hex>-<16 hex>-<2 hex>", neither id all zeros; later versions may be longer. */
bool dub_traceparent_is_valid(const char *text);

/* Returns: (transfer none) (nullable): @metadata's (nullable) "traceparent", if it is valid: what is not is left out,
 * as if it had not been sent */
const char *dub_traceparent_of(const DubJson *metadata);
