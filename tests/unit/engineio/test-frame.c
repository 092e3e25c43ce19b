/* SPDX-License-Identifier: MIT
 * WebSocket frames (RFC 6455, 5.2 and 5.7's examples) and UTF-8 (Unicode, table 3-7). */
#include "engineio/frame.h"

#include <string.h>

typedef struct {
    const char *name, *bytes;
    gsize size;
    EioFrameResult result;
    EioOpcode opcode;
    bool fin, masked;
    guint64 payload_bytes;
    guint header_bytes;
} FrameCase;

#define BYTES(text) text, sizeof(text) - 1

static const FrameCase frame_cases[] = {
    { "text", BYTES("\x81\x05Hello"), EIO_FRAME_OK, EIO_OPCODE_TEXT, true, false, 5, 2 },
    { "masked-text", BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), EIO_FRAME_OK, EIO_OPCODE_TEXT, true, true,
      5, 6 },
    { "fragment", BYTES("\x01\x03Hel"), EIO_FRAME_OK, EIO_OPCODE_TEXT, false, false, 3, 2 },
    { "continuation", BYTES("\x80\x02lo"), EIO_FRAME_OK, EIO_OPCODE_CONTINUATION, true, false, 2, 2 },
    { "ping", BYTES("\x89\x05Hello"), EIO_FRAME_OK, EIO_OPCODE_PING, true, false, 5, 2 },
    { "256-bytes", BYTES("\x82\x7e\x01\x00"), EIO_FRAME_OK, EIO_OPCODE_BINARY, true, false, 256, 4 },
    { "64-KiB", BYTES("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"), EIO_FRAME_OK, EIO_OPCODE_BINARY, true, false, 65536,
      10 },
    { "nothing", BYTES(""), EIO_FRAME_NEED_MORE, 0, false, false, 0, 0 },
    { "one-byte", BYTES("\x81"), EIO_FRAME_NEED_MORE, 0, false, false, 0, 0 },
    { "half-a-length", BYTES("\x82\x7e\x01"), EIO_FRAME_NEED_MORE, 0, false, false, 0, 0 },
    { "half-a-mask", BYTES("\x81\x85\x37\xfa\x21"), EIO_FRAME_NEED_MORE, 0, false, false, 0, 0 },
    { "rsv1", BYTES("\xc1\x00"), EIO_FRAME_BAD, 0, false, false, 0, 0 },
    { "rsv3", BYTES("\x91\x00"), EIO_FRAME_BAD, 0, false, false, 0, 0 },
    { "opcode-3", BYTES("\x83\x00"), EIO_FRAME_BAD, 0, false, false, 0, 0 },
    { "opcode-b", BYTES("\x8b\x00"), EIO_FRAME_BAD, 0, false, false, 0, 0 },
    { "fragmented-ping", BYTES("\x09\x00"), EIO_FRAME_BAD, 0, false, false, 0, 0 },
    { "long-close", BYTES("\x88\x7e\x00\x80"), EIO_FRAME_BAD, 0, false, false, 0, 0 },
    { "length-over-63-bits", BYTES("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00"), EIO_FRAME_BAD, 0, false, false, 0, 0 },
};

static void test_parse(const void *data)
{
    const FrameCase *c = data;
    EioFrameHeader header;
    g_assert_cmpint(eio_frame_parse((const guint8 *) c->bytes, c->size, &header), ==, c->result);
    if (c->result != EIO_FRAME_OK)
        return;
    g_assert_cmpint(header.opcode, ==, c->opcode);
    g_assert_true(header.fin == c->fin);
    g_assert_true(header.masked == c->masked);
    g_assert_cmpuint(header.payload_bytes, ==, c->payload_bytes);
    g_assert_cmpuint(header.header_bytes, ==, c->header_bytes);
}

static void test_unmask(void)
{
    guint8 text[] = { 0x7f, 0x9f, 0x4d, 0x51, 0x58 };
    const guint8 mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    eio_frame_apply_mask(text, sizeof text, mask);
    g_assert_cmpmem(text, sizeof text, "Hello", 5);
}

