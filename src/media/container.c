/* media/container.c: the table of outputs. */
#include "media/container.h"

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
    const char *name, *muxer;
    unsigned codecs;
    bool is_file, is_network, wants_byte_stream;
} containers[DUB_N_CONTAINERS] = {
    [DUB_CONTAINER_MP4] = { ".mp4", ".mp4", NULL, H264 | H265 | MPEG4 | VP9 | AV1, true },
    [DUB_CONTAINER_MOV] = { ".mov", ".mov", NULL, H264 | H265 | MPEG12 | MPEG4 | VP8 | VP9 | JPEG | PRORES | DNXHD | DV,
                            true },
    [DUB_CONTAINER_M4A] = { ".m4a", ".m4a", NULL, 0, true },
    [DUB_CONTAINER_MKV] = { ".mkv", ".mkv", NULL, ANY & ~OTHER, true },
    [DUB_CONTAINER_TS] = { ".ts", ".ts", "mpegtsmux", H264 | H265 | MPEG12 | MPEG4, true, .wants_byte_stream = true },
    [DUB_CONTAINER_FLV] = { ".flv", ".flv", NULL, H264, true },
    [DUB_CONTAINER_MP3] = { ".mp3", ".mp3", NULL, 0, true },
    [DUB_CONTAINER_WAV] = { ".wav", ".wav", "wavenc", 0, true },
    [DUB_CONTAINER_HLS] = { ".m3u8", "HLS", "hlssink2", H264 | H265, .wants_byte_stream = true },
    [DUB_CONTAINER_RTMP] = { "rtmp", "RTMP", NULL, H264 | H265, .is_network = true },
    [DUB_CONTAINER_SRT] = { "srt", "SRT", "mpegtsmux", H264 | H265 | MPEG12 | MPEG4, .is_network = true,
                            .wants_byte_stream = true },
};

static const struct {
    const char *alias;
    DubContainer container;
} aliases[] = {
    { ".m4v", DUB_CONTAINER_MP4 }, { ".qt", DUB_CONTAINER_MOV },    { ".m2ts", DUB_CONTAINER_TS },
    { ".mts", DUB_CONTAINER_TS },  { "rtmps", DUB_CONTAINER_RTMP },
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
    g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                "%s: cannot be written; use .mp4, .mov, .mkv, .ts, .flv, .m4a, .mp3, .wav, FOLDER/NAME.m3u8, "
                "rtmp:// or srt://",
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
    static const char *const muxers[DUB_N_CONTAINERS] = {
        [DUB_CONTAINER_MP4] = "mp4",
        [DUB_CONTAINER_MOV] = "mov",
        [DUB_CONTAINER_M4A] = "ipod",
        [DUB_CONTAINER_MKV] = "matroska",
    };
    return muxers[container];
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
    if (dub_container_libav_muxer(container))
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "subtitles cannot go into %s; use .mp4, .mov or .mkv",
                containers[container].name);
    return false;
}

bool dub_container_check_second_sound(DubContainer container, GError **error)
{
    if (dub_container_libav_muxer(container))
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                "%s holds one track of sound beside the picture; for several use .mp4, .mov, .mkv or .m4a",
                containers[container].name);
    return false;
}

static const char *alternative_for(unsigned codec)
{
    if (containers[DUB_CONTAINER_MP4].codecs & codec)
        return ".mkv or .mp4";
    if (codec & (PRORES | DNXHD | DV))
        return ".mov or .mkv";
    return codec == OTHER ? NULL : ".mkv";
}

bool dub_container_fit_video(DubContainer container, const GstCaps *caps, const char **parser, const char **wanted,
                             GError **error)
{
    *parser = *wanted = NULL;
    const unsigned codec = codec_of(caps);
    if (!(containers[container].codecs & codec)) {
        const char *alternative = alternative_for(codec);
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "%s video cannot go into %s%s%s",
                    dub_media_codec_name(caps), containers[container].name, alternative ? "; use " : "",
                    alternative ? alternative : "");
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
