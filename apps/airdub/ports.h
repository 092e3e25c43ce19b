/* airdub/ports.h: TCP ports of this machine: free, or who has them. Any thread; nothing waits. */
#pragma once

#include <glib.h>
#include <stdbool.h>

bool ports_is_free(guint port);   /* on all addresses, as our services would listen */
guint ports_pick(GError **error); /* one that is free now; 0 with %DUB_ERROR_NETWORK */

/* Returns: (transfer full): "nginx (process 123)", or "another program" when we may not look. */
char *ports_owner(guint port);

/* @option: how to choose another, for %DUB_ERROR_BUSY: "port 1935 is in use by …; choose another with --rtmp-port" */
bool ports_require_free(guint port, const char *option, GError **error);
