/* Unit tests of what a message passes on its way through the server: rtmp/flv, path-name, frame, send-queue, gop-cache.
 */
#include "base/clock.h"
#include "base/error.h"
#include "rtmp/flv.h"
#include "rtmp/gop-cache.h"
#include "rtmp/path-name.h"
#include "rtmp/send-queue.h"

#include <string.h>

typedef struct {
    const char *name;
    bool video;
    const char *bytes;
    gsize size;
    DubFlvTag expected;
} TagCase;

static const TagCase tag_cases[] = {
    { "avc-header", true, "\x17\x00\x00\x00\x00", 5, { "H264", true, true, false } },
    { "avc-key", true, "\x17\x01\x00\x00\x00", 5, { "H264", false, true, false } },
    { "avc-inter", true, "\x27\x01\x00\x00\x00", 5, { "H264", false, false, false } },
    { "avc-end", true, "\x17\x02\x00\x00\x00", 5, { "H264", false, true, true } },
    { "hevc-header", true, "\x90hvc1", 5, { "H265", true, true, false } },
    { "hevc-key", true, "\x91hvc1", 5, { "H265", false, true, false } },
    { "hevc-inter-x", true, "\xa3hvc1", 5, { "H265", false, false, false } },
    { "av1-metadata",
      true,
      "\x94"
      "av01",
      5,
      { "AV1", false, true, true } },
    { "unknown-fourcc", true, "\x91xxxx", 5, { NULL, false, true, false } },
    { "command-frame", true, "\x57\x00", 2, { "H264", true, false, true } },
    { "video-empty", true, "", 0, { NULL, false, false, true } },
    { "fourcc-short", true, "\x90hv", 3, { NULL, false, false, true } },
    { "aac-header", false, "\xaf\x00\x12\x10", 4, { "MPEG-4 Audio", true, true, false } },
    { "aac", false, "\xaf\x01\x21", 3, { "MPEG-4 Audio", false, true, false } },
    { "mp3", false, "\x2f\xff", 2, { "MPEG-1/2 Audio", false, true, false } },
    { "opus-header", false, "\x90Opus", 5, { "Opus", true, true, false } },
    { "opus", false, "\x91Opus", 5, { "Opus", false, true, false } },
    { "audio-one-byte", false, "\xaf", 1, { NULL, false, false, true } },
};

static void test_tag(const void *data)
{
    const TagCase *c = data;
    const guint8 *bytes = (const guint8 *) c->bytes;
    const DubFlvTag tag = c->video ? dub_flv_read_video(bytes, c->size) : dub_flv_read_audio(bytes, c->size);
    g_assert_cmpstr(tag.codec, ==, c->expected.codec);
    g_assert_cmpint(tag.key, ==, c->expected.key);
    g_assert_cmpint(tag.end, ==, c->expected.end);
    if (!tag.end)
        g_assert_cmpint(tag.header, ==, c->expected.header);
}

typedef struct {
    const char *name, *app, *key, *path, *query; /* path NULL: refused */
} PathCase;

#define TEN(x) x x x x x x x x x x
static const PathCase path_cases[] = {
    { "three", "live/x", "in", "live/x/in", "" },
    { "cut-elsewhere", "live", "x/in", "live/x/in", "" },
    { "all-in-app", "live/x/in", "", "live/x/in", "" },
    { "all-in-key", "", "live/x/in", "live/x/in", "" },
    { "slashes", "/live//x/", "/in/", "live/x/in", "" },
    { "query", "live/x", "in?lang=es&a=b", "live/x/in", "lang=es&a=b" },
    { "query-in-app", "live?token=1", "x/in", "live/x/in", "token=1" },
    { "query-in-both", "live?token=1", "x/in?lang=es", "live/x/in", "token=1&lang=es" },
    { "characters", "a_b-c.d~e:f", "09", "a_b-c.d~e:f/09", "" },
    { "empty", "", "", NULL, NULL },
    { "only-slashes", "/", "//", NULL, NULL },
    { "parent", "live", "../x", NULL, NULL },
    { "dot", "live", "./x", NULL, NULL },
    { "space", "live", "a b", NULL, NULL },
    { "newline", "live", "a\nb", NULL, NULL },
    { "not-ascii", "live", "\xc3\xa9", NULL, NULL },
    { "query-not-utf8", "live", "x?\xff", NULL, NULL },
    { "long", TEN(TEN("abc")), "x", NULL, NULL },
};

static void test_path_name(const void *data)
{
    const PathCase *c = data;
    g_autofree char *query = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *path = dub_rtmp_path_name(c->app, c->key, &query, &error);
    g_assert_cmpstr(path, ==, c->path);
    g_assert_cmpstr(query, ==, c->query);
    if (!c->path)
        g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
}

