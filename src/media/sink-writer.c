/* media/sink-writer.c: a bounded queue of packets, and a thread that muxes them. What is queued is guarded by `lock`.
 */
#include "media/sink-writer.h"

#include "audio/libav-setup.h"
#include "audio/sound-encoder.h"
#include "base/clock.h"
#include "base/error.h"
#include "media/bounded-stop.h"
#include "media/gst-error.h"
#include "media/sink-carried.h"
#include "media/sink-further.h"
#include "media/text-subtitles.h"

#include <errno.h>
#include <string.h>
#include <unicode/uloc.h>

#define FULL_PACKETS 384
#define FULL_BYTES   (32 * 1024 * 1024)
#define ORIGIN_MARK  (-2) /* in place of a stream's index: no packet, but a new origin */
#define TIME_MARK    (-3) /* likewise, but how far the sound has come that others bring */
#define TEXT_TICKS   1000
#define VIDEO_TICKS  90000 /* a second: exact for every usual frame rate to 6 µs */

typedef struct {
    DubSinkDrain drain;
    gatomicrefcount refs;
    DubContainer container;
    char *location, *name;
    AVFormatContext *format;                  /* the thread's once it runs, as the next */
    int64_t last_video_dts;                   /* in ticks; AV_NOPTS_VALUE */
    int64_t end_ns;                           /* of what is written: how far an output that is cut short carries over */
    int video_index, audio_index, text_index; /* -1: none */
    bool has_mdta;
    DubSinkCarried *carried;  /* NULL: nothing is carried over */
    DubSinkFurther *dubs;     /* NULL: the dub is pushed */
    DubTextSubtitles *texts;  /* NULL: no subtitles are pushed */
    DubSoundEncoder *encoder; /* NULL: sound is pushed as AAC */
    AVPacket *encoded;
    GError *error; /* what else than writing went wrong */

    GMutex lock; /* guards all below */
    GCond changed;
    GQueue packets; /* of AVPacket * */
    gsize n_bytes;
    bool is_ending, is_whole, is_freed, is_waiting, is_running;
} Writer;

static Writer *writer_of(DubSinkDrain *drain)
{
    return (Writer *) drain;
}

static void free_packet(void *data)
{
    AVPacket *packet = data;
    av_packet_free(&packet);
}

static void unref_writer(Writer *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    g_queue_clear_full(&self->packets, free_packet);
    dub_sink_carried_free(self->carried);
    dub_sink_further_free(self->dubs);
    dub_text_subtitles_free(self->texts);
    dub_sound_encoder_free(self->encoder);
    av_packet_free(&self->encoded);
    g_clear_error(&self->error);
    if (self->format)
        avio_closep(&self->format->pb);
    avformat_free_context(self->format);
    dub_sink_post_unref(self->drain.post);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->changed);
    g_free(self->location);
    g_free(self->name);
    g_free(self);
}

/* --- the thread --- */

static GError *write_error(Writer *self, int status)
{
    if (self->error)
        return g_steal_pointer(&self->error);
    if (status == AVERROR(ENOSPC) || status == AVERROR(EDQUOT) || status == AVERROR(EIO) || status == AVERROR(EFBIG))
        return dub_error_from_errno(AVUNERROR(status), self->name);
    const char *way_out = self->container == DUB_CONTAINER_MKV ? DUB_CONTAINER_MAKE_H264 : "try .mkv";
    return g_error_new(DUB_ERROR, DUB_ERROR_UNSUPPORTED, "%s: %s cannot hold this stream: %s; %s", self->name,
                       dub_container_name(self->container), av_err2str(status), way_out);
}

static AVDictionary *header_options(const Writer *self)
{
    AVDictionary *options = NULL;
    if (self->container == DUB_CONTAINER_WAV)
        av_dict_set(&options, "rf64", "auto", 0); /* beyond 4 GB */
    if (dub_container_is_mov(self->container))
        av_dict_set_int(&options, "movie_timescale", VIDEO_TICKS, 0); /* edit lists count in it */
    if (self->has_mdta)
        av_dict_set(&options, "movflags", "use_metadata_tags", 0);
    return options;
}

static int open_file(Writer *self)
{
    int status = avio_open(&self->format->pb, self->location, AVIO_FLAG_WRITE);
    if (status < 0)
        return status;
    AVDictionary *options = header_options(self);
    status = avformat_write_header(self->format, &options);
    av_dict_free(&options);
    if (status >= 0 &&
        (!dub_sink_carried_begin(self->carried, &self->error) || !dub_sink_further_begin(self->dubs, &self->error)))
        return AVERROR_EXTERNAL;
    return status;
}

