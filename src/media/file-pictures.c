/* media/file-pictures.c: packet -> [parser] -> hidden pictures put in place -> DTS -> out. */
#include "media/file-pictures.h"

#include "media/dts-maker.h"
#include "media/nal-units.h"
#include "media/picture-shaper.h"

#define DEFAULT_FRAME_NS (DUB_NS_PER_S / 25)
#define HIDDEN_MAX_NS \
    (DUB_NS_PER_S / 2) /* what is decoded before the first picture shown takes no more time than this */
#define SQUEEZE_NS DUB_NS_PER_US
#define H264_SPS   7
#define H265_SPS   33

struct _DubFilePictures {
    DubFilePictureFunc emit;
    void *user_data;
    AVRational time_base;
    GstCaps *caps;            /* of what comes next; NULL before a parser has told */
    GstCaps *told;            /* of what went out last */
    DubPictureShaper *shaper; /* NULL: the packets are as muxers want them */
    DubDtsMaker *dts_maker;
    GQueue hidden;       /* of DubAccessUnit *: a run that ends with a picture to be shown, or not at all */
    int64_t next_ns;     /* where a packet without a timestamp goes */
    int64_t last_dts_ns; /* of what left the hidden queue; DUB_TIME_NONE */
    unsigned n_untimed;
    unsigned
        length_bytes; /* of a unit's length, where its header has no parameter sets and none has come; 0: all is well */
    bool (*is_set)(uint8_t first_byte); /* of such a unit */
    bool has_dts, is_stopped;
};

static void free_unit(void *data)
{
    dub_access_unit_free(data);
}

/* --- the way out --- */

static void emit_unit(DubAccessUnit *unit, void *user_data)
{
    DubFilePictures *self = user_data;
    if (self->is_stopped) {
        dub_access_unit_free(unit);
        return;
    }
    g_autoptr(GstCaps) caps = gst_caps_ref(unit->new_caps); /* each unit carries its own up to here */
    if (!self->told || gst_caps_is_equal(caps, self->told))
        gst_clear_caps(&unit->new_caps);
    gst_caps_replace(&self->told, caps);
    self->is_stopped = !self->emit(unit, caps, self->user_data);
}

static int64_t latest_pts(const GQueue *units)
{
    int64_t latest_ns = G_MININT64;
    for (const GList *link = units->head; link; link = link->next)
        latest_ns = MAX(latest_ns, ((const DubAccessUnit *) link->data)->pts_ns);
    return latest_ns;
}

/* Pictures that an edit list hides are needed to decode those behind them. They are packed into the time before the
 * first one shown: with natural times if there is room, else closely. Before the beginning their times are below 0,
 * where a container with edit lists hides them again. */
static void place_hidden(DubFilePictures *self, int64_t shown_dts_ns)
{
    const DubAccessUnit *first = g_queue_peek_head(&self->hidden);
    if (!first)
        return;
    const bool is_beginning = self->last_dts_ns == DUB_TIME_NONE;
    const int64_t end_ns = is_beginning ? MIN(shown_dts_ns, 0) : shown_dts_ns;
    const int64_t begin_ns = is_beginning ? end_ns - HIDDEN_MAX_NS : MAX(end_ns - HIDDEN_MAX_NS, self->last_dts_ns);
    if (first->dts_ns > begin_ns && !(is_beginning && latest_pts(&self->hidden) >= 0))
        return;
    const int64_t step_ns = MAX((end_ns - begin_ns) / ((int64_t) self->hidden.length + 1), SQUEEZE_NS);
    int64_t at_ns = begin_ns;
    for (const GList *link = self->hidden.head; link; link = link->next) {
        DubAccessUnit *unit = link->data;
        unit->dts_ns = unit->pts_ns = at_ns += step_ns;
    }
}

static void pass_on(DubFilePictures *self, DubAccessUnit *unit)
{
    self->last_dts_ns = unit->dts_ns != DUB_TIME_NONE ? unit->dts_ns : unit->pts_ns;
    dub_dts_maker_push(self->dts_maker, unit);
}

static void take_unit(DubFilePictures *self, DubAccessUnit *unit, GstCaps *caps)
{
    gst_caps_replace(&unit->new_caps, caps);
    if (unit->is_hidden) {
        if (unit->key_frame) /* nothing behind it needs what is before it */
            g_queue_clear_full(&self->hidden, free_unit);
        g_queue_push_tail(&self->hidden, unit);
        return;
    }
    place_hidden(self, unit->dts_ns != DUB_TIME_NONE ? unit->dts_ns : unit->pts_ns);
    for (DubAccessUnit *hidden = g_queue_pop_head(&self->hidden); hidden; hidden = g_queue_pop_head(&self->hidden))
        pass_on(self, hidden);
    pass_on(self, unit);
}

static void on_shaped(DubAccessUnit *unit, GstCaps *caps, void *user_data)
{
    DubFilePictures *self = user_data;
    gst_caps_replace(&self->caps, caps);
    if (unit->pts_ns == DUB_TIME_NONE) {
        unit->pts_ns = self->next_ns;
        self->n_untimed++;
    }
    take_unit(self, unit, caps);
}

/* --- the way in --- */

static void unref_av_buffer(void *data)
{
    AVBufferRef *buffer = data;
    av_buffer_unref(&buffer);
}

static GstBuffer *wrap(const AVPacket *packet)
{
    if (!packet->buf)
        return gst_buffer_new_memdup(packet->data, (gsize) packet->size);
    return gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, packet->data, (gsize) packet->size, 0,
                                       (gsize) packet->size, av_buffer_ref(packet->buf), unref_av_buffer);
}

