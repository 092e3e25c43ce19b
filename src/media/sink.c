/* media/sink.c: encoded video and PCM -> one AAC encoder -> sink-writer.c (files with an index) or sink-pipeline.c (the
 * rest). FLV and RTMP tags are made here (flv-writer.c); what holds no AAC gets the PCM as it is. Loop thread only, but
 * for the moving of a finished file, which waits for the disk in a thread of its own. */
#include "media/sink.h"

#include "audio/aac-encoder.h"
#include "base/error.h"
#include "base/http.h"
#include "base/log.h"
#include "media/flv-writer.h"
#include "media/gst-error.h"
#include "media/output-name.h"
#include "media/sink-file.h"
#include "media/sink-pipeline.h"
#include "media/sink-writer.h"

#include <glib/gstdio.h>
#include <string.h>

#define SRT_LINGER_MS  1000
#define ORIGIN_STEP_NS (DUB_NS_PER_S / 2)

typedef enum { STATE_OPEN, STATE_ENDING, STATE_CLOSING, STATE_MOVING, STATE_OVER } State;

struct _DubSink {
    DubContainer container;
    DubSinkCallbacks callbacks;
    void *user_data;
    DubSinkDrain *drain;
    DubAacEncoder *aac; /* NULL: PCM goes through */
    GBytes *aac_config;
    GstCaps *video_caps;
    unsigned rate_hz, channels, tracks_ms;
    bool is_live, has_warned;
    State state;
    DubSinkEnding ending;
    DubOutputName name; /* files and playlists */
    char *output_name;
    int64_t n_frames;              /* PCM pushed */
    int64_t origin_ns;             /* the source's time at output time 0, by the newest picture */
    int64_t end_ns;                /* of the longest stream */
    int64_t picture_ns;            /* decoding time of the newest picture that is muxed; DUB_TIME_NONE: none yet */
    int64_t av_delta_ns;           /* how far the newest sound that is muxed reaches past it */
    GQueue video_tags, audio_tags; /* of GstBuffer *, FLV files: merged by time */
    bool are_headers_out;
    int64_t last_dts_ns;  /* FLV and RTMP */
    DubGstStop *closing;  /* set while the drain is closed at a good end */
    GSource *linger;      /* SRT: from the end of the stream to closing */
    GCancellable *moving; /* set while a file is moved; cancelled by free: nobody listens any more */
};

static bool is_tagged(const DubSink *self)
{
    return self->container == DUB_CONTAINER_FLV || self->container == DUB_CONTAINER_RTMP;
}

/* --- the end --- */

static void close_drain(DubSink *self)
{
    if (self->drain)
        self->drain->class->free(self->drain);
    self->drain = NULL;
}

/* hlssink2 writes its playlist once more as it stops, so the pipeline goes first. */
static void remove_output(DubSink *self)
{
    close_drain(self);
    if (!self->name.part || g_str_equal(self->name.part, self->name.final)) /* a live playlist: its viewers keep it */
        return;
    g_unlink(self->name.part);
    if (self->container == DUB_CONTAINER_HLS)
        dub_sink_file_remove_segments(&self->name);
}

static void finish(DubSink *self)
{
    self->state = STATE_OVER;
    self->callbacks.on_finished(self->user_data);
}

static void fail(DubSink *self, const GError *error)
{
    self->state = STATE_OVER;
    remove_output(self);
    self->callbacks.on_error(error, self->user_data);
}

static void on_moved(GObject *source, GAsyncResult *result, void *user_data)
{
    (void) source;
    g_autoptr(GError) error = NULL;
    const bool moved = dub_sink_file_finish_done(result, &error);
    if (g_cancellable_is_cancelled(g_task_get_cancellable(G_TASK(result))))
        return; /* the sink is gone */
    DubSink *self = user_data;
    g_clear_object(&self->moving);
    if (moved)
        finish(self);
    else
        fail(self, error);
}

static void move_file(DubSink *self)
{
    const char *target = self->ending == DUB_SINK_COMPLETE ? self->name.final : self->name.partial;
    g_free(self->output_name);
    self->output_name = g_strdup(target);
    self->state = STATE_MOVING;
    self->moving = g_cancellable_new();
    const DubSinkFileFacts facts = { .container = self->container, .duration_ns = self->end_ns };
    dub_sink_file_finish(&self->name, target, &facts, self->moving, on_moved, self);
}

