/* rtmp/flv.c */
#include "rtmp/flv.h"

#include <string.h>

typedef struct {
    const char *id;
    const char *codec;
} Codec;

static const Codec fourccs[] = {
    /* "Enhanced RTMP, version 2", audio and video */
    { "avc1", "H264" }, { "hvc1", "H265" }, { "vvc1", "H266" },         { "av01", "AV1" },
    { "vp08", "VP8" },  { "vp09", "VP9" },  { "mp4a", "MPEG-4 Audio" }, { ".mp3", "MPEG-1/2 Audio" },
    { "Opus", "Opus" }, { "ac-3", "AC-3" }, { "ec-3", "E-AC-3" },       { "fLaC", "FLAC" },
};

static const char *codec_of_fourcc(const uint8_t *fourcc)
{
    for (gsize i = 0; i < G_N_ELEMENTS(fourccs); i++) {
        if (memcmp(fourcc, fourccs[i].id, 4) == 0)
            return fourccs[i].codec;
    }
    return NULL;
}

enum { /* Enhanced RTMP: VideoPacketType */
       PACKET_SEQUENCE_START = 0,
       PACKET_CODED_FRAMES = 1,
       PACKET_SEQUENCE_END = 2,
       PACKET_CODED_FRAMES_X = 3,
       PACKET_METADATA = 4,
       PACKET_MPEG2TS_SEQUENCE_START = 5,
       PACKET_MULTITRACK = 6,
};
enum { FRAME_KEY = 1, FRAME_COMMAND = 5 }; /* FLV, E.4.3.1: FrameType */

static DubFlvTag read_extended_video(const uint8_t *data, gsize size)
{
    const guint frame = data[0] >> 4 & 7, packet = data[0] & 0x0f;
    if (size < 5)
        return (DubFlvTag){ .end = true };
    if (packet == PACKET_MULTITRACK) /* further tracks; the first one comes by itself, and its key frames count */
        return (DubFlvTag){ .codec = NULL };
    DubFlvTag tag = { .codec = codec_of_fourcc(data + 1), .key = frame == FRAME_KEY };
    tag.header = packet == PACKET_SEQUENCE_START || packet == PACKET_MPEG2TS_SEQUENCE_START;
    tag.end = frame == FRAME_COMMAND || packet == PACKET_SEQUENCE_END || packet == PACKET_METADATA;
    return tag;
}

static const char *legacy_video_codec(guint id)
{
    switch (id) { /* FLV, E.4.3.1: CodecID */
    case 2: return "H263";
    case 4: return "VP6";
    case 7: return "H264";
    case 12: return "H265"; /* never specified, sent by many */
    default: return NULL;
    }
}

DubFlvTag dub_flv_read_video(const uint8_t *data, gsize size)
{
    if (size < 2)
        return (DubFlvTag){ .end = true };
    if (data[0] & 0x80)
        return read_extended_video(data, size);
    const guint frame = data[0] >> 4, id = data[0] & 0x0f;
    DubFlvTag tag = { .codec = legacy_video_codec(id), .key = frame == FRAME_KEY };
    if (id == 7 || id == 12) { /* AVCPacketType: 0 header, 1 media, 2 end of sequence */
        tag.header = data[1] == 0;
        tag.end = data[1] == 2;
    }
    tag.end |= frame == FRAME_COMMAND;
    return tag;
}

static const char *legacy_audio_codec(guint format)
{
    switch (format) { /* FLV, E.4.2.1: SoundFormat */
    case 0:
    case 3: return "LPCM";
    case 2:
    case 14: return "MPEG-1/2 Audio";
    case 7:
    case 8: return "G711";
    case 10: return "MPEG-4 Audio";
    case 11: return "Speex";
    default: return NULL;
    }
}

DubFlvTag dub_flv_read_audio(const uint8_t *data, gsize size)
{
    if (size < 2)
        return (DubFlvTag){ .end = true };
    const guint format = data[0] >> 4;
    if (format == 9) { /* Enhanced RTMP: ExAudioTagHeader; AudioPacketType in the lower bits */
        const guint packet = data[0] & 0x0f;
        if (size < 5)
            return (DubFlvTag){ .end = true };
        return (DubFlvTag){ .codec = codec_of_fourcc(data + 1),
                            .key = true,
                            .header = packet == 0,
                            .end = packet == 2 || packet == 4 };
    }
    return (DubFlvTag){ .codec = legacy_audio_codec(format), .key = true, .header = format == 10 && data[1] == 0 };
}

static bool starts_with_string(const uint8_t *data, gsize size, const char *text)
{
    const gsize length = strlen(text);
    return size >= 3 + length && data[0] == 0x02 && data[1] == 0 && data[2] == length &&
           memcmp(data + 3, text, length) == 0;
}

gsize dub_flv_metadata(const uint8_t *data, gsize size, bool *is_metadata)
{
    const char *const wrapper = "@setDataFrame";
    gsize start = 0;
    *is_metadata = false;
    if (size == 0)
        return 0;
    if (starts_with_string(data, size, wrapper))
        start = 3 + strlen(wrapper);
    *is_metadata = starts_with_string(data + start, size - start, "onMetaData");
    return start;
}
