/* media/sink-pipeline.c: appsrc, muxer and sink per container, their queues, and what they report.
 * What is queued is counted with atomics: added by the loop, taken off by a probe in appsrc's thread. */
#include "media/sink-pipeline.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/http.h"
#include "media/bounded-stop.h"
#include "media/gst-error.h"

#include <gst/app/gstappsrc.h>
#include <gst/audio/audio.h>
#include <string.h>

/* A DTS before 0 has no place in a GstBuffer: all times are moved up by this, and the segment starts there. */
#define TIME_OFFSET_NS (3600 * DUB_NS_PER_S)

/* Full: a muxer that has something of each stream still lies this far behind. */
#define FULL_VIDEO_BUFFERS 128
#define FULL_AUDIO_BUFFERS 256
#define FULL_BYTES         (32 * 1024 * 1024)
/* A network that takes nothing: */
#define LIVE_MAX_BYTES     (16 * 1024 * 1024)
#define LIVE_MAX_NS        (10 * DUB_NS_PER_S)
#define TICK_MS            500
#define END_MAX_NS         (5 * DUB_NS_PER_S)
#define RTMP_CHUNK_BYTES   65536u /* 128 would cost a header every 128 bytes */
#define HLS_SEGMENT_S      6u

typedef struct _DubSinkPipeline DubSinkPipeline;

typedef struct {
    GstElement *appsrc;            /* not a reference; NULL where there is none */
    GstPad *pad;                   /* owned; its src pad */
    gint n_queued, n_queued_bytes; /* atomic */
    DubSinkPipeline *pipeline;
} Input;

struct _DubSinkPipeline {
    DubSinkDrain drain;
    DubContainer container;
    char *name;
    GstElement *pipeline;
    Input video, audio; /* FLV and RTMP: tags go through video */
    GSource *tick;
    gint is_waiting;              /* atomic: is_full said true, ROOM is owed */
    int64_t ending_since_ns;      /* DUB_TIME_NONE */
    int64_t full_since_ns;        /* network: the queue has not been empty since; DUB_TIME_NONE */
    gint n_popped, n_popped_seen; /* atomic, loop: does anything move? */
};

/* --- messages (any thread) --- */

typedef struct {
    DubSinkPost *post;
    char *name;
    bool is_network;
} BusData;

static void free_bus_data(void *data)
{
    BusData *bus = data;
    dub_sink_post_unref(bus->post);
    g_free(bus->name);
    g_free(bus);
}

static GstBusSyncReply on_message(GstBus *gst_bus, GstMessage *message, void *user_data)
{
    (void) gst_bus;
    BusData *bus = user_data;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        dub_sink_post_event(bus->post, DUB_SINK_EVENT_ERROR,
                            dub_gst_error_new(message, bus->name, bus->is_network, NULL));
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS)
        dub_sink_post_event(bus->post, DUB_SINK_EVENT_EOS, NULL);
    gst_message_unref(message);
    return GST_BUS_DROP;
}

/* --- queues --- */

static bool is_crowded(DubSinkPipeline *self, int divisor)
{
    const gint n_video = g_atomic_int_get(&self->video.n_queued);
    const gint n_audio = g_atomic_int_get(&self->audio.n_queued);
    const gint bytes = g_atomic_int_get(&self->video.n_queued_bytes) + g_atomic_int_get(&self->audio.n_queued_bytes);
    /* A muxer that waits for one stream must be given it, however much it has of the other. */
    if ((self->video.appsrc && !n_video) || (self->audio.appsrc && !n_audio))
        return false;
    return n_video > FULL_VIDEO_BUFFERS / divisor || n_audio > FULL_AUDIO_BUFFERS / divisor ||
           bytes > FULL_BYTES / divisor;
}

static void replace_segment(GstPadProbeInfo *info)
{
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = segment.time = TIME_OFFSET_NS;
    GstEvent *event = gst_event_new_segment(&segment);
    gst_event_set_seqnum(event, gst_event_get_seqnum(GST_PAD_PROBE_INFO_EVENT(info)));
    gst_event_unref(GST_PAD_PROBE_INFO_EVENT(info));
    GST_PAD_PROBE_INFO_DATA(info) = event;
}

