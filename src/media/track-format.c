/* media/track-format.c: AVCodecParameters and side data of a stream, and how GStreamer's caps call the same codec. */
#include "media/track-format.h"

#include <libavutil/display.h>
#include <libavutil/mem.h>
#include <string.h>

struct _DubTrackFormat {
    gatomicrefcount refs;
    AVCodecParameters *parameters;
    AVRational frame_rate, aspect;
    AVPacketSideData *side_data; /* as many as n_side_data; each one's data is owned */
    int n_side_data;
};

static const struct {
    enum AVCodecID id;
    const char *caps;
} codecs[] = {
    { AV_CODEC_ID_H264, "video/x-h264,alignment=au,parsed=true" },
    { AV_CODEC_ID_HEVC, "video/x-h265,alignment=au,parsed=true" },
    { AV_CODEC_ID_AV1, "video/x-av1,stream-format=obu-stream,alignment=tu,parsed=true" },
    { AV_CODEC_ID_VP8, "video/x-vp8" },
    { AV_CODEC_ID_VP9, "video/x-vp9,alignment=super-frame,parsed=true" },
    { AV_CODEC_ID_MPEG4, "video/mpeg,mpegversion=4,systemstream=false,parsed=true" },
    { AV_CODEC_ID_MPEG2VIDEO, "video/mpeg,mpegversion=2,systemstream=false,parsed=true" },
    { AV_CODEC_ID_MPEG1VIDEO, "video/mpeg,mpegversion=1,systemstream=false,parsed=true" },
    { AV_CODEC_ID_MJPEG, "image/jpeg,parsed=true" },
    { AV_CODEC_ID_THEORA, "video/x-theora" },
    { AV_CODEC_ID_PRORES, "video/x-prores" },
    { AV_CODEC_ID_DNXHD, "video/x-dnxhd" },
    { AV_CODEC_ID_FLV1, "video/x-flash-video,flvversion=1" },
    { AV_CODEC_ID_WMV1, "video/x-wmv,wmvversion=1" },
    { AV_CODEC_ID_WMV2, "video/x-wmv,wmvversion=2" },
    { AV_CODEC_ID_WMV3, "video/x-wmv,wmvversion=3,format=WMV3" },
    { AV_CODEC_ID_VC1, "video/x-wmv,wmvversion=3,format=WVC1" },
    { AV_CODEC_ID_H263, "video/x-h263,variant=itu" },
    { AV_CODEC_ID_DVVIDEO, "video/x-dv,systemstream=false" },
    { AV_CODEC_ID_FFV1, "video/x-ffv,ffvversion=1" },
};

static DubTrackFormat *new_empty(void)
{
    DubTrackFormat *self = g_new0(DubTrackFormat, 1);
    g_atomic_ref_count_init(&self->refs);
    self->parameters = avcodec_parameters_alloc();
    return self;
}

DubTrackFormat *dub_track_format_new(const AVStream *stream)
{
    DubTrackFormat *self = new_empty();
    if (avcodec_parameters_copy(self->parameters, stream->codecpar) < 0)
        g_error("out of memory");
    self->frame_rate = stream->avg_frame_rate;
    self->aspect =
        stream->sample_aspect_ratio.num ? stream->sample_aspect_ratio : stream->codecpar->sample_aspect_ratio;
    self->side_data = g_new0(AVPacketSideData, (gsize) MAX(stream->nb_side_data, 1));
    for (int i = 0; i < stream->nb_side_data; i++) {
        const AVPacketSideData *from = &stream->side_data[i];
        self->side_data[self->n_side_data++] =
            (AVPacketSideData){ .data = g_memdup2(from->data, from->size), .size = from->size, .type = from->type };
    }
    return self;
}

static enum AVCodecID find_codec(const GstCaps *caps)
{
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(codecs); i++) {
        g_autoptr(GstCaps) known = gst_caps_from_string(codecs[i].caps);
        const GstStructure *of_codec = gst_caps_get_structure(known, 0);
        int version = 0, wanted = 0;
        if (!gst_structure_has_name(structure, gst_structure_get_name(of_codec)))
            continue;
        if (!gst_structure_get_int(of_codec, "mpegversion", &wanted) ||
            (gst_structure_get_int(structure, "mpegversion", &version) && version == wanted))
            return codecs[i].id;
    }
    return AV_CODEC_ID_NONE;
}

