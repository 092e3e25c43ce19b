/* media/bounded-stop.h: take a pipeline down without trusting its elements: a network element may sit in a system call
 * when it is told to stop. Loop thread only. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>

#define DUB_PIPELINE_STOP_MAX_MS 5000

/* @pipeline: (transfer full). Sets it to NULL in a thread of its own and waits for at most DUB_PIPELINE_STOP_MAX_MS; a
 * pipeline that still hangs is left to that thread. Returns: whether it stopped. Where nothing else runs on the
 * loop. */
bool dub_gst_bounded_stop(GstElement *pipeline);

typedef struct _DubGstStop DubGstStop;
typedef void (*DubGstStoppedFunc)(void *user_data); /* on the loop, at the latest after DUB_PIPELINE_STOP_MAX_MS */

/**
 * dub_gst_stop: the same, and nobody waits
 * @pipeline: (transfer full) (nullable): without one, all that is to be done is @gone
 * @gone: called in that thread once no thread of the pipeline can be in @data any more; never, where it hangs for ever
 * @stopped: (nullable): unless dub_gst_stop_forget() comes first
 * Returns: valid until @stopped has been called or was forgotten; NULL without @stopped
 */
DubGstStop *dub_gst_stop(GstElement *pipeline, GDestroyNotify gone, void *data, DubGstStoppedFunc stopped,
                         void *user_data);
void dub_gst_stop_forget(DubGstStop *stop); /* NULL is fine */
