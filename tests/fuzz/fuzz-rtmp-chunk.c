/* tests/fuzz/fuzz-rtmp-chunk.c: the chunk stream reader comes to the same however its input is cut, and what it reads,
 * written again with our own headers, reads as the same messages. The first byte chooses the cut. */
#include "rtmp/chunk.h"
#include "rtmp/flv.h"

#define MAX_MESSAGE (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void clear_message(void *message)
{
    dub_rtmp_message_clear(message);
}

/* The messages up to the end or the break. */
static GArray *read_all(const uint8_t *data, size_t size, size_t piece)
{
    g_autoptr(DubRtmpReader) reader = dub_rtmp_reader_new(MAX_MESSAGE);
    GArray *messages = g_array_new(FALSE, TRUE, sizeof(DubRtmpMessage));
    g_array_set_clear_func(messages, clear_message);
    while (size > 0) {
        size_t left = MIN(piece, size);
        size -= left;
        for (;;) {
            DubRtmpMessage message = { 0 };
            const DubRtmpRead result = dub_rtmp_reader_read(reader, &data, &left, &message, NULL);
            if (result == DUB_RTMP_READ_BROKEN)
                return messages;
            if (result == DUB_RTMP_READ_MORE)
                break;
            g_array_append_val(messages, message);
        }
    }
    return messages;
}

static void assert_equal(const GArray *a, const GArray *b)
{
    g_assert_cmpuint(a->len, ==, b->len);
    for (guint i = 0; i < a->len; i++) {
        const DubRtmpMessage *x = &g_array_index(a, DubRtmpMessage, i), *y = &g_array_index(b, DubRtmpMessage, i);
        g_assert_cmpuint(x->type, ==, y->type);
        g_assert_cmpuint(x->stream_id, ==, y->stream_id);
        g_assert_cmpuint(x->timestamp_ms, ==, y->timestamp_ms);
        g_assert_true(g_bytes_equal(x->payload, y->payload));
    }
}

static GByteArray *write_all(const GArray *messages)
{
    GByteArray *wire = g_byte_array_new();
    size_t chunk_bytes = 128;
    for (guint i = 0; i < messages->len; i++) {
        const DubRtmpMessage *message = &g_array_index(messages, DubRtmpMessage, i);
        size_t size;
        const uint8_t *payload = g_bytes_get_data(message->payload, &size);
        DubRtmpHeaders headers;
        dub_rtmp_headers_init(&headers, (uint8_t) (2 + i % 8), message->type, message->stream_id, message->timestamp_ms,
                              size);
        dub_rtmp_message_encode(wire, &headers, payload, size, chunk_bytes);
        if (message->type == DUB_RTMP_SET_CHUNK_SIZE)
            chunk_bytes = MIN((size_t) payload[0] << 24 | payload[1] << 16 | payload[2] << 8 | payload[3],
                              DUB_RTMP_MAX_CHUNK_BYTES);
        bool is_metadata;
        dub_flv_read_video(payload, size);
        dub_flv_read_audio(payload, size);
        g_assert_cmpuint(dub_flv_metadata(payload, size, &is_metadata), <=, size);
    }
    return wire;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    g_autoptr(GArray) whole = read_all(data + 1, size - 1, size);
    g_autoptr(GArray) pieces = read_all(data + 1, size - 1, 1 + data[0] % 32);
    assert_equal(whole, pieces);
    g_autoptr(GByteArray) wire = write_all(whole);
    g_autoptr(GArray) again = read_all(wire->data, wire->len, wire->len + 1);
    assert_equal(whole, again);
    return 0;
}
