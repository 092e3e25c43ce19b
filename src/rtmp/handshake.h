/* rtmp/handshake.h: the server's side of RTMP's handshake, §5.2, the plain kind.
 * A codec: bytes in, bytes out. Any thread. What Flash calls the complex handshake (digests) is not needed:
 * a client that sends one accepts a plain answer whose version field is zero. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define DUB_RTMP_HANDSHAKE_BYTES 1536 /* C1, S1, C2, S2 */

typedef struct {
    enum { DUB_RTMP_AWAIT_C0, DUB_RTMP_AWAIT_C1, DUB_RTMP_AWAIT_C2, DUB_RTMP_HANDSHAKE_DONE } state;
    gsize fill_bytes; /* of C1 or C2 */
    uint8_t peer[DUB_RTMP_HANDSHAKE_BYTES];
} DubRtmpHandshake;

/**
 * dub_rtmp_handshake_read:
 * @self: zeroed at first
 * @data, @size: moved past what was used; what is left when the state is DONE belongs to the chunk stream
 * @answer: what is to be sent now is appended
 * Returns: false with %DUB_ERROR_PROTOCOL when the peer does not speak RTMP
 */
bool dub_rtmp_handshake_read(DubRtmpHandshake *self, const uint8_t **data, gsize *size, GByteArray *answer,
                             GError **error);