/* appsrc's thread */
static GstPadProbeReturn on_input_data(GstPad *pad, GstPadProbeInfo *info, void *user_data)
{
    (void) pad;
    Input *input = user_data;
    DubSinkPipeline *self = input->pipeline;
    if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
        if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_SEGMENT)
            replace_segment(info);
        return GST_PAD_PROBE_OK;
    }
    g_atomic_int_add(&input->n_queued, -1);
    g_atomic_int_add(&input->n_queued_bytes, -(gint) gst_buffer_get_size(GST_PAD_PROBE_INFO_BUFFER(info)));
    g_atomic_int_inc(&self->n_popped);
    if (!is_crowded(self, 2) && g_atomic_int_compare_and_exchange(&self->is_waiting, 1, 0))
        dub_sink_post_event(self->drain.post, DUB_SINK_EVENT_ROOM, NULL);
    return GST_PAD_PROBE_OK;
}

static DubSinkPipeline *pipeline_of(DubSinkDrain *drain)
{
    return (DubSinkPipeline *) drain;
}

static bool is_full(DubSinkDrain *drain)
{
    DubSinkPipeline *self = pipeline_of(drain);
    if (!is_crowded(self, 1))
        return false;
    g_atomic_int_set(&self->is_waiting, 1);
    /* It may have emptied between the two lines: then nobody else would tell. */
    if (!is_crowded(self, 2) && g_atomic_int_compare_and_exchange(&self->is_waiting, 1, 0))
        return false;
    return true;
}

static void push(Input *input, GstBuffer *buffer)
{
    g_atomic_int_inc(&input->n_queued);
    g_atomic_int_add(&input->n_queued_bytes, (gint) gst_buffer_get_size(buffer));
    gst_app_src_push_buffer(GST_APP_SRC(input->appsrc), buffer);
}

static void push_video(DubSinkDrain *drain, GstBuffer *buffer, int64_t pts_ns, int64_t dts_ns)
{
    GST_BUFFER_PTS(buffer) = (GstClockTime) (pts_ns + TIME_OFFSET_NS);
    GST_BUFFER_DTS(buffer) = dts_ns == DUB_TIME_NONE ? GST_CLOCK_TIME_NONE : (GstClockTime) (dts_ns + TIME_OFFSET_NS);
    push(&pipeline_of(drain)->video, buffer);
}

static void push_audio(DubSinkDrain *drain, GstBuffer *buffer, int64_t pts_ns, int64_t duration_ns)
{
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = (GstClockTime) (pts_ns + TIME_OFFSET_NS);
    GST_BUFFER_DURATION(buffer) = (GstClockTime) duration_ns;
    push(&pipeline_of(drain)->audio, buffer);
}

void dub_sink_pipeline_push_tag(DubSinkDrain *drain, GstBuffer *tag)
{
    if (GST_BUFFER_PTS_IS_VALID(tag))
        GST_BUFFER_PTS(tag) += TIME_OFFSET_NS;
    if (GST_BUFFER_DTS_IS_VALID(tag))
        GST_BUFFER_DTS(tag) += TIME_OFFSET_NS;
    push(&pipeline_of(drain)->video, tag);
}

/* --- building --- */

static GstElement *add(DubSinkPipeline *self, const char *factory, GError **error)
{
    GstElement *element = gst_element_factory_make(factory, NULL);
    if (element)
        gst_bin_add(GST_BIN(self->pipeline), element);
    else
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "%s: the GStreamer element %s is not installed",
                    self->name, factory);
    return element;
}

static GstElement *add_input(DubSinkPipeline *self, Input *input, GstCaps *caps, GError **error)
{
    GstElement *appsrc = add(self, "appsrc", error);
    if (!appsrc)
        return NULL;
    g_object_set(appsrc, "format", GST_FORMAT_TIME, "caps", caps, "max-bytes", (guint64) 0, NULL);
    input->appsrc = appsrc;
    input->pipeline = self;
    input->pad = gst_element_get_static_pad(appsrc, "src");
    gst_pad_add_probe(input->pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_input_data, input,
                      NULL);
    return appsrc;
}

