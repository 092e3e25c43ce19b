/* media/sound-decoder.c: libavcodec and swresample. */
#include "media/sound-decoder.h"

#include "audio/layout.h"
#include "base/clock.h"
#include "base/error.h"

#include <libavcodec/avcodec.h>
#include <libswresample/swresample.h>

#define FALLBACK_RATE_HZ 48000 /* of what AAC has no rate for */
#define MIN_RATE_HZ      1000
#define MAX_RATE_HZ      768000

struct _DubSoundDecoder {
    DubSoundFunc emit;
    void *user_data;
    AVCodecContext *codec;
    AVFrame *frame;
    SwrContext *swr;      /* NULL before the first frame */
    AVChannelLayout from; /* what swr is set up for, as the next two */
    int from_rate_hz, from_format;
    unsigned allowed_channels;  /* a set */
    unsigned rate_hz, channels; /* of what comes out; 0 before the first frame */
    int64_t end_limit_ns;       /* the track's end by its edit list; G_MAXINT64 */
    int64_t next_pts_ns;        /* where the sound so far ends; DUB_TIME_NONE */
    unsigned n_broken;
    bool is_stopped;
};

static unsigned output_rate_hz(int rate_hz)
{
    static const int aac_rates_hz[] = { 96000, 88200, 64000, 48000, 44100, 32000,
                                        24000, 22050, 16000, 12000, 11025, 8000 };
    for (gsize i = 0; i < G_N_ELEMENTS(aac_rates_hz); i++)
        if (rate_hz == aac_rates_hz[i])
            return (unsigned) rate_hz;
    return FALLBACK_RATE_HZ;
}

static bool is_set_up(const DubSoundDecoder *self, const AVFrame *frame)
{
    return self->swr && frame->sample_rate == self->from_rate_hz && frame->format == self->from_format &&
           !av_channel_layout_compare(&frame->ch_layout, &self->from);
}

static bool set_up(DubSoundDecoder *self, AVFrame *frame)
{
    const AVChannelLayout *from = &frame->ch_layout;
    AVChannelLayout to;
    if (from->nb_channels < 1 || frame->sample_rate < MIN_RATE_HZ || frame->sample_rate > MAX_RATE_HZ)
        return false;
    if (!self->rate_hz) {
        self->rate_hz = output_rate_hz(frame->sample_rate);
        self->channels = dub_layout_fit(from, self->allowed_channels);
    }
    dub_layout_init(&to, self->channels);
    swr_free(&self->swr);
    if (swr_alloc_set_opts2(&self->swr, &to, AV_SAMPLE_FMT_FLT, (int) self->rate_hz, &frame->ch_layout, frame->format,
                            frame->sample_rate, 0, NULL) < 0 ||
        !dub_layout_set_mix(self->swr, from, self->channels) || swr_init(self->swr) < 0) {
        swr_free(&self->swr);
        return false;
    }
    self->from_rate_hz = frame->sample_rate;
    self->from_format = frame->format;
    return av_channel_layout_copy(&self->from, &frame->ch_layout) >= 0;
}

static void give(DubSoundDecoder *self, DubPcm *pcm, int64_t pts_ns)
{
    const int64_t frames_left =
        self->end_limit_ns == G_MAXINT64 ? G_MAXINT64 : dub_ns_to_samples(self->end_limit_ns - pts_ns, pcm->rate_hz);
    const gsize n_frames = (gsize) CLAMP(frames_left, 0, (int64_t) pcm->n_frames);
    if (n_frames < pcm->n_frames) {
        DubPcm *cut = n_frames ? dub_pcm_slice(pcm, 0, n_frames) : NULL;
        dub_pcm_unref(pcm);
        pcm = cut;
    }
    if (!pcm)
        return;
    self->next_pts_ns = pts_ns + dub_pcm_duration_ns(pcm);
    self->is_stopped = !self->emit(pcm, pts_ns, self->user_data);
}