static void on_closed(void *data)
{
    DubSink *self = data;
    self->closing = NULL;
    if (self->name.part)
        move_file(self);
    else
        finish(self);
}

static void close_well(DubSink *self)
{
    DubSinkDrain *drain = g_steal_pointer(&self->drain);
    self->state = STATE_CLOSING;
    self->closing = drain->class->close(drain, on_closed, self);
}

static gboolean on_lingered(void *data)
{
    DubSink *self = data;
    g_clear_pointer(&self->linger, g_source_unref);
    close_well(self);
    return G_SOURCE_REMOVE;
}

/* libsrt drops what it has not delivered yet when a live socket is closed, and does not tell how much that is: it gets
 * several times its latency (125 ms unless the URL says more). */
static void linger(DubSink *self)
{
    g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
    self->linger = g_timeout_source_new(SRT_LINGER_MS);
    g_source_set_callback(self->linger, on_lingered, self, NULL);
    g_source_attach(self->linger, context);
}

static void on_written(DubSink *self)
{
    if (self->container == DUB_CONTAINER_SRT)
        linger(self);
    else
        close_well(self);
}

static void on_event(DubSinkEvent event, const GError *error, void *user_data)
{
    DubSink *self = user_data;
    switch (event) {
    case DUB_SINK_EVENT_ROOM:
        if (self->callbacks.on_room && self->state == STATE_OPEN)
            self->callbacks.on_room(self->user_data);
        return;
    case DUB_SINK_EVENT_EOS: on_written(self); return;
    case DUB_SINK_EVENT_ERROR: fail(self, error); return;
    }
}

/* --- FLV tags --- */

static void push_tags(DubSink *self, GQueue *queue)
{
    dub_sink_pipeline_push_tag(self->drain, g_queue_pop_head(queue));
}

/* A file is read in the order it was written: by time, while both streams still come. */
static void merge_tags(DubSink *self, bool all)
{
    for (;;) {
        GstBuffer *video = g_queue_peek_head(&self->video_tags);
        GstBuffer *audio = g_queue_peek_head(&self->audio_tags);
        if (!video && !audio)
            return;
        if (self->video_caps && !all && (!video || !audio))
            return;
        const bool video_first = video && (!audio || GST_BUFFER_DTS(video) <= GST_BUFFER_DTS(audio));
        push_tags(self, video_first ? &self->video_tags : &self->audio_tags);
    }
}

static void push_headers(DubSink *self)
{
    if (self->are_headers_out)
        return;
    self->are_headers_out = true;
    const DubFlvConfig config = { self->video_caps, self->aac_config, self->rate_hz, self->channels };
    g_autoptr(GPtrArray) headers = dub_flv_headers(&config);
    for (guint i = 0; i < headers->len; i++)
        dub_sink_pipeline_push_tag(self->drain, gst_buffer_ref(headers->pdata[i]));
    if (self->tracks_ms) /* said twice, it is later by the server's clock, and no reader ever gets to see it */
        dub_sink_pipeline_push_tag(self->drain,
                                   dub_flv_audio_header(self->aac_config, self->tracks_ms * DUB_NS_PER_MS));
}

static void push_tag(DubSink *self, GQueue *queue, GstBuffer *tag)
{
    push_headers(self);
    if (self->container == DUB_CONTAINER_RTMP) {
        dub_sink_pipeline_push_tag(self->drain, tag); /* nothing waits for the other stream */
        return;
    }
    g_queue_push_tail(queue, tag);
    merge_tags(self, false);
}

/* FLV has no time before 0 and players want DTS to rise: the first frames, whose DTS lies before 0, are packed into the
 * first milliseconds. The composition time is counted from there, so the PTS stays exact. */
static int64_t flv_dts_of(DubSink *self, int64_t pts_ns, int64_t dts_ns)
{
    const int64_t wanted_ns = dts_ns == DUB_TIME_NONE ? pts_ns : dts_ns;
    int64_t least_ns = self->last_dts_ns == DUB_TIME_NONE ? 0 : self->last_dts_ns + DUB_NS_PER_MS;
    if (wanted_ns >= 0 && self->last_dts_ns > wanted_ns + DUB_NS_PER_S)
        least_ns = 0; /* a jump back is the caller's will */
    self->last_dts_ns = MAX(wanted_ns, least_ns);
    return self->last_dts_ns;
}

