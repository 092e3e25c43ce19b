/* media/container.c: the table of outputs. */
#include "media/container.h"

#include "audio/layout.h"
#include "base/error.h"
#include "base/http.h"
#include "media/gst-error.h"

#include <string.h>

/* Video codecs, as bits of a set. */
/* clang-format off */
enum { H264 = 1, H265 = 2, MPEG12 = 4, MPEG4 = 8, VP8 = 16, VP9 = 32, AV1 = 64, JPEG = 128, PRORES = 256, DNXHD = 512,
       DV = 1024, WMV = 2048, THEORA = 4096, FFV1 = 8192, H263 = 16384, OTHER = 32768, ANY = 65535 };
/* clang-format on */

static const struct {
    const char *suffix; /* or scheme */
    const char *name;
    const char *muxer, *libav_muxer; /* GStreamer's, or libavformat's; neither: tags, which are made here */
    const char *encoder;             /* libavcodec's for the sound; NULL: audio/aac-encoder.h */
    unsigned codecs, channels;       /* sets; of channels as in audio/layout.h */
    bool is_file, is_network, wants_byte_stream, has_tracks;
} containers[DUB_N_CONTAINERS] = {
    [DUB_CONTAINER_MP4] = { ".mp4", ".mp4", NULL, "mp4", NULL, H264 | H265 | MPEG4 | VP9 | AV1, DUB_CHANNELS_AAC,
                            .is_file = true, .has_tracks = true },
    [DUB_CONTAINER_MOV] = { ".mov", ".mov", NULL, "mov", NULL,
                            H264 | H265 | MPEG12 | MPEG4 | JPEG | PRORES | DNXHD | DV, DUB_CHANNELS_AAC,
                            .is_file = true, .has_tracks = true },
    [DUB_CONTAINER_M4A] = { ".m4a", ".m4a", NULL, "ipod", NULL, 0, DUB_CHANNELS_AAC, .is_file = true,
                            .has_tracks = true },
    [DUB_CONTAINER_MKV] = { ".mkv", ".mkv", NULL, "matroska", NULL, ANY, DUB_CHANNELS_AAC, .is_file = true,
                            .has_tracks = true },
    [DUB_CONTAINER_WEBM] = { ".webm", ".webm", NULL, "webm", "libopus", VP8 | VP9 | AV1, DUB_CHANNELS_ALL,
                             .is_file = true, .has_tracks = true },
    [DUB_CONTAINER_TS] = { ".ts", ".ts", "mpegtsmux", NULL, NULL, H264 | H265 | MPEG12 | MPEG4, DUB_CHANNELS_ADTS,
                           .is_file = true, .wants_byte_stream = true },
    [DUB_CONTAINER_FLV] = { ".flv", ".flv", NULL, NULL, NULL, H264, DUB_CHANNELS_STEREO, .is_file = true },
    [DUB_CONTAINER_MP3] = { ".mp3", ".mp3", NULL, "mp3", "libmp3lame", 0, DUB_CHANNELS_STEREO, .is_file = true },
    [DUB_CONTAINER_WAV] = { ".wav", ".wav", NULL, "wav", "pcm_s16le", 0, DUB_CHANNELS_ALL, .is_file = true },
    [DUB_CONTAINER_FLAC] = { ".flac", ".flac", NULL, "flac", "flac", 0, DUB_CHANNELS_ALL, .is_file = true },
    [DUB_CONTAINER_OGG] = { ".ogg", ".ogg", NULL, "ogg", "libopus", 0, DUB_CHANNELS_ALL, .is_file = true },
    [DUB_CONTAINER_OPUS] = { ".opus", ".opus", NULL, "opus", "libopus", 0, DUB_CHANNELS_ALL, .is_file = true },
    /* What is live is for players in browsers and telephones, which have two loudspeakers, and mix badly. */
    [DUB_CONTAINER_HLS] = { ".m3u8", "HLS", "hlssink2", NULL, NULL, H264 | H265, DUB_CHANNELS_STEREO,
                            .wants_byte_stream = true },
    [DUB_CONTAINER_RTMP] = { "rtmp", "RTMP", NULL, NULL, NULL, H264 | H265, DUB_CHANNELS_STEREO, .is_network = true },
    [DUB_CONTAINER_SRT] = { "srt", "SRT", "mpegtsmux", NULL, NULL, H264 | H265 | MPEG12 | MPEG4, DUB_CHANNELS_STEREO,
                            .is_network = true, .wants_byte_stream = true },
};

static const struct {
    const char *alias;
    DubContainer container;
} aliases[] = {
    { ".m4v", DUB_CONTAINER_MP4 },   { ".qt", DUB_CONTAINER_MOV },  { ".m2ts", DUB_CONTAINER_TS },
    { ".mts", DUB_CONTAINER_TS },    { ".oga", DUB_CONTAINER_OGG }, { ".wave", DUB_CONTAINER_WAV },
    { "rtmps", DUB_CONTAINER_RTMP },
};

static const struct {
    const char *media_type;
    unsigned codec;
} codecs[] = {
    { "video/x-h264", H264 }, { "video/x-h265", H265 }, { "video/x-vp8", VP8 },       { "video/x-vp9", VP9 },
    { "video/x-av1", AV1 },   { "image/jpeg", JPEG },   { "video/x-prores", PRORES }, { "video/x-dnxhd", DNXHD },
    { "video/x-dv", DV },     { "video/x-wmv", WMV },   { "video/x-theora", THEORA }, { "video/x-ffv", FFV1 },
    { "video/x-h263", H263 },
};

