/* media/flv-writer.c: FLV tags. What flvmux would do, without its wait for the other stream and without its own idea of
 * when time starts. */
#include "media/flv-writer.h"

#include "base/clock.h"
#include "media/bytes.h"

#include <string.h>

enum { TAG_AUDIO = 8, TAG_VIDEO = 9, TAG_SCRIPT = 18 };
enum { TAG_HEADER_BYTES = 11, TAG_FOOTER_BYTES = 4 };
enum { SEQUENCE_HEADER = 0, CODED = 1 }; /* AVCPacketType, AACPacketType; Enhanced RTMP's VideoPacketType for HEVC */
enum { KEY_FRAME = 1, INTER_FRAME = 2 };

#define CODEC_ID_AVC 7
#define FOURCC_HVC1  0x68766331 /* as a number: Enhanced RTMP's videocodecid */
#define IS_ENHANCED  0x80
#define AUDIO_AAC    0xaf /* E.4.2.1: AAC is always marked 44 kHz, 16 bit, stereo; the config tells the truth */

typedef struct {
    uint8_t data[8];
    gsize size;
} VideoPrefix;

DubFlvCodec dub_flv_codec_of(const GstCaps *caps)
{
    return gst_structure_has_name(gst_caps_get_structure(caps, 0), "video/x-h265") ? DUB_FLV_HEVC : DUB_FLV_AVC;
}

/* H.264 by annex E, HEVC as "Enhanced RTMP, version 1" has it. */
static VideoPrefix video_prefix(DubFlvCodec codec, uint8_t packet, bool key_frame, int32_t composition_ms)
{
    const uint8_t frame = key_frame ? KEY_FRAME : INTER_FRAME;
    VideoPrefix prefix = { .size = 5 };
    if (codec == DUB_FLV_HEVC) {
        prefix.data[0] = IS_ENHANCED | frame << 4 | packet;
        memcpy(prefix.data + 1, "hvc1", 4);
        if (packet == SEQUENCE_HEADER)
            return prefix;
        prefix.size = 8;
    } else {
        prefix.data[0] = frame << 4 | CODEC_ID_AVC;
        prefix.data[1] = packet;
    }
    dub_put_be24(prefix.data + prefix.size - 3, (uint32_t) composition_ms & 0xffffff);
    return prefix;
}

/* FLV counts in whole milliseconds; its timestamp wraps after 49 days, as everywhere. */
static int64_t to_ms(int64_t ns)
{
    return (ns + (ns < 0 ? -1 : 1) * DUB_NS_PER_MS / 2) / DUB_NS_PER_MS;
}

static void put_tag_header(uint8_t *out, uint8_t type, gsize size, int64_t ms)
{
    const uint32_t timestamp = (uint32_t) MAX(ms, 0);
    out[0] = type;
    dub_put_be24(out + 1, (uint32_t) size);
    dub_put_be24(out + 4, timestamp & 0xffffff);
    out[7] = (uint8_t) (timestamp >> 24);
    dub_put_be24(out + 8, 0); /* stream id */
}

/* Header, @prefix and footer in one memory each around the shared @payload. */
static GstBuffer *make_tag(uint8_t type, int64_t ms, const uint8_t *prefix, gsize prefix_size, GstBuffer *payload)
{
    const gsize size = prefix_size + gst_buffer_get_size(payload);
    uint8_t *head = g_malloc(TAG_HEADER_BYTES + prefix_size);
    put_tag_header(head, type, size, ms);
    if (prefix_size)
        memcpy(head + TAG_HEADER_BYTES, prefix, prefix_size);
    uint8_t *foot = g_malloc(TAG_FOOTER_BYTES);
    dub_put_be32(foot, (uint32_t) (TAG_HEADER_BYTES + size));

    GstBuffer *tag = gst_buffer_new_wrapped(head, TAG_HEADER_BYTES + prefix_size);
    gst_buffer_copy_into(tag, payload, GST_BUFFER_COPY_MEMORY, 0, -1);
    gst_buffer_append_memory(tag, gst_memory_new_wrapped(0, foot, TAG_FOOTER_BYTES, 0, TAG_FOOTER_BYTES, foot, g_free));
    GST_BUFFER_DTS(tag) = GST_BUFFER_PTS(tag) = (GstClockTime) MAX(ms, 0) * GST_MSECOND;
    return tag;
}

GstBuffer *dub_flv_video_tag(DubFlvCodec codec, GstBuffer *payload, int64_t pts_ns, int64_t dts_ns, bool key_frame)
{
    const int64_t dts_ms = MAX(to_ms(dts_ns), 0);
    const int64_t composition_ms = CLAMP(to_ms(pts_ns) - dts_ms, -0x800000, 0x7fffff);
    const VideoPrefix prefix = video_prefix(codec, CODED, key_frame, (int32_t) composition_ms);
    return make_tag(TAG_VIDEO, dts_ms, prefix.data, prefix.size, payload);
}