static void push_video_tags(DubSink *self, DubAccessUnit *unit, int64_t pts_ns, int64_t dts_ns)
{
    const int64_t flv_dts_ns = flv_dts_of(self, pts_ns, dts_ns);
    GstBuffer *header = unit->new_caps ? dub_flv_video_header(unit->new_caps, flv_dts_ns) : NULL;
    if (header) {
        gst_caps_replace(&self->video_caps, unit->new_caps);
        push_tag(self, &self->video_tags, header);
    }
    const DubFlvCodec codec = dub_flv_codec_of(self->video_caps);
    push_tag(self, &self->video_tags, dub_flv_video_tag(codec, unit->buffer, pts_ns, flv_dts_ns, unit->key_frame));
}

/* --- pushing --- */

static void note_end(DubSink *self, int64_t end_ns)
{
    self->end_ns = MAX(self->end_ns, end_ns);
}

static int height_of(const GstCaps *caps)
{
    int height = 0;
    gst_structure_get_int(gst_caps_get_structure(caps, 0), "height", &height);
    return height;
}

static int width_of(const GstCaps *caps)
{
    int width = 0;
    gst_structure_get_int(gst_caps_get_structure(caps, 0), "width", &width);
    return width;
}

/* Once: what changes often changes back. */
static void warn_of_change(DubSink *self, const GstCaps *now, int64_t pts_ns)
{
    const GstCaps *first = self->video_caps;
    if (self->has_warned)
        return;
    self->has_warned = true;
    g_autofree char *sizes =
        g_strdup_printf(" from %d×%d to %d×%d", width_of(first), height_of(first), width_of(now), height_of(now));
    const bool is_resized = width_of(first) != width_of(now) || height_of(first) != height_of(now);
    g_autofree char *text = g_strdup_printf(
        "%s: at %.1f s the picture changes%s; %s keeps the first one's parameters, so players may show the rest "
        "wrongly; name OUT .ts, which takes both",
        self->output_name, (double) pts_ns / DUB_NS_PER_S, is_resized ? sizes : " its parameters",
        dub_container_name(self->container));
    dub_warning("%s", text);
    if (self->callbacks.on_warning)
        self->callbacks.on_warning(text, self->user_data);
}

static void push_muxed_video(DubSink *self, DubAccessUnit *unit, int64_t pts_ns, int64_t dts_ns)
{
    if (unit->new_caps && !self->drain->class->set_video_caps(self->drain, unit->new_caps))
        warn_of_change(self, unit->new_caps, pts_ns);
    GstBuffer *buffer = gst_buffer_copy(unit->buffer); /* its memory is shared */
    GST_BUFFER_DURATION(buffer) =
        unit->duration_ns == DUB_TIME_NONE ? GST_CLOCK_TIME_NONE : (GstClockTime) unit->duration_ns;
    self->drain->class->push_video(self->drain, buffer, pts_ns, dts_ns);
}

/* The unit has the time of its source still. Pictures that were moved apart a little are no jump. */
static void follow_origin(DubSink *self, int64_t origin_ns)
{
    if (!self->drain->class->set_origin || ABS(origin_ns - self->origin_ns) < ORIGIN_STEP_NS)
        return;
    self->origin_ns = origin_ns;
    self->drain->class->set_origin(self->drain, origin_ns);
}

void dub_sink_push_video(DubSink *self, DubAccessUnit *unit, int64_t pts_ns, int64_t dts_ns)
{
    g_autoptr(DubAccessUnit) owned = unit;
    if (self->state != STATE_OPEN || !self->video_caps)
        return;
    if (!unit->is_hidden)
        follow_origin(self, unit->pts_ns - pts_ns);
    if (unit->is_hidden && !dub_container_has_edits(self->container))
        pts_ns = MAX(pts_ns, 0); /* nothing hides it there: it gets no time of its own */
    note_end(self, pts_ns + MAX(unit->duration_ns, 0));
    self->picture_ns = dts_ns == DUB_TIME_NONE ? pts_ns : dts_ns;
    if (is_tagged(self))
        push_video_tags(self, unit, pts_ns, dts_ns);
    else
        push_muxed_video(self, unit, pts_ns, dts_ns);
}