/* @frame: NULL at the end: what the resampler still holds */
static DubPcm *convert(DubSoundDecoder *self, const AVFrame *frame)
{
    const int most = swr_get_out_samples(self->swr, frame ? frame->nb_samples : 0);
    if (most <= 0)
        return NULL;
    DubPcm *pcm = dub_pcm_new(self->rate_hz, self->channels, (gsize) most);
    uint8_t *out = (uint8_t *) pcm->samples;
    const int n_frames = swr_convert(self->swr, &out, most, frame ? (const uint8_t **) frame->extended_data : NULL,
                                     frame ? frame->nb_samples : 0);
    DubPcm *filled = n_frames > 0 ? dub_pcm_slice(pcm, 0, (gsize) n_frames) : NULL;
    dub_pcm_unref(pcm);
    return filled;
}

static void take_frame(DubSoundDecoder *self)
{
    AVFrame *frame = self->frame;
    if (!is_set_up(self, frame) && !set_up(self, frame)) {
        self->n_broken++;
        return;
    }
    int64_t pts_ns = self->next_pts_ns;
    if (frame->best_effort_timestamp != AV_NOPTS_VALUE) {
        const AVRational ns = { 1, DUB_NS_PER_S };
        const int64_t held_ns = swr_get_delay(self->swr, DUB_NS_PER_S);
        pts_ns = av_rescale_q(frame->best_effort_timestamp, self->codec->pkt_timebase, ns) - held_ns;
    }
    DubPcm *pcm = convert(self, frame);
    if (pcm)
        give(self, pcm, pts_ns == DUB_TIME_NONE ? 0 : pts_ns);
}

static void flush_resampler(DubSoundDecoder *self)
{
    DubPcm *pcm = self->swr && self->from_rate_hz != (int) self->rate_hz ? convert(self, NULL) : NULL;
    if (pcm)
        give(self, pcm, self->next_pts_ns == DUB_TIME_NONE ? 0 : self->next_pts_ns);
}

bool dub_sound_decoder_push(DubSoundDecoder *self, const AVPacket *packet)
{
    const int status = avcodec_send_packet(self->codec, packet);
    if (status < 0 && status != AVERROR_EOF)
        self->n_broken++;
    while (!self->is_stopped && avcodec_receive_frame(self->codec, self->frame) >= 0) {
        take_frame(self);
        av_frame_unref(self->frame);
    }
    if (!packet && !self->is_stopped)
        flush_resampler(self);
    return !self->is_stopped;
}

unsigned dub_sound_decoder_n_broken(const DubSoundDecoder *self)
{
    return self->n_broken;
}

static bool open_codec(DubSoundDecoder *self, const AVStream *stream, GError **error)
{
    const AVCodec *codec = avcodec_find_decoder(stream->codecpar->codec_id);
    if (!codec) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "no decoder for its audio (%s) is installed",
                    avcodec_get_name(stream->codecpar->codec_id));
        return false;
    }
    self->codec = avcodec_alloc_context3(codec);
    int status = avcodec_parameters_to_context(self->codec, stream->codecpar);
    self->codec->pkt_timebase = stream->time_base; /* libavcodec moves a frame's time by what it skips */
    self->codec->thread_count = 1;
    if (status >= 0)
        status = avcodec_open2(self->codec, codec, NULL);
    if (status < 0)
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "its audio (%s) cannot be decoded: %s",
                    avcodec_get_name(stream->codecpar->codec_id), av_err2str(status));
    return status >= 0;
}

DubSoundDecoder *dub_sound_decoder_new(const AVStream *stream, const DubSoundDecoderConfig *config, DubSoundFunc emit,
                                       void *user_data, GError **error)
{
    g_autoptr(DubSoundDecoder) self = g_new0(DubSoundDecoder, 1);
    self->emit = emit;
    self->user_data = user_data;
    self->end_limit_ns = config->end_limit_ns;
    self->allowed_channels = config->allowed_channels;
    self->next_pts_ns = DUB_TIME_NONE;
    self->frame = av_frame_alloc();
    return open_codec(self, stream, error) ? g_steal_pointer(&self) : NULL;
}

void dub_sound_decoder_free(DubSoundDecoder *self)
{
    if (!self)
        return;
    swr_free(&self->swr);
    av_channel_layout_uninit(&self->from);
    avcodec_free_context(&self->codec);
    av_frame_free(&self->frame);
    g_free(self);
}
