/* audio/sound-encoder.c: libswresample for the rate and the format, a queue for the length of the encoder's frames. */
#include "audio/sound-encoder.h"

#include "audio/layout.h"
#include "audio/libav-setup.h"
#include "base/error.h"

#include <libavutil/audio_fifo.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>

#define PCM_FRAME 1024 /* of what takes any length */

struct _DubSoundEncoder {
    AVCodecContext *codec;
    SwrContext *swr;
    AVAudioFifo *fifo; /* in the codec's format and rate */
    AVFrame *frame;
    int64_t position; /* of the next frame */
    bool is_ending, has_ended;
};

/* The next one up keeps all that is heard. */
static int nearest_rate(const AVCodec *codec, int rate_hz)
{
    int above = 0, most = 0;
    if (!codec->supported_samplerates)
        return rate_hz;
    for (const int *rate = codec->supported_samplerates; *rate; rate++) {
        if (*rate >= rate_hz && (!above || *rate < above))
            above = *rate;
        most = MAX(most, *rate);
    }
    return above ? above : most;
}

static bool open_codec(DubSoundEncoder *self, const char *name, unsigned rate_hz, unsigned channels,
                       unsigned bitrate_bps)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    self->codec = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!self->codec)
        return false;
    self->codec->sample_rate = nearest_rate(codec, (int) rate_hz);
    self->codec->time_base = (AVRational){ 1, self->codec->sample_rate };
    self->codec->sample_fmt = codec->sample_fmts[0];
    self->codec->bit_rate = bitrate_bps;
    self->codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    self->codec->thread_count = 1;
    dub_layout_init(&self->codec->ch_layout, channels);
    if (channels > 2) /* Opus: without it libavcodec puts some layouts in a wrong order */
        av_opt_set_int(self->codec->priv_data, "mapping_family", 1, 0);
    return avcodec_open2(self->codec, codec, NULL) >= 0;
}

static bool open_resampler(DubSoundEncoder *self, unsigned rate_hz)
{
    AVChannelLayout *layout = &self->codec->ch_layout;
    return swr_alloc_set_opts2(&self->swr, layout, self->codec->sample_fmt, self->codec->sample_rate, layout,
                               AV_SAMPLE_FMT_FLT, (int) rate_hz, 0, NULL) >= 0 &&
           swr_init(self->swr) >= 0;
}

DubSoundEncoder *dub_sound_encoder_new(const char *name, unsigned rate_hz, unsigned channels, unsigned bitrate_bps,
                                       GError **error)
{
    dub_libav_setup();
    g_autoptr(DubSoundEncoder) self = g_new0(DubSoundEncoder, 1);
    self->frame = av_frame_alloc();
    if (open_codec(self, name, rate_hz, channels, bitrate_bps) && open_resampler(self, rate_hz))
        self->fifo = av_audio_fifo_alloc(self->codec->sample_fmt, (int) channels, PCM_FRAME);
    if (self->fifo)
        return g_steal_pointer(&self);
    g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                "FFmpeg's encoder %s is missing here, or takes no %u channels; use .mkv or .wav", name, channels);
    return NULL;
}

void dub_sound_encoder_free(DubSoundEncoder *self)
{
    if (!self)
        return;
    avcodec_free_context(&self->codec);
    swr_free(&self->swr);
    av_audio_fifo_free(self->fifo);
    av_frame_free(&self->frame);
    g_free(self);
}

bool dub_sound_encoder_describe(const DubSoundEncoder *self, AVCodecParameters *parameters)
{
    return avcodec_parameters_from_context(parameters, self->codec) >= 0;
}

AVRational dub_sound_encoder_time_base(const DubSoundEncoder *self)
{
    return self->codec->time_base;
}

static int make_frame(DubSoundEncoder *self, int n_frames)
{
    av_frame_unref(self->frame);
    self->frame->format = self->codec->sample_fmt;
    self->frame->nb_samples = n_frames;
    self->frame->sample_rate = self->codec->sample_rate;
    av_channel_layout_copy(&self->frame->ch_layout, &self->codec->ch_layout);
    return av_frame_get_buffer(self->frame, 0);
}

int dub_sound_encoder_push(DubSoundEncoder *self, const float *samples, gsize n_frames)
{
    const uint8_t *in = (const uint8_t *) samples;
    const int most = swr_get_out_samples(self->swr, (int) n_frames);
    int status = most > 0 ? make_frame(self, most) : 0;
    self->is_ending |= !samples;
    if (most <= 0 || status < 0)
        return status;
    const int got = swr_convert(self->swr, self->frame->extended_data, most, samples ? &in : NULL, (int) n_frames);
    return got < 0 ? got : MIN(av_audio_fifo_write(self->fifo, (void **) self->frame->extended_data, got), 0);
}

/* Returns: 0: nothing is there to be encoded yet */
static int encode_next(DubSoundEncoder *self)
{
    const int whole = self->codec->frame_size > 0 ? self->codec->frame_size : PCM_FRAME;
    const int count = MIN(av_audio_fifo_size(self->fifo), whole);
    if (self->has_ended || (count < whole && !self->is_ending))
        return 0;
    self->has_ended = count == 0;
    int status = count > 0 ? make_frame(self, count) : 0;
    if (status >= 0 && count > 0) {
        av_audio_fifo_read(self->fifo, (void **) self->frame->extended_data, count);
        self->frame->pts = self->position;
        self->position += count;
    }
    if (status >= 0)
        status = avcodec_send_frame(self->codec, count > 0 ? self->frame : NULL);
    return status < 0 ? status : 1;
}

int dub_sound_encoder_take(DubSoundEncoder *self, AVPacket *packet)
{
    int status;
    while ((status = avcodec_receive_packet(self->codec, packet)) == AVERROR(EAGAIN)) {
        status = encode_next(self);
        if (status <= 0)
            return status < 0 ? status : AVERROR(EAGAIN);
    }
    return status;
}
