/* media/flv-demux.c: FLV tags -> elementary streams. One streaming thread: that of the sink pad. */
#include "media/flv-demux.h"

#include "base/clock.h"
#include "media/bytes.h"
#include "media/flv-tracks.h"

#include <gst/base/gstadapter.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { FILE_HEADER_BYTES = 9, TAG_HEADER_BYTES = 11, PREVIOUS_SIZE_BYTES = 4 };
enum { TAG_AUDIO = 8, TAG_VIDEO = 9, TAG_SCRIPT = 18 };
enum { AUDIO_MP3 = 2, AUDIO_EX = 9, AUDIO_AAC = 10, VIDEO_AVC = 7 };
enum { FRAME_KEY = 1, FRAME_COMMAND = 5, PACKET_CONFIG = 0, PACKET_DATA = 1, PACKET_DATA_WITHOUT_CTS = 3 };

#define NO_TRACK  UINT_MAX
#define EX_HEADER 0x80 /* Enhanced RTMP: a FourCC follows instead of a codec id */

/* A composition time may lie before the first timestamp: all times are moved up, and the segment starts there. */
#define TIME_OFFSET_NS (3600 * DUB_NS_PER_S)
#define DURATION_MAX_S 1e6
#define WRAP_NEAR_MS   (INT64_C(1) << 30) /* twelve days */
#define JUMP_NS        DUB_NS_PER_S       /* a decoder is told when its timestamps do not go on */

typedef struct {
    GstPad *pad; /* NULL until its codec is known */
    GstClockTime last_dts;
} Stream;

typedef struct {
    GstElement parent;
    GstPad *sink;
    GstAdapter *adapter;
    bool is_header_read, is_told;
    int64_t last_ms;    /* of the newest tag, beyond 32 bits */
    gint64 duration_ns; /* written before the pads are there; 0 where not known */
    Stream video, audio, commentary;
    unsigned audio_id, commentary_id; /* trackIds; NO_TRACK */
} DubFlvDemux;

typedef struct {
    GstElementClass parent_class;
} DubFlvDemuxClass;

static GType dub_flv_demux_get_type(void);
G_DEFINE_TYPE(DubFlvDemux, dub_flv_demux, GST_TYPE_ELEMENT)

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-flv"));
static GstStaticPadTemplate video_template =
    GST_STATIC_PAD_TEMPLATE("video", GST_PAD_SRC, GST_PAD_SOMETIMES, GST_STATIC_CAPS("video/x-h264; video/x-h265"));
static GstStaticPadTemplate audio_template =
    GST_STATIC_PAD_TEMPLATE("audio", GST_PAD_SRC, GST_PAD_SOMETIMES, GST_STATIC_CAPS("audio/mpeg"));

static GstStaticPadTemplate commentary_template =
    GST_STATIC_PAD_TEMPLATE("commentary", GST_PAD_SRC, GST_PAD_SOMETIMES, GST_STATIC_CAPS("audio/mpeg"));

static gboolean on_query(GstPad *pad, GstObject *parent, GstQuery *query);

/* --- pads --- */

static void tell_if_complete(DubFlvDemux *self, bool is_over)
{
    const bool is_complete =
        self->video.pad && self->audio.pad && (self->commentary.pad || self->commentary_id == NO_TRACK);
    if (self->is_told || !(is_over || is_complete))
        return;
    self->is_told = true;
    gst_element_no_more_pads(GST_ELEMENT(self));
}

static void push_start(DubFlvDemux *self, GstPad *pad, GstCaps *caps)
{
    g_autofree char *id = gst_pad_create_stream_id(pad, GST_ELEMENT(self), GST_PAD_NAME(pad));
    gst_pad_push_event(pad, gst_event_new_stream_start(id));
    gst_pad_push_event(pad, gst_event_new_caps(caps));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = segment.time = TIME_OFFSET_NS;
    gst_pad_push_event(pad, gst_event_new_segment(&segment));
}