static DubRtmpFrame *make(DubRtmpFrameKind kind, guint32 timestamp_ms, gsize size)
{
    g_autofree guint8 *payload = g_malloc0(size + 1);
    for (gsize i = 0; i < size; i++)
        payload[i] = (guint8) (i ^ timestamp_ms);
    g_autoptr(GBytes) bytes = g_bytes_new(payload, size);
    return dub_rtmp_frame_new(kind, kind == DUB_RTMP_FRAME_AUDIO ? DUB_RTMP_AUDIO : DUB_RTMP_VIDEO, 1, timestamp_ms,
                              bytes);
}

static GByteArray *reference_wire(const DubRtmpFrame *frame)
{
    GByteArray *wire = g_byte_array_new();
    gsize size;
    const guint8 *payload = g_bytes_get_data(frame->payload, &size);
    dub_rtmp_message_encode(wire, &frame->headers, payload, size, DUB_RTMP_OUT_CHUNK_BYTES);
    return wire;
}

/* Whatever a socket takes at a time, the bytes are those of the plain encoding. */
static void test_send_queue(void)
{
    static const gsize sizes[] = { 0, 1, DUB_RTMP_OUT_CHUNK_BYTES, DUB_RTMP_OUT_CHUNK_BYTES + 1, 200000 };
    static const gsize bites[] = { 1000, 65537, 1000000 };
    for (gsize b = 0; b < G_N_ELEMENTS(bites); b++) {
        g_autoptr(DubRtmpSendQueue) queue = dub_rtmp_send_queue_new();
        g_autoptr(GByteArray) expected = g_byte_array_new();
        g_autoptr(GByteArray) sent = g_byte_array_new();
        for (gsize i = 0; i < 20 * G_N_ELEMENTS(sizes); i++) {
            g_autoptr(DubRtmpFrame) frame =
                make(DUB_RTMP_FRAME_VIDEO, 0xfffff0 + 4 * (guint32) i, sizes[i % G_N_ELEMENTS(sizes)]);
            g_autoptr(GByteArray) wire = reference_wire(frame);
            g_assert_cmpuint(wire->len, ==, frame->wire_bytes);
            g_byte_array_append(expected, wire->data, wire->len);
            dub_rtmp_send_queue_push(queue, frame, (gint64) i);
        }
        while (dub_rtmp_send_queue_memory(queue) > 0) {
            GOutputVector vectors[7];
            const guint n = dub_rtmp_send_queue_vectors(queue, vectors, G_N_ELEMENTS(vectors));
            gsize taken = 0;
            g_assert_cmpuint(n, >, 0);
            for (guint i = 0; i < n && taken < bites[b]; i++) {
                const gsize take = MIN(vectors[i].size, bites[b] - taken);
                g_byte_array_append(sent, vectors[i].buffer, (guint) take);
                taken += take;
            }
            dub_rtmp_send_queue_sent(queue, taken);
        }
        g_assert_cmpmem(sent->data, sent->len, expected->data, expected->len);
        g_assert_cmpint(dub_rtmp_send_queue_oldest_ns(queue), ==, DUB_TIME_NONE);
    }
}

static void test_send_queue_drop(void)
{
    g_autoptr(DubRtmpSendQueue) queue = dub_rtmp_send_queue_new();
    g_autoptr(DubRtmpFrame) media = make(DUB_RTMP_FRAME_VIDEO, 0, 100);
    g_autoptr(DubRtmpFrame) setup = make(DUB_RTMP_FRAME_SETUP, 0, 50);
    dub_rtmp_send_queue_push(queue, media, 1);
    dub_rtmp_send_queue_push(queue, media, 2);
    dub_rtmp_send_queue_push(queue, setup, 3);
    dub_rtmp_send_queue_push(queue, media, 4);
    dub_rtmp_send_queue_sent(queue, 10); /* the first is begun: it has to be finished */
    g_assert_cmpuint(dub_rtmp_send_queue_drop_media(queue), ==, 2);
    g_assert_cmpint(dub_rtmp_send_queue_oldest_ns(queue), ==, 1);
    dub_rtmp_send_queue_sent(queue, media->wire_bytes - 10);
    g_assert_cmpint(dub_rtmp_send_queue_oldest_ns(queue), ==, 3);
    dub_rtmp_send_queue_sent(queue, setup->wire_bytes);
    g_assert_cmpuint(dub_rtmp_send_queue_memory(queue), ==, 0);
    g_assert_cmpuint(media->ref_count, ==, 1);
}

static void test_frame_vectors_bound(void)
{
    g_autoptr(DubRtmpFrame) frame = make(DUB_RTMP_FRAME_VIDEO_KEY, 0, 3 * DUB_RTMP_OUT_CHUNK_BYTES);
    GOutputVector vectors[6];
    g_assert_cmpuint(dub_rtmp_frame_vectors(frame, 0, vectors, 6), ==, 6); /* header, payload, three times */
    g_assert_cmpuint(dub_rtmp_frame_vectors(frame, 0, vectors, 2), ==, 2);
    g_assert_cmpuint(dub_rtmp_frame_vectors(frame, frame->wire_bytes - 1, vectors, 6), ==, 1);
    g_assert_cmpuint(vectors[0].size, ==, 1);
}

