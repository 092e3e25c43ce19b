/* media/source-pipeline.c: fronts (what yields parsed streams), messages, life. source-branch.c
 * has what becomes of each stream.
 *
 *   FLV file      filesrc ! flv-demux.c          \
 *   srt           srtsrc ! parsebin               \               video: [parser] ! appsink
 *   rtsp          rtspsrc ! parsebin (per pad)    /  pad-added ->
 *   rtmp          rtmp2src ! flv-demux.c         /                audio: decoder ! audioconvert ! appsink
 *
 * No queue elements: the demuxer's thread carries a buffer all the way into the handover, which is the one bounded
 * queue. Sinks neither wait for the clock nor preroll. `lock` guards the stream facts, which the loop reads. */
#include "media/source-private.h"

#include "base/error.h"
#include "base/http.h"
#include "base/log.h"
#include "media/bounded-stop.h"
#include "media/flv-demux.h"
#include "media/gst-error.h"
#include "media/rtsp-sync.h"

#include <gst/app/gstappsink.h>
#include <gst/audio/audio.h>
#include <stdio.h>
#include <string.h>

#define OUR_FLV_DEMUX  "our FLV demuxer"   /* media/flv-demux.h */
#define COMMENTARY_KEY "airdub-commentary" /* set on the parsebin behind the commentary's pad */
#define SRT_GOODBYE_NS (3 * DUB_NS_PER_S)

static const struct {
    const char *scheme;
    Front front;
} schemes[] = {
    { "rtmp", FRONT_RTMP },  { "rtmps", FRONT_RTMP }, { "rtsp", FRONT_RTSP },
    { "rtsps", FRONT_RTSP }, { "srt", FRONT_SRT },
};

bool dub_source_pipeline_is_network(const DubSourcePipeline *self)
{
    return self->front != FRONT_FLV_FILE;
}

DubSourcePipeline *dub_source_pipeline_ref(DubSourcePipeline *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void dub_source_pipeline_fail(DubSourcePipeline *self, DubErrorCode code, const char *text)
{
    g_autofree char *name = dub_url_printable(self->uri);
    dub_handover_fail(self->handover, g_error_new(DUB_ERROR, code, "%s: %s", name, text));
}

static void add_parsebin_behind(DubSourcePipeline *self, GstPad *pad);

/* The number of a stream of its kind, as they show themselves; the first that is left is the programme. */
static DubHandoverKind kind_by_order(DubSourcePipeline *self)
{
    g_mutex_lock(&self->lock);
    const unsigned number = ++self->n_audio;
    const bool is_commentary = number == self->commentary_track;
    if (!self->audio_track && !is_commentary)
        self->audio_track = number;
    const bool is_audio = number == self->audio_track;
    g_mutex_unlock(&self->lock);
    return is_commentary ? DUB_HANDOVER_COMMENTARY : is_audio ? DUB_HANDOVER_AUDIO : DUB_HANDOVER_EOS;
}

/* Returns: DUB_HANDOVER_EOS: nobody wants it */
static DubHandoverKind kind_of_audio(DubSourcePipeline *self, GstPad *pad)
{
    g_autoptr(GstElement) parent = gst_pad_get_parent_element(pad);
    switch (self->front) {
    case FRONT_FLV_FILE:
    case FRONT_RTMP: return dub_flv_demux_is_commentary(pad) ? DUB_HANDOVER_COMMENTARY : DUB_HANDOVER_AUDIO;
    case FRONT_RTSP: /* others were not asked for */
        return parent && g_object_get_data(G_OBJECT(parent), COMMENTARY_KEY) ? DUB_HANDOVER_COMMENTARY
                                                                             : DUB_HANDOVER_AUDIO;
    case FRONT_SRT: break;
    }
    return kind_by_order(self);
}

static void handle_audio(DubSourcePipeline *self, GstPad *pad, GstCaps *caps)
{
    const DubHandoverKind kind = kind_of_audio(self, pad);
    if (kind != DUB_HANDOVER_EOS)
        dub_source_link_stream(self, pad, caps, kind);
}

static void handle_pad(DubSourcePipeline *self, GstPad *pad, GstCaps *caps)
{
    const char *type = gst_structure_get_name(gst_caps_get_structure(caps, 0));
    if (g_str_equal(type, "application/x-rtp"))
        add_parsebin_behind(self, pad);
    else if (g_str_has_prefix(type, "video/") || g_str_has_prefix(type, "image/"))
        dub_source_link_stream(self, pad, caps, DUB_HANDOVER_VIDEO);
    else if (g_str_has_prefix(type, "audio/"))
        handle_audio(self, pad, caps);
}

/* Some pads are shown before it is known what exactly they carry. */
static GstPadProbeReturn on_late_caps(GstPad *pad, GstPadProbeInfo *info, void *user_data)
{
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS)
        return GST_PAD_PROBE_OK;
    GstCaps *caps = NULL;
    gst_event_parse_caps(event, &caps);
    handle_pad(user_data, pad, caps);
    return GST_PAD_PROBE_REMOVE;
}

