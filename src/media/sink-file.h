/* media/sink-file.h: what is left to do with a written file: facts that only the end knows, fsync, its name.
 * Loop thread; the work runs in a thread of its own. */
#pragma once

#include "media/container.h"
#include "media/output-name.h"

#include <gio/gio.h>
#include <stdint.h>

typedef struct {
    DubContainer container;
    int64_t duration_ns;
} DubSinkFileFacts;

/* @cancellable: only tells @on_done that its owner is gone; the file is moved in any case */
void dub_sink_file_finish(const DubOutputName *name, const char *target, const DubSinkFileFacts *facts,
                          GCancellable *cancellable, GAsyncReadyCallback on_done, void *user_data);
/* Removes the segments of a playlist that came to nothing. */
void dub_sink_file_remove_segments(const DubOutputName *name);
bool dub_sink_file_finish_done(GAsyncResult *result, GError **error);