/* Muxers want DTS that rise by a tick at least, and none after the PTS. */
static void fit_times(Writer *self, AVPacket *packet)
{
    if (packet->stream_index != self->video_index)
        return;
    packet->dts = MIN(packet->dts, packet->pts);
    if (self->last_video_dts != AV_NOPTS_VALUE)
        packet->dts = MAX(packet->dts, self->last_video_dts + 1);
    packet->pts = MAX(packet->pts, packet->dts);
    self->last_video_dts = packet->dts;
}

static AVRational ticks(const Writer *self, int stream_index)
{
    if (stream_index == self->audio_index)
        return (AVRational){ 1, self->format->streams[stream_index]->codecpar->sample_rate };
    return (AVRational){ 1, stream_index == self->video_index ? VIDEO_TICKS : TEXT_TICKS };
}

/* What others bring, in step with what is pushed. */
static int write_beside(Writer *self, int64_t until_ns)
{
    const int status = dub_sink_further_write_until(self->dubs, until_ns);
    return status < 0 ? status : dub_sink_carried_write_until(self->carried, until_ns);
}

static int write_timed(Writer *self, AVPacket *packet, AVRational from)
{
    const AVRational ns = { 1, DUB_NS_PER_S };
    const int64_t time_ns = av_rescale_q(packet->dts, from, ns);
    self->end_ns = MAX(self->end_ns, time_ns);
    av_packet_rescale_ts(packet, from, self->format->streams[packet->stream_index]->time_base);
    int status = write_beside(self, time_ns);
    if (status >= 0)
        status = av_interleaved_write_frame(self->format, packet);
    return status < 0 ? status : self->format->pb->error;
}

/* @samples: NULL at the end */
static int write_sound(Writer *self, const float *samples, gsize n_frames)
{
    int status = dub_sound_encoder_push(self->encoder, samples, n_frames);
    while (status >= 0 && (status = dub_sound_encoder_take(self->encoder, self->encoded)) >= 0) {
        self->encoded->stream_index = self->audio_index;
        if (dub_container_is_matroska(
                self->container)) { /* its blocks count from the delay on, and FFmpeg 5.1 forgets */
            self->encoded->pts += self->format->streams[self->audio_index]->codecpar->initial_padding;
            self->encoded->dts = self->encoded->pts;
        }
        status = write_timed(self, self->encoded, dub_sound_encoder_time_base(self->encoder));
        av_packet_unref(self->encoded);
    }
    return status == AVERROR(EAGAIN) || status == AVERROR_EOF ? 0 : status;
}

/* libavformat puts packets in order, and for that keeps up to 10 s of them (its max_interleave_delta) while a track has
 * none. */
static int write_packet(Writer *self, AVPacket *packet)
{
    if (packet->stream_index == ORIGIN_MARK) {
        dub_sink_carried_set_origin(self->carried, packet->pts);
        return 0;
    }
    if (packet->stream_index == TIME_MARK) {
        self->end_ns = MAX(self->end_ns, packet->pts);
        return write_beside(self, packet->pts);
    }
    if (packet->stream_index == self->audio_index && self->encoder) {
        const gsize frame_bytes =
            sizeof(float) * (gsize) self->format->streams[self->audio_index]->codecpar->ch_layout.nb_channels;
        return write_sound(self, (const float *) (const void *) packet->data, (gsize) packet->size / frame_bytes);
    }
    if (packet->stream_index == self->text_index && !dub_text_subtitles_convert(self->texts, packet))
        return 0;
    fit_times(self, packet);
    return write_timed(self, packet, ticks(self, packet->stream_index));
}

/* Returns: (transfer full): the next packet; NULL at the end, or when nobody wants more */
static AVPacket *take_packet(Writer *self, bool *is_freed)
{
    g_mutex_lock(&self->lock);
    while (g_queue_is_empty(&self->packets) && !self->is_ending && !self->is_freed)
        g_cond_wait(&self->changed, &self->lock);
    *is_freed = self->is_freed;
    AVPacket *packet = self->is_freed ? NULL : g_queue_pop_head(&self->packets);
    if (packet)
        self->n_bytes -= (gsize) packet->size;
    const bool has_room = self->packets.length <= FULL_PACKETS / 2 && self->n_bytes <= FULL_BYTES / 2;
    const bool tells = self->is_waiting && has_room;
    self->is_waiting &= !has_room;
    g_mutex_unlock(&self->lock);
    if (tells)
        dub_sink_post_event(self->drain.post, DUB_SINK_EVENT_ROOM, NULL);
    return packet;
}