DubTrackFormat *dub_track_format_from_caps(const GstCaps *caps)
{
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    const enum AVCodecID id = find_codec(caps);
    if (id == AV_CODEC_ID_NONE)
        return NULL;
    DubTrackFormat *self = new_empty();
    self->parameters->codec_type = AVMEDIA_TYPE_VIDEO;
    self->parameters->codec_id = id;
    gst_structure_get_fraction(structure, "framerate", &self->frame_rate.num, &self->frame_rate.den);
    gst_structure_get_fraction(structure, "pixel-aspect-ratio", &self->aspect.num, &self->aspect.den);
    return self;
}

DubTrackFormat *dub_track_format_ref(DubTrackFormat *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void dub_track_format_unref(DubTrackFormat *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;
    for (int i = 0; i < self->n_side_data; i++)
        g_free(self->side_data[i].data);
    g_free(self->side_data);
    avcodec_parameters_free(&self->parameters);
    g_free(self);
}

static bool set_extradata(AVCodecParameters *parameters, GstBuffer *codec_data)
{
    const gsize size = gst_buffer_get_size(codec_data);
    uint8_t *data = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!data)
        return false;
    gst_buffer_extract(codec_data, 0, data, size);
    av_free(parameters->extradata);
    parameters->extradata = data;
    parameters->extradata_size = (int) size;
    return true;
}

static bool apply_caps(const GstCaps *caps, AVCodecParameters *parameters)
{
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    const GValue *codec_data = gst_structure_get_value(structure, "codec_data");
    gst_structure_get_int(structure, "width", &parameters->width);
    gst_structure_get_int(structure, "height", &parameters->height);
    return !codec_data || set_extradata(parameters, gst_value_get_buffer(codec_data));
}

bool dub_track_format_apply(const DubTrackFormat *self, const GstCaps *caps, AVStream *stream)
{
    if (avcodec_parameters_copy(stream->codecpar, self->parameters) < 0 ||
        (caps && !apply_caps(caps, stream->codecpar)))
        return false;
    stream->codecpar->codec_tag = 0; /* each container has its own */
    stream->avg_frame_rate = stream->r_frame_rate = self->frame_rate;
    stream->sample_aspect_ratio = stream->codecpar->sample_aspect_ratio = self->aspect;
    for (int i = 0; i < self->n_side_data; i++) {
        uint8_t *data = av_stream_new_side_data(stream, self->side_data[i].type, self->side_data[i].size);
        if (!data)
            return false;
        memcpy(data, self->side_data[i].data, self->side_data[i].size);
    }
    return true;
}

/* An avcC or hvcC begins with its version, 1; a byte stream with a start code. */
static const char *stream_format_of(const AVCodecParameters *parameters)
{
    const bool is_record = parameters->extradata_size >= 7 && parameters->extradata[0] == 1;
    if (parameters->codec_id == AV_CODEC_ID_H264)
        return is_record ? "avc" : "byte-stream";
    if (parameters->codec_id == AV_CODEC_ID_HEVC)
        return is_record ? "hvc1" : "byte-stream";
    return NULL;
}

static GstCaps *base_caps(const AVCodecParameters *parameters)
{
    for (gsize i = 0; i < G_N_ELEMENTS(codecs); i++)
        if (codecs[i].id == parameters->codec_id)
            return gst_caps_from_string(codecs[i].caps);
    g_autofree char *name = g_strdup_printf("video/x-libav-%s", avcodec_get_name(parameters->codec_id));
    return gst_caps_new_empty_simple(name);
}

GstCaps *dub_track_format_caps(const DubTrackFormat *self)
{
    const AVCodecParameters *parameters = self->parameters;
    GstCaps *caps = base_caps(parameters);
    const char *format = stream_format_of(parameters);
    if (format)
        gst_caps_set_simple(caps, "stream-format", G_TYPE_STRING, format, NULL);
    if (parameters->width > 0 && parameters->height > 0)
        gst_caps_set_simple(caps, "width", G_TYPE_INT, parameters->width, "height", G_TYPE_INT, parameters->height,
                            NULL);
    if (self->frame_rate.num > 0 && self->frame_rate.den > 0)
        gst_caps_set_simple(caps, "framerate", GST_TYPE_FRACTION, self->frame_rate.num, self->frame_rate.den, NULL);
    if (self->aspect.num > 0 && self->aspect.den > 0)
        gst_caps_set_simple(caps, "pixel-aspect-ratio", GST_TYPE_FRACTION, self->aspect.num, self->aspect.den, NULL);
    if (parameters->extradata_size > 0 && g_strcmp0(format, "byte-stream") != 0) {
        g_autoptr(GstBuffer) data = gst_buffer_new_memdup(parameters->extradata, (gsize) parameters->extradata_size);
        gst_caps_set_simple(caps, "codec_data", GST_TYPE_BUFFER, data, NULL);
    }
    return caps;
}
