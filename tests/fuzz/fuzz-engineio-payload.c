/* SPDX-License-Identifier: MIT
 * A polling payload is refused, or its packets make the same payload again. The bytes are also read as one WebSocket
 * message and as a handshake. */
#include "engineio/packet.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_round_trips(const GPtrArray *packets)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    gsize expected = 0;
    for (guint i = 0; i < packets->len; i++) {
        eio_payload_append(payload, g_ptr_array_index(packets, i));
        expected += eio_payload_size(g_ptr_array_index(packets, i));
    }
    g_assert_cmpuint(expected, ==, payload->len + 1);
    g_autoptr(GBytes) body = g_bytes_new(payload->data, payload->len);
    g_autoptr(GPtrArray) again = eio_payload_decode(body, NULL);
    g_assert_true(again && again->len == packets->len);
    for (guint i = 0; i < packets->len; i++) {
        const EioPacket *a = g_ptr_array_index(packets, i), *b = g_ptr_array_index(again, i);
        g_assert_true(a->type == b->type && a->format == b->format && g_bytes_equal(a->data, b->data));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GBytes) body = g_bytes_new(data, size);
    g_autoptr(GPtrArray) packets = eio_payload_decode(body, NULL);
    if (packets)
        assert_round_trips(packets);
    g_autoptr(EioPacket) packet = eio_packet_decode(body, EIO_TEXT, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(EioHandshake) handshake = eio_handshake_parse(body, &error);
    g_assert_true(!handshake == (error != NULL));
    return 0;
}
