/* media/source-branch.c: what becomes of one stream: the elements behind its pad, and what its sink yields. Streaming
 * threads; `lock` guards the facts that the loop reads. */
#include "media/source-private.h"

#include "base/log.h"
#include "media/gst-error.h"

#include <gst/app/gstappsink.h>
#include <gst/audio/audio.h>
#include <string.h>

/* Muxers and the built-in server want whole frames, headers out of band. */
static const struct {
    const char *media_type;
    int mpegversion; /* 0: any */
    const char *parser;
    const char *wanted;
    bool is_reordered; /* needs DTS where the container stores none */
} video_kinds[] = {
    { "video/x-h264", 0, "h264parse", "video/x-h264,parsed=true,stream-format=avc,alignment=au", true },
    { "video/x-h265", 0, "h265parse", "video/x-h265,parsed=true,stream-format=hvc1,alignment=au", true },
    { "video/x-av1", 0, "av1parse", "video/x-av1,parsed=true,stream-format=obu-stream,alignment=tu", false },
    { "video/x-vp9", 0, "vp9parse", "video/x-vp9,parsed=true,alignment=super-frame", false },
    { "video/mpeg", 4, "mpeg4videoparse", "video/mpeg,parsed=true", true },
    { "video/mpeg", 0, "mpegvideoparse", "video/mpeg,parsed=true", true },
};

/* With the rates that AAC has; the channels are mixed here, since audioconvert turns all of them down for it. */
#define PCM_CAPS                                                                                                  \
    "audio/x-raw,format=" GST_AUDIO_NE(F32) ",layout=interleaved,rate=(int){96000,88200,64000,48000,44100,32000," \
                                            "24000,22050,16000,12000,11025,8000}"

static bool is_video(const Branch *branch)
{
    return branch->kind == DUB_HANDOVER_VIDEO;
}

/* --- what a sink yields (streaming threads) --- */

/* matroskademux starts its segment at the first block of the file, and again when the other stream's first block lies
 * before it: running times would jump there. Its buffers carry the file's own times, which have no edit lists. */
static int64_t running_time_of(const Branch *branch, const GstSegment *segment, GstClockTime time)
{
    guint64 running = 0;
    if (!GST_CLOCK_TIME_IS_VALID(time))
        return DUB_TIME_NONE;
    if (branch->has_plain_times)
        return (int64_t) time;
    const int sign = gst_segment_to_running_time_full(segment, GST_FORMAT_TIME, time, &running);
    if (sign == 0)
        return DUB_TIME_NONE;
    return sign > 0 ? (int64_t) running : -(int64_t) running;
}

static void emit_unit(DubAccessUnit *unit, void *user_data)
{
    Branch *branch = user_data;
    const DubHandoverItem item = { .kind = DUB_HANDOVER_VIDEO,
                                   .unit = unit,
                                   .size_bytes = gst_buffer_get_size(unit->buffer) };
    branch->is_refused = !dub_handover_push(branch->pipeline->handover, item);
}

static bool hand_over_video(Branch *branch, GstSample *sample)
{
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    const GstSegment *segment = gst_sample_get_segment(sample);
    const int64_t dts_ns = running_time_of(branch, segment, GST_BUFFER_DTS(buffer));
    int64_t pts_ns = running_time_of(branch, segment, GST_BUFFER_PTS(buffer));
    if (pts_ns == DUB_TIME_NONE)
        pts_ns = dts_ns;
    if (pts_ns == DUB_TIME_NONE)
        return true; /* before the first timestamp: nobody could place it */
    /* Joined in the middle of a group of pictures: what comes before its next key frame cannot be shown. */
    branch->has_key |= !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    if (!branch->has_key && dub_source_pipeline_is_network(branch->pipeline))
        return true;

    DubAccessUnit *unit = dub_access_unit_new(gst_buffer_ref(buffer), pts_ns, dts_ns);
    GstCaps *caps = gst_sample_get_caps(sample);
    if (branch->last_caps && caps != branch->last_caps && !gst_caps_is_equal(caps, branch->last_caps))
        unit->new_caps = gst_caps_ref(caps);
    gst_caps_replace(&branch->last_caps, caps);
    if (branch->dts_maker)
        dub_dts_maker_push(branch->dts_maker, unit);
    else
        emit_unit(unit, branch);
    return !branch->is_refused;
}

