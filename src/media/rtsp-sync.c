/* media/rtsp-sync.c: a probe that learns the distance from its track's first packet and moves all packets by it. */
#include "media/rtsp-sync.h"

#include "base/log.h"
#include "media/bytes.h"

#include <stdint.h>

#define RTP_HEADER_BYTES 12               /* RFC 3550, 5.1 */
#define HEAD_ROOM_NS     (1 * GST_SECOND) /* a packet may be a little older than PLAY; times stay positive */

typedef struct {
    gboolean learnt;
    int64_t shift_ns;
} Track;

static gboolean read_rtp_time(GstBuffer *buffer, uint32_t *rtp_time)
{
    uint8_t header[RTP_HEADER_BYTES];
    if (gst_buffer_extract(buffer, 0, header, sizeof header) != sizeof header)
        return FALSE;
    *rtp_time = dub_get_be32(header + 4);
    return TRUE;
}

/* Time since PLAY by the track's own count, in ns; FALSE when the server did not say what it counted then. */
static gboolean time_since_play(GstPad *pad, GstBuffer *buffer, int64_t *since_ns)
{
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    const GstStructure *structure = caps ? gst_caps_get_structure(caps, 0) : NULL;
    guint clock_base;
    int clock_rate;
    uint32_t rtp_time;
    if (!structure || !gst_structure_get_uint(structure, "clock-base", &clock_base) ||
        !gst_structure_get_int(structure, "clock-rate", &clock_rate) || clock_rate <= 0 ||
        !read_rtp_time(buffer, &rtp_time))
        return FALSE;
    const int32_t counted = (int32_t) (rtp_time - clock_base); /* wraps as RTP does */
    *since_ns =
        gst_util_uint64_scale_int((guint64) ABS((int64_t) counted), GST_SECOND, clock_rate) * (counted < 0 ? -1 : 1);
    return TRUE;
}

static void learn(Track *track, GstPad *pad, GstBuffer *buffer)
{
    int64_t since_ns;
    track->learnt = TRUE;
    track->shift_ns = (int64_t) HEAD_ROOM_NS;
    if (time_since_play(pad, buffer, &since_ns) && since_ns > -(int64_t) HEAD_ROOM_NS)
        track->shift_ns += since_ns - (int64_t) GST_BUFFER_PTS(buffer);
    else
        dub_warning("rtsp: the server does not say when its tracks began; sound and picture may be apart");
}

static GstPadProbeReturn on_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    Track *track = user_data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    if (!GST_BUFFER_PTS_IS_VALID(buffer))
        return GST_PAD_PROBE_OK;
    if (!track->learnt)
        learn(track, pad, buffer);
    buffer = gst_buffer_make_writable(buffer);
    GST_BUFFER_PTS(buffer) = (GstClockTime) MAX((int64_t) GST_BUFFER_PTS(buffer) + track->shift_ns, 0);
    if (GST_BUFFER_DTS_IS_VALID(buffer))
        GST_BUFFER_DTS(buffer) = (GstClockTime) MAX((int64_t) GST_BUFFER_DTS(buffer) + track->shift_ns, 0);
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    return GST_PAD_PROBE_OK;
}

void dub_rtsp_sync_attach(GstPad *pad)
{
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, g_new0(Track, 1), g_free);
}