static int write_all(Writer *self)
{
    bool is_freed = false;
    int status = open_file(self);
    AVPacket *packet;
    if (status < 0)
        return status;
    while (status >= 0 && (packet = take_packet(self, &is_freed))) {
        status = write_packet(self, packet);
        av_packet_free(&packet);
    }
    if (status >= 0 && !is_freed && self->encoder)
        status = write_sound(self, NULL, 0);
    if (status < 0 || is_freed)
        return status;
    status = write_beside(self, self->is_whole ? G_MAXINT64 : self->end_ns);
    if (status >= 0)
        status = av_write_trailer(self->format);
    if (status >= 0)
        status = self->format->pb->error;
    const int closed = avio_closep(&self->format->pb);
    return status < 0 ? status : closed;
}

static void *run(void *data)
{
    Writer *self = data;
    const int status = write_all(self);
    g_mutex_lock(&self->lock);
    const bool is_freed = self->is_freed;
    self->is_running = false;
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
    if (!is_freed)
        dub_sink_post_event(self->drain.post, status < 0 ? DUB_SINK_EVENT_ERROR : DUB_SINK_EVENT_EOS,
                            status < 0 ? write_error(self, status) : NULL);
    unref_writer(self);
    return NULL;
}

/* --- the loop thread --- */

static void free_writer(DubSinkDrain *drain)
{
    Writer *self = writer_of(drain);
    const int64_t until_us = g_get_monotonic_time() + DUB_PIPELINE_STOP_MAX_MS * G_TIME_SPAN_MILLISECOND;
    dub_sink_post_close(drain->post);
    dub_sink_carried_cancel(self->carried);
    dub_sink_further_cancel(self->dubs);
    g_mutex_lock(&self->lock);
    self->is_freed = true;
    g_cond_broadcast(&self->changed);
    while (self->is_running && g_cond_wait_until(&self->changed, &self->lock, until_us)) {
    }
    g_mutex_unlock(&self->lock);
    unref_writer(self);
}

static void free_parts(void *data)
{
    unref_writer(data);
}

/* Its own thread ends with the end of the stream, and has closed the file by then. */
static DubGstStop *close_writer(DubSinkDrain *drain, DubGstStoppedFunc closed, void *user_data)
{
    dub_sink_post_close(drain->post);
    return dub_gst_stop(NULL, free_parts, writer_of(drain), closed, user_data);
}

static void push(Writer *self, AVPacket *packet)
{
    g_mutex_lock(&self->lock);
    if (self->is_running) {
        g_queue_push_tail(&self->packets, packet);
        self->n_bytes += (gsize) packet->size;
        g_cond_broadcast(&self->changed);
        packet = NULL;
    }
    g_mutex_unlock(&self->lock);
    av_packet_free(&packet);
}

typedef struct {
    GstBuffer *buffer;
    GstMapInfo map;
} Mapped;

static void unmap(void *opaque, uint8_t *data)
{
    (void) data;
    Mapped *mapped = opaque;
    gst_buffer_unmap(mapped->buffer, &mapped->map);
    gst_buffer_unref(mapped->buffer);
    g_free(mapped);
}

/* @buffer: (transfer full). Its bytes are shared: a packet's padding, which only decoders read, is not there. */
static AVPacket *packet_of(GstBuffer *buffer, int stream_index)
{
    Mapped *mapped = g_new0(Mapped, 1);
    mapped->buffer = buffer;
    AVPacket *packet = av_packet_alloc();
    if (gst_buffer_map(buffer, &mapped->map, GST_MAP_READ)) {
        packet->data = mapped->map.data;
        packet->size = (int) mapped->map.size;
        packet->buf = av_buffer_create(mapped->map.data, mapped->map.size, unmap, mapped, AV_BUFFER_FLAG_READONLY);
    }
    packet->stream_index = stream_index;
    if (!GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT))
        packet->flags |= AV_PKT_FLAG_KEY;
    return packet;
}

static int64_t ticks_of(int64_t time_ns, int ticks)
{
    return av_rescale(time_ns, ticks, DUB_NS_PER_S);
}

static void push_video(DubSinkDrain *drain, GstBuffer *buffer, int64_t pts_ns, int64_t dts_ns)
{
    Writer *self = writer_of(drain);
    AVPacket *packet = packet_of(buffer, self->video_index);
    packet->pts = ticks_of(pts_ns, VIDEO_TICKS);
    packet->dts = dts_ns == DUB_TIME_NONE ? packet->pts : ticks_of(dts_ns, VIDEO_TICKS);
    if (GST_BUFFER_DURATION_IS_VALID(buffer))
        packet->duration = ticks_of((int64_t) GST_BUFFER_DURATION(buffer), VIDEO_TICKS);
    push(self, packet);
}

