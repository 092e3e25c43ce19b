/* tests/unit/media/test-flv.c: what flv-writer.c writes, flv-demux.c gives back, times and bytes. */
#include "base/clock.h"
#include "media/flv-demux.h"
#include "media/flv-writer.h"

#include <gst/app/gstappsink.h>
#include <string.h>

typedef struct {
    const char *name;
    int64_t pts_ms[4], dts_ms[4]; /* of four video frames, in decode order */
    gsize chunk_bytes;            /* how the bytes arrive; 0: all at once */
    bool has_more_tracks;         /* before each frame come tags of other tracks, in all of Enhanced RTMP's layouts */
    DubFlvCodec codec;
} Case;

static const Case cases[] = {
    { "plain", { 0, 40, 80, 120 }, { 0, 40, 80, 120 }, 0 },
    { "b-frames", { 80, 200, 120, 160 }, { 0, 40, 80, 120 }, 0 },
    { "pts-before-dts", { 0, 10, 20, 30 }, { 20, 30, 40, 50 }, 0 },
    { "jump-back", { 90000, 90040, 0, 40 }, { 90000, 90040, 0, 40 }, 0 },
    { "beyond-24-bits", { 20000000, 20000040, 20000080, 20000120 }, { 20000000, 20000040, 20000080, 20000120 }, 0 },
    { "byte-by-byte", { 80, 200, 120, 160 }, { 0, 40, 80, 120 }, 1 },
    { "more-tracks", { 80, 200, 120, 160 }, { 0, 40, 80, 120 }, 0, .has_more_tracks = true },
    { "hevc", { 80, 200, 120, 160 }, { 0, 40, 80, 120 }, 0, .codec = DUB_FLV_HEVC },
    { "hevc-pts-before-dts", { 0, 10, 20, 30 }, { 20, 30, 40, 50 }, 0, .codec = DUB_FLV_HEVC },
    { "beyond-32-bits",
      { 4294967216, 4294967256, 4294967296, 4294967336 },
      { 4294967216, 4294967256, 4294967296, 4294967336 },
      0 },
    { "odd-pieces", { 0, 40, 80, 120 }, { 0, 40, 80, 120 }, 7 },
};

static const uint8_t avc_config[] = { 1, 100, 0, 30, 0xff, 0xe1, 0, 4, 0x67, 100, 0, 30, 1, 0, 2, 0x68, 0xee };
static const uint8_t aac_config[] = { 0x12, 0x10 };
static const uint8_t aac_frame[] = { 0x21, 0x10, 5 };

static GstCaps *make_video_caps(DubFlvCodec codec)
{
    const bool is_hevc = codec == DUB_FLV_HEVC;
    g_autoptr(GstBuffer) codec_data = gst_buffer_new_memdup(avc_config, sizeof avc_config); /* no more than carried */
    return gst_caps_new_simple(is_hevc ? "video/x-h265" : "video/x-h264", "stream-format", G_TYPE_STRING,
                               is_hevc ? "hvc1" : "avc", "width", G_TYPE_INT, 320, "height", G_TYPE_INT, 240,
                               "codec_data", GST_TYPE_BUFFER, codec_data, NULL);
}

static void append(GByteArray *bytes, GstBuffer *buffer)
{
    GstMapInfo map;
    g_assert_true(gst_buffer_map(buffer, &map, GST_MAP_READ));
    g_byte_array_append(bytes, map.data, (guint) map.size);
    gst_buffer_unmap(buffer, &map);
    gst_buffer_unref(buffer);
}

/* the first byte: how many follow it; then the tag's type and its body */
/* clang-format off */
static const uint8_t other_tracks[][24] = {
    { 13, 9, 0x96, 0x01, 'a', 'v', 'c', '1', 1, 0, 0, 0, 0x65, 1 },     /* one track, number 1 */
    { 14, 9, 0x96, 0x11, 'v', 'p', '0', '9', 2, 0, 0, 4, 1, 2, 3, 4 },  /* many tracks of one codec, one of them */
    { 18, 9, 0x96, 0x21, 'a', 'v', '0', '1', 3, 0, 0, 1, 7,
      'h', 'v', 'c', '1', 1, 0, 0 },                                    /* each its codec; the second is cut off */
    { 9, 8, 0x95, 0x01, 'O', 'p', 'u', 's', 1, 0x55 },                  /* audio */
    { 12, 8, 0x97, 2, 1, 2, 3, 0x05, 0x01, 'm', 'p', '4', 'a', 1 },     /* … behind a ModEx */
    { 3, 9, 0xd0, 0, 0 },                                               /* a command */
    { 2, 9, 0x96, 0x01 },                                               /* cut off */
};
/* clang-format on */

