/* media/sink-writer.c: a bounded queue of packets, and a thread that muxes them. What is queued is guarded by `lock`. */
#include "media/sink-writer.h"

#include "audio/libav-setup.h"
#include "base/clock.h"
#include "base/error.h"
#include "media/bounded-stop.h"
#include "media/gst-error.h"

#include <errno.h>
#include <string.h>
#include <unicode/uloc.h>

#define FULL_PACKETS   384
#define FULL_BYTES     (32 * 1024 * 1024)
#define VIDEO_TICKS    90000 /* a second: exact for every usual frame rate to 6 µs */
#define IO_ERROR_BYTES 65536

typedef struct {
    DubSinkDrain drain;
    gatomicrefcount refs;
    DubContainer container;
    char *location, *name;
    AVFormatContext *format;      /* the thread's once it runs, as the next */
    int64_t last_video_dts;       /* in ticks; AV_NOPTS_VALUE */
    int video_index, audio_index; /* -1: none */

    GMutex lock; /* guards all below */
    GCond changed;
    GQueue packets; /* of AVPacket * */
    gsize n_bytes;
    bool is_ending, is_freed, is_waiting, is_running;
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

static GError *write_error(const Writer *self, int status)
{
    if (status == AVERROR(ENOSPC) || status == AVERROR(EDQUOT) || status == AVERROR(EIO) || status == AVERROR(EFBIG))
        return dub_error_from_errno(AVUNERROR(status), self->name);
    return g_error_new(DUB_ERROR, DUB_ERROR_UNSUPPORTED, "%s: %s cannot hold this stream: %s; try .mkv", self->name,
                       dub_container_name(self->container), av_err2str(status));
}

static AVDictionary *header_options(const Writer *self)
{
    AVDictionary *options = NULL;
    if (self->container != DUB_CONTAINER_MKV)
        av_dict_set_int(&options, "movie_timescale", VIDEO_TICKS, 0); /* edit lists count in it */
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

static int write_packet(Writer *self, AVPacket *packet)
{
    const AVStream *stream = self->format->streams[packet->stream_index];
    const bool is_video = packet->stream_index == self->video_index;
    const AVRational from =
        is_video ? (AVRational){ 1, VIDEO_TICKS } : (AVRational){ 1, stream->codecpar->sample_rate };
    fit_times(self, packet);
    av_packet_rescale_ts(packet, from, stream->time_base);
    const int status = av_interleaved_write_frame(self->format, packet);
    return status < 0 ? status : self->format->pb->error;
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
    if (status < 0 || is_freed)
        return status;
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

static void push_audio(DubSinkDrain *drain, GstBuffer *buffer, int64_t pts_ns, int64_t duration_ns)
{
    Writer *self = writer_of(drain);
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

static void end(DubSinkDrain *drain)
{
    Writer *self = writer_of(drain);
    g_mutex_lock(&self->lock);
    self->is_ending = true;
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
}

static const DubSinkDrainClass writer_class = { free_writer,    close_writer, push_video, push_audio,
                                                set_video_caps, is_full,      end };

/* --- the beginning --- */

static const char *muxer_of(DubContainer container)
{
    switch (container) {
    case DUB_CONTAINER_MP4: return "mp4";
    case DUB_CONTAINER_MOV: return "mov";
    case DUB_CONTAINER_M4A: return "ipod";
    case DUB_CONTAINER_MKV: return "matroska";
    default: return NULL;
    }
}

bool dub_sink_writer_writes(DubContainer container)
{
    return muxer_of(container) != NULL;
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

static void name_audio(AVStream *stream, const DubSinkDrainConfig *config)
{
    const char *language = config->audio_language ? uloc_getISO3Language(config->audio_language) : "";
    if (language[0])
        av_dict_set(&stream->metadata, "language", language, 0);
    if (config->audio_title) {
        av_dict_set(&stream->metadata, "title", config->audio_title, 0);
        av_dict_set(&stream->metadata, "handler_name", config->audio_title,
                    0); /* what QuickTime's family calls a track */
    }
}

static bool add_audio(Writer *self, const DubSinkDrainConfig *config)
{
    AVStream *stream = avformat_new_stream(self->format, NULL);
    if (!stream || !dub_libav_describe_aac(stream->codecpar, config->audio_config, config->rate_hz, config->channels))
        return false;
    stream->codecpar->bit_rate = config->audio_bitrate_bps;
    stream->time_base = (AVRational){ 1, (int) config->rate_hz };
    stream->disposition = AV_DISPOSITION_DEFAULT;
    name_audio(stream, config);
    self->audio_index = stream->index;
    return true;
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
    self->video_index = self->audio_index = -1;
    avformat_alloc_output_context2(&self->format, NULL, muxer_of(config->container), NULL);
    if (!self->format || (config->video_caps && !add_video(self, config, error)) || !add_audio(self, config)) {
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