static bool link_to(DubSinkPipeline *self, GstElement *from, GstElement *to, const char *pad, const GstCaps *caps,
                    GError **error)
{
    if (gst_element_link_pads_filtered(from, "src", to, pad, (GstCaps *) caps))
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "%s: %s refuses what it should take", self->name,
                GST_OBJECT_NAME(to));
    return false;
}

static bool link_video(DubSinkPipeline *self, const DubSinkDrainConfig *config, GstElement *muxer, const char *pad,
                       GError **error)
{
    const char *parser_name = NULL, *wanted_text = NULL;
    if (!dub_container_fit_video(config->container, config->video_caps, &parser_name, &wanted_text, error))
        return false;
    GstElement *last = add_input(self, &self->video, config->video_caps, error);
    if (!last)
        return false;
    if (parser_name) {
        GstElement *parser = add(self, parser_name, error);
        if (!parser || !link_to(self, last, parser, "sink", NULL, error))
            return false;
        if (wanted_text)
            g_object_set(parser, "config-interval", -1,
                         NULL); /* whoever joins at a key frame finds its parameter sets */
        last = parser;
    }
    g_autoptr(GstCaps) wanted = wanted_text ? gst_caps_from_string(wanted_text) : NULL;
    return link_to(self, last, muxer, pad, wanted, error);
}

static GstCaps *make_aac_caps(const DubSinkDrainConfig *config)
{
    g_autoptr(GstBuffer) codec_data = gst_buffer_new_wrapped_bytes(config->audio_config);
    return gst_caps_new_simple("audio/mpeg", "mpegversion", G_TYPE_INT, 4, "stream-format", G_TYPE_STRING, "raw",
                               "framed", G_TYPE_BOOLEAN, TRUE, "rate", G_TYPE_INT, (int) config->rate_hz, "channels",
                               G_TYPE_INT, (int) config->channels, "codec_data", GST_TYPE_BUFFER, codec_data, NULL);
}

static bool link_aac(DubSinkPipeline *self, const DubSinkDrainConfig *config, GstElement *muxer, const char *pad,
                     GError **error)
{
    g_autoptr(GstCaps) caps = make_aac_caps(config);
    GstElement *appsrc = add_input(self, &self->audio, caps, error);
    if (!appsrc)
        return false;
    if (config->audio_language) /* for MPEG-TS, whose programme map says it */
        gst_element_send_event(
            appsrc, gst_event_new_tag(gst_tag_list_new(GST_TAG_LANGUAGE_CODE, config->audio_language, NULL)));
    return link_to(self, appsrc, muxer, pad, NULL, error);
}

static GstElement *add_file_sink(DubSinkPipeline *self, const DubSinkDrainConfig *config, GError **error)
{
    GstElement *sink = add(self, "filesink", error);
    if (sink)
        g_object_set(sink, "location", config->location, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE,
                     NULL);
    return sink;
}

static GstElement *add_srt_sink(DubSinkPipeline *self, const DubSinkDrainConfig *config, GError **error)
{
    GstElement *sink = add(self, "srtsink", error);
    if (sink)
        g_object_set(sink, "uri", config->location, "sync", FALSE, "async", FALSE, "wait-for-connection", FALSE, NULL);
    return sink;
}

static bool build_muxed(DubSinkPipeline *self, const DubSinkDrainConfig *config, GError **error)
{
    GstElement *muxer = add(self, dub_container_muxer(config->container), error);
    GstElement *sink = NULL;
    if (muxer)
        sink = config->container == DUB_CONTAINER_SRT ? add_srt_sink(self, config, error)
                                                      : add_file_sink(self, config, error);
    if (!sink || !link_to(self, muxer, sink, "sink", NULL, error))
        return false;
    if (config->container == DUB_CONTAINER_SRT)
        g_object_set(muxer, "alignment", 7, NULL); /* packets a datagram */
    if (config->video_caps && !link_video(self, config, muxer, "sink_%d", error))
        return false;
    return link_aac(self, config, muxer, "sink_%d", error);
}

