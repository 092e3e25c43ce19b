/* tests/fuzz/fuzz-media-flv-demux.c: FLV taken apart comes to the same however its bytes are cut. The first byte
 * chooses the cut. */
#include "media/flv-demux.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    GString *out; /* a line for each buffer */
} Taken;

static GstPadProbeReturn on_data(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    const Taken *taken = user_data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
        g_string_append_printf(taken->out, "%s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %zu\n", GST_PAD_NAME(pad),
                               GST_BUFFER_PTS(buffer), GST_BUFFER_DTS(buffer), gst_buffer_get_size(buffer));
    return GST_PAD_PROBE_DROP; /* nobody is linked */
}

static void on_pad(GstElement *demux G_GNUC_UNUSED, GstPad *pad, gpointer user_data)
{
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_data, user_data, NULL);
}

static char *take_apart(const uint8_t *data, size_t size, size_t piece)
{
    Taken taken = { g_string_new(NULL) };
    g_autoptr(GstElement) demux = gst_object_ref_sink(dub_flv_demux_new());
    dub_flv_demux_choose(demux, 0, 2); /* tracks 0 and 1 of those that the tags name */
    g_autoptr(GstPad) sink = gst_element_get_static_pad(demux, "sink");
    g_signal_connect(demux, "pad-added", G_CALLBACK(on_pad), &taken);
    gst_element_set_state(demux, GST_STATE_PAUSED);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_BYTES);
    gst_pad_send_event(sink, gst_event_new_stream_start("fuzz"));
    gst_pad_send_event(sink, gst_event_new_segment(&segment));
    for (size_t at = 0; at < size; at += piece) {
        const size_t length = MIN(piece, size - at);
        GstBuffer *buffer = gst_buffer_new_memdup(data + at, length);
        if (gst_pad_chain(sink, buffer) != GST_FLOW_OK)
            break;
    }
    gst_pad_send_event(sink, gst_event_new_eos());
    gst_element_set_state(demux, GST_STATE_NULL);
    return g_string_free(taken.out, FALSE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!gst_is_initialized())
        gst_init(NULL, NULL);
    if (size < 2)
        return 0;
    g_autofree char *whole = take_apart(data + 1, size - 1, size);
    g_autofree char *pieces = take_apart(data + 1, size - 1, 1 + data[0] % 32);
    g_assert_cmpstr(whole, ==, pieces);
    return 0;
}