static int64_t to_ns(const DubFilePictures *self, int64_t time)
{
    const AVRational ns = { 1, DUB_NS_PER_S };
    return time == AV_NOPTS_VALUE ? DUB_TIME_NONE : av_rescale_q(time, self->time_base, ns);
}

static DubAccessUnit *unit_of(DubFilePictures *self, const AVPacket *packet)
{
    int64_t pts_ns = to_ns(self, packet->pts);
    const int64_t dts_ns = to_ns(self, packet->dts);
    if (pts_ns == DUB_TIME_NONE)
        pts_ns = dts_ns;
    if (pts_ns == DUB_TIME_NONE) {
        pts_ns = self->next_ns;
        self->n_untimed++;
    }
    GstBuffer *buffer = wrap(packet);
    if (!(packet->flags & AV_PKT_FLAG_KEY))
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    DubAccessUnit *unit = dub_access_unit_new(buffer, pts_ns, self->has_dts ? dts_ns : DUB_TIME_NONE);
    if (packet->duration > 0)
        unit->duration_ns = to_ns(self, packet->duration);
    unit->is_hidden = packet->flags & AV_PKT_FLAG_DISCARD;
    self->next_ns = pts_ns + (unit->duration_ns > 0 ? unit->duration_ns : DEFAULT_FRAME_NS);
    return unit;
}

static void note_new_headers(DubFilePictures *self, const AVPacket *packet)
{
    size_t size = 0;
    const uint8_t *data = av_packet_get_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, &size);
    if (!data || !size || self->shaper)
        return;
    g_autoptr(GstBuffer) codec_data = gst_buffer_new_memdup(data, size);
    GstCaps *caps = gst_caps_copy(self->caps);
    gst_caps_set_simple(caps, "codec_data", GST_TYPE_BUFFER, codec_data, NULL);
    gst_caps_unref(self->caps);
    self->caps = caps;
}

static bool is_h264_set(uint8_t first_byte)
{
    return (first_byte & 31) == H264_SPS;
}

static bool is_h265_set(uint8_t first_byte)
{
    return (first_byte >> 1 & 63) == H265_SPS;
}

/* Some writers leave the parameter sets out of the header: they are among the pictures then, or nobody can decode it.
 */
static void look_for_sets(DubFilePictures *self, const AVCodecParameters *parameters)
{
    const uint8_t *data = parameters->extradata;
    const bool is_hevc = parameters->codec_id == AV_CODEC_ID_HEVC;
    if (parameters->codec_id == AV_CODEC_ID_H264 && parameters->extradata_size >= 7 && data[0] == 1 && !(data[5] & 31))
        self->length_bytes = (data[4] & 3) + 1;
    else if (is_hevc && parameters->extradata_size >= 23 && data[0] == 1 && !data[22])
        self->length_bytes = (data[21] & 3) + 1;
    self->is_set = is_hevc ? is_h265_set : is_h264_set;
}

static bool has_set(const DubFilePictures *self, const AVPacket *packet)
{
    return dub_nal_units_have(packet->data, (gsize) packet->size, self->length_bytes, self->is_set);
}

bool dub_file_pictures_push(DubFilePictures *self, const AVPacket *packet)
{
    if (packet && packet->size > 0) {
        if (self->length_bytes && !has_set(self, packet))
            return true;
        self->length_bytes = 0;
        note_new_headers(self, packet);
        DubAccessUnit *unit = unit_of(self, packet);
        if (self->shaper)
            dub_picture_shaper_push(self->shaper, unit);
        else
            take_unit(self, unit, self->caps);
    } else if (!packet) {
        if (self->shaper)
            dub_picture_shaper_flush(self->shaper);
        dub_dts_maker_flush(self->dts_maker); /* what is still hidden lies behind the end */
    }
    return !self->is_stopped;
}

GstCaps *dub_file_pictures_caps(const DubFilePictures *self)
{
    return self->caps;
}

unsigned dub_file_pictures_n_untimed(const DubFilePictures *self)
{
    return self->n_untimed;
}

DubFilePictures *dub_file_pictures_new(const AVStream *stream, const DubTrackFormat *format, bool has_dts,
                                       DubFilePictureFunc emit, void *user_data, GError **error)
{
    g_autoptr(DubFilePictures) self = g_new0(DubFilePictures, 1);
    g_autoptr(GstCaps) caps = dub_track_format_caps(format);
    self->emit = emit;
    self->user_data = user_data;
    self->time_base = stream->time_base;
    self->has_dts = has_dts;
    self->last_dts_ns = DUB_TIME_NONE;
    self->dts_maker = dub_dts_maker_new(has_dts, emit_unit, self);
    look_for_sets(self, stream->codecpar);
    if (!dub_picture_shaper_is_needed(caps)) {
        self->caps = g_steal_pointer(&caps);
        return g_steal_pointer(&self);
    }
    self->shaper = dub_picture_shaper_new(caps, on_shaped, self, error);
    return self->shaper ? g_steal_pointer(&self) : NULL;
}

void dub_file_pictures_free(DubFilePictures *self)
{
    if (!self)
        return;
    dub_picture_shaper_free(self->shaper);
    g_clear_pointer(&self->dts_maker, dub_dts_maker_free);
    g_queue_clear_full(&self->hidden, free_unit);
    gst_clear_caps(&self->caps);
    gst_clear_caps(&self->told);
    g_free(self);
}