GstBuffer *dub_flv_audio_tag(const uint8_t *data, gsize size, int64_t pts_ns)
{
    const uint8_t prefix[] = { AUDIO_AAC, CODED };
    g_autoptr(GstBuffer) payload = gst_buffer_new_memdup(data, size);
    return make_tag(TAG_AUDIO, to_ms(pts_ns), prefix, sizeof prefix, payload);
}

GstBuffer *dub_flv_video_header(const GstCaps *caps, int64_t dts_ns)
{
    const GValue *value = gst_structure_get_value(gst_caps_get_structure(caps, 0), "codec_data");
    GstBuffer *codec_data = value ? gst_value_get_buffer(value) : NULL;
    const VideoPrefix prefix = video_prefix(dub_flv_codec_of(caps), SEQUENCE_HEADER, true, 0);
    return codec_data ? make_tag(TAG_VIDEO, to_ms(dts_ns), prefix.data, prefix.size, codec_data) : NULL;
}

GstBuffer *dub_flv_audio_header(GBytes *config, int64_t pts_ns)
{
    const uint8_t prefix[] = { AUDIO_AAC, SEQUENCE_HEADER };
    g_autoptr(GstBuffer) payload = gst_buffer_new_wrapped_bytes(config);
    return make_tag(TAG_AUDIO, to_ms(pts_ns), prefix, sizeof prefix, payload);
}

/* --- onMetaData: AMF0, an ECMA array of numbers and booleans --- */

static void append_key(GByteArray *out, const char *key)
{
    const guint16 length = GUINT16_TO_BE((guint16) strlen(key));
    g_byte_array_append(out, (const uint8_t *) &length, sizeof length);
    g_byte_array_append(out, (const uint8_t *) key, (guint) strlen(key));
}

static void append_number(GByteArray *out, const char *key, double value)
{
    uint8_t bytes[9] = { 0 }; /* AMF0 number marker */
    dub_put_be_double(bytes + 1, value);
    append_key(out, key);
    g_byte_array_append(out, bytes, sizeof bytes);
}

static void append_boolean(GByteArray *out, const char *key, bool value)
{
    const uint8_t bytes[] = { 1, value };
    append_key(out, key);
    g_byte_array_append(out, bytes, sizeof bytes);
}

static guint append_video_facts(GByteArray *out, const GstCaps *caps)
{
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    int width = 0, height = 0, numerator = 0, denominator = 1;
    gst_structure_get_int(structure, "width", &width);
    gst_structure_get_int(structure, "height", &height);
    const bool is_hevc = dub_flv_codec_of(caps) == DUB_FLV_HEVC;
    append_number(out, "videocodecid", is_hevc ? FOURCC_HVC1 : CODEC_ID_AVC);
    append_number(out, "width", width);
    append_number(out, "height", height);
    if (!gst_structure_get_fraction(structure, "framerate", &numerator, &denominator) || numerator <= 0)
        return 3;
    append_number(out, "framerate", (double) numerator / denominator);
    return 4;
}

static guint append_audio_facts(GByteArray *out, const DubFlvConfig *config)
{
    append_number(out, "audiocodecid", 10);
    append_number(out, "audiosamplerate", config->rate_hz);
    append_number(out, "audiosamplesize", 16);
    append_boolean(out, "stereo", config->channels == 2);
    return 4;
}

static GstBuffer *make_metadata(const DubFlvConfig *config)
{
    static const uint8_t start[] = { 2, 0, 10, 'o', 'n', 'M', 'e', 't', 'a', 'D', 'a', 't', 'a', 8, 0, 0, 0, 0 };
    static const uint8_t end_of_object[] = { 0, 0, 9 };
    GByteArray *out = g_byte_array_new();
    g_byte_array_append(out, start, sizeof start);
    append_number(out, "duration", 0); /* these two first: DUB_FLV_DURATION_OFFSET */
    append_number(out, "filesize", 0);
    guint count = 2 + append_audio_facts(out, config);
    if (config->video_caps)
        count += append_video_facts(out, config->video_caps);
    g_byte_array_append(out, end_of_object, sizeof end_of_object);
    dub_put_be32(out->data + sizeof start - 4, count);

    g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(out);
    g_autoptr(GstBuffer) payload = gst_buffer_new_wrapped_bytes(bytes);
    return make_tag(TAG_SCRIPT, 0, NULL, 0, payload);
}

static GstBuffer *make_file_header(const DubFlvConfig *config)
{
    const uint8_t header[] = { 'F', 'L', 'V', 1, config->video_caps ? 5 : 4, 0, 0, 0, 9, 0, 0, 0, 0 };
    return gst_buffer_new_memdup(header, sizeof header);
}

GPtrArray *dub_flv_headers(const DubFlvConfig *config)
{
    GPtrArray *headers = g_ptr_array_new_with_free_func((GDestroyNotify) gst_buffer_unref);
    g_ptr_array_add(headers, make_file_header(config));
    g_ptr_array_add(headers, make_metadata(config));
    GstBuffer *video_header = config->video_caps ? dub_flv_video_header(config->video_caps, 0) : NULL;
    if (video_header)
        g_ptr_array_add(headers, video_header);
    g_ptr_array_add(headers, dub_flv_audio_header(config->audio_config, 0));
    return headers;
}
