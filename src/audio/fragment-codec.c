/* audio/fragment-codec.c: what the bytes of a fragment are, raw PCM, and the writing side of M4A. */
#include "audio/fragment-codec.h"

#include "audio/aac-encoder-private.h"
#include "audio/fragment-reader.h"
#include "audio/libav-setup.h"
#include "base/error.h"

#include <libavformat/avformat.h>
#include <math.h>
#include <string.h>

#define MIRROR_BEFORE           DUB_AAC_FRAME       /* one access unit more than the encoder's delay */
#define MIRROR_AFTER            (2 * DUB_AAC_FRAME) /* as far as an access unit's window reaches */
#define ADTS_HEADER_BYTES       7
#define ADTS_HEADERS_WANTED     3 /* consecutive ones, before raw PCM is taken for ADTS */
#define BITS_PER_SAMPLE         4 /* AAC: 128 kbit/s would be 2.7 for 48 kHz mono; recognition is not the place to save */
#define MAX_CHANNEL_BITRATE_BPS 64000u
/* The index of an M4A with one chunk, and the four bytes that each access unit adds to it. */
#define INDEX_BYTES             1024
#define INDEX_BYTES_PER_UNIT    4

const char *dub_fragment_format_to_string(DubFragmentFormat format)
{
    switch (format) {
    case DUB_FORMAT_M4A: return "m4a";
    case DUB_FORMAT_PCM_S16LE: return "pcm_s16le";
    }
    return "invalid";
}

/* ISO/IEC 14496-12: the type of the first box. */
static bool is_mp4(const uint8_t *data, gsize size)
{
    static const char types[][5] = { "ftyp", "styp", "moov", "moof", "sidx" };
    for (gsize i = 0; size >= 8 && i < G_N_ELEMENTS(types); i++)
        if (memcmp(data + 4, types[i], 4) == 0)
            return true;
    return false;
}

/* ISO/IEC 13818-7, 6.2: length of the frame whose header is at @data, 0 when there is none. */
static gsize adts_frame_bytes(const uint8_t *data, gsize size)
{
    if (size < ADTS_HEADER_BYTES || data[0] != 0xff || (data[1] & 0xf6) != 0xf0 || (data[2] >> 2 & 0xf) > 11)
        return 0;
    const gsize bytes = (gsize) (data[3] & 3) << 11 | (gsize) data[4] << 3 | data[5] >> 5;
    return bytes > ADTS_HEADER_BYTES ? bytes : 0;
}

/* Raw PCM may begin with a header's 12 set bits by chance; several headers where the lengths lead to are no
 * chance. */
static bool is_adts(const uint8_t *data, gsize size)
{
    gsize at = 0;
    for (unsigned n = 0; n < ADTS_HEADERS_WANTED; n++) {
        const gsize bytes = adts_frame_bytes(data + at, size - at);
        if (!bytes)
            return false;
        if (bytes >= size - at) /* the last one: whole, or cut off in transit */
            return n > 0 || bytes == size;
        at += bytes;
    }
    return true;
}

DubFragmentContent dub_fragment_sniff(GBytes *bytes)
{
    gsize size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    if (is_mp4(data, size))
        return DUB_CONTENT_MP4;
    if (size >= 12 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WAVE", 4) == 0)
        return DUB_CONTENT_WAV;
    return is_adts(data, size) ? DUB_CONTENT_ADTS : DUB_CONTENT_RAW;
}

static bool check_length(gsize n_frames, unsigned rate_hz, GError **error)
{
    if (n_frames <= (gsize) DUB_FRAGMENT_MAX_SECONDS * rate_hz)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "audio is longer than %d s", DUB_FRAGMENT_MAX_SECONDS);
    return false;
}

static GBytes *encode_raw(const DubPcm *pcm)
{
    const gsize count = pcm->n_frames * pcm->channels;
    int16_t *out = g_new(int16_t, count);
    for (gsize i = 0; i < count; i++)
        out[i] = GINT16_TO_LE((int16_t) lrintf(CLAMP(pcm->samples[i] * 32768.0f, -32768.0f, 32767.0f)));
    return g_bytes_new_take(out, count * sizeof(int16_t));
}

