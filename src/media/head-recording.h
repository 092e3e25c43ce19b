/* media/head-recording.h: asks a MediaMTX playback server for what it has recorded of a stream that is still running:
 * GET /list tells since when, GET /get gives it from there. One GLib main context, as media/source.h. */
#pragma once

#include "media/head-seam.h"

typedef struct _DubHeadRecording DubHeadRecording;

/* Called once, never from inside a call. @take: (transfer full) all there is up to now; NULL with @error:
 * %DUB_ERROR_NOT_FOUND nothing is recorded, yet; %DUB_ERROR_BACKPRESSURE the recording began longer ago than
 * @longest_ns or has more than @max_bytes; %DUB_ERROR_NETWORK, %DUB_ERROR_AUTH, %DUB_ERROR_PROTOCOL. The recording may
 * be freed in it. */
typedef void (*DubHeadRecordingFunc)(DubTake *take, const GError *error, void *user_data);

/**
 * dub_head_recording_new: asks at once
 * @playback_url: "http://mediamtx:9996"
 * @path: "live/x/in"
 */
DubHeadRecording *dub_head_recording_new(const char *playback_url, const char *path, int64_t longest_ns,
                                         gsize max_bytes, DubHeadRecordingFunc done, void *user_data);
/**
 * dub_head_list_newest: what GET /list answers
 * Returns: (transfer full): when the newest recording began, as the server wrote it; NULL with %DUB_ERROR_PROTOCOL,
 * %DUB_ERROR_NOT_FOUND (it is empty) or %DUB_ERROR_BACKPRESSURE (it has been running for @longest_ns or more)
 */
char *dub_head_list_newest(const char *text, gsize length, int64_t longest_ns, GError **error);

void dub_head_recording_free(DubHeadRecording *self); /* no callback after it; NULL is fine */