static const struct {
    GstAudioChannelPosition position;
    uint64_t speaker;
} speakers[] = {
    { GST_AUDIO_CHANNEL_POSITION_FRONT_LEFT, AV_CH_FRONT_LEFT },
    { GST_AUDIO_CHANNEL_POSITION_FRONT_RIGHT, AV_CH_FRONT_RIGHT },
    { GST_AUDIO_CHANNEL_POSITION_FRONT_CENTER, AV_CH_FRONT_CENTER },
    { GST_AUDIO_CHANNEL_POSITION_LFE1, AV_CH_LOW_FREQUENCY },
    { GST_AUDIO_CHANNEL_POSITION_REAR_LEFT, AV_CH_BACK_LEFT },
    { GST_AUDIO_CHANNEL_POSITION_REAR_RIGHT, AV_CH_BACK_RIGHT },
    { GST_AUDIO_CHANNEL_POSITION_FRONT_LEFT_OF_CENTER, AV_CH_FRONT_LEFT_OF_CENTER },
    { GST_AUDIO_CHANNEL_POSITION_FRONT_RIGHT_OF_CENTER, AV_CH_FRONT_RIGHT_OF_CENTER },
    { GST_AUDIO_CHANNEL_POSITION_REAR_CENTER, AV_CH_BACK_CENTER },
    { GST_AUDIO_CHANNEL_POSITION_SIDE_LEFT, AV_CH_SIDE_LEFT },
    { GST_AUDIO_CHANNEL_POSITION_SIDE_RIGHT, AV_CH_SIDE_RIGHT },
};

/* GStreamer numbers speakers in another way than libavcodec does, but has these in the same order. */
static AVChannelLayout layout_of(const GstAudioInfo *info)
{
    uint64_t mask = 0;
    AVChannelLayout layout = { .order = AV_CHANNEL_ORDER_UNSPEC, .nb_channels = info->channels };
    for (int i = 0; i < info->channels; i++)
        for (gsize k = 0; k < G_N_ELEMENTS(speakers); k++)
            if (info->position[i] == speakers[k].position)
                mask |= speakers[k].speaker;
    if (info->channels == 1)
        dub_layout_init(&layout, 1);
    else if (__builtin_popcountll(mask) == info->channels)
        av_channel_layout_from_mask(&layout, mask);
    return layout;
}

/* Returns: how many channels the branch's sound becomes. Only recognition hears a commentary. */
static unsigned note_sound(const Branch *branch, const GstAudioInfo *info, const AVChannelLayout *from)
{
    DubSourcePipeline *self = branch->pipeline;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    if (branch->kind == DUB_HANDOVER_COMMENTARY) {
        self->is_commentary_known = true;
        return dub_layout_fit(from, DUB_CHANNELS_STEREO);
    }
    if (!self->rate_hz) { /* what follows is mixed into what came first */
        self->rate_hz = (unsigned) info->rate;
        self->channels = dub_layout_fit(from, self->allowed_channels);
    }
    return self->channels;
}

static void set_up_remix(Branch *branch, GstCaps *caps)
{
    DubSourcePipeline *self = branch->pipeline;
    GstAudioInfo info;
    g_clear_pointer(&branch->remix, dub_remix_free);
    if (!gst_audio_info_from_caps(&info, caps))
        return;
    const AVChannelLayout from = layout_of(&info);
    branch->remix = dub_remix_new((unsigned) info.rate, &from, note_sound(branch, &info, &from));
    if (!branch->remix)
        dub_source_pipeline_fail(self, DUB_ERROR_UNSUPPORTED, "its audio has too many channels; send at most 64");
}