static bool build_hls(DubSinkPipeline *self, const DubSinkDrainConfig *config, GError **error)
{
    GstElement *muxer = add(self, dub_container_muxer(config->container), error);
    if (!muxer)
        return false;
    g_autofree char *stem = g_strndup(config->name, strlen(config->name) - strlen(".m3u8"));
    g_autofree char *segments = g_strdup_printf("%s-%%05d.ts", stem);
    g_object_set(muxer, "location", segments, "playlist-location", config->location, "playlist-length", 0u, "max-files",
                 0u, "target-duration", HLS_SEGMENT_S, "send-keyframe-requests", FALSE, NULL);
    if (config->video_caps && !link_video(self, config, muxer, "video", error))
        return false;
    return link_aac(self, config, muxer, "audio", error);
}

static bool build_tags(DubSinkPipeline *self, const DubSinkDrainConfig *config, GError **error)
{
    const char *parser = NULL, *wanted = NULL;
    if (config->video_caps && !dub_container_fit_video(config->container, config->video_caps, &parser, &wanted, error))
        return false;
    g_autoptr(GstCaps) caps = gst_caps_new_empty_simple("video/x-flv");
    GstElement *appsrc = add_input(self, &self->video, caps, error);
    GstElement *sink = NULL;
    if (appsrc && config->container == DUB_CONTAINER_RTMP) {
        sink = add(self, "rtmp2sink", error);
        if (sink)
            g_object_set(sink, "location", config->location, "sync", FALSE, "async", FALSE, "chunk-size",
                         RTMP_CHUNK_BYTES, NULL);
    } else if (appsrc) {
        sink = add_file_sink(self, config, error);
    }
    return sink && link_to(self, appsrc, sink, "sink", NULL, error);
}

static bool build(DubSinkPipeline *self, const DubSinkDrainConfig *config, GError **error)
{
    switch (config->container) {
    case DUB_CONTAINER_TS:
    case DUB_CONTAINER_SRT: return build_muxed(self, config, error);
    case DUB_CONTAINER_FLV:
    case DUB_CONTAINER_RTMP: return build_tags(self, config, error);
    case DUB_CONTAINER_HLS: return build_hls(self, config, error);
    default: g_assert_not_reached(); /* sink-writer.c's */
    }
}

/* --- network: does anything move? --- */

static GError *stall_error(DubSinkPipeline *self)
{
    const int64_t now_ns = dub_clock_now();
    const GstFlowReturn flow = self->video.pad ? gst_pad_get_last_flow_return(self->video.pad) : GST_FLOW_OK;
    if (flow == GST_FLOW_FLUSHING ||
        flow <= GST_FLOW_ERROR) /* rtmp2sink says nothing when it is closed while connecting */
        return g_error_new(DUB_ERROR, DUB_ERROR_NETWORK, "%s: the server closed the connection", self->name);

    const gint n_popped = g_atomic_int_get(&self->n_popped);
    const gint n_queued = g_atomic_int_get(&self->video.n_queued) + g_atomic_int_get(&self->audio.n_queued);
    if (!n_queued || n_popped != self->n_popped_seen)
        self->full_since_ns = now_ns;
    self->n_popped_seen = n_popped;
    const gint bytes = g_atomic_int_get(&self->video.n_queued_bytes) + g_atomic_int_get(&self->audio.n_queued_bytes);
    if (now_ns - self->full_since_ns > LIVE_MAX_NS || bytes > LIVE_MAX_BYTES)
        return g_error_new(DUB_ERROR, DUB_ERROR_NETWORK, "%s: the server takes the stream too slowly or not at all",
                           self->name);
    if (self->ending_since_ns != DUB_TIME_NONE && now_ns - self->ending_since_ns > END_MAX_NS)
        return g_error_new(DUB_ERROR, DUB_ERROR_TIMEOUT, "%s: the server did not take the end of the stream",
                           self->name);
    return NULL;
}

