/* tests/fuzz/fuzz-media-rtsp-sync.c: whatever an RTSP server says of its clocks and counts, packets keep times that are
 * none before zero, and their distances. The first 9 bytes are what the answer to PLAY said; then a packet every 8
 * bytes. */
#include "media/rtsp-sync.h"
#include "media/bytes.h"

#include <stdint.h>
#include <string.h>

enum { HEAD_BYTES = 9, STEP_BYTES = 8, RTP_BYTES = 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    GstClockTime before, after; /* of the packet before */
} Seen;

static GstFlowReturn on_packet(GstPad *pad, GstObject *parent G_GNUC_UNUSED, GstBuffer *buffer)
{
    Seen *seen = gst_pad_get_element_private(pad);
    seen->after = GST_BUFFER_PTS(buffer);
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
}

static void push(GstPad *source, Seen *seen, const uint8_t *step)
{
    uint8_t rtp[RTP_BYTES] = { 0x80 };
    memcpy(rtp + 4, step, 4);
    const GstClockTime pts = (GstClockTime) dub_get_be32(step + 4) * 1000;
    const Seen last = *seen;
    GstBuffer *buffer =
        gst_buffer_new_memdup(rtp, step[0] % 4 == 0 ? 1 + (gsize) step[1] % (RTP_BYTES - 1) : sizeof rtp);
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = pts;
    gst_pad_push(source, buffer);
    seen->before = pts;
    g_assert_true(GST_CLOCK_TIME_IS_VALID(seen->after));
    if (GST_CLOCK_TIME_IS_VALID(last.after) && last.after > 0 && seen->after > 0)
        g_assert_cmpint((gint64) (seen->after - last.after), ==, (gint64) (pts - last.before));
}

static void start(GstPad *source, const uint8_t *head)
{
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(source, gst_event_new_stream_start("fuzz"));
    g_autoptr(GstCaps) caps = gst_caps_new_empty_simple("application/x-rtp");
    if (head[8] & 1)
        gst_caps_set_simple(caps, "clock-base", G_TYPE_UINT, dub_get_be32(head), NULL);
    if (head[8] & 2)
        gst_caps_set_simple(caps, "clock-rate", G_TYPE_INT, (int) dub_get_be32(head + 4), NULL);
    gst_pad_push_event(source, gst_event_new_caps(caps));
    gst_pad_push_event(source, gst_event_new_segment(&segment));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!gst_is_initialized())
        gst_init(NULL, NULL);
    if (size < HEAD_BYTES)
        return 0;
    Seen seen = { GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE };
    g_autoptr(GstPad) source = gst_object_ref_sink(gst_pad_new("source", GST_PAD_SRC));
    g_autoptr(GstPad) sink = gst_object_ref_sink(gst_pad_new("sink", GST_PAD_SINK));
    gst_pad_set_element_private(sink, &seen);
    gst_pad_set_chain_function(sink, on_packet);
    gst_pad_set_active(source, TRUE);
    gst_pad_set_active(sink, TRUE);
    gst_pad_link(source, sink);
    dub_rtsp_sync_attach(source);
    start(source, data);
    for (size_t at = HEAD_BYTES; at + STEP_BYTES <= size; at += STEP_BYTES)
        push(source, &seen, data + at);
    gst_pad_set_active(source, FALSE);
    gst_pad_set_active(sink, FALSE);
    return 0;
}