static void append_other_tracks(GByteArray *bytes)
{
    for (gsize i = 0; i < G_N_ELEMENTS(other_tracks); i++) {
        const uint8_t size = (uint8_t) (other_tracks[i][0] - 1);
        const uint8_t header[11] = { other_tracks[i][1], 0, 0, size };
        const uint8_t previous[4] = { 0, 0, 0, (uint8_t) (size + 11) };
        g_byte_array_append(bytes, header, sizeof header);
        g_byte_array_append(bytes, other_tracks[i] + 2, size);
        g_byte_array_append(bytes, previous, sizeof previous);
    }
}

static GByteArray *write_stream(const Case *c)
{
    g_autoptr(GstCaps) caps = make_video_caps(c->codec);
    g_autoptr(GBytes) config = g_bytes_new_static(aac_config, sizeof aac_config);
    const DubFlvConfig flv = { caps, config, 44100, 2 };
    g_autoptr(GPtrArray) headers = dub_flv_headers(&flv);
    GByteArray *bytes = g_byte_array_new();
    for (guint i = 0; i < headers->len; i++)
        append(bytes, gst_buffer_ref(headers->pdata[i]));
    for (int i = 0; i < 4; i++) {
        const uint8_t nal[] = { 0, 0, 0, 2, 0x65, (uint8_t) i };
        if (c->has_more_tracks)
            append_other_tracks(bytes);
        g_autoptr(GstBuffer) payload = gst_buffer_new_memdup(nal, sizeof nal);
        append(bytes, dub_flv_video_tag(c->codec, payload, c->pts_ms[i] * DUB_NS_PER_MS, c->dts_ms[i] * DUB_NS_PER_MS,
                                        i == 0));
        append(bytes, dub_flv_audio_tag(aac_frame, sizeof aac_frame, c->dts_ms[i] * DUB_NS_PER_MS));
    }
    return bytes;
}

static void on_pad_added(GstElement *demux, GstPad *pad, void *user_data)
{
    (void) demux;
    GstElement **sinks = user_data;
    g_autoptr(GstPad) sink = gst_element_get_static_pad(sinks[GST_PAD_NAME(pad)[0] == 'a'], "sink");
    g_assert_cmpint(gst_pad_link(pad, sink), ==, GST_PAD_LINK_OK);
}

static GstElement *make_sink(GstElement *pipeline)
{
    GstElement *sink = gst_element_factory_make("appsink", NULL);
    g_object_set(sink, "sync", FALSE, "async", FALSE, "wait-on-eos", FALSE, NULL);
    gst_bin_add(GST_BIN(pipeline), sink);
    return sink;
}

static int64_t to_ms(GstSample *sample, GstClockTime time)
{
    guint64 running = 0;
    const int sign = gst_segment_to_running_time_full(gst_sample_get_segment(sample), GST_FORMAT_TIME, time, &running);
    return sign * (int64_t) (running / DUB_NS_PER_MS);
}

static void assert_video(GstElement *sink, const Case *c)
{
    for (int i = 0; i < 4; i++) {
        g_autoptr(GstSample) sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), 5 * GST_SECOND);
        g_assert_nonnull(sample);
        g_assert_true(gst_structure_has_name(gst_caps_get_structure(gst_sample_get_caps(sample), 0),
                                             c->codec == DUB_FLV_HEVC ? "video/x-h265" : "video/x-h264"));
        GstBuffer *buffer = gst_sample_get_buffer(sample);
        const uint8_t nal[] = { 0, 0, 0, 2, 0x65, (uint8_t) i };
        g_assert_cmpint(gst_buffer_memcmp(buffer, 0, nal, sizeof nal), ==, 0);
        g_assert_cmpint(to_ms(sample, GST_BUFFER_PTS(buffer)), ==, c->pts_ms[i]);
        g_assert_cmpint(to_ms(sample, GST_BUFFER_DTS(buffer)), ==, c->dts_ms[i]);
        g_assert_cmpint(!GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT), ==, i == 0);
    }
    g_autoptr(GstSample) none = gst_app_sink_pull_sample(GST_APP_SINK(sink));
    g_assert_null(none); /* EOS went through */
}

