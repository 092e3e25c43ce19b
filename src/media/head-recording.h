/* media/head-recording.h: asks a MediaMTX playback server for what it has recorded of a stream that is still running:
 * GET /list tells since when, GET /get gives it from there. One GLib main context, as media/source.h. */
#pragma once

#include "media/head-seam.h"

typedef struct _DubHeadRecording DubHeadRecording;

/* Called once, never from inside a call. @take: (transfer full) all there is up to now; NULL with @error:
 * %DUB_ERROR_NOT_FOUND nothing is recorded, yet; %DUB_ERROR_BACKPRESSURE what is wanted began too long ago or has too
 * many bytes; %DUB_ERROR_NETWORK, %DUB_ERROR_AUTH, %DUB_ERROR_PROTOCOL. The recording may
 * be freed in it. */
typedef void (*DubHeadRecordingFunc)(DubTake *take, const GError *error, void *user_data);

typedef struct {
    int64_t ago_ns;     /* what came longer ago is not wanted, but for some seconds to begin in; 0: all of it is */
    int64_t longest_ns; /* how long ago what is wanted may have begun */
    gsize max_bytes;
    unsigned audio_track; /* which of its sounds, as DubSourceChoice has it */
} DubHeadWish;

/**
 * dub_head_recording_new: asks at once
 * @playback_url: "http://mediamtx:9996"
 * @path: "live/x/in"
 */
DubHeadRecording *dub_head_recording_new(const char *playback_url, const char *path, const DubHeadWish *wish,
                                         DubHeadRecordingFunc done, void *user_data);
/**
 * dub_head_list_newest: what GET /list answers
 * Returns: (transfer full): from when on the newest recording is wanted, by the server's clock (RFC 3339); NULL with
 * %DUB_ERROR_PROTOCOL, %DUB_ERROR_NOT_FOUND (it is empty) or %DUB_ERROR_BACKPRESSURE (too much of it is wanted)
 */
char *dub_head_list_newest(const char *text, gsize length, const DubHeadWish *wish, GError **error);

void dub_head_recording_free(DubHeadRecording *self); /* no callback after it; NULL is fine */