static void on_aac_frame(const uint8_t *data, gsize size, int64_t position, void *user_data)
{
    DubSink *self = user_data;
    const int64_t pts_ns = dub_samples_to_ns(position, self->rate_hz);
    if (self->picture_ns != DUB_TIME_NONE)
        self->av_delta_ns = dub_samples_to_ns(position + DUB_AAC_FRAME, self->rate_hz) - self->picture_ns;
    if (is_tagged(self)) {
        push_tag(self, &self->audio_tags, dub_flv_audio_tag(data, size, pts_ns));
        return;
    }
    const int64_t end_ns = dub_samples_to_ns(position + DUB_AAC_FRAME, self->rate_hz);
    self->drain->class->push_audio(self->drain, gst_buffer_new_memdup(data, size), pts_ns, end_ns - pts_ns);
}

static void unref_pcm(void *data)
{
    dub_pcm_unref(data);
}

static void push_pcm(DubSink *self, DubPcm *pcm)
{
    const gsize size = pcm->n_frames * pcm->channels * sizeof(float);
    GstBuffer *buffer =
        gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, pcm->samples, size, 0, size, dub_pcm_ref(pcm), unref_pcm);
    self->drain->class->push_audio(self->drain, buffer, dub_samples_to_ns(self->n_frames, self->rate_hz),
                                   dub_pcm_duration_ns(pcm));
}

void dub_sink_push_audio(DubSink *self, DubPcm *pcm)
{
    g_autoptr(DubPcm) owned = pcm;
    if (self->state != STATE_OPEN || !pcm->n_frames)
        return;
    g_return_if_fail(pcm->rate_hz == self->rate_hz && pcm->channels == self->channels);
    GError *error = NULL;
    if (!self->aac)
        push_pcm(self, pcm);
    else if (!dub_aac_encoder_push(self->aac, pcm, &error))
        dub_sink_post_event(self->drain->post, DUB_SINK_EVENT_ERROR, error);
    self->n_frames += (int64_t) pcm->n_frames;
    note_end(self, dub_samples_to_ns(self->n_frames, self->rate_hz));
}

void dub_sink_push_text(DubSink *self, const char *text, int64_t pts_ns, int64_t duration_ns)
{
    if (self->state == STATE_OPEN && self->drain->class->push_text)
        self->drain->class->push_text(self->drain, text, pts_ns, duration_ns);
}

bool dub_sink_is_full(const DubSink *self)
{
    return self->state == STATE_OPEN && self->drain->class->is_full(self->drain);
}

void dub_sink_end(DubSink *self, DubSinkEnding ending)
{
    if (self->state != STATE_OPEN)
        return;
    self->ending = ending;
    GError *error = NULL;
    if (self->aac && !dub_aac_encoder_finish(self->aac, &error)) {
        dub_sink_post_event(self->drain->post, DUB_SINK_EVENT_ERROR, error);
        return;
    }
    self->state = STATE_ENDING;
    if (is_tagged(self)) {
        push_headers(self);
        merge_tags(self, true);
    }
    self->drain->class->end(self->drain, ending == DUB_SINK_COMPLETE);
}

int64_t dub_sink_encoding_cpu_ns(const DubSink *self)
{
    return self->aac ? dub_aac_encoder_cpu_ns(self->aac) : 0;
}

int64_t dub_sink_av_delta_ns(const DubSink *self)
{
    return self->av_delta_ns;
}

const char *dub_sink_output_name(const DubSink *self)
{
    return self->output_name;
}

/* --- the beginning --- */

void dub_sink_choose(const char *uri, DubSourceChoice *choice)
{
    DubContainer container;
    if (!dub_container_from_uri(uri, &container, NULL))
        return;
    choice->allowed_channels = dub_container_channels(container);
    choice->is_sound_alone = dub_container_is_sound_alone(container);
}

/* A live playlist is played while it grows: it has its name from the start. */
static void keep_final_name(DubOutputName *name)
{
    g_free(name->part);
    g_free(name->partial);
    name->part = g_strdup(name->final);
    name->partial = g_strdup(name->final);
}

static bool init_name(DubSink *self, const char *uri, GError **error)
{
    g_autofree char *path = g_str_has_prefix(uri, "file://") ? g_filename_from_uri(uri, NULL, error) : g_strdup(uri);
    if (!path)
        return false;
    self->output_name = dub_url_printable(path);
    if (dub_container_is_network(self->container))
        return true;
    dub_output_name_init(&self->name, path);
    if (!dub_output_name_check(&self->name, error))
        return false;
    if (self->container == DUB_CONTAINER_HLS && self->is_live) {
        g_unlink(self->name.part);
        keep_final_name(&self->name);
    }
    return true;
}