static void add_pad(DubFlvDemux *self, Stream *stream, GstStaticPadTemplate *template, GstCaps *caps)
{
    stream->pad = gst_pad_new_from_static_template(template, template->name_template);
    stream->last_dts = GST_CLOCK_TIME_NONE;
    gst_pad_use_fixed_caps(stream->pad);
    gst_pad_set_query_function(stream->pad, on_query);
    gst_pad_set_active(stream->pad, TRUE);
    push_start(self, stream->pad, caps);
    gst_element_add_pad(GST_ELEMENT(self), stream->pad);
    tell_if_complete(self, false);
}

static void set_caps(DubFlvDemux *self, Stream *stream, GstStaticPadTemplate *template, GstCaps *caps)
{
    if (!stream->pad)
        add_pad(self, stream, template, caps);
    else
        gst_pad_push_event(stream->pad, gst_event_new_caps(caps)); /* equal ones change nothing downstream */
}

static GstFlowReturn push(Stream *stream, GstBuffer *buffer, int64_t dts_ms, int32_t composition_ms)
{
    GST_BUFFER_DTS(buffer) = (GstClockTime) (dts_ms * DUB_NS_PER_MS + TIME_OFFSET_NS);
    GST_BUFFER_PTS(buffer) = (GstClockTime) ((dts_ms + composition_ms) * DUB_NS_PER_MS + TIME_OFFSET_NS);
    if (!GST_CLOCK_TIME_IS_VALID(stream->last_dts) ||
        ABS(GST_CLOCK_DIFF(stream->last_dts, GST_BUFFER_DTS(buffer))) > JUMP_NS)
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    stream->last_dts = GST_BUFFER_DTS(buffer);
    const GstFlowReturn flow = gst_pad_push(stream->pad, buffer);
    return flow == GST_FLOW_NOT_LINKED ? GST_FLOW_OK : flow; /* a stream nobody wants */
}

/* --- video tags --- */

static GstCaps *make_video_caps(const char *media_type, const char *format, GstBuffer *codec_data)
{
    return gst_caps_new_simple(media_type, "stream-format", G_TYPE_STRING, format, "alignment", G_TYPE_STRING, "au",
                               "codec_data", GST_TYPE_BUFFER, codec_data, NULL);
}

static void set_video_config(DubFlvDemux *self, GstBuffer *config, bool is_h265)
{
    if (gst_buffer_get_size(config) < 7) /* of either configuration record */
        return;
    g_autoptr(GstCaps) caps =
        is_h265 ? make_video_caps("video/x-h265", "hvc1", config) : make_video_caps("video/x-h264", "avc", config);
    set_caps(self, &self->video, &video_template, caps);
}

static int32_t read_be24_signed(const uint8_t *data)
{
    const int32_t value = (int32_t) dub_get_be24(data);
    return value & 0x800000 ? value - 0x1000000 : value;
}

static GstFlowReturn refuse_video(DubFlvDemux *self)
{
    GST_ELEMENT_ERROR(self, STREAM, CODEC_NOT_FOUND, ("its video is not H.264 or H.265"), (NULL));
    return GST_FLOW_ERROR;
}

static GstFlowReturn take_picture(DubFlvDemux *self, GstBuffer *body, gsize offset, gsize size, bool is_key,
                                  int64_t dts_ms, int32_t composition_ms)
{
    if (!self->video.pad || !size)
        return GST_FLOW_OK;
    GstBuffer *payload = gst_buffer_copy_region(body, GST_BUFFER_COPY_MEMORY, offset, size);
    if (!is_key)
        GST_BUFFER_FLAG_SET(payload, GST_BUFFER_FLAG_DELTA_UNIT);
    return push(&self->video, payload, dts_ms, composition_ms);
}

static void take_video_config(DubFlvDemux *self, GstBuffer *body, gsize offset, gsize size, bool is_h265)
{
    g_autoptr(GstBuffer) config = size ? gst_buffer_copy_region(body, GST_BUFFER_COPY_MEMORY, offset, size) : NULL;
    if (config)
        set_video_config(self, config, is_h265);
}