static void assert_audio(GstElement *sink, const Case *c)
{
    for (int i = 0; i < 4; i++) {
        g_autoptr(GstSample) sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), 5 * GST_SECOND);
        g_assert_nonnull(sample);
        int rate_hz = 0, channels = 0;
        const GstStructure *structure = gst_caps_get_structure(gst_sample_get_caps(sample), 0);
        gst_structure_get_int(structure, "rate", &rate_hz);
        gst_structure_get_int(structure, "channels", &channels);
        g_assert_cmpint(rate_hz, ==, 44100);
        g_assert_cmpint(channels, ==, 2);
        g_assert_cmpint(gst_buffer_memcmp(gst_sample_get_buffer(sample), 0, aac_frame, sizeof aac_frame), ==, 0);
        g_assert_cmpint(to_ms(sample, GST_BUFFER_PTS(gst_sample_get_buffer(sample))), ==, c->dts_ms[i]);
    }
}

static void feed(GstElement *demux, const GByteArray *bytes, gsize chunk_bytes)
{
    g_autoptr(GstPad) pad = gst_element_get_static_pad(demux, "sink");
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_BYTES);
    gst_pad_send_event(pad, gst_event_new_stream_start("test"));
    gst_pad_send_event(pad, gst_event_new_segment(&segment));
    const gsize step = chunk_bytes ? chunk_bytes : bytes->len;
    for (gsize at = 0; at < bytes->len; at += step)
        g_assert_cmpint(gst_pad_chain(pad, gst_buffer_new_memdup(bytes->data + at, MIN(step, bytes->len - at))), ==,
                        GST_FLOW_OK);
    gst_pad_send_event(pad, gst_event_new_eos());
}

static void test_round_trip(const void *data)
{
    const Case *c = data;
    g_autoptr(GByteArray) bytes = write_stream(c);
    g_autoptr(GstElement) pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
    GstElement *demux = dub_flv_demux_new();
    gst_bin_add(GST_BIN(pipeline), demux);
    GstElement *sinks[] = { make_sink(pipeline), make_sink(pipeline) };
    g_signal_connect(demux, "pad-added", G_CALLBACK(on_pad_added), sinks);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    feed(demux, bytes, c->chunk_bytes);
    assert_video(sinks[0], c);
    assert_audio(sinks[1], c);
    gst_element_set_state(pipeline, GST_STATE_NULL);
}

/* sink-file.c writes there once the length is known. */
static void test_metadata_offsets(void)
{
    g_autoptr(GByteArray) bytes = write_stream(&cases[0]);
    g_assert_cmpint(memcmp(bytes->data + DUB_FLV_DURATION_OFFSET - 9, "duration", 8), ==, 0);
    g_assert_cmpint(memcmp(bytes->data + DUB_FLV_FILESIZE_OFFSET - 9, "filesize", 8), ==, 0);
}

static void expect_body(GstBuffer *tag, const uint8_t *body, gsize size)
{
    g_assert_cmpint(gst_buffer_memcmp(tag, 11, body, size), ==, 0); /* behind the tag's header */
    gst_buffer_unref(tag);
}

/* "Enhanced RTMP, version 1", Defining Additional Video Codecs. */
static void test_enhanced_bytes(void)
{
    static const uint8_t start[] = { 0x90, 'h', 'v', 'c', '1' };                      /* key frame, SequenceStart */
    static const uint8_t key[] = { 0x91, 'h', 'v', 'c', '1', 0, 0, 80, 7 };           /* CodedFrames */
    static const uint8_t inter[] = { 0xa1, 'h', 'v', 'c', '1', 0xff, 0xff, 0xf6, 7 }; /* 10 ms before its DTS */
    static const uint8_t byte = 7;
    g_autoptr(GstCaps) caps = make_video_caps(DUB_FLV_HEVC);
    g_autoptr(GstBuffer) payload = gst_buffer_new_memdup(&byte, 1);
    expect_body(dub_flv_video_header(caps, 0), start, sizeof start);
    expect_body(dub_flv_video_tag(DUB_FLV_HEVC, payload, 80 * DUB_NS_PER_MS, 0, true), key, sizeof key);
    expect_body(dub_flv_video_tag(DUB_FLV_HEVC, payload, 30 * DUB_NS_PER_MS, 40 * DUB_NS_PER_MS, false), inter,
                sizeof inter);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    gst_init(NULL, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/media/flv/round-trip/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_round_trip);
    }
    g_test_add_func("/media/flv/enhanced-bytes", test_enhanced_bytes);
    g_test_add_func("/media/flv/metadata-offsets", test_metadata_offsets);
    return g_test_run();
}
