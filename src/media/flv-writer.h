/* media/flv-writer.h: FLV tags for H.264 and AAC (Adobe Flash Video File Format 10.1, annex E), and for HEVC (Enhanced
 * RTMP). A codec: values in, bytes out, no I/O. One thread at a time. Timestamps are written as they are given, in
 * whole milliseconds. */
#pragma once

#include <glib.h>
#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum { DUB_FLV_AVC, DUB_FLV_HEVC } DubFlvCodec;

typedef struct {
    GstCaps *video_caps;  /* (transfer none) H.264 avc or H.265 hvc1, with codec_data; NULL: audio alone */
    GBytes *audio_config; /* (transfer none) AudioSpecificConfig */
    unsigned rate_hz, channels;
} DubFlvConfig;

/* Returns: (transfer full): file header, onMetaData, the two sequence headers. One buffer a piece, as rtmp2sink wants
 * it. */
GPtrArray *dub_flv_headers(const DubFlvConfig *config);
DubFlvCodec dub_flv_codec_of(const GstCaps *caps); /* @caps: (transfer none) H.264 avc, H.265 hvc1 */
/* @caps: (transfer none) the same. Returns: (transfer full) (nullable): its sequence header at @dts_ns. */
GstBuffer *dub_flv_video_header(const GstCaps *caps, int64_t dts_ns);
/* Returns: (transfer full): the sequence header of sound with this AudioSpecificConfig. */
GstBuffer *dub_flv_audio_header(GBytes *config, int64_t pts_ns);
/* Returns: (transfer full): one tag around @payload (transfer none), whose bytes are shared, not copied. */
GstBuffer *dub_flv_video_tag(DubFlvCodec codec, GstBuffer *payload, int64_t pts_ns, int64_t dts_ns, bool key_frame);
GstBuffer *dub_flv_audio_tag(const uint8_t *data, gsize size, int64_t pts_ns);

/* Where dub_flv_headers() put onMetaData's duration and file size: offset in the file of an 8-byte big-endian double.
 */
#define DUB_FLV_DURATION_OFFSET 53
#define DUB_FLV_FILESIZE_OFFSET 72