static DubPcm *pcm_of(const Branch *branch, const GstMapInfo *map, gsize frame_bytes, gsize skip_frames)
{
    const gsize n_frames = map->size / frame_bytes;
    if (!branch->remix || skip_frames >= n_frames)
        return NULL;
    return dub_remix_push(branch->remix, (const float *) (const void *) (map->data + skip_frames * frame_bytes),
                          n_frames - skip_frames);
}

static bool hand_over_audio(Branch *branch, GstSample *sample)
{
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    int rate_hz = 0, channels = 0;
    const GstStructure *structure = gst_caps_get_structure(gst_sample_get_caps(sample), 0);
    gst_structure_get_int(structure, "rate", &rate_hz);
    gst_structure_get_int(structure, "channels", &channels);
    int64_t pts_ns = running_time_of(branch, gst_sample_get_segment(sample), GST_BUFFER_PTS(buffer));
    GstMapInfo map;
    if (pts_ns == DUB_TIME_NONE || rate_hz <= 0 || channels <= 0 || !gst_buffer_map(buffer, &map, GST_MAP_READ))
        return true;

    /* What lies before the segment is not to be heard: an edit list hides the encoder's priming there. */
    const gsize hidden_frames = pts_ns < 0 ? (gsize) dub_ns_to_samples(-pts_ns, (unsigned) rate_hz) : 0;
    DubPcm *pcm = pcm_of(branch, &map, (gsize) channels * sizeof(float), hidden_frames);
    gst_buffer_unmap(buffer, &map);
    if (!pcm)
        return true;
    if (hidden_frames)
        pts_ns = 0;
    return dub_handover_push(branch->pipeline->handover,
                             (DubHandoverItem){ .kind = branch->kind,
                                                .pcm = pcm,
                                                .pts_ns = pts_ns,
                                                .size_bytes = pcm->n_frames * pcm->channels * sizeof(float) });
}

static GstFlowReturn on_new_sample(GstAppSink *sink, void *user_data)
{
    Branch *branch = user_data;
    g_autoptr(GstSample) sample = gst_app_sink_try_pull_sample(sink, 0);
    if (!sample || !gst_sample_get_buffer(sample))
        return GST_FLOW_OK;
    const bool taken = is_video(branch) ? hand_over_video(branch, sample) : hand_over_audio(branch, sample);
    return taken ? GST_FLOW_OK : GST_FLOW_EOS;
}

/* lock is held */
bool dub_source_are_all_found(const DubSourcePipeline *self)
{
    if (self->has_audio && self->has_video && (self->has_commentary || !self->commentary_track))
        return true;
    return (self->is_frozen || !self->pending->len) && self->expects_video <= self->has_video &&
           self->expects_audio <= self->has_audio &&
           (self->is_frozen || self->expects_commentary <= self->has_commentary);
}

void dub_source_end_if_all_ended(DubSourcePipeline *self)
{
    g_mutex_lock(&self->lock);
    const bool ended = dub_source_are_all_found(self) && self->n_ended >= self->n_linked;
    g_mutex_unlock(&self->lock);
    if (ended)
        dub_handover_push(self->handover, (DubHandoverItem){ .kind = DUB_HANDOVER_EOS });
}

static void on_sink_eos(GstAppSink *sink, void *user_data)
{
    (void) sink;
    Branch *branch = user_data;
    DubSourcePipeline *self = branch->pipeline;
    if (branch->dts_maker)
        dub_dts_maker_flush(branch->dts_maker);
    g_mutex_lock(&self->lock);
    self->n_ended++;
    g_mutex_unlock(&self->lock);
    dub_source_end_if_all_ended(self);
}

static void note_caps(Branch *branch, GstCaps *caps)
{
    DubSourcePipeline *self = branch->pipeline;
    if (is_video(branch)) {
        g_mutex_lock(&self->lock);
        if (!self->video_caps)
            self->video_caps = gst_caps_ref(caps);
        g_mutex_unlock(&self->lock);
    } else {
        set_up_remix(branch, caps);
    }
    dub_handover_resume(self->handover);
}