static void on_pad_added(GstElement *element, GstPad *pad, void *user_data)
{
    (void) element;
    DubSourcePipeline *self = user_data;
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    if (!caps)
        caps = gst_pad_query_caps(pad, NULL);
    if (caps && gst_caps_is_fixed(caps))
        handle_pad(self, pad, caps);
    else
        gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_late_caps, dub_source_pipeline_ref(self),
                          (GDestroyNotify) dub_source_pipeline_unref);
}

static void note_told(DubSourcePipeline *self, GstElement *front, bool has_video, bool has_audio)
{
    g_mutex_lock(&self->lock);
    g_ptr_array_remove_fast(self->pending, front);
    self->expects_video |= has_video;
    self->expects_audio |= has_audio;
    g_mutex_unlock(&self->lock);
    dub_handover_resume(self->handover);
    dub_source_end_if_all_ended(self); /* a stream without any linked pad ends here */
}

static void on_no_more_pads(GstElement *element, void *user_data)
{
    note_told(user_data, element, false, false);
}

static void unref_closure(void *data, GClosure *closure)
{
    (void) closure;
    dub_source_pipeline_unref(data);
}

static void connect_pads(DubSourcePipeline *self, GstElement *element)
{
    g_mutex_lock(&self->lock);
    g_ptr_array_add(self->pending, element);
    g_mutex_unlock(&self->lock);
    g_signal_connect_data(element, "pad-added", G_CALLBACK(on_pad_added), dub_source_pipeline_ref(self), unref_closure,
                          0);
    g_signal_connect_data(element, "no-more-pads", G_CALLBACK(on_no_more_pads), dub_source_pipeline_ref(self),
                          unref_closure, 0);
}

/* Which of the SDP's streams it is: "recv_rtp_src_STREAM_SSRC_PAYLOAD". */
static guint rtsp_stream_of(GstPad *pad)
{
    guint stream = 0;
    g_autofree char *name = gst_pad_get_name(pad);
    return sscanf(name, "recv_rtp_src_%u_", &stream) == 1 ? stream : G_MAXUINT - 1;
}

/* In the order of the SDP, before anything is set up: what nobody wants is not sent. */
static gboolean on_select_stream(GstElement *source, guint number, GstCaps *caps, void *user_data)
{
    (void) source;
    DubSourcePipeline *self = user_data;
    const char *media = gst_structure_get_string(gst_caps_get_structure(caps, 0), "media");
    if (g_strcmp0(media, "audio") != 0)
        return TRUE;
    const DubHandoverKind kind = kind_by_order(self);
    if (kind == DUB_HANDOVER_COMMENTARY) {
        g_mutex_lock(&self->lock);
        self->commentary_stream = number;
        self->expects_commentary = true;
        g_mutex_unlock(&self->lock);
    }
    return kind != DUB_HANDOVER_EOS;
}

