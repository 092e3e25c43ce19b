/* media/picture-shaper.c: a pad of ours, h264parse or h265parse, a pad of ours. */
#include "media/picture-shaper.h"

#include "base/error.h"

#include <string.h>

/* A time before 0 has no place in a GstBuffer: all times are moved up by this. */
#define TIME_OFFSET_NS (3600 * DUB_NS_PER_S)

struct _DubPictureShaper {
    DubPictureFunc emit;
    void *user_data;
    GstElement *parser;
    GstPad *in, *out; /* ours */
    GstCaps *caps;    /* of what comes out; NULL before the parser has told */
};

static const struct {
    const char *name, *parser, *wanted;
} kinds[] = {
    { "video/x-h264", "h264parse", "video/x-h264,parsed=true,stream-format=avc,alignment=au" },
    { "video/x-h265", "h265parse", "video/x-h265,parsed=true,stream-format=hvc1,alignment=au" },
};

static int find_kind(const GstCaps *caps)
{
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (gst_structure_has_name(structure, kinds[i].name))
            return (int) i;
    return -1;
}

bool dub_picture_shaper_is_needed(const GstCaps *caps)
{
    const char *format = gst_structure_get_string(gst_caps_get_structure(caps, 0), "stream-format");
    return find_kind(caps) >= 0 && !g_strcmp0(format, "byte-stream");
}

static int64_t time_of(GstClockTime time)
{
    return GST_CLOCK_TIME_IS_VALID(time) ? (int64_t) time - TIME_OFFSET_NS : DUB_TIME_NONE;
}

static GstFlowReturn on_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    (void) parent;
    DubPictureShaper *self = gst_pad_get_element_private(pad);
    DubAccessUnit *unit = dub_access_unit_new(buffer, time_of(GST_BUFFER_PTS(buffer)), time_of(GST_BUFFER_DTS(buffer)));
    self->emit(unit, self->caps, self->user_data);
    return GST_FLOW_OK;
}

static gboolean on_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    (void) parent;
    DubPictureShaper *self = gst_pad_get_element_private(pad);
    if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
        GstCaps *caps = NULL;
        gst_event_parse_caps(event, &caps);
        gst_caps_replace(&self->caps, caps);
    }
    gst_event_unref(event);
    return TRUE;
}

/* The parser would believe a size that it is told, also once the pictures have another. */
static GstCaps *without_size(const GstCaps *caps)
{
    GstCaps *copy = gst_caps_copy(caps);
    const char *format = gst_structure_get_string(gst_caps_get_structure(copy, 0), "stream-format");
    if (g_strcmp0(format, "byte-stream") == 0)
        gst_structure_remove_fields(gst_caps_get_structure(copy, 0), "width", "height", NULL);
    return copy;
}

static void start(DubPictureShaper *self, const GstCaps *told)
{
    g_autoptr(GstCaps) caps = without_size(told);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_set_active(self->out, TRUE);
    gst_element_set_state(self->parser, GST_STATE_PLAYING);
    gst_pad_set_active(self->in, TRUE);
    gst_pad_push_event(self->in, gst_event_new_stream_start("picture"));
    gst_pad_push_event(self->in, gst_event_new_caps(caps));
    gst_pad_push_event(self->in, gst_event_new_segment(&segment));
}

DubPictureShaper *dub_picture_shaper_new(GstCaps *caps, DubPictureFunc emit, void *user_data, GError **error)
{
    const int kind = find_kind(caps);
    GstElement *parser = gst_element_factory_make(kinds[kind].parser, NULL);
    if (!parser) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "the GStreamer element %s is not installed",
                    kinds[kind].parser);
        return NULL;
    }
    DubPictureShaper *self = g_new0(DubPictureShaper, 1);
    self->emit = emit;
    self->user_data = user_data;
    self->parser = gst_object_ref_sink(parser);
    g_autoptr(GstCaps) wanted = gst_caps_from_string(kinds[kind].wanted);
    g_autoptr(GstPadTemplate) template =
        gst_object_ref_sink(gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, wanted));
    self->in = gst_object_ref_sink(gst_pad_new("src", GST_PAD_SRC));
    self->out = gst_object_ref_sink(gst_pad_new_from_template(template, "sink"));
    gst_pad_set_element_private(self->out, self);
    gst_pad_set_chain_function(self->out, on_chain);
    gst_pad_set_event_function(self->out, on_event);
    g_autoptr(GstPad) sink = gst_element_get_static_pad(parser, "sink");
    g_autoptr(GstPad) source = gst_element_get_static_pad(parser, "src");
    gst_pad_link(self->in, sink);
    gst_pad_link(source, self->out);
    start(self, caps);
    return self;
}

static GstClockTime buffer_time(int64_t ns)
{
    return ns == DUB_TIME_NONE ? GST_CLOCK_TIME_NONE : (GstClockTime) (ns + TIME_OFFSET_NS);
}

void dub_picture_shaper_push(DubPictureShaper *self, DubAccessUnit *unit)
{
    GstBuffer *buffer = gst_buffer_make_writable(g_steal_pointer(&unit->buffer));
    GST_BUFFER_PTS(buffer) = buffer_time(unit->pts_ns);
    GST_BUFFER_DTS(buffer) = buffer_time(unit->dts_ns);
    GST_BUFFER_DURATION(buffer) =
        unit->duration_ns == DUB_TIME_NONE ? GST_CLOCK_TIME_NONE : (GstClockTime) unit->duration_ns;
    dub_access_unit_free(unit);
    gst_pad_push(self->in, buffer);
}

void dub_picture_shaper_flush(DubPictureShaper *self)
{
    gst_pad_push_event(self->in, gst_event_new_eos());
}

void dub_picture_shaper_free(DubPictureShaper *self)
{
    if (!self)
        return;
    gst_pad_set_active(self->in, FALSE);
    gst_element_set_state(self->parser, GST_STATE_NULL);
    gst_pad_set_active(self->out, FALSE);
    gst_object_unref(self->in);
    gst_object_unref(self->out);
    gst_object_unref(self->parser);
    gst_clear_caps(&self->caps);
    g_free(self);
}
