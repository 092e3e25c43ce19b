/* audio/fragment-reader.c: libavformat over memory, libavcodec, and the edit list honoured at both ends. The
 * bytes come from the network: formats and codecs are the few listed here, nothing is opened by name, all
 * output is bounded. */
#include "audio/fragment-reader.h"

#include "audio/libav-setup.h"
#include "base/error.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libswresample/swresample.h>
#include <stdbool.h>
#include <string.h>

#define IO_BUFFER_BYTES 32768
#define MAX_RATE_HZ     192000
#define MIN_RATE_HZ     8000
#define CODECS          "aac,alac,pcm_u8,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le"

typedef struct {
    const uint8_t *data;
    gsize size, at;
} Memory;

typedef struct {
    Memory memory;
    AVIOContext *io;
    AVFormatContext *format;
    AVStream *stream;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    SwrContext *swr; /* NULL until the first frame */
    unsigned rate_hz, channels;
    gsize max_frames;
    GArray *samples; /* float, interleaved */
} Reader;

static int on_read(void *opaque, uint8_t *buffer, int size)
{
    Memory *memory = opaque;
    const gsize count = MIN((gsize) size, memory->size - memory->at);
    if (!count)
        return AVERROR_EOF;
    memcpy(buffer, memory->data + memory->at, count);
    memory->at += count;
    return (int) count;
}

static int64_t on_seek(void *opaque, int64_t offset, int whence)
{
    Memory *memory = opaque;
    if (whence == AVSEEK_SIZE)
        return (int64_t) memory->size;
    const int64_t base = whence == SEEK_CUR ? (int64_t) memory->at : whence == SEEK_END ? (int64_t) memory->size : 0;
    if (offset < -base || offset > (int64_t) memory->size - base)
        return AVERROR(EINVAL);
    memory->at = (gsize) (base + offset);
    return (int64_t) memory->at;
}

static bool corrupt(int status, const char *what, GError **error)
{
    g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "audio: cannot %s: %s", what, av_err2str(status));
    return false;
}

static const char *demuxer_name(DubFragmentContent content)
{
    switch (content) {
    case DUB_CONTENT_MP4: return "mov";
    case DUB_CONTENT_ADTS: return "aac";
    case DUB_CONTENT_WAV: return "wav";
    case DUB_CONTENT_RAW: break;
    }
    return NULL;
}

static bool open_format(Reader *self, DubFragmentContent content, GError **error)
{
    uint8_t *buffer = av_malloc(IO_BUFFER_BYTES);
    self->io = avio_alloc_context(buffer, IO_BUFFER_BYTES, 0, &self->memory, on_read, NULL, on_seek);
    self->format = avformat_alloc_context();
    self->format->pb = self->io;
    AVDictionary *options = NULL;
    av_dict_set(&options, "codec_whitelist", CODECS, 0);
    av_dict_set(&options, "protocol_whitelist", "none", 0);
    av_dict_set_int(&options, "max_probe_packets", 1, 0); /* or WAV is searched for AC-3 in disguise, 5 ms a fragment */
    const int status = avformat_open_input(&self->format, NULL, av_find_input_format(demuxer_name(content)), &options);
    av_dict_free(&options);
    if (status < 0)
        return corrupt(status, "read its container", error);
    for (unsigned i = 0; i < self->format->nb_streams && !self->stream; i++)
        if (self->format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO)
            self->stream = self->format->streams[i];
    return self->stream ? true : corrupt(AVERROR_STREAM_NOT_FOUND, "find its sound", error);
}

static bool open_codec(Reader *self, GError **error)
{
    const AVCodec *codec = avcodec_find_decoder(self->stream->codecpar->codec_id);
    if (!codec)
        return corrupt(AVERROR_DECODER_NOT_FOUND, "decode", error);
    self->codec = avcodec_alloc_context3(codec);
    int status = avcodec_parameters_to_context(self->codec, self->stream->codecpar);
    self->codec->pkt_timebase = self->stream->time_base;
    self->codec->thread_count = 1;
    self->codec->err_recognition = AV_EF_CRCCHECK;
    AVDictionary *options = NULL;
    av_dict_set(&options, "codec_whitelist", CODECS, 0);
    if (status >= 0)
        status = avcodec_open2(self->codec, codec, &options);
    av_dict_free(&options);
    return status < 0 ? corrupt(status, "decode", error) : true;
}