/* RTP needs depayloading as well as parsing, per stream. */
static void add_parsebin_behind(DubSourcePipeline *self, GstPad *pad)
{
    GstElement *parsebin = gst_element_factory_make("parsebin", NULL);
    if (!parsebin) {
        dub_source_pipeline_fail(self, DUB_ERROR_UNSUPPORTED, "the GStreamer element parsebin is not installed");
        return;
    }
    dub_rtsp_sync_attach(pad);
    if (rtsp_stream_of(pad) == self->commentary_stream)
        g_object_set_data(G_OBJECT(parsebin), COMMENTARY_KEY, self);
    connect_pads(self, parsebin);
    g_autoptr(GPtrArray) chain = g_ptr_array_new();
    g_ptr_array_add(chain, parsebin);
    if (!dub_source_link_chain(self, pad, chain))
        dub_source_pipeline_fail(self, DUB_ERROR_UNSUPPORTED, "a stream in it cannot be read");
}

/* --- facts from inside the bins, and messages (any thread) --- */

/* Their headers state a duration that a whole file keeps; with FLV onMetaData does. */
static void on_element_added(GstBin *bin, GstBin *sub_bin, GstElement *element, void *user_data)
{
    (void) bin, (void) sub_bin;
    DubSourcePipeline *self = user_data;
    const GstElementFactory *factory = gst_element_get_factory(element);
    const char *name = factory ? GST_OBJECT_NAME(factory) : "";
    g_mutex_lock(&self->lock);
    if (g_str_equal(name, "matroskademux"))
        self->lacks_dts = self->is_length_declared = self->has_plain_times = true;
    else if (g_str_equal(name, "rtspsrc"))
        self->lacks_dts = true;
    else if (!factory && self->front == FRONT_FLV_FILE)
        self->is_length_declared = true;
    g_mutex_unlock(&self->lock);
}

static void note_missing_plugin(DubSourcePipeline *self, GstMessage *message)
{
    char *missing = dub_gst_missing_plugin(message);
    if (!missing)
        return;
    g_mutex_lock(&self->lock);
    g_free(self->missing);
    self->missing = missing;
    g_mutex_unlock(&self->lock);
}

/* parsebin tells its streams this way, and never says no-more-pads. */
static void note_collection(DubSourcePipeline *self, GstMessage *message)
{
    g_autoptr(GstStreamCollection) collection = NULL;
    gst_message_parse_stream_collection(message, &collection);
    GstStreamType types = 0;
    unsigned n_audio = 0;
    for (guint i = 0; collection && i < gst_stream_collection_get_size(collection); i++) {
        const GstStreamType type = gst_stream_get_stream_type(gst_stream_collection_get_stream(collection, i));
        n_audio += (type & GST_STREAM_TYPE_AUDIO) != 0;
        types |= type;
    }
    g_mutex_lock(&self->lock);
    self->expects_commentary |= self->front == FRONT_SRT && self->commentary_track && n_audio >= self->commentary_track;
    g_mutex_unlock(&self->lock);

    GstObject *front = GST_MESSAGE_SRC(message);
    while (front && GST_OBJECT_PARENT(front) != GST_OBJECT(self->pipeline))
        front = GST_OBJECT_PARENT(front);
    if (front)
        note_told(self, GST_ELEMENT(front), types & GST_STREAM_TYPE_VIDEO, types & GST_STREAM_TYPE_AUDIO);
}

/* libsrt tells a peer that closed from one that is gone by nothing but time: what the first sends breaks the connection
 * at once, the second has been silent for SRTO_PEERIDLETIMEO, 5 s, by then. srtsrc in caller mode calls both an error,
 * and sends EOS down behind it: at a peer's end that is what counts. */
static bool is_srt_end(DubSourcePipeline *self, GstMessage *message)
{
    if (self->front != FRONT_SRT || !GST_OBJECT_FLAG_IS_SET(GST_MESSAGE_SRC(message), GST_ELEMENT_FLAG_SOURCE))
        return false;
    g_autoptr(GError) error = NULL;
    gst_message_parse_error(message, &error, NULL);
    if (g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ) && self->srt_bytes_ns != DUB_TIME_NONE)
        self->has_srt_peer_left = dub_clock_now() - self->srt_bytes_ns < SRT_GOODBYE_NS;
    return self->has_srt_peer_left; /* the second message only says that the first stopped it */
}

