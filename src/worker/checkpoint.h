/* worker/checkpoint.h: what a stream's next worker has to know, on disk at each segment boundary. Any thread.
 * One small JSON file a stream, replaced atomically: it is always a whole one, the last or the one before. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t next_fragment; /* index of the next segment: a restarted worker goes on here */
    uint64_t epoch;
    uint64_t dubbed, fallbacks; /* of the stream, over all its workers */
    int64_t played_unix_ms; /* what had come by then has been played: the rest is in a recording, if there is one; 0:
                               none */
    int64_t written_unix_ms;
} DubCheckpoint;

/* @directory is made if need be. %DUB_ERROR_NO_SPACE and the like name the file. */
bool dub_checkpoint_write(const char *directory, const char *stream_id, const DubCheckpoint *checkpoint,
                          GError **error);
/* %DUB_ERROR_NOT_FOUND when there is none; %DUB_ERROR_CORRUPT for one that cannot be read: it is set aside as
 * "<name>.corrupt", and the stream counts anew. */
bool dub_checkpoint_read(const char *directory, const char *stream_id, DubCheckpoint *checkpoint, GError **error);
/* Those of streams that did not come back: what is older goes, set aside or left half-written, too. Other files stay.
 * Returns: how many went */
guint dub_checkpoint_sweep(const char *directory, int64_t older_than_s);
void dub_checkpoint_remove(const char *directory, const char *stream_id); /* after a clean end */
