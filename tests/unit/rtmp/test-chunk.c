/* Unit tests of rtmp/chunk and rtmp/handshake: byte by byte and in one piece must come to the same. */
#include "base/error.h"
#include "rtmp/chunk.h"
#include "rtmp/handshake.h"

#include <string.h>

/* A message is written as "TYPE@TIMESTAMP/STREAM:LENGTH " below. */
typedef struct {
    const char *name;
    const char *hex;      /* "xNN*COUNT" repeats a byte */
    const char *messages; /* what comes out; "!" at the end: then it breaks */
} Case;

static const Case cases[] = {
    { "type-0", "03 000010 000002 14 00000000 abab", "20@16/0:2 " },
    { "stream-id-is-little-endian", "03 000000 000000 14 01020304", "20@0/67305985:0 " },
    { "two-byte-id", "00 05 000010 000001 08 01000000 ab", "8@16/1:1 " },
    { "three-byte-id", "01 0501 000010 000001 08 01000000 ab", "8@16/1:1 " },
    { "type-1-adds-its-delta", "04 000010 000001 08 01000000 ab 44 000003 000002 08 abab", "8@16/1:1 8@19/1:2 " },
    { "type-2-keeps-length-and-type", "04 000010 000001 08 01000000 ab 84 000003 cd", "8@16/1:1 8@19/1:1 " },
    { "type-3-repeats-the-delta", "04 000010 000001 08 01000000 ab 84 000003 cd c4 ef", "8@16/1:1 8@19/1:1 8@22/1:1 " },
    { "type-3-after-type-0-adds-its-timestamp", "04 000010 000001 08 01000000 ab c4 ef", "8@16/1:1 8@32/1:1 " },
    { "type-1-first", "43 000007 000001 08 ab", "8@7/0:1 " },
    { "extended-timestamp", "04 ffffff 000001 08 01000000 01000000 ab", "8@16777216/1:1 " },
    { "extended-delta", "04 000001 000001 08 01000000 ab 84 ffffff 01000000 cd", "8@1/1:1 8@16777217/1:1 " },
    { "extended-and-continued", "04 ffffff 000081 08 01000000 01000000 xab*128 c4 01000000 ab", "8@16777216/1:129 " },
    { "timestamp-wraps", "04 ffffff 000001 08 01000000 ffffffff ab 84 000002 cd", "8@4294967295/1:1 8@1/1:1 " },
    { "continued-at-128", "04 000000 000100 08 01000000 xab*128 c4 xab*128", "8@0/1:256 " },
    { "interleaved", "04 000000 000081 08 01000000 xab*128 06 000005 000001 09 01000000 cd c4 ab",
      "9@5/1:1 8@0/1:129 " },
    { "set-chunk-size", "02 000000 000004 01 00000000 00000002 04 000000 000003 08 01000000 abab c4 ab",
      "1@0/0:4 8@0/1:3 " },
    { "abort",
      "04 000000 000081 08 01000000 xab*128 02 000000 000004 02 00000000 00000004"
      "04 000000 000001 08 01000000 ab",
      "2@0/0:4 8@0/1:1 " },
    { "abort-of-nothing", "02 000000 000004 02 00000000 00000009", "2@0/0:4 " },
    { "type-3-first", "c3", "!" },
    { "type-2-first", "83 000003", "!" },
    { "new-header-inside-a-message", "04 000000 000081 08 01000000 xab*128 04 000000 000001 08 01000000", "!" },
    { "chunk-size-0", "02 000000 000004 01 00000000 00000000", "!" },
    { "chunk-size-negative", "02 000000 000004 01 00000000 80000000", "!" },
    { "chunk-size-short", "02 000000 000002 01 00000000 0080", "!" },
    { "longer-than-allowed", "04 000000 000401 08 01000000", "!" },
    { "longer-together", "04 000000 000300 08 01000000 xab*128 06 000000 000101 09 01000000", "!" },
    { "too-many-chunk-streams",
      "03 000000 000000 08 01000000 04 000000 000000 08 01000000 05 000000 000000 08 01000000"
      "06 000000 000000 08 01000000 07 000000 000000 08 01000000 08 000000 000000 08 01000000"
      "09 000000 000000 08 01000000 0a 000000 000000 08 01000000 0b 000000 000000 08 01000000"
      "0c 000000 000000 08 01000000 0d 000000 000000 08 01000000 0e 000000 000000 08 01000000"
      "0f 000000 000000 08 01000000 10 000000 000000 08 01000000 11 000000 000000 08 01000000"
      "12 000000 000000 08 01000000 13 000000 000000 08 01000000",
      "8@0/1:0 8@0/1:0 8@0/1:0 8@0/1:0 8@0/1:0 8@0/1:0 8@0/1:0 8@0/1:0 "
      "8@0/1:0 8@0/1:0 8@0/1:0 8@0/1:0 8@0/1:0 8@0/1:0 8@0/1:0 8@0/1:0 !" },
};
#define MAX_MESSAGE 1024