static void on_error_message(DubSourcePipeline *self, GstMessage *message)
{
    if (is_srt_end(self, message))
        return;
    g_mutex_lock(&self->lock);
    g_autofree char *missing = g_strdup(self->missing);
    g_mutex_unlock(&self->lock);
    dub_handover_fail(self->handover,
                      dub_gst_error_new(message, self->uri, dub_source_pipeline_is_network(self), missing));
}

/* In the posting thread. Nothing is left on the bus, so nothing piles up there. */
static GstBusSyncReply on_message(GstBus *bus, GstMessage *message, void *user_data)
{
    (void) bus;
    DubSourcePipeline *self = user_data;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        on_error_message(self, message);
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT)
        note_missing_plugin(self, message);
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_STREAM_COLLECTION)
        note_collection(self, message);
    gst_message_unref(message);
    return GST_BUS_DROP;
}

/* --- fronts --- */

/* A live source makes tsdemux bend timestamps to its arrival times, each stream at its own moment. As plain bytes that
 * are just there, the stream keeps the timestamps it came with. */
static GstPadProbeReturn hide_liveness(GstPad *pad, GstPadProbeInfo *info, void *user_data)
{
    (void) pad;
    if (info->type & GST_PAD_PROBE_TYPE_QUERY_UPSTREAM)
        return GST_QUERY_TYPE(GST_PAD_PROBE_INFO_QUERY(info)) == GST_QUERY_LATENCY ? GST_PAD_PROBE_DROP
                                                                                   : GST_PAD_PROBE_OK;
    if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
        if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_SEGMENT) {
            GstSegment segment;
            gst_segment_init(&segment, GST_FORMAT_BYTES);
            gst_event_unref(GST_PAD_PROBE_INFO_EVENT(info));
            GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_segment(&segment);
        }
        return GST_PAD_PROBE_OK;
    }
    DubSourcePipeline *self = user_data;
    self->srt_bytes_ns = dub_clock_now();
    GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    return GST_PAD_PROBE_OK;
}

static GstElement *new_flv_demux(const DubSourcePipeline *self)
{
    GstElement *demux = dub_flv_demux_new();
    dub_flv_demux_choose(demux, self->audio_track, self->commentary_track);
    return demux;
}

static GstElement *make_element(DubSourcePipeline *self, const char *factory, GError **error)
{
    const bool is_ours = g_str_equal(factory, OUR_FLV_DEMUX);
    GstElement *element = is_ours ? new_flv_demux(self) : gst_element_factory_make(factory, NULL);
    if (!element) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "the GStreamer element %s is not installed", factory);
        return NULL;
    }
    gst_bin_add(GST_BIN(self->pipeline), element);
    return element;
}

/* Returns: (transfer none) (nullable): the source element. */
static GstElement *build_linked(DubSourcePipeline *self, const char *source, const char *location, const char *demuxer,
                                GError **error)
{
    GstElement *from = make_element(self, source, error);
    GstElement *to = from ? make_element(self, demuxer, error) : NULL;
    if (!to)
        return NULL;
    g_object_set(from, g_str_equal(source, "srtsrc") ? "uri" : "location", location, NULL);
    connect_pads(self, to);
    gst_element_link(from, to); /* both have one fitting pad each */
    return from;
}

static bool build_flv_file(DubSourcePipeline *self, GError **error)
{
    return build_linked(self, "filesrc", self->uri, OUR_FLV_DEMUX, error) != NULL;
}

static bool build_srt(DubSourcePipeline *self, GError **error)
{
    GstElement *source = build_linked(self, "srtsrc", self->uri, "parsebin", error);
    if (!source)
        return false;
    g_object_set(source, "auto-reconnect", FALSE, NULL); /* otherwise it calls for ever, and tells nobody */
    g_autoptr(GstPad) pad = gst_element_get_static_pad(source, "src");
    gst_pad_add_probe(
        pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_QUERY_UPSTREAM,
        hide_liveness, dub_source_pipeline_ref(self), (GDestroyNotify) dub_source_pipeline_unref);
    return true;
}

