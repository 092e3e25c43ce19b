/* rtmp/handshake.c */
#include "rtmp/handshake.h"

#include "base/error.h"

#include <string.h>

#define TLS     0x16 /* the first byte of a handshake of it */
#define VERSION 3    /* 6 is RTMPE, which nobody needs inside a broadcast network */

/* S0, S1 and S2 at once. S2 echoes C1; S1 has time 0 and version 0, which says "no digest". */
static void answer_c1(const DubRtmpHandshake *self, GByteArray *answer)
{
    static const uint8_t s0_and_times[1 + 8] = { VERSION };
    g_byte_array_append(answer, s0_and_times, sizeof s0_and_times);
    uint32_t noise[(DUB_RTMP_HANDSHAKE_BYTES - 8) / 4];
    for (gsize i = 0; i < G_N_ELEMENTS(noise); i++)
        noise[i] = g_random_int();
    g_byte_array_append(answer, (const uint8_t *) noise, sizeof noise);
    g_byte_array_append(answer, self->peer, DUB_RTMP_HANDSHAKE_BYTES);
}

/* True when C1 or C2 is there as a whole. */
static bool fill(DubRtmpHandshake *self, const uint8_t **data, gsize *size)
{
    const gsize take = MIN(*size, DUB_RTMP_HANDSHAKE_BYTES - self->fill_bytes);
    memcpy(self->peer + self->fill_bytes, *data, take);
    self->fill_bytes += take;
    *data += take;
    *size -= take;
    if (self->fill_bytes < DUB_RTMP_HANDSHAKE_BYTES)
        return false;
    self->fill_bytes = 0;
    return true;
}

static bool read_c0(DubRtmpHandshake *self, const uint8_t **data, gsize *size, GError **error)
{
    if (**data == TLS) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_PROTOCOL,
                            "it speaks TLS, and this port takes plain RTMP: publish to rtmp://, or to RTMPS_PORT");
        return false;
    }
    if (**data != VERSION) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "not RTMP: the first byte is 0x%02x, not 0x03", **data);
        return false;
    }
    ++*data;
    --*size;
    self->state = DUB_RTMP_AWAIT_C1;
    return true;
}

bool dub_rtmp_handshake_read(DubRtmpHandshake *self, const uint8_t **data, gsize *size, GByteArray *answer,
                             GError **error)
{
    while (*size > 0 && self->state != DUB_RTMP_HANDSHAKE_DONE) {
        if (self->state == DUB_RTMP_AWAIT_C0) {
            if (!read_c0(self, data, size, error))
                return false;
            continue;
        }
        if (!fill(self, data, size))
            return true;
        if (self->state == DUB_RTMP_AWAIT_C1)
            answer_c1(self, answer);
        /* C2 should echo S1; clients send anything, and nothing hangs on it */
        self->state = self->state == DUB_RTMP_AWAIT_C1 ? DUB_RTMP_AWAIT_C2 : DUB_RTMP_HANDSHAKE_DONE;
    }
    return true;
}