/* Of several tracks the first, 0, is taken; the others are passed over, whatever their codec. */
static GstFlowReturn handle_enhanced_video(DubFlvDemux *self, GstBuffer *body, const uint8_t *data, gsize size,
                                           int64_t dts_ms)
{
    const int frame = (data[0] >> 4) & 7;
    DubFlvTracks tracks;
    DubFlvTrack track;
    GstFlowReturn flow = GST_FLOW_OK;
    if (frame == FRAME_COMMAND)
        return GST_FLOW_OK;
    dub_flv_tracks_init(&tracks, data, size, true);
    while (flow == GST_FLOW_OK && dub_flv_tracks_next(&tracks, &track)) {
        const gsize offset = (gsize) (track.body - data);
        const bool is_h265 = !memcmp(track.fourcc, "hvc1", 4);
        const bool has_composition = track.packet == PACKET_DATA;
        const gsize prefix = has_composition ? 3 : 0;
        if (track.track != 0)
            continue;
        if (!is_h265 && memcmp(track.fourcc, "avc1", 4) != 0)
            return refuse_video(self);
        if (track.packet == PACKET_CONFIG)
            take_video_config(self, body, offset, track.size, is_h265);
        else if ((has_composition && track.size > prefix) || track.packet == PACKET_DATA_WITHOUT_CTS)
            flow = take_picture(self, body, offset + prefix, track.size - prefix, frame == FRAME_KEY, dts_ms,
                                has_composition ? read_be24_signed(track.body) : 0);
    }
    return flow;
}

static GstFlowReturn handle_video(DubFlvDemux *self, GstBuffer *body, const uint8_t *data, gsize size, int64_t dts_ms)
{
    if (size && data[0] & EX_HEADER)
        return handle_enhanced_video(self, body, data, size, dts_ms);
    if (size < 5)
        return GST_FLOW_OK;
    if ((data[0] & 0x0f) != VIDEO_AVC)
        return refuse_video(self);
    if (data[1] == PACKET_CONFIG)
        take_video_config(self, body, 5, size - 5, false);
    else if (data[1] == PACKET_DATA)
        return take_picture(self, body, 5, size - 5, data[0] >> 4 == FRAME_KEY, dts_ms, read_be24_signed(data + 2));
    return GST_FLOW_OK;
}

/* --- audio tags --- */

/* ISO/EC 14496-3, 1.6.2.1: object type, rate, channels; only what caps want. */
static bool read_aac_config(const uint8_t *data, gsize size, int *rate_hz, int *channels)
{
    static const int rates_hz[] = { 96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                    22050, 16000, 12000, 11025, 8000,  7350 };
    static const int channel_counts[] = { 0, 1, 2, 3, 4, 5, 6, 8 };
    if (size < 2)
        return false;
    const unsigned rate_index = (data[0] & 7u) << 1 | data[1] >> 7;
    const unsigned channel_index = (data[1] >> 3) & 0x0f;
    if (rate_index >= G_N_ELEMENTS(rates_hz) || !channel_index || channel_index >= G_N_ELEMENTS(channel_counts))
        return false;
    *rate_hz = rates_hz[rate_index];
    *channels = channel_counts[channel_index];
    return true;
}

/* Returns: NULL: nobody wants that track */
static Stream *sound_of(DubFlvDemux *self, unsigned track_id)
{
    if (track_id == self->commentary_id)
        return &self->commentary;
    return track_id == self->audio_id ? &self->audio : NULL;
}

static void set_sound_caps(DubFlvDemux *self, Stream *stream, GstCaps *caps)
{
    set_caps(self, stream, stream == &self->audio ? &audio_template : &commentary_template, caps);
}

