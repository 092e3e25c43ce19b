/* media/text-subtitles.c: libavcodec's decoder of one kind and its encoder of the other; ASS is what they meet in. */
#include "media/text-subtitles.h"

#include "base/error.h"

#include <string.h>

#define TEXT_MAX_BYTES (64 * 1024) /* of one subtitle: what 3GPP's two bytes of length can say */

struct _DubTextSubtitles {
    AVCodecContext *decoder, *encoder;
    uint8_t buffer[TEXT_MAX_BYTES];
};

static bool fail(GError **error, enum AVCodecID codec, const char *verb)
{
    g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "%s subtitles cannot be %s here: FFmpeg was built without",
                avcodec_get_name(codec), verb);
    return false;
}

static bool open_decoder(DubTextSubtitles *self, const AVCodecParameters *from, AVRational time_base, GError **error)
{
    const AVCodec *codec = avcodec_find_decoder(from->codec_id);
    self->decoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!self->decoder || avcodec_parameters_to_context(self->decoder, from) < 0)
        return fail(error, from->codec_id, "read");
    self->decoder->pkt_timebase = time_base;
    return avcodec_open2(self->decoder, codec, NULL) >= 0 || fail(error, from->codec_id, "read");
}

static bool open_encoder(DubTextSubtitles *self, enum AVCodecID to, GError **error)
{
    const AVCodec *codec = avcodec_find_encoder(to);
    self->encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!self->encoder)
        return fail(error, to, "written");
    self->encoder->time_base = (AVRational){ 1, 1000 };
    if (self->decoder->subtitle_header) {
        const size_t size = (size_t) self->decoder->subtitle_header_size;
        self->encoder->subtitle_header = av_mallocz(size + 1); /* the encoder reads it as text */
        if (self->encoder->subtitle_header)
            memcpy(self->encoder->subtitle_header, self->decoder->subtitle_header, size);
        self->encoder->subtitle_header_size = (int) size;
    }
    return avcodec_open2(self->encoder, codec, NULL) >= 0 || fail(error, to, "written");
}

DubTextSubtitles *dub_text_subtitles_new(const AVCodecParameters *from, AVRational time_base, enum AVCodecID to,
                                         GError **error)
{
    g_autoptr(DubTextSubtitles) self = g_new0(DubTextSubtitles, 1);
    if (!open_decoder(self, from, time_base, error) || !open_encoder(self, to, error))
        return NULL;
    return g_steal_pointer(&self);
}

DubTextSubtitles *dub_text_subtitles_new_plain(enum AVCodecID to, GError **error)
{
    AVCodecParameters *plain = avcodec_parameters_alloc();
    plain->codec_type = AVMEDIA_TYPE_SUBTITLE;
    plain->codec_id = AV_CODEC_ID_SUBRIP;
    DubTextSubtitles *self = dub_text_subtitles_new(plain, (AVRational){ 1, 1000 }, to, error);
    avcodec_parameters_free(&plain);
    return self;
}

void dub_text_subtitles_free(DubTextSubtitles *self)
{
    if (!self)
        return;
    avcodec_free_context(&self->decoder);
    avcodec_free_context(&self->encoder);
    g_free(self);
}

bool dub_text_subtitles_describe(const DubTextSubtitles *self, AVCodecParameters *parameters)
{
    return avcodec_parameters_from_context(parameters, self->encoder) >= 0;
}

static int encode(DubTextSubtitles *self, AVSubtitle *subtitle)
{
    if (!subtitle->num_rects)
        return 0;
    subtitle->pts = 0;
    subtitle->start_display_time = 0;
    return avcodec_encode_subtitle(self->encoder, self->buffer, sizeof self->buffer, subtitle);
}

bool dub_text_subtitles_convert(DubTextSubtitles *self, AVPacket *packet)
{
    AVSubtitle subtitle = { 0 };
    int is_shown = 0;
    const int status = avcodec_decode_subtitle2(self->decoder, &subtitle, &is_shown, packet);
    const int size = status >= 0 && is_shown ? encode(self, &subtitle) : 0;
    avsubtitle_free(&subtitle);
    AVBufferRef *bytes = size > 0 ? av_buffer_alloc((size_t) size + AV_INPUT_BUFFER_PADDING_SIZE) : NULL;
    if (!bytes)
        return false;
    memcpy(bytes->data, self->buffer, (size_t) size);
    memset(bytes->data + size, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    av_buffer_unref(&packet->buf);
    av_packet_free_side_data(packet);
    packet->buf = bytes;
    packet->data = bytes->data;
    packet->size = size;
    return true;
}