static unsigned codec_of(const GstCaps *caps)
{
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    int version = 0;
    if (gst_structure_has_name(structure, "video/mpeg") && gst_structure_get_int(structure, "mpegversion", &version))
        return version == 4 ? MPEG4 : MPEG12;
    for (gsize i = 0; i < G_N_ELEMENTS(codecs); i++)
        if (gst_structure_has_name(structure, codecs[i].media_type))
            return codecs[i].codec;
    return OTHER;
}

static bool find(const char *key, DubContainer *container)
{
    for (int i = 0; i < DUB_N_CONTAINERS; i++)
        if (!g_ascii_strcasecmp(key, containers[i].suffix)) {
            *container = i;
            return true;
        }
    for (gsize i = 0; i < G_N_ELEMENTS(aliases); i++)
        if (!g_ascii_strcasecmp(key, aliases[i].alias)) {
            *container = aliases[i].container;
            return true;
        }
    return false;
}

bool dub_container_from_uri(const char *uri, DubContainer *container, GError **error)
{
    g_autofree char *scheme = strstr(uri, "://") ? g_uri_parse_scheme(uri) : NULL;
    const bool is_local = !scheme || !g_ascii_strcasecmp(scheme, "file");
    const char *suffix = strrchr(uri, '.');
    if (is_local && suffix && !strchr(suffix, '/') && find(suffix, container))
        return true;
    if (!is_local && find(scheme, container))
        return true;
    g_autofree char *name = dub_url_printable(uri);
    g_set_error(
        error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
        "%s: cannot be written; use .mp4, .mov, .mkv, .webm, .ts, .flv, for sound alone .m4a, .mp3, .wav, .flac, "
        ".ogg, .opus, or FOLDER/NAME.m3u8, rtmp://, srt://",
        name);
    return false;
}

const char *dub_container_name(DubContainer container)
{
    return containers[container].name;
}

const char *dub_container_muxer(DubContainer container)
{
    return containers[container].muxer;
}

const char *dub_container_libav_muxer(DubContainer container)
{
    return containers[container].libav_muxer;
}

const char *dub_container_encoder(DubContainer container)
{
    return containers[container].encoder;
}

bool dub_container_has_tracks(DubContainer container)
{
    return containers[container].has_tracks;
}

bool dub_container_is_mov(DubContainer container)
{
    return container == DUB_CONTAINER_MP4 || container == DUB_CONTAINER_MOV || container == DUB_CONTAINER_M4A;
}

bool dub_container_is_matroska(DubContainer container)
{
    return container == DUB_CONTAINER_MKV || container == DUB_CONTAINER_WEBM;
}

unsigned dub_container_channels(DubContainer container)
{
    return containers[container].channels;
}

bool dub_container_is_sound_alone(DubContainer container)
{
    return containers[container].codecs == 0;
}

bool dub_container_is_file(DubContainer container)
{
    return containers[container].is_file;
}

bool dub_container_has_edits(DubContainer container)
{
    return container == DUB_CONTAINER_MP4 || container == DUB_CONTAINER_MOV;
}

bool dub_container_is_network(DubContainer container)
{
    return containers[container].is_network;
}

bool dub_container_check_texts(DubContainer container, GError **error)
{
    if (containers[container].has_tracks)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "subtitles cannot go into %s; use .mp4, .mov or .mkv",
                containers[container].name);
    return false;
}

bool dub_container_check_second_sound(DubContainer container, GError **error)
{
    if (containers[container].has_tracks)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                "%s holds one track of sound beside the picture; for several use .mp4, .mov, .mkv or .m4a",
                containers[container].name);
    return false;
}

bool dub_container_check_dubs(DubContainer container, GError **error)
{
    if (!dub_container_check_second_sound(container, error))
        return false;
    if (!containers[container].encoder)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                "several dubs in one file are AAC, which %s does not hold; use .mp4, .mov, .mkv or .m4a",
                containers[container].name);
    return false;
}

/* Returns: (transfer full): the files that can hold it: ".mkv, .mp4 or .mov" */
static char *alternatives_for(unsigned codec)
{
    g_autoptr(GString) names = g_string_new(NULL);
    static const DubContainer order[] = { DUB_CONTAINER_TS, DUB_CONTAINER_WEBM, DUB_CONTAINER_MOV, DUB_CONTAINER_MP4,
                                          DUB_CONTAINER_MKV };
    for (gsize i = 0; i < G_N_ELEMENTS(order); i++)
        if (containers[order[i]].codecs & codec) {
            const char *separator = !names->len ? "" : strchr(names->str, ' ') ? ", " : " or ";
            g_string_prepend(names, separator);
            g_string_prepend(names, containers[order[i]].name);
        }
    return g_string_free(g_steal_pointer(&names), FALSE);
}

bool dub_container_fit_video(DubContainer container, const GstCaps *caps, const char **parser, const char **wanted,
                             GError **error)
{
    *parser = *wanted = NULL;
    const unsigned codec = codec_of(caps);
    if (!(containers[container].codecs & codec)) {
        g_autofree char *alternatives = alternatives_for(codec);
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "%s video cannot go into %s; use %s",
                    dub_media_codec_name(caps), containers[container].name, alternatives);
        return false;
    }
    if (containers[container].wants_byte_stream && codec == H264) {
        *parser = "h264parse";
        *wanted = "video/x-h264,stream-format=byte-stream,alignment=au";
    } else if (containers[container].wants_byte_stream && codec == H265) {
        *parser = "h265parse";
        *wanted = "video/x-h265,stream-format=byte-stream,alignment=au";
    }
    return true;
}
