/* media/bounded-stop.h: take a pipeline down without trusting its elements. Loop thread only. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>

#define DUB_PIPELINE_STOP_MAX_MS 5000

/* @pipeline: (transfer full). Sets it to NULL in a thread of its own and waits for at most DUB_PIPELINE_STOP_MAX_MS; a
 * pipeline that still hangs is left to that thread. Returns: whether it stopped. */
bool dub_gst_bounded_stop(GstElement *pipeline);
