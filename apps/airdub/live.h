/* airdub/live.h: the services of `airdub live` together: started in order, watched, polled, stopped in order.
 * Main thread, default main context. */
#pragma once

#include "airdub/live-options.h"

typedef struct _Live Live;

/* Checks ports and programs, makes the temporary folder; starts nothing. */
Live *live_new(const LiveOptions *options, GError **error);
/* Runs until stopped by a signal or a service that cannot be kept up.
 * Returns: true, or false: %DUB_ERROR_CANCELLED after a second signal, or why a service was given up */
bool live_run(Live *self, GError **error);
void live_free(Live *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Live, live_free)