static bool build_rtsp(DubSourcePipeline *self, GError **error)
{
    GstElement *source = make_element(self, "rtspsrc", error);
    if (!source)
        return false;
    /* TCP: a lost packet would be a hole in the dub. The jitter buffer has nothing to smooth then. */
    gst_util_set_object_arg(G_OBJECT(source), "protocols", "tcp");
    g_object_set(source, "location", self->uri, "latency", 200u, NULL);
    gst_util_set_object_arg(G_OBJECT(source), "buffer-mode",
                            "none");              /* the sender's timestamps, not our clock's view */
    g_object_set(source, "do-rtcp", FALSE, NULL); /* rtsp-sync.c pairs the tracks from the first packet on */
    g_signal_connect_data(source, "select-stream", G_CALLBACK(on_select_stream), dub_source_pipeline_ref(self),
                          unref_closure, 0);
    connect_pads(self, source);
    return true;
}

static bool build_front(DubSourcePipeline *self, GError **error)
{
    switch (self->front) {
    case FRONT_FLV_FILE: return build_flv_file(self, error);
    case FRONT_RTMP: return build_linked(self, "rtmp2src", self->uri, OUR_FLV_DEMUX, error) != NULL;
    case FRONT_RTSP: return build_rtsp(self, error);
    case FRONT_SRT: return build_srt(self, error);
    }
    g_assert_not_reached();
}

static bool find_front(const char *uri, Front *front, GError **error)
{
    g_autofree char *scheme = strstr(uri, "://") ? g_uri_parse_scheme(uri) : NULL;
    *front = FRONT_FLV_FILE;
    if (!strstr(uri, "://"))
        return true;
    for (gsize i = 0; scheme && i < G_N_ELEMENTS(schemes); i++)
        if (!g_ascii_strcasecmp(scheme, schemes[i].scheme)) {
            *front = schemes[i].front;
            return true;
        }
    g_autofree char *name = dub_url_printable(uri);
    g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                "%s: cannot be read; use a file, rtmp://, rtmps://, rtsp://, srt:// or http(s)://", name);
    return false;
}

/* --- life --- */

static const DubSourceFeedClass pipeline_class;

static void stop(DubSourceFeed *feed);

DubSourceFeed *dub_source_pipeline_new(const char *uri, const DubSourceChoice *choice, DubHandover *handover,
                                       GError **error)
{
    Front front = FRONT_FLV_FILE;
    if (!find_front(uri, &front, error))
        return NULL;

    DubSourcePipeline *self = g_new0(DubSourcePipeline, 1);
    self->feed.class = &pipeline_class;
    g_atomic_ref_count_init(&self->refs);
    g_mutex_init(&self->lock);
    g_mutex_init(&self->start_lock);
    self->pending = g_ptr_array_new();
    self->uri = g_strdup(uri);
    self->front = front;
    self->allowed_channels = choice && choice->allowed_channels ? choice->allowed_channels : DUB_CHANNELS_STEREO;
    self->srt_bytes_ns = DUB_TIME_NONE;
    self->handover = dub_handover_ref(handover);
    self->video = (Branch){ .pipeline = self, .kind = DUB_HANDOVER_VIDEO };
    self->audio = (Branch){ .pipeline = self, .kind = DUB_HANDOVER_AUDIO };
    self->commentary = (Branch){ .pipeline = self, .kind = DUB_HANDOVER_COMMENTARY };
    self->commentary_stream = G_MAXUINT;
    self->audio_track = choice ? choice->audio_track : 0;
    self->commentary_track = choice ? choice->commentary_track : 0;
    self->pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
    g_signal_connect_data(self->pipeline, "deep-element-added", G_CALLBACK(on_element_added),
                          dub_source_pipeline_ref(self), unref_closure, 0);
    g_autoptr(GstBus) bus = gst_element_get_bus(self->pipeline);
    gst_bus_set_sync_handler(bus, on_message, dub_source_pipeline_ref(self),
                             (GDestroyNotify) dub_source_pipeline_unref);
    if (build_front(self, error))
        return &self->feed;
    stop(&self->feed);
    dub_source_pipeline_unref(self);
    return NULL;
}