static void push_mark(Writer *self, int mark, int64_t time_ns)
{
    AVPacket *packet = av_packet_alloc();
    packet->stream_index = mark;
    packet->pts = time_ns;
    push(self, packet);
}

static void push_audio(DubSinkDrain *drain, GstBuffer *buffer, int64_t pts_ns, int64_t duration_ns)
{
    Writer *self = writer_of(drain);
    if (self->audio_index < 0) {
        gst_buffer_unref(buffer);
        push_mark(self, TIME_MARK, pts_ns + duration_ns);
        return;
    }
    const int rate_hz = self->format->streams[self->audio_index]->codecpar->sample_rate;
    AVPacket *packet = packet_of(buffer, self->audio_index);
    packet->pts = packet->dts = ticks_of(pts_ns, rate_hz);
    packet->duration = ticks_of(duration_ns, rate_hz);
    packet->flags |= AV_PKT_FLAG_KEY;
    push(self, packet);
}

static bool set_video_caps(DubSinkDrain *drain, GstCaps *caps)
{
    (void) drain, (void) caps;
    return false; /* its header is written */
}

static bool is_full(DubSinkDrain *drain)
{
    Writer *self = writer_of(drain);
    g_mutex_lock(&self->lock);
    const bool full = self->packets.length > FULL_PACKETS || self->n_bytes > FULL_BYTES;
    self->is_waiting |= full;
    g_mutex_unlock(&self->lock);
    return full;
}

static void push_text(DubSinkDrain *drain, const char *text, int64_t pts_ns, int64_t duration_ns)
{
    Writer *self = writer_of(drain);
    AVPacket *packet = av_packet_alloc();
    const size_t size = strlen(text);
    if (self->text_index < 0 || av_new_packet(packet, (int) size) < 0) {
        av_packet_free(&packet);
        return;
    }
    memcpy(packet->data, text, size);
    packet->stream_index = self->text_index;
    packet->pts = packet->dts = ticks_of(pts_ns, TEXT_TICKS);
    packet->duration = ticks_of(duration_ns, TEXT_TICKS);
    packet->flags |= AV_PKT_FLAG_KEY;
    push(self, packet);
}

/* It takes its place in the queue. */
static void set_origin(DubSinkDrain *drain, int64_t origin_ns)
{
    push_mark(writer_of(drain), ORIGIN_MARK, origin_ns);
}

static void end(DubSinkDrain *drain, bool is_whole)
{
    Writer *self = writer_of(drain);
    g_mutex_lock(&self->lock);
    self->is_whole = is_whole;
    self->is_ending = true;
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
}

static const DubSinkDrainClass writer_class = { free_writer, close_writer, push_video, push_audio, set_video_caps,
                                                is_full,     push_text,    set_origin, end };

/* --- the beginning --- */

bool dub_sink_writer_writes(DubContainer container)
{
    return dub_container_libav_muxer(container) != NULL;
}

static bool add_video(Writer *self, const DubSinkDrainConfig *config, GError **error)
{
    g_autoptr(DubTrackFormat) format = config->video_format ? dub_track_format_ref(config->video_format)
                                                            : dub_track_format_from_caps(config->video_caps);
    AVStream *stream = format ? avformat_new_stream(self->format, NULL) : NULL;
    if (!stream || !dub_track_format_apply(format, config->video_caps, stream)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "%s: %s video cannot be written there", self->name,
                    dub_media_codec_name(config->video_caps));
        return false;
    }
    stream->time_base = (AVRational){ 1, VIDEO_TICKS };
    stream->disposition = AV_DISPOSITION_DEFAULT;
    self->video_index = stream->index;
    return true;
}

/* @language: (nullable) BCP 47; @title: (nullable) */
static void name_track(const Writer *self, AVStream *stream, const char *language, const char *title)
{
    const char *code = language ? uloc_getISO3Language(language) : "";
    if (code[0])
        av_dict_set(&stream->metadata, "language", dub_carried_tracks_language(code, self->container), 0);
    if (!title)
        return;
    av_dict_set(&stream->metadata, "title", title, 0);
    if (dub_container_is_mov(self->container))
        av_dict_set(&stream->metadata, "handler_name", title, 0); /* what QuickTime's family calls a track */
}

