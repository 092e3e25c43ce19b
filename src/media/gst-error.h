/* media/gst-error.h: what GStreamer reports, as one line of ours. Any thread. */
#pragma once

#include <glib.h>
#include <gst/gst.h>
#include <stdbool.h>

/* What is said of a server that cannot be reached, whichever library reports it. */
#define DUB_SAYS_REFUSED     "connection refused; is the server running there?"
#define DUB_SAYS_UNREACHABLE "host unreachable"
#define DUB_SAYS_UNRESOLVED  "host name does not resolve"
#define DUB_SAYS_NO_ANSWER   "the server does not answer"
#define DUB_SAYS_NOT_FOUND   "not found"
#define DUB_SAYS_NO_ACCESS   "access refused"

/**
 * dub_gst_error_new:
 * @message: GST_MESSAGE_ERROR
 * @uri: what the user named; the line starts with it
 * @is_network: a failure to open, read or write means the network, not a disk
 * @missing: (nullable): from dub_gst_missing_plugin(): named when that is the cause
 * Returns: (transfer full): in DUB_ERROR
 */
GError *dub_gst_error_new(GstMessage *message, const char *uri, bool is_network, const char *missing);

/* Returns: (transfer full) (nullable): "Dolby AC-4 decoder" when @message says that a plugin is missing. */
char *dub_gst_missing_plugin(GstMessage *message);

/* "H.264", "VP9": for messages. Returns: static, or the media type of @caps itself (valid as long as @caps). */
const char *dub_media_codec_name(const GstCaps *caps);