static void set_aac_config(DubFlvDemux *self, Stream *stream, GstBuffer *config, const uint8_t *data, gsize size)
{
    int rate_hz = 0, channels = 0;
    g_autoptr(GstCaps) caps =
        gst_caps_new_simple("audio/mpeg", "mpegversion", G_TYPE_INT, 4, "stream-format", G_TYPE_STRING, "raw", "framed",
                            G_TYPE_BOOLEAN, TRUE, "codec_data", GST_TYPE_BUFFER, config, NULL);
    if (read_aac_config(data, size, &rate_hz, &channels)) /* else the decoder finds out by itself */
        gst_caps_set_simple(caps, "rate", G_TYPE_INT, rate_hz, "channels", G_TYPE_INT, channels, NULL);
    set_sound_caps(self, stream, caps);
}

static GstFlowReturn take_aac(DubFlvDemux *self, Stream *stream, GstBuffer *body, const uint8_t *data, gsize offset,
                              gsize size, unsigned packet, int64_t dts_ms)
{
    if (!size || packet > PACKET_DATA)
        return GST_FLOW_OK;
    g_autoptr(GstBuffer) payload = gst_buffer_copy_region(body, GST_BUFFER_COPY_MEMORY, offset, size);
    if (packet == PACKET_CONFIG)
        set_aac_config(self, stream, payload, data + offset, size);
    else if (stream->pad)
        return push(stream, g_steal_pointer(&payload), dts_ms, 0);
    return GST_FLOW_OK;
}

static GstFlowReturn refuse_audio(DubFlvDemux *self)
{
    GST_ELEMENT_ERROR(self, STREAM, CODEC_NOT_FOUND, ("its audio is neither AAC nor MP3"), (NULL));
    return GST_FLOW_ERROR;
}

/* The tracks that were chosen; the others are passed over, whatever their codec. */
static GstFlowReturn handle_enhanced_audio(DubFlvDemux *self, GstBuffer *body, const uint8_t *data, gsize size,
                                           int64_t dts_ms)
{
    DubFlvTracks tracks;
    DubFlvTrack track;
    GstFlowReturn flow = GST_FLOW_OK;
    dub_flv_tracks_init(&tracks, data, size, false);
    while (flow == GST_FLOW_OK && dub_flv_tracks_next(&tracks, &track)) {
        Stream *stream = sound_of(self, track.track);
        if (!stream)
            continue;
        if (memcmp(track.fourcc, "mp4a", 4) != 0)
            return refuse_audio(self);
        flow = take_aac(self, stream, body, data, (gsize) (track.body - data), track.size, track.packet, dts_ms);
    }
    return flow;
}

static GstFlowReturn handle_mp3(DubFlvDemux *self, Stream *stream, GstBuffer *body, const uint8_t *data, gsize size,
                                int64_t dts_ms)
{
    static const int rates_hz[] = { 5512, 11025, 22050, 44100 };
    if (size <= 1)
        return GST_FLOW_OK;
    if (!stream->pad) {
        g_autoptr(GstCaps) caps = gst_caps_new_simple(
            "audio/mpeg", "mpegversion", G_TYPE_INT, 1, "layer", G_TYPE_INT, 3, "parsed", G_TYPE_BOOLEAN, TRUE, "rate",
            G_TYPE_INT, rates_hz[(data[0] >> 2) & 3], "channels", G_TYPE_INT, data[0] & 1 ? 2 : 1, NULL);
        set_sound_caps(self, stream, caps);
    }
    return push(stream, gst_buffer_copy_region(body, GST_BUFFER_COPY_MEMORY, 1, size - 1), dts_ms, 0);
}

static GstFlowReturn handle_audio(DubFlvDemux *self, GstBuffer *body, const uint8_t *data, gsize size, int64_t dts_ms)
{
    Stream *stream = sound_of(self, 0); /* of tags that name no track */
    if (!size)
        return GST_FLOW_OK;
    if (data[0] >> 4 == AUDIO_EX)
        return handle_enhanced_audio(self, body, data, size, dts_ms);
    if (!stream)
        return GST_FLOW_OK;
    switch (data[0] >> 4) {
    case AUDIO_AAC: return size > 2 ? take_aac(self, stream, body, data, 2, size - 2, data[1], dts_ms) : GST_FLOW_OK;
    case AUDIO_MP3: return handle_mp3(self, stream, body, data, size, dts_ms);
    default: return refuse_audio(self);
    }
}

