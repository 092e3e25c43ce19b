/* SPDX-License-Identifier: MIT
 * A packet is refused, or it round-trips. */
#include "engineio/frame.h"
#include "socketio/link.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_round_trips(const SioPacket *packet)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) text = sio_packet_encode(packet);
    gsize size;
    const char *bytes = g_bytes_get_data(text, &size);
    g_autoptr(SioPacket) again = sio_packet_decode(bytes, size, &error);
    g_assert_no_error(error);
    g_assert_true(again->type == packet->type && again->id == packet->id &&
                  again->n_attachments == packet->n_attachments);
    g_assert_cmpstr(again->nsp, ==, packet->nsp);
    g_autoptr(GBytes) same = sio_packet_encode(again); /* json_equal() takes a key's NUL for its end */
    g_assert_true(g_bytes_equal(text, same));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!eio_utf8_is_valid(data, size)) /* the transport has refused it */
        return 0;
    g_autoptr(GError) error = NULL;
    g_autofree char *exact = g_memdup2(data, size); /* ends where it ends */
    g_autoptr(SioPacket) packet = sio_packet_decode(exact ? exact : "", size, &error);
    g_assert_true(!packet == (error != NULL));
    if (packet)
        assert_round_trips(packet);
    return 0;
}