void dub_source_pipeline_unref(DubSourcePipeline *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    dub_handover_unref(self->handover);
    g_clear_pointer(&self->video.dts_maker, dub_dts_maker_free);
    g_clear_pointer(&self->audio.remix, dub_remix_free);
    g_clear_pointer(&self->commentary.remix, dub_remix_free);
    gst_clear_caps(&self->video.last_caps);
    gst_clear_caps(&self->audio.last_caps);
    gst_clear_caps(&self->commentary.last_caps);
    gst_clear_caps(&self->video_caps);
    g_ptr_array_unref(self->pending);
    g_free(self->missing);
    g_free(self->uri);
    g_mutex_clear(&self->start_lock);
    g_mutex_clear(&self->lock);
    g_free(self);
}

/* In a thread of GStreamer's: resolving a name or opening a device file can block. */
static void on_start(GstElement *pipeline, void *user_data)
{
    DubSourcePipeline *self = user_data;
    g_mutex_lock(&self->start_lock);
    if (!self->is_stopped && gst_element_set_state(pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
        dub_source_pipeline_fail(self, dub_source_pipeline_is_network(self) ? DUB_ERROR_NETWORK : DUB_ERROR_IO,
                                 "cannot be opened"); /* unless a message told more */
    g_mutex_unlock(&self->start_lock);
}

static DubSourcePipeline *pipeline_of(DubSourceFeed *feed)
{
    return (DubSourcePipeline *) feed;
}

static void start(DubSourceFeed *feed)
{
    DubSourcePipeline *self = pipeline_of(feed);
    gst_element_call_async(self->pipeline, on_start, dub_source_pipeline_ref(self),
                           (GDestroyNotify) dub_source_pipeline_unref);
}

static void stop(DubSourceFeed *feed)
{
    DubSourcePipeline *self = pipeline_of(feed);
    if (!self->pipeline)
        return;
    GstElement *pipeline = self->pipeline;
    /* If the start still hangs, so does its lock: then the stop thread waits on GStreamer's own state lock. */
    if (g_mutex_trylock(&self->start_lock)) {
        self->is_stopped = true;
        g_mutex_unlock(&self->start_lock);
    }
    if (dub_source_pipeline_is_network(self)) { /* other streams run on this loop */
        if (!self->is_stopping)
            dub_gst_stop(pipeline, (GDestroyNotify) dub_source_pipeline_unref, dub_source_pipeline_ref(self), NULL,
                         NULL);
        self->is_stopping = true;
        return;
    }
    if (dub_gst_bounded_stop(gst_object_ref(pipeline)))
        self->pipeline = NULL; /* streaming threads are gone: nobody reads it now */
    gst_object_unref(pipeline);
}

static void get_streams(DubSourceFeed *feed, DubSourceStreams *streams)
{
    DubSourcePipeline *self = pipeline_of(feed);
    g_mutex_lock(&self->lock);
    *streams = (DubSourceStreams){
        .has_audio = self->has_audio,
        .has_video = self->has_video,
        .has_commentary = self->has_commentary && self->is_commentary_known,
        .video_caps = self->video_caps ? gst_caps_ref(self->video_caps) : NULL,
        .rate_hz = self->rate_hz,
        .channels = self->channels,
        .is_length_declared = self->is_length_declared,
    };
    streams->is_complete = dub_source_are_all_found(self) && (!self->has_video || self->video_caps) &&
                           (!self->has_audio || self->rate_hz) && (!self->has_commentary || self->is_commentary_known);
    g_mutex_unlock(&self->lock);
}

static void freeze(DubSourceFeed *feed)
{
    DubSourcePipeline *self = pipeline_of(feed);
    g_mutex_lock(&self->lock);
    self->is_frozen = true;
    g_mutex_unlock(&self->lock);
}

static int64_t duration_ns(DubSourceFeed *feed)
{
    DubSourcePipeline *self = pipeline_of(feed);
    gint64 duration = 0;
    if (!self->pipeline || self->is_stopping)
        return DUB_TIME_NONE;
    if (!gst_element_query_duration(self->pipeline, GST_FORMAT_TIME, &duration) || duration <= 0)
        return DUB_TIME_NONE;
    return duration;
}

static void unref(DubSourceFeed *feed)
{
    dub_source_pipeline_unref(pipeline_of(feed));
}

static const DubSourceFeedClass pipeline_class = { start, stop, unref, get_streams, freeze, duration_ns };