/* --- metadata --- */

/* onMetaData's duration, found by its name: a whole AMF reader would be no wiser. */
static void note_duration(DubFlvDemux *self, const uint8_t *data, gsize size)
{
    static const uint8_t key[] = { 0, 8, 'd', 'u', 'r', 'a', 't', 'i', 'o', 'n', 0 };
    const uint8_t *found = memmem(data, size, key, sizeof key);
    if (!found || (gsize) (found - data) + sizeof key + sizeof(double) > size)
        return;
    const double duration_s = dub_get_be_double(found + sizeof key);
    if (duration_s > 0 && duration_s < DURATION_MAX_S)
        self->duration_ns = (gint64) (duration_s * DUB_NS_PER_S);
}

static gboolean on_query(GstPad *pad, GstObject *parent, GstQuery *query)
{
    DubFlvDemux *self = (DubFlvDemux *) parent;
    GstFormat format = GST_FORMAT_UNDEFINED;
    if (GST_QUERY_TYPE(query) != GST_QUERY_DURATION)
        return gst_pad_query_default(pad, parent, query);
    gst_query_parse_duration(query, &format, NULL);
    if (format != GST_FORMAT_TIME || !self->duration_ns)
        return FALSE;
    gst_query_set_duration(query, GST_FORMAT_TIME, self->duration_ns);
    return TRUE;
}

/* --- tags --- */

static GstFlowReturn handle_tag(DubFlvDemux *self, int type, int64_t dts_ms, GstBuffer *body)
{
    GstMapInfo map;
    if (!gst_buffer_map(body, &map, GST_MAP_READ))
        return GST_FLOW_ERROR;
    GstFlowReturn flow = GST_FLOW_OK;
    if (type == TAG_VIDEO)
        flow = handle_video(self, body, map.data, map.size, dts_ms);
    else if (type == TAG_AUDIO)
        flow = handle_audio(self, body, map.data, map.size, dts_ms);
    else if (type == TAG_SCRIPT && !self->video.pad && !self->audio.pad)
        note_duration(self, map.data, map.size);
    gst_buffer_unmap(body, &map);
    return flow;
}

/* Returns: false when more bytes are needed. */
static bool skip_file_header(DubFlvDemux *self)
{
    if (self->is_header_read)
        return true;
    if (gst_adapter_available(self->adapter) < FILE_HEADER_BYTES + PREVIOUS_SIZE_BYTES)
        return false;
    const uint8_t *header = gst_adapter_map(self->adapter, FILE_HEADER_BYTES);
    const bool has_header = !memcmp(header, "FLV", 3);
    gst_adapter_unmap(self->adapter);
    if (has_header)
        gst_adapter_flush(self->adapter, FILE_HEADER_BYTES + PREVIOUS_SIZE_BYTES);
    self->is_header_read = true;
    return true;
}

/* The field has 32 bits and starts again at 0 after 49.7 days; sound and picture do not do so at once. What is far from
 * the tag before it is another time base. */
static int64_t unwrapped(DubFlvDemux *self, uint32_t timestamp_ms)
{
    const int32_t step = (int32_t) (timestamp_ms - (uint32_t) self->last_ms);
    const bool goes_on = ABS((int64_t) step) < WRAP_NEAR_MS && self->last_ms + step >= 0;
    self->last_ms = goes_on ? self->last_ms + step : timestamp_ms;
    return self->last_ms;
}