static DubPcm *decode_raw(GBytes *bytes, unsigned rate_hz, unsigned channels, GError **error)
{
    gsize size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    if (channels < 1 || channels > 2 || rate_hz < 8000 || rate_hz > 192000) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "raw audio of %u Hz with %u channels", rate_hz,
                    channels);
        return NULL;
    }
    if (size % (channels * sizeof(int16_t))) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT,
                    "audio: %" G_GSIZE_FORMAT " bytes are no MP4, ADTS or WAV, and no whole frames of 16-bit PCM",
                    size);
        return NULL;
    }
    const gsize n_frames = size / (channels * sizeof(int16_t));
    if (!check_length(n_frames, rate_hz, error))
        return NULL;
    DubPcm *pcm = dub_pcm_new(rate_hz, channels, n_frames);
    for (gsize i = 0; i < n_frames * channels; i++) /* by bytes: the data need not be aligned */
        pcm->samples[i] = (float) (int16_t) (data[2 * i] | data[2 * i + 1] << 8) / 32768.0f;
    return pcm;
}

/* One M4A being written into memory. */
typedef struct {
    AVFormatContext *format;
    int64_t end; /* stream frame where the sound ends */
    int status;  /* the first failure */
} Writer;

static void on_access_unit(const uint8_t *data, gsize size, int64_t encoded, void *user_data)
{
    Writer *writer = user_data;
    const int64_t position = encoded - MIRROR_BEFORE;
    if (writer->status < 0 || position >= writer->end)
        return;
    AVPacket *packet = av_packet_alloc();
    packet->data = (uint8_t *) data; /* not counted: libavformat only reads it */
    packet->size = (int) size;
    packet->pts = packet->dts = position;
    /* The last access unit ends where the sound does: that is what makes the reader's length exact. */
    packet->duration = MIN(DUB_AAC_FRAME, writer->end - position);
    packet->flags = AV_PKT_FLAG_KEY;
    writer->status = av_write_frame(writer->format, packet);
    av_packet_free(&packet);
}

static bool fail(int status, const char *what, GError **error)
{
    g_set_error(error, DUB_ERROR, DUB_ERROR_FAILED, "cannot %s M4A: %s", what, av_err2str(status));
    return false;
}

static bool add_stream(AVFormatContext *format, const DubPcm *pcm, const DubAacEncoder *encoder)
{
    g_autoptr(GBytes) config = dub_aac_encoder_config(encoder);
    AVStream *stream = avformat_new_stream(format, NULL);
    if (!stream || !dub_libav_describe_aac(stream->codecpar, config, pcm->rate_hz, pcm->channels))
        return false;
    stream->codecpar->initial_padding = DUB_AAC_PRIMING + MIRROR_BEFORE;
    stream->time_base = (AVRational){ 1, (int) pcm->rate_hz };
    return true;
}

static int write_header(AVFormatContext *format, const DubPcm *pcm)
{
    const gsize n_units = pcm->n_frames / DUB_AAC_FRAME + 3;
    AVDictionary *options = NULL;
    av_dict_set_int(&options, "moov_size", (int64_t) (INDEX_BYTES + n_units * INDEX_BYTES_PER_UNIT), 0);
    av_dict_set_int(&options, "movie_timescale", pcm->rate_hz, 0); /* the edit list counts frames, not milliseconds */
    av_dict_set_int(&options, "use_editlist", 1, 0);
    const int status = avformat_write_header(format, &options);
    av_dict_free(&options);
    return status;
}

/* What an encoder finds before the start and behind the end is their mirror image and not sudden silence, whose click
 * it would spread over 20 ms of the sound; readers trim it, as they trim the encoder's own delay. Fragments that are
 * joined again sound as if they had never been cut. */
static DubPcm *mirror_ends(const DubPcm *pcm)
{
    const gsize n = pcm->n_frames, size = pcm->channels * sizeof(float);
    const gsize before = MIN(n, MIRROR_BEFORE), after = MIN(n, MIRROR_AFTER);
    DubPcm *out = dub_pcm_new(pcm->rate_hz, pcm->channels, MIRROR_BEFORE + n + after);
    float *start = out->samples + MIRROR_BEFORE * pcm->channels;
    for (gsize i = 0; i < before; i++)
        memcpy(start - (i + 1) * pcm->channels, pcm->samples + i * pcm->channels, size);
    memcpy(start, pcm->samples, n * size);
    for (gsize i = 0; i < after; i++)
        memcpy(start + (n + i) * pcm->channels, pcm->samples + (n - 1 - i) * pcm->channels, size);
    return out;
}