static bool describe_sound(Writer *self, const DubSinkDrainConfig *config, AVStream *stream, GError **error)
{
    const char *encoder = dub_container_encoder(config->container);
    stream->time_base = (AVRational){ 1, (int) config->rate_hz };
    if (!encoder) {
        stream->codecpar->bit_rate = config->audio_bitrate_bps;
        return dub_libav_describe_aac(stream->codecpar, config->audio_config, config->rate_hz, config->channels);
    }
    self->encoder = dub_sound_encoder_new(encoder, config->rate_hz, config->channels, config->audio_bitrate_bps, error);
    self->encoded = av_packet_alloc();
    if (!self->encoder || !dub_sound_encoder_describe(self->encoder, stream->codecpar))
        return false;
    stream->time_base = dub_sound_encoder_time_base(self->encoder);
    return true;
}

/* The file's own title counts where there is one track, which nobody chooses. */
static void name_sound(Writer *self, const DubSinkDrainConfig *config, AVStream *stream)
{
    if (dub_container_has_tracks(config->container))
        name_track(self, stream, config->audio_language, config->audio_title);
    else if (config->audio_language)
        av_dict_set(&self->format->metadata, "language", uloc_getISO3Language(config->audio_language), 0);
}

static bool add_audio(Writer *self, const DubSinkDrainConfig *config, GError **error)
{
    AVStream *stream = avformat_new_stream(self->format, NULL);
    if (!stream || !describe_sound(self, config, stream, error))
        return false;
    stream->disposition = config->carry.is_original_default ? 0 : AV_DISPOSITION_DEFAULT;
    if (config->carried)
        stream->disposition |= AV_DISPOSITION_DUB;
    name_sound(self, config, stream);
    self->audio_index = stream->index;
    return true;
}

static bool add_text(Writer *self, const DubSinkDrainConfig *config, GError **error)
{
    const enum AVCodecID codec = dub_carried_tracks_text_codec(config->container);
    self->texts = dub_text_subtitles_new_plain(codec, error);
    AVStream *stream = self->texts ? avformat_new_stream(self->format, NULL) : NULL;
    if (!stream || !dub_text_subtitles_describe(self->texts, stream->codecpar))
        return false;
    stream->time_base = (AVRational){ 1, TEXT_TICKS };
    name_track(self, stream, config->text_language, NULL);
    self->text_index = stream->index;
    return true;
}

static bool add_carried(Writer *self, const DubSinkDrainConfig *config, GError **error)
{
    AVStream *video = self->video_index < 0 ? NULL : self->format->streams[self->video_index];
    self->has_mdta = dub_carried_tracks_wants_mdta(config->carried, config->container);
    self->carried = dub_sink_carried_new(config, self->format, video, error);
    return self->carried != NULL;
}

static bool add_sound(Writer *self, const DubSinkDrainConfig *config, GError **error)
{
    if (!config->dubs)
        return add_audio(self, config, error);
    self->dubs = dub_sink_further_new(config, self->format, error);
    return self->dubs != NULL;
}

static bool add_tracks(Writer *self, const DubSinkDrainConfig *config, GError **error)
{
    return (!config->video_caps || add_video(self, config, error)) && add_sound(self, config, error) &&
           (!config->text_language || add_text(self, config, error)) &&
           (!config->carried || add_carried(self, config, error));
}

DubSinkDrain *dub_sink_writer_new(const DubSinkDrainConfig *config, DubSinkEventFunc on_event, void *user_data,
                                  GError **error)
{
    dub_libav_setup();
    Writer *self = g_new0(Writer, 1);
    self->drain = (DubSinkDrain){ &writer_class, dub_sink_post_new(on_event, user_data) };
    g_atomic_ref_count_init(&self->refs);
    g_mutex_init(&self->lock);
    g_cond_init(&self->changed);
    self->container = config->container;
    self->location = g_strconcat("file:", config->location, NULL); /* a name with a colon is no URL */
    self->name = g_strdup(config->name);
    self->last_video_dts = AV_NOPTS_VALUE;
    self->video_index = self->audio_index = self->text_index = -1;
    avformat_alloc_output_context2(&self->format, NULL, dub_container_libav_muxer(config->container), NULL);
    if (!self->format || !add_tracks(self, config, error)) {
        if (error && !*error)
            g_set_error(error, DUB_ERROR, DUB_ERROR_FAILED, "%s: no memory for its muxer", self->name);
        free_writer(&self->drain);
        return NULL;
    }
    self->is_running = true;
    g_atomic_ref_count_inc(&self->refs);
    g_thread_unref(g_thread_new("sink-writer", run, self));
    return &self->drain;
}