/* Returns: false when more bytes are needed. */
static bool take_tag(DubFlvDemux *self, GstFlowReturn *flow)
{
    uint8_t header[TAG_HEADER_BYTES];
    if (gst_adapter_available(self->adapter) < TAG_HEADER_BYTES)
        return false;
    gst_adapter_copy(self->adapter, header, 0, sizeof header);
    const gsize size = dub_get_be24(header + 1);
    if (gst_adapter_available(self->adapter) < TAG_HEADER_BYTES + size + PREVIOUS_SIZE_BYTES)
        return false;
    gst_adapter_flush(self->adapter, TAG_HEADER_BYTES);
    g_autoptr(GstBuffer) body = size ? gst_adapter_take_buffer(self->adapter, size) : NULL;
    gst_adapter_flush(self->adapter, PREVIOUS_SIZE_BYTES);
    const uint32_t timestamp_ms = dub_get_be24(header + 4) | (uint32_t) header[7] << 24;
    if (body)
        *flow = handle_tag(self, header[0] & 0x1f, unwrapped(self, timestamp_ms), body);
    return true;
}

static GstFlowReturn on_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    (void) pad;
    DubFlvDemux *self = (DubFlvDemux *) parent;
    GstFlowReturn flow = GST_FLOW_OK;
    gst_adapter_push(self->adapter, buffer);
    if (!skip_file_header(self))
        return GST_FLOW_OK;
    while (flow == GST_FLOW_OK && take_tag(self, &flow)) {
    }
    return flow;
}

static void push_to_all(DubFlvDemux *self, GstEvent *event)
{
    if (self->video.pad)
        gst_pad_push_event(self->video.pad, gst_event_ref(event));
    if (self->audio.pad)
        gst_pad_push_event(self->audio.pad, gst_event_ref(event));
    if (self->commentary.pad)
        gst_pad_push_event(self->commentary.pad, gst_event_ref(event));
}

static gboolean on_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    (void) pad;
    DubFlvDemux *self = (DubFlvDemux *) parent;
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_EOS:
        tell_if_complete(self, true);
        push_to_all(self, event);
        break;
    case GST_EVENT_FLUSH_START:
    case GST_EVENT_FLUSH_STOP: push_to_all(self, event); break;
    default: break; /* stream-start, caps and segment are our own */
    }
    gst_event_unref(event);
    return TRUE;
}

static void dub_flv_demux_finalize(GObject *object)
{
    DubFlvDemux *self = (DubFlvDemux *) object;
    g_object_unref(self->adapter);
    G_OBJECT_CLASS(dub_flv_demux_parent_class)->finalize(object);
}

static void dub_flv_demux_class_init(DubFlvDemuxClass *class)
{
    G_OBJECT_CLASS(class)->finalize = dub_flv_demux_finalize;
    GstElementClass *element_class = GST_ELEMENT_CLASS(class);
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &video_template);
    gst_element_class_add_static_pad_template(element_class, &audio_template);
    gst_element_class_add_static_pad_template(element_class, &commentary_template);
    gst_element_class_set_static_metadata(element_class, "FLV demuxer that keeps timestamps", "Codec/Demuxer",
                                          "Takes FLV apart", "airdub");
}

static void dub_flv_demux_init(DubFlvDemux *self)
{
    self->adapter = gst_adapter_new();
    self->commentary_id = NO_TRACK;
    self->sink = gst_pad_new_from_static_template(&sink_template, "sink");
    gst_pad_set_chain_function(self->sink, on_chain);
    gst_pad_set_event_function(self->sink, on_event);
    gst_element_add_pad(GST_ELEMENT(self), self->sink);
}

GstElement *dub_flv_demux_new(void)
{
    return g_object_new(dub_flv_demux_get_type(), NULL);
}

void dub_flv_demux_choose(GstElement *element, unsigned audio_track, unsigned commentary_track)
{
    DubFlvDemux *self = (DubFlvDemux *) element;
    self->audio_id = audio_track ? audio_track - 1 : commentary_track == 1;
    self->commentary_id = commentary_track ? commentary_track - 1 : NO_TRACK;
}

bool dub_flv_demux_is_commentary(GstPad *pad)
{
    return GST_PAD_PAD_TEMPLATE(pad) && g_str_equal(GST_OBJECT_NAME(pad), commentary_template.name_template);
}