/* A dub is: its voice stands in the middle. */
static bool is_dual_mono(const DubPcm *pcm)
{
    for (gsize i = 0; pcm->channels == 2 && i < pcm->n_frames; i++)
        if (pcm->samples[2 * i] != pcm->samples[2 * i + 1])
            return false;
    return pcm->channels == 2;
}

/* Channels that are the same need no more than one of them: 30 dB of signal over noise. Given more, the coder spends
 * half as much CPU again on looking for something to spend it on. */
static unsigned bitrate_of(const DubPcm *pcm, bool dual_mono)
{
    const unsigned channel_bps = MIN(MAX_CHANNEL_BITRATE_BPS, BITS_PER_SAMPLE * pcm->rate_hz);
    return dual_mono ? channel_bps : channel_bps * pcm->channels;
}

static bool write_m4a(AVFormatContext *format, const DubPcm *pcm, GError **error)
{
    Writer writer = { .format = format, .end = (int64_t) pcm->n_frames };
    const bool dual_mono = is_dual_mono(pcm);
    g_autoptr(DubAacEncoder) encoder = dub_aac_encoder_new_primed(
        pcm->rate_hz, pcm->channels, bitrate_of(pcm, dual_mono), dual_mono, on_access_unit, &writer, error);
    if (!encoder)
        return false;

    int status = add_stream(format, pcm, encoder) ? write_header(format, pcm) : AVERROR(ENOMEM);
    if (status < 0)
        return fail(status, "begin", error);
    g_autoptr(DubPcm) mirrored = mirror_ends(pcm);
    const bool encoded = dub_aac_encoder_push(encoder, mirrored, error) && dub_aac_encoder_finish(encoder, error);
    status = av_write_trailer(format);
    if (!encoded)
        return false;
    status = writer.status < 0 ? writer.status : status;
    return status < 0 ? fail(status, "write", error) : true;
}

static GBytes *encode_m4a(const DubPcm *pcm, GError **error)
{
    AVFormatContext *format = NULL;
    int status = avformat_alloc_output_context2(&format, NULL, "ipod", NULL);
    if (status >= 0)
        status = avio_open_dyn_buf(&format->pb);
    if (status < 0) {
        avformat_free_context(format);
        fail(status, "begin", error);
        return NULL;
    }
    format->flags |= AVFMT_FLAG_BITEXACT;
    const bool written = write_m4a(format, pcm, error);
    uint8_t *data = NULL;
    const int size = avio_close_dyn_buf(format->pb, &data);
    format->pb = NULL;
    avformat_free_context(format);
    g_autoptr(GBytes) bytes = g_bytes_new_with_free_func(data, (gsize) size, av_free, data);
    return written ? g_steal_pointer(&bytes) : NULL;
}

GBytes *dub_fragment_encode(const DubPcm *pcm, DubFragmentFormat format, GError **error)
{
    if (!check_length(pcm->n_frames, pcm->rate_hz, error))
        return NULL;
    switch (format) {
    case DUB_FORMAT_M4A: return encode_m4a(pcm, error);
    case DUB_FORMAT_PCM_S16LE: return encode_raw(pcm);
    }
    g_return_val_if_reached(NULL);
}

DubPcm *dub_fragment_decode(GBytes *bytes, unsigned declared_rate_hz, unsigned declared_channels, GError **error)
{
    if (g_bytes_get_size(bytes) > DUB_FRAGMENT_MAX_BYTES) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "audio is larger than %u bytes",
                    DUB_FRAGMENT_MAX_BYTES);
        return NULL;
    }
    const DubFragmentContent content = dub_fragment_sniff(bytes);
    if (content == DUB_CONTENT_RAW)
        return decode_raw(bytes, declared_rate_hz, declared_channels, error);
    return dub_fragment_read_container(bytes, content, error);
}