/* Everything after the first frame must have its shape. */
static bool adopt_shape(Reader *self, const AVFrame *frame, GError **error)
{
    const int channels = frame->ch_layout.nb_channels;
    if (channels < 1 || frame->sample_rate < MIN_RATE_HZ || frame->sample_rate > MAX_RATE_HZ)
        return corrupt(AVERROR_INVALIDDATA, "use its rate", error);
    self->rate_hz = (unsigned) frame->sample_rate;
    self->channels = channels == 1 ? 1 : 2;
    self->max_frames = (gsize) DUB_FRAGMENT_MAX_SECONDS * self->rate_hz;

    AVChannelLayout from, to;
    av_channel_layout_default(&to, (int) self->channels);
    if (frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC || channels <= 2)
        av_channel_layout_default(&from, channels);
    else if (av_channel_layout_copy(&from, &frame->ch_layout) < 0)
        return corrupt(AVERROR(ENOMEM), "decode", error);
    int status = swr_alloc_set_opts2(&self->swr, &to, AV_SAMPLE_FMT_FLT, frame->sample_rate, &from, frame->format,
                                     frame->sample_rate, 0, NULL);
    av_channel_layout_uninit(&from);
    if (status >= 0)
        status = swr_init(self->swr);
    return status < 0 ? corrupt(status, "use its channels", error) : true;
}

static bool take_frame(Reader *self, GError **error)
{
    AVFrame *frame = self->frame;
    if (!self->swr && !adopt_shape(self, frame, error))
        return false;
    const gsize filled = self->samples->len / self->channels;
    if (filled + (gsize) frame->nb_samples > self->max_frames + 2 * 1024) { /* the end of it may be padding */
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "audio is longer than %d s",
                    DUB_FRAGMENT_MAX_SECONDS);
        return false;
    }
    g_array_set_size(self->samples, (guint) ((filled + (gsize) frame->nb_samples) * self->channels));
    uint8_t *out = (uint8_t *) &g_array_index(self->samples, float, filled * self->channels);
    const int done = (unsigned) frame->sample_rate != self->rate_hz
                         ? AVERROR_INPUT_CHANGED
                         : swr_convert(self->swr, &out, frame->nb_samples, (const uint8_t **) frame->extended_data,
                                       frame->nb_samples);
    return done == frame->nb_samples ? true : corrupt(done < 0 ? done : AVERROR_BUG, "decode", error);
}

/* @packet: NULL at the end. */
static bool decode_packet(Reader *self, const AVPacket *packet, GError **error)
{
    int status = avcodec_send_packet(self->codec, packet);
    if (status < 0)
        return corrupt(status, "decode", error);
    while ((status = avcodec_receive_frame(self->codec, self->frame)) >= 0) {
        const bool taken = take_frame(self, error);
        av_frame_unref(self->frame);
        if (!taken)
            return false;
    }
    return status == AVERROR(EAGAIN) || status == AVERROR_EOF ? true : corrupt(status, "decode", error);
}

static bool decode_all(Reader *self, GError **error)
{
    int status;
    while ((status = av_read_frame(self->format, self->packet)) >= 0) {
        const bool ours = self->packet->stream_index == self->stream->index;
        if (self->packet->flags & AV_PKT_FLAG_CORRUPT)
            return corrupt(AVERROR_INVALIDDATA, "read", error);
        if (ours && !decode_packet(self, self->packet, error))
            return false;
        av_packet_unref(self->packet);
    }
    return status == AVERROR_EOF ? decode_packet(self, NULL, error) : corrupt(status, "read", error);
}

/* libavcodec has skipped what the edit list says comes before; what comes after its end is ours to cut. */
static DubPcm *finish(Reader *self, GError **error)
{
    if (!self->swr) {
        corrupt(AVERROR_EOF, "find any sound", error);
        return NULL;
    }
    const gsize decoded = self->samples->len / self->channels;
    gsize n_frames = decoded;
    if (self->stream->duration > 0 && self->stream->duration != AV_NOPTS_VALUE) {
        const int64_t wanted =
            av_rescale_q(self->stream->duration, self->stream->time_base, (AVRational){ 1, (int) self->rate_hz });
        n_frames = (gsize) MIN((int64_t) decoded, wanted);
    }
    if (n_frames > self->max_frames) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "audio is longer than %d s",
                    DUB_FRAGMENT_MAX_SECONDS);
        return NULL;
    }
    DubPcm *pcm = dub_pcm_new(self->rate_hz, self->channels, n_frames);
    memcpy(pcm->samples, self->samples->data, n_frames * self->channels * sizeof(float));
    return pcm;
}

static void reader_clear(Reader *self)
{
    swr_free(&self->swr);
    av_frame_free(&self->frame);
    av_packet_free(&self->packet);
    avcodec_free_context(&self->codec);
    avformat_close_input(&self->format);
    if (self->io)
        av_freep(&self->io->buffer);
    avio_context_free(&self->io);
    g_array_unref(self->samples);
}

DubPcm *dub_fragment_read_container(GBytes *bytes, DubFragmentContent content, GError **error)
{
    dub_libav_setup();
    Reader self = { 0 };
    self.memory.data = g_bytes_get_data(bytes, &self.memory.size);
    self.packet = av_packet_alloc();
    self.frame = av_frame_alloc();
    self.samples = g_array_new(FALSE, FALSE, sizeof(float));
    DubPcm *pcm = NULL;
    if (open_format(&self, content, error) && open_codec(&self, error) && decode_all(&self, error))
        pcm = finish(&self, error);
    reader_clear(&self);
    return pcm;
}