static gboolean on_tick(void *data)
{
    DubSinkPipeline *self = data;
    GError *error = dub_sink_post_is_over(self->drain.post) ? NULL : stall_error(self);
    if (error)
        dub_sink_post_event(self->drain.post, DUB_SINK_EVENT_ERROR, error);
    return error ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void watch_network(DubSinkPipeline *self)
{
    self->full_since_ns = dub_clock_now();
    self->tick = g_timeout_source_new(TICK_MS);
    g_source_set_callback(self->tick, on_tick, self, NULL);
    g_source_attach(self->tick, dub_sink_post_context(self->drain.post));
}

/* --- life --- */

static void watch_bus(DubSinkPipeline *self)
{
    BusData *data = g_new0(BusData, 1);
    data->post = dub_sink_post_ref(self->drain.post);
    data->name = g_strdup(self->name);
    data->is_network = dub_container_is_network(self->container);
    g_autoptr(GstBus) bus = gst_element_get_bus(self->pipeline);
    gst_bus_set_sync_handler(bus, on_message, data, free_bus_data);
}

static const DubSinkDrainClass pipeline_class;

static void free_pipeline(DubSinkDrain *drain);

DubSinkDrain *dub_sink_pipeline_new(const DubSinkDrainConfig *config, DubSinkEventFunc on_event, void *user_data,
                                    GError **error)
{
    DubSinkPipeline *self = g_new0(DubSinkPipeline, 1);
    self->drain = (DubSinkDrain){ &pipeline_class, dub_sink_post_new(on_event, user_data) };
    self->container = config->container;
    self->name = dub_url_printable(config->name);
    self->ending_since_ns = DUB_TIME_NONE;
    self->pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
    watch_bus(self);
    if (!build(self, config, error)) {
        free_pipeline(&self->drain);
        return NULL;
    }
    if (dub_container_is_network(self->container))
        watch_network(self);
    gst_element_set_state(self->pipeline, GST_STATE_PLAYING); /* what fails now comes as a message */
    return &self->drain;
}

/* Any thread, once no thread of the pipeline counts in here. */
static void free_parts(void *data)
{
    DubSinkPipeline *self = data;
    dub_sink_post_unref(self->drain.post);
    gst_clear_object(&self->video.pad);
    gst_clear_object(&self->audio.pad);
    g_free(self->name);
    g_free(self);
}

static void let_go(DubSinkPipeline *self)
{
    dub_sink_post_close(self->drain.post);
    if (self->tick) {
        g_source_destroy(self->tick);
        g_source_unref(self->tick);
    }
}

static void free_pipeline(DubSinkDrain *drain)
{
    DubSinkPipeline *self = pipeline_of(drain);
    let_go(self);
    if (dub_container_is_network(self->container)) /* other streams run on this loop */
        dub_gst_stop(g_steal_pointer(&self->pipeline), free_parts, self, NULL, NULL);
    else if (dub_gst_bounded_stop(g_steal_pointer(&self->pipeline)))
        free_parts(self);
}

static DubGstStop *close_pipeline(DubSinkDrain *drain, DubGstStoppedFunc closed, void *user_data)
{
    DubSinkPipeline *self = pipeline_of(drain);
    let_go(self);
    return dub_gst_stop(g_steal_pointer(&self->pipeline), free_parts, self, closed, user_data);
}

static bool set_video_caps(DubSinkDrain *drain, GstCaps *caps)
{
    DubSinkPipeline *self = pipeline_of(drain);
    const bool can_change = self->container == DUB_CONTAINER_TS || self->container == DUB_CONTAINER_SRT ||
                            self->container == DUB_CONTAINER_HLS;
    if (can_change)
        gst_app_src_set_caps(GST_APP_SRC(self->video.appsrc), caps);
    return can_change;
}

static void end(DubSinkDrain *drain, bool is_whole)
{
    (void) is_whole; /* nothing is carried over */
    DubSinkPipeline *self = pipeline_of(drain);
    self->ending_since_ns = dub_clock_now();
    if (self->video.appsrc)
        gst_app_src_end_of_stream(GST_APP_SRC(self->video.appsrc));
    if (self->audio.appsrc)
        gst_app_src_end_of_stream(GST_APP_SRC(self->audio.appsrc));
}

static const DubSinkDrainClass pipeline_class = { free_pipeline, close_pipeline, push_video, push_audio, set_video_caps,
                                                  is_full,       NULL,           NULL,       end };