static guint8 hex_byte(const char *hex)
{
    return (guint8) (g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
}

static GByteArray *from_hex(const char *hex)
{
    GByteArray *bytes = g_byte_array_new();
    while (*hex) {
        guint count = 1;
        if (*hex == ' ') {
            hex++;
            continue;
        }
        const bool repeated = *hex == 'x';
        const guint8 byte = hex_byte(hex + repeated);
        hex += 2 + repeated;
        if (repeated)
            count = (guint) g_ascii_strtoull(hex + 1, (char **) &hex, 10);
        for (guint i = 0; i < count; i++)
            g_byte_array_append(bytes, &byte, 1);
    }
    return bytes;
}

static char *read_in_pieces(const GByteArray *bytes, gsize piece)
{
    g_autoptr(DubRtmpReader) reader = dub_rtmp_reader_new(MAX_MESSAGE);
    g_autoptr(GString) out = g_string_new(NULL);
    for (gsize at = 0; at < bytes->len; at += piece) {
        const guint8 *data = bytes->data + at;
        gsize size = MIN(piece, bytes->len - at);
        for (;;) {
            g_auto(DubRtmpMessage) message = { 0 };
            g_autoptr(GError) error = NULL;
            const DubRtmpRead result = dub_rtmp_reader_read(reader, &data, &size, &message, &error);
            if (result == DUB_RTMP_READ_BROKEN) {
                g_assert_error(error, DUB_ERROR, DUB_ERROR_PROTOCOL);
                g_string_append_c(out, '!');
                return g_string_free(g_steal_pointer(&out), FALSE);
            }
            g_assert_no_error(error);
            if (result == DUB_RTMP_READ_MORE)
                break;
            g_string_append_printf(out, "%u@%u/%u:%zu ", message.type, message.timestamp_ms, message.stream_id,
                                   g_bytes_get_size(message.payload));
        }
        g_assert_cmpuint(size, ==, 0);
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static void test_read(const void *data)
{
    static const gsize pieces[] = { 1, 2, 3, 7, 100000 };
    const Case *c = data;
    g_autoptr(GByteArray) bytes = from_hex(c->hex);
    for (gsize i = 0; i < G_N_ELEMENTS(pieces); i++) {
        g_autofree char *messages = read_in_pieces(bytes, pieces[i]);
        g_assert_cmpstr(messages, ==, c->messages);
    }
}

typedef struct {
    const char *name;
    guint32 timestamp_ms;
    gsize size, chunk_bytes;
} WriteCase;

static const WriteCase write_cases[] = {
    { "empty", 0, 0, 128 },
    { "one-chunk", 1, 128, 128 },
    { "one-byte-more", 0xfffffe, 129, 128 },
    { "extended", 0xffffff, 1000, 128 },
    { "extended-last", 0xffffffff, 1000, 4096 },
};

static void test_round_trip(const void *data)
{
    const WriteCase *c = data;
    g_autoptr(GByteArray) wire = from_hex("02 000000 000004 01 00000000");
    const guint32 chunk_bytes = GUINT32_TO_BE((guint32) c->chunk_bytes);
    g_byte_array_append(wire, (const guint8 *) &chunk_bytes, 4);
    g_autofree guint8 *payload = g_malloc(c->size + 1);
    for (gsize i = 0; i < c->size; i++)
        payload[i] = (guint8) i;
    DubRtmpHeaders headers;
    dub_rtmp_headers_init(&headers, 6, DUB_RTMP_VIDEO, 1, c->timestamp_ms, c->size);
    dub_rtmp_message_encode(wire, &headers, payload, c->size, c->chunk_bytes);
    g_autofree char *messages = read_in_pieces(wire, 5);
    g_autofree char *expected = g_strdup_printf("1@0/0:4 9@%u/1:%zu ", c->timestamp_ms, c->size);
    g_assert_cmpstr(messages, ==, expected);
}

static void test_handshake(void)
{
    guint8 client[1 + 2 * DUB_RTMP_HANDSHAKE_BYTES + 1] = { 3 };
    for (gsize i = 1; i < sizeof client; i++)
        client[i] = (guint8) (i * 7);
    static const gsize pieces[] = { 1, 500, sizeof client };
    for (gsize p = 0; p < G_N_ELEMENTS(pieces); p++) {
        DubRtmpHandshake handshake = { 0 };
        g_autoptr(GByteArray) answer = g_byte_array_new();
        gsize left = 0;
        for (gsize at = 0; at < sizeof client; at += pieces[p]) {
            const guint8 *data = client + at;
            left = MIN(pieces[p], sizeof client - at);
            g_assert_true(dub_rtmp_handshake_read(&handshake, &data, &left, answer, NULL));
        }
        g_assert_cmpint(handshake.state, ==, DUB_RTMP_HANDSHAKE_DONE);
        g_assert_cmpuint(left, ==, 1); /* the byte behind it belongs to the chunk stream */
        g_assert_cmpuint(answer->len, ==, 1 + 2 * DUB_RTMP_HANDSHAKE_BYTES);
        g_assert_cmpuint(answer->data[0], ==, 3);
        g_assert_cmpmem(answer->data + 1 + DUB_RTMP_HANDSHAKE_BYTES, DUB_RTMP_HANDSHAKE_BYTES, client + 1,
                        DUB_RTMP_HANDSHAKE_BYTES);
    }
}

static void test_handshake_refused(void)
{
    const guint8 http[] = "GET / HTTP/1.1";
    const guint8 *data = http;
    gsize size = sizeof http;
    DubRtmpHandshake handshake = { 0 };
    g_autoptr(GByteArray) answer = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    g_assert_false(dub_rtmp_handshake_read(&handshake, &data, &size, answer, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_PROTOCOL);
    g_assert_cmpuint(answer->len, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/rtmp/chunk/read/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_read);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(write_cases); i++) {
        g_autofree char *path = g_strdup_printf("/rtmp/chunk/round-trip/%s", write_cases[i].name);
        g_test_add_data_func(path, &write_cases[i], test_round_trip);
    }
    g_test_add_func("/rtmp/handshake/pieces", test_handshake);
    g_test_add_func("/rtmp/handshake/refused", test_handshake_refused);
    return g_test_run();
}
