/* tests/unit/media/test-container.c: names to containers, codecs into containers. */
#include "base/error.h"
#include "media/container.h"

typedef struct {
    const char *name, *uri;
    int container; /* -1: refused */
} NameCase;

static const NameCase name_cases[] = {
    { "mp4", "show.mp4", DUB_CONTAINER_MP4 },
    { "upper-case", "/a.b/SHOW.MKV", DUB_CONTAINER_MKV },
    { "m4v", "x.m4v", DUB_CONTAINER_MP4 },
    { "file-url", "file:///tmp/x.ts", DUB_CONTAINER_TS },
    { "webm", "x.webm", DUB_CONTAINER_WEBM },
    { "oga", "x.oga", DUB_CONTAINER_OGG },
    { "opus", "x.OPUS", DUB_CONTAINER_OPUS },
    { "flac", "x.flac", DUB_CONTAINER_FLAC },
    { "playlist", "folder/x.m3u8", DUB_CONTAINER_HLS },
    { "rtmp", "rtmp://host/live/x.mp4", DUB_CONTAINER_RTMP },
    { "srt", "srt://host:9000?mode=caller", DUB_CONTAINER_SRT },
    { "no-suffix", "show", -1 },
    { "dot-in-folder", "show.mp4/file", -1 },
    { "unknown-suffix", "show.avi", -1 },
    { "unknown-scheme", "gopher://host/x.mp4", -1 },
};

static void test_name(const void *data)
{
    const NameCase *c = data;
    g_autoptr(GError) error = NULL;
    DubContainer container = DUB_N_CONTAINERS;
    const bool known = dub_container_from_uri(c->uri, &container, &error);
    g_assert_cmpint(known ? (int) container : -1, ==, c->container);
    if (!known)
        g_assert_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED);
}

typedef struct {
    const char *name, *caps;
    DubContainer container;
    const char *message; /* NULL: fits */
    const char *parser;
} VideoCase;

static const VideoCase video_cases[] = {
    { "h264-mp4", "video/x-h264", DUB_CONTAINER_MP4, NULL, NULL },
    { "h264-ts", "video/x-h264", DUB_CONTAINER_TS, NULL, "h264parse" },
    { "h265-srt", "video/x-h265", DUB_CONTAINER_SRT, NULL, "h265parse" },
    { "vp9-ts", "video/x-vp9", DUB_CONTAINER_TS, "VP9 video cannot go into .ts; use .mkv, .mp4 or .webm", NULL },
    { "vp8-mp4", "video/x-vp8", DUB_CONTAINER_MP4, "VP8 video cannot go into .mp4; use .mkv or .webm", NULL },
    { "h265-rtmp", "video/x-h265", DUB_CONTAINER_RTMP, NULL, NULL },
    { "av1-rtmp", "video/x-av1", DUB_CONTAINER_RTMP, "AV1 video cannot go into RTMP; use .mkv, .mp4 or .webm", NULL },
    { "mpeg2-mp4", "video/mpeg,mpegversion=2", DUB_CONTAINER_MP4,
      "MPEG-2 video cannot go into .mp4; use .mkv, .mov or .ts", NULL },
    { "prores-mov", "video/x-prores", DUB_CONTAINER_MOV, NULL, NULL },
    { "prores-mp4", "video/x-prores", DUB_CONTAINER_MP4, "ProRes video cannot go into .mp4; use .mkv or .mov", NULL },
    { "mpeg4-mp4", "video/mpeg,mpegversion=4", DUB_CONTAINER_MP4, NULL, NULL },
    { "vp9-webm", "video/x-vp9", DUB_CONTAINER_WEBM, NULL, NULL },
    { "h264-webm", "video/x-h264", DUB_CONTAINER_WEBM, "H.264 video cannot go into .webm; use .mkv, .mp4, .mov or .ts",
      NULL },
    { "dnxhd-ts", "video/x-dnxhd", DUB_CONTAINER_TS, "DNxHD video cannot go into .ts; use .mkv or .mov", NULL },
    { "wmv-mp4", "video/x-wmv,wmvversion=2", DUB_CONTAINER_MP4, "WMV video cannot go into .mp4; use .mkv", NULL },
    { "unknown", "video/x-indeo", DUB_CONTAINER_MP4, "video/x-indeo video cannot go into .mp4; use .mkv", NULL },
    { "unknown-mkv", "video/x-indeo", DUB_CONTAINER_MKV, NULL, NULL }, /* its muxer knows */
};

static void test_video(const void *data)
{
    const VideoCase *c = data;
    g_autoptr(GstCaps) caps = gst_caps_from_string(c->caps);
    g_autoptr(GError) error = NULL;
    const char *parser = NULL, *wanted = NULL;
    const bool fits = dub_container_fit_video(c->container, caps, &parser, &wanted, &error);
    g_assert_cmpstr(fits ? NULL : error->message, ==, c->message);
    g_assert_cmpstr(parser, ==, c->parser);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    gst_init(NULL, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(name_cases); i++) {
        g_autofree char *path = g_strdup_printf("/media/container/name/%s", name_cases[i].name);
        g_test_add_data_func(path, &name_cases[i], test_name);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(video_cases); i++) {
        g_autofree char *path = g_strdup_printf("/media/container/video/%s", video_cases[i].name);
        g_test_add_data_func(path, &video_cases[i], test_video);
    }
    return g_test_run();
}
