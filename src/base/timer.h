/* base/timer.h: a source of a GLib main loop that fires at its ready time, which is moved without making a new one, and
 * which another thread may set to 0 to wake the loop. */
#pragma once

#include <glib.h>

/**
 * dub_timer_new:
 * @callback: (nullable): set later, then; it moves the time on, or to -1, or it is called again at once
 * @destroy: (nullable): of @user_data
 * Returns: (transfer full): not attached, and not due before g_source_set_ready_time()
 */
GSource *dub_timer_new(GSourceFunc callback, void *user_data, GDestroyNotify destroy);

/* Ends a source of any kind, which may be NULL, and forgets it. */
void dub_timer_drop(GSource **source);