static GstPadProbeReturn on_sink_event(GstPad *pad, GstPadProbeInfo *info, void *user_data)
{
    (void) pad;
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
        GstCaps *caps = NULL;
        gst_event_parse_caps(event, &caps);
        note_caps(user_data, caps);
    }
    return GST_PAD_PROBE_OK;
}

/* --- linking (streaming threads) --- */

static GstElement *make_sink(Branch *branch, const char *caps_text)
{
    GstElement *sink = gst_element_factory_make("appsink", NULL);
    g_object_set(sink, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, "wait-on-eos", FALSE, NULL);
    if (caps_text) {
        g_autoptr(GstCaps) caps = gst_caps_from_string(caps_text);
        g_object_set(sink, "caps", caps, NULL);
    }
    GstAppSinkCallbacks callbacks = { .new_sample = on_new_sample, .eos = on_sink_eos };
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, branch, NULL);
    g_autoptr(GstPad) pad = gst_element_get_static_pad(sink, "sink");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_sink_event, branch, NULL);
    return sink;
}

/* Adds @elements to the pipeline, links them in a row behind @pad, and sets them going, sink first. */
bool dub_source_link_chain(DubSourcePipeline *self, GstPad *pad, GPtrArray *elements)
{
    for (guint i = 0; i < elements->len; i++)
        gst_bin_add(GST_BIN(self->pipeline), elements->pdata[i]);
    for (guint i = 1; i < elements->len; i++)
        if (!gst_element_link(elements->pdata[i - 1], elements->pdata[i]))
            return false;
    for (guint i = elements->len; i > 0; i--)
        gst_element_sync_state_with_parent(elements->pdata[i - 1]);
    g_autoptr(GstPad) first = gst_element_get_static_pad(elements->pdata[0], "sink");
    return gst_pad_link(pad, first) == GST_PAD_LINK_OK;
}

bool dub_source_append_element(DubSourcePipeline *self, GPtrArray *chain, const char *factory)
{
    GstElement *element = gst_element_factory_make(factory, NULL);
    if (element) {
        g_ptr_array_add(chain, element);
        return true;
    }
    g_autofree char *text = g_strdup_printf("the GStreamer element %s is not installed", factory);
    dub_source_pipeline_fail(self, DUB_ERROR_UNSUPPORTED, text);
    return false;
}

static int find_video_kind(const GstStructure *structure)
{
    int version = 0;
    gst_structure_get_int(structure, "mpegversion", &version);
    for (gsize i = 0; i < G_N_ELEMENTS(video_kinds); i++)
        if (gst_structure_has_name(structure, video_kinds[i].media_type) &&
            (!video_kinds[i].mpegversion || video_kinds[i].mpegversion == version))
            return (int) i;
    return -1;
}

static bool append_video_elements(DubSourcePipeline *self, GPtrArray *chain, const GstCaps *caps, bool lacks_dts)
{
    const int kind = find_video_kind(gst_caps_get_structure(caps, 0));
    const char *wanted_text = kind >= 0 ? video_kinds[kind].wanted : NULL;
    if (kind >= 0) {
        g_autoptr(GstCaps) wanted = gst_caps_from_string(wanted_text);
        if (!gst_caps_is_subset(caps, wanted) && !dub_source_append_element(self, chain, video_kinds[kind].parser))
            return false;
        if (lacks_dts && video_kinds[kind].is_reordered)
            self->video.dts_maker = dub_dts_maker_new(false, emit_unit, &self->video);
    }
    g_ptr_array_add(chain, make_sink(&self->video, wanted_text));
    return true;
}

static bool accepts(GstElement *element, GstCaps *caps)
{
    g_autoptr(GstPad) pad = gst_element_get_static_pad(element, "sink");
    return pad && gst_pad_query_accept_caps(pad, caps);
}

/* Returns: (transfer floating) (nullable): the decoder of the highest rank that takes @caps. A template may promise
 * more than the element holds, so each is asked. */