/* A cache test is a sequence: "h" video header, "k" key frame, "i" inter frame, "a" audio, each 1000 bytes and 100 ms
 * after the last; "+" lets 10 s of clock pass. What a player that joins at the end gets, by timestamps/100. */
typedef struct {
    const char *name, *sequence, *joined;
    bool can_join;
} CacheCase;

static const CacheCase cache_cases[] = {
    { "head-is-kept", "hkiakia", "h:1 1 2 3 4 5 6 ", true },
    { "then-the-last-group", "hkia+kiaki", "h:7 7 8 ", true },
    { "group-goes-on", "hk+iaia", "h:1 1 2 3 4 5 ", true },
    { "key-frame-in-the-head", "hkiak+ia", "h:1 1 2 3 4 5 6 ", true },
    { "audio-alone", "aaa", "0 1 2 ", true },
    { "audio-alone-beyond-its-bounds", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "", true },
    { "group-too-long", "hkiiiiiiiiiiiiiiiiiiiiiiiiiii", "h:99 ", false },
    { "after-a-long-group", "hkiiiiiiiiiiiiiiiiiiiiiiiiiiiki", "h:29 29 30 ", true },
    { "head-too-long-keeps-its-last-group", "hkiiiiiiiiiiiikiiiiiiiiii", "h:14 14 15 16 17 18 19 20 21 22 23 24 ",
      true },
    { "key-frame-at-the-bound", "hkiiiiiiiiiiiiiiiiiikk", "h:21 21 ", true },
};

static void collect(DubRtmpFrame *frame, void *user_data)
{
    const bool setup = frame->kind == DUB_RTMP_FRAME_SETUP;
    g_string_append_printf(user_data, "%s%u ", setup ? "h:" : "", frame->timestamp_ms / 100);
}

static void test_cache(const void *data)
{
    const CacheCase *c = data;
    const gsize frame_memory = 1000 + 12 + sizeof(DubRtmpFrame) + 64;
    const DubGopCacheLimits limits = { 20 * frame_memory, 2500, 5 * DUB_NS_PER_S };
    g_autoptr(DubGopCache) cache = dub_gop_cache_new(&limits, 0);
    int64_t now_ns = 0;
    guint32 timestamp_ms = 0;
    for (const char *step = c->sequence; *step; step++) {
        if (*step == '+') {
            now_ns += 10 * DUB_NS_PER_S;
            continue;
        }
        g_autoptr(DubRtmpFrame) frame = make(*step == 'h'   ? DUB_RTMP_FRAME_SETUP
                                             : *step == 'k' ? DUB_RTMP_FRAME_VIDEO_KEY
                                             : *step == 'i' ? DUB_RTMP_FRAME_VIDEO
                                                            : DUB_RTMP_FRAME_AUDIO,
                                             timestamp_ms, 1000);
        if (*step == 'h')
            dub_gop_cache_set_setup(cache, DUB_GOP_VIDEO_HEADER, frame);
        else
            dub_gop_cache_add(cache, frame, now_ns);
        g_assert_cmpuint(dub_gop_cache_bytes(cache), <=, limits.max_bytes);
        timestamp_ms += 100;
    }
    g_autoptr(GString) joined = g_string_new(NULL);
    dub_gop_cache_foreach(cache, 9900, collect, joined);
    g_assert_cmpstr(joined->str, ==, c->joined);
    g_assert_cmpint(dub_gop_cache_can_join(cache), ==, c->can_join);
}

static void test_metadata(void)
{
    const guint8 wrapped[] = "\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData\x05";
    const guint8 other[] = "\x02\x00\x0aonTextData\x05";
    bool is_metadata = false;
    g_assert_cmpuint(dub_flv_metadata(wrapped, sizeof wrapped - 1, &is_metadata), ==, 16);
    g_assert_true(is_metadata);
    g_assert_cmpuint(dub_flv_metadata(wrapped + 16, sizeof wrapped - 17, &is_metadata), ==, 0);
    g_assert_true(is_metadata);
    g_assert_cmpuint(dub_flv_metadata(other, sizeof other - 1, &is_metadata), ==, 0);
    g_assert_false(is_metadata);
    g_assert_cmpuint(dub_flv_metadata(wrapped, 10, &is_metadata), ==, 0);
    g_assert_false(is_metadata);
}

#define ADD_ROWS(prefix, rows, func)                                                  \
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {                                  \
        g_autofree char *path = g_strconcat("/rtmp/" prefix "/", rows[i].name, NULL); \
        g_test_add_data_func(path, &rows[i], func);                                   \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD_ROWS("flv", tag_cases, test_tag)
    ADD_ROWS("path-name", path_cases, test_path_name)
    ADD_ROWS("gop-cache", cache_cases, test_cache)
    g_test_add_func("/rtmp/flv/metadata", test_metadata);
    g_test_add_func("/rtmp/frame/vectors-bound", test_frame_vectors_bound);
    g_test_add_func("/rtmp/send-queue/bytes", test_send_queue);
    g_test_add_func("/rtmp/send-queue/drop", test_send_queue_drop);
    return g_test_run();
}
