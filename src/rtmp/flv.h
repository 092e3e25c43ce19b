/* rtmp/flv.h: the first bytes of an audio or video message, which are those of an FLV tag: what codec, is it a
 * header, does decoding start here. Enhanced RTMP (FourCC) too. A codec, no I/O; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *codec; /* static, as MediaMTX's control API names it ("H264", "MPEG-4 Audio"); NULL: unknown */
    bool header;       /* decoder configuration, no media in it */
    bool key;          /* video: decoding can start here; audio: always */
    bool end;          /* end of sequence, command frames, metadata: neither header nor media */
} DubFlvTag;

DubFlvTag dub_flv_read_video(const uint8_t *data, gsize size);
DubFlvTag dub_flv_read_audio(const uint8_t *data, gsize size);

/**
 * dub_flv_metadata:
 * @data: the payload of a data message
 * Returns: where the message proper starts, behind a publisher's "@setDataFrame"; @is_metadata tells whether that
 * is onMetaData
 */
gsize dub_flv_metadata(const uint8_t *data, gsize size, bool *is_metadata);