static GstElement *make_decoder(GstCaps *caps)
{
    GList *all = gst_element_factory_list_get_elements(
        GST_ELEMENT_FACTORY_TYPE_DECODER | GST_ELEMENT_FACTORY_TYPE_MEDIA_AUDIO, GST_RANK_MARGINAL);
    GList *fitting = gst_element_factory_list_filter(all, caps, GST_PAD_SINK, false);
    fitting = g_list_sort(fitting, gst_plugin_feature_rank_compare_func);
    GstElement *decoder = NULL;
    for (const GList *link = fitting; link && !decoder; link = link->next) {
        decoder = gst_element_factory_create(link->data, NULL);
        if (decoder && !accepts(decoder, caps))
            gst_object_unref(gst_object_ref_sink(g_steal_pointer(&decoder)));
    }
    gst_plugin_feature_list_free(fitting);
    gst_plugin_feature_list_free(all);
    return decoder;
}

static bool append_decoder(DubSourcePipeline *self, GPtrArray *chain, GstCaps *caps)
{
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    if (gst_structure_has_name(structure, "audio/x-raw"))
        return true;
    GstElement *decoder = make_decoder(caps);
    if (decoder) {
        g_ptr_array_add(chain, decoder);
        return true;
    }
    g_autofree char *text =
        g_strdup_printf("no decoder for its audio (%s) is installed", gst_structure_get_name(structure));
    dub_source_pipeline_fail(self, DUB_ERROR_UNSUPPORTED, text);
    return false;
}

static bool append_audio_elements(DubSourcePipeline *self, Branch *branch, GPtrArray *chain, GstCaps *caps)
{
    if (!append_decoder(self, chain, caps) || !dub_source_append_element(self, chain, "audioconvert") ||
        !dub_source_append_element(self, chain, "audioresample"))
        return false;
    g_ptr_array_add(chain, make_sink(branch, PCM_CAPS));
    return true;
}

/* Returns: whether this stream is the first of its kind; the others stay unlinked. */
static bool claim(DubSourcePipeline *self, DubHandoverKind kind)
{
    bool *has = kind == DUB_HANDOVER_VIDEO   ? &self->has_video
                : kind == DUB_HANDOVER_AUDIO ? &self->has_audio
                                             : &self->has_commentary;
    g_mutex_lock(&self->lock);
    const bool first = !*has && !self->is_frozen;
    if (first) {
        *has = true;
        self->n_linked++;
    }
    g_mutex_unlock(&self->lock);
    return first;
}

static Branch *branch_of(DubSourcePipeline *self, DubHandoverKind kind)
{
    return kind == DUB_HANDOVER_VIDEO ? &self->video : kind == DUB_HANDOVER_AUDIO ? &self->audio : &self->commentary;
}

static const char *failure_of(DubHandoverKind kind)
{
    return kind == DUB_HANDOVER_VIDEO   ? "its video cannot be passed on"
           : kind == DUB_HANDOVER_AUDIO ? "its audio cannot be decoded"
                                        : "its commentary cannot be decoded";
}

void dub_source_link_stream(DubSourcePipeline *self, GstPad *pad, GstCaps *caps, DubHandoverKind kind)
{
    Branch *branch = branch_of(self, kind);
    if (!claim(self, kind))
        return;
    g_mutex_lock(&self->lock);
    const bool lacks_dts = self->lacks_dts;
    branch->has_plain_times = self->has_plain_times;
    g_mutex_unlock(&self->lock);

    g_autoptr(GPtrArray) chain = g_ptr_array_new();
    const bool made = is_video(branch) ? append_video_elements(self, chain, caps, lacks_dts)
                                       : append_audio_elements(self, branch, chain, caps);
    if (!made) {
        g_ptr_array_foreach(chain, (GFunc) (void (*)(void)) gst_object_unref, NULL);
        return;
    }
    if (!dub_source_link_chain(self, pad, chain))
        dub_source_pipeline_fail(self, DUB_ERROR_UNSUPPORTED, failure_of(kind));
}