static void test_mask_at_every_length(void)
{
    const guint8 mask[4] = { 1, 2, 3, 4 };
    for (gsize size = 0; size < 40; size++) {
        guint8 bytes[40] = { 0 };
        eio_frame_apply_mask(bytes, size, mask);
        for (gsize i = 0; i < sizeof bytes; i++)
            g_assert_cmpuint(bytes[i], ==, i < size ? mask[i & 3] : 0);
    }
}

static void test_header_round_trip(void)
{
    static const guint64 sizes[] = {
        0, 1, 125, 126, 127, 65535, 65536, 52428800, G_GUINT64_CONSTANT(0x7fffffffffffffff)
    };
    const guint8 mask[4] = { 9, 8, 7, 6 };
    for (gsize i = 0; i < G_N_ELEMENTS(sizes) * 2; i++) {
        guint8 out[EIO_FRAME_MAX_HEADER];
        EioFrameHeader header;
        const bool masked = i % 2;
        const guint n = eio_frame_write_header(out, EIO_OPCODE_BINARY, sizes[i / 2], masked ? mask : NULL);
        g_assert_cmpint(eio_frame_parse(out, n, &header), ==, EIO_FRAME_OK);
        g_assert_cmpuint(header.header_bytes, ==, n);
        g_assert_cmpuint(header.payload_bytes, ==, sizes[i / 2]);
        g_assert_true(header.fin && header.masked == masked);
        if (masked)
            g_assert_cmpmem(header.mask, 4, mask, 4);
    }
}

typedef struct {
    const char *name, *bytes;
    gsize size;
    bool valid;
} TextCase;

static const TextCase text_cases[] = {
    { "empty", BYTES(""), true },
    { "ascii", BYTES("a long line of plain ASCII, more than eight bytes"), true },
    { "nul", BYTES("a\0b"), true },
    { "two-bytes", BYTES("12345678\xc3\xa9 12345678\xc3\xa9"), true },
    { "three-bytes", BYTES("\xe2\x82\xac\xef\xbf\xbf"), true },
    { "four-bytes", BYTES("\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf"), true },
    { "lone-continuation", BYTES("\x80"), false },
    { "cut-off", BYTES("abc\xe2\x82"), false },
    { "overlong-2", BYTES("\xc0\xaf"), false },
    { "overlong-3", BYTES("\xe0\x9f\xbf"), false },
    { "overlong-4", BYTES("\xf0\x8f\xbf\xbf"), false },
    { "surrogate", BYTES("\xed\xa0\x80"), false },
    { "above-10ffff", BYTES("\xf4\x90\x80\x80"), false },
    { "f5", BYTES("\xf5\x80\x80\x80"), false },
    { "bad-third", BYTES("\xe2\x82\x41"), false },
    { "late", BYTES("0123456789abcdef0123456789\xff"), false },
};

static void test_utf8(const void *data)
{
    const TextCase *c = data;
    g_assert_true(eio_utf8_is_valid((const guint8 *) c->bytes, c->size) == c->valid);
}

static void test_status(void)
{
    static const guint valid[] = { 1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999 };
    static const guint invalid[] = { 0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535 };
    for (gsize i = 0; i < G_N_ELEMENTS(valid); i++)
        g_assert_true(eio_status_is_valid(valid[i]));
    for (gsize i = 0; i < G_N_ELEMENTS(invalid); i++)
        g_assert_false(eio_status_is_valid(invalid[i]));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(frame_cases); i++) {
        g_autofree char *path = g_strconcat("/engineio/frame/parse/", frame_cases[i].name, NULL);
        g_test_add_data_func(path, &frame_cases[i], test_parse);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(text_cases); i++) {
        g_autofree char *path = g_strconcat("/engineio/frame/utf8/", text_cases[i].name, NULL);
        g_test_add_data_func(path, &text_cases[i], test_utf8);
    }
    g_test_add_func("/engineio/frame/unmask", test_unmask);
    g_test_add_func("/engineio/frame/mask-at-every-length", test_mask_at_every_length);
    g_test_add_func("/engineio/frame/header-round-trip", test_header_round_trip);
    g_test_add_func("/engineio/frame/status", test_status);
    return g_test_run();
}
