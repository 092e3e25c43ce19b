/* base/healthcheck.h: what a service's option --healthcheck does: asks the service that runs on the same machine,
 * with the same settings, how it is. Containers need it, since their images have no HTTP client. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/**
 * dub_healthcheck:
 * Blocks for 3 s at most. Any thread.
 * @host: what the service listens on; "0.0.0.0" and "::" are asked at the loopback address of their family
 * @path: "/health"
 * Returns: true: it answered 200; or false with %DUB_ERROR_INVALID_ARGUMENT (@port is 0: nobody knows which was
 * chosen), %DUB_ERROR_NETWORK (no answer) or %DUB_ERROR_BUSY (it answered that it is not well, with its reason)
 */
bool dub_healthcheck(const char *host, guint port, const char *path, GError **error);

/* The same for main(): says on standard error what is wrong. Returns: an exit status, 0 or 1, as Docker knows them. */
int dub_healthcheck_run(const char *program, const char *host, guint port, const char *path);