static bool make_encoder(DubSink *self, const DubSinkConfig *config, unsigned bitrate_bps, GError **error)
{
    if (dub_container_encoder(self->container) || config->dubs) /* the drain has it */
        return true;
    self->aac = dub_aac_encoder_new(config->rate_hz, config->channels, bitrate_bps, on_aac_frame, self, error);
    if (!self->aac)
        return false;
    self->aac_config = dub_aac_encoder_config(self->aac);
    return true;
}

static bool check_video(const DubSink *self, const DubSinkConfig *config, GError **error)
{
    const char *parser = NULL, *wanted = NULL;
    return !config->video_caps || dub_container_fit_video(self->container, config->video_caps, &parser, &wanted, error);
}

static bool check_further(const DubSink *self, const DubSinkConfig *config, GError **error)
{
    if ((config->text_language && !dub_container_check_texts(self->container, error)) ||
        (config->dubs && !dub_container_check_second_sound(self->container, error)))
        return false;
    return !config->carry.keeps_original || dub_carried_tracks_check_original(config->carried, self->container, error);
}

static bool open_sink(DubSink *self, const DubSinkConfig *config, GError **error)
{
    const unsigned bitrate_bps = config->audio_bitrate_bps ? config->audio_bitrate_bps : config->channels * 64000;
    if (!dub_container_from_uri(config->uri, &self->container, error) || !check_video(self, config, error) ||
        !check_further(self, config, error) || !make_encoder(self, config, bitrate_bps, error) ||
        !init_name(self, config->uri, error))
        return false;
    const DubSinkDrainConfig drain = {
        .container = self->container,
        .location = self->name.part ? self->name.part : config->uri,
        .name = self->name.final ? self->name.final : config->uri,
        .video_caps = config->video_caps,
        .video_format = config->video_format,
        .audio_language = config->audio_language,
        .audio_title = config->audio_title,
        .carried = config->carried,
        .carry = config->carry,
        .origin_ns = config->origin_ns,
        .text_language = config->text_language,
        .dubs = config->dubs,
        .audio_config = self->aac_config,
        .rate_hz = config->rate_hz,
        .channels = config->channels,
        .audio_bitrate_bps = bitrate_bps,
        .live = config->live,
    };
    self->drain = dub_sink_writer_writes(self->container) ? dub_sink_writer_new(&drain, on_event, self, error)
                                                          : dub_sink_pipeline_new(&drain, on_event, self, error);
    if (self->drain && self->container == DUB_CONTAINER_RTMP)
        push_headers(self); /* as soon as it is connected: players may come before the first frame */
    return self->drain != NULL;
}

DubSink *dub_sink_new(const DubSinkConfig *config, const DubSinkCallbacks *callbacks, void *user_data, GError **error)
{
    DubSink *self = g_new0(DubSink, 1);
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->video_caps = config->video_caps ? gst_caps_ref(config->video_caps) : NULL;
    self->rate_hz = config->rate_hz;
    self->channels = config->channels;
    self->tracks_ms = config->tracks_ms;
    self->origin_ns = config->origin_ns;
    self->is_live = config->live;
    self->last_dts_ns = self->picture_ns = DUB_TIME_NONE;
    if (open_sink(self, config, error))
        return self;
    dub_sink_free(self);
    return NULL;
}

static void unref_buffer(void *data)
{
    gst_buffer_unref(data);
}

void dub_sink_free(DubSink *self)
{
    if (!self)
        return;
    if (self->moving) { /* the file is whole: its thread moves it all the same */
        g_cancellable_cancel(self->moving);
        g_object_unref(self->moving);
    }
    if (self->linger)
        g_source_destroy(self->linger);
    g_clear_pointer(&self->linger, g_source_unref);
    dub_gst_stop_forget(self->closing);
    if (self->state == STATE_OPEN || self->state == STATE_ENDING || self->state == STATE_CLOSING)
        remove_output(self);
    close_drain(self);
    dub_output_name_clear(&self->name);
    g_queue_clear_full(&self->video_tags, unref_buffer);
    g_queue_clear_full(&self->audio_tags, unref_buffer);
    g_clear_pointer(&self->aac, dub_aac_encoder_free);
    g_clear_pointer(&self->aac_config, g_bytes_unref);
    gst_clear_caps(&self->video_caps);
    g_free(self->output_name);
    g_free(self);
}
