/* audio/fragment-codec.h: a fragment's audio as bytes and back, in memory (libavformat, libavcodec).
 * Any thread; no state between calls. Sample-exact: encoder delay and padding are written to the container and
 * trimmed when read, so decode(encode(pcm)) has exactly the frames of pcm at the same positions. */
#pragma once

#include "audio/pcm.h"

typedef enum {
    DUB_FORMAT_M4A,       /* "m4a": AAC-LC in MP4 with an edit list */
    DUB_FORMAT_PCM_S16LE, /* "pcm_s16le": interleaved, no header */
} DubFragmentFormat;

const char *dub_fragment_format_to_string(DubFragmentFormat format);

#define DUB_FRAGMENT_MAX_BYTES   (10u * 1024 * 1024) /* decoded from base64: PROTOCOL.md, "largest message" */
#define DUB_FRAGMENT_MAX_SECONDS 60                  /* PROTOCOL.md: duration_ms 0…60000 */

typedef enum {
    DUB_CONTENT_RAW, /* none of the following */
    DUB_CONTENT_MP4,
    DUB_CONTENT_ADTS,
    DUB_CONTENT_WAV,
} DubFragmentContent;

/* What the bytes are, whatever their label says. Looks at the first few headers only: a container may still be broken.
 */
DubFragmentContent dub_fragment_sniff(GBytes *bytes);

/* @pcm: at most %DUB_FRAGMENT_MAX_SECONDS, else %DUB_ERROR_INVALID_ARGUMENT. An M4A has its index in front of the
 * sound, so that readers of pipes can play it too. */
GBytes *dub_fragment_encode(const DubPcm *pcm, DubFragmentFormat format, GError **error);

/**
 * dub_fragment_decode:
 * @bytes: at most %DUB_FRAGMENT_MAX_BYTES; MP4, ADTS, WAV are recognised by content; anything else is raw s16le of the
 * declared shape
 * @declared_rate_hz, @declared_channels: used for raw PCM only; a container's own values win
 * Returns: (transfer full): PCM at the source's own rate, at most 2 channels (more are mixed down), or NULL with
 * %DUB_ERROR_CORRUPT, or %DUB_ERROR_INVALID_ARGUMENT when longer than %DUB_FRAGMENT_MAX_SECONDS or
 * larger than %DUB_FRAGMENT_MAX_BYTES. No bytes at all are raw PCM of no frames.
 */
DubPcm *dub_fragment_decode(GBytes *bytes, unsigned declared_rate_hz, unsigned declared_channels, GError **error);
