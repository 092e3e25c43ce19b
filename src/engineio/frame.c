/* SPDX-License-Identifier: MIT
 * engineio/frame.c */
#include "engineio/frame.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static bool is_known(guint opcode)
{
    return opcode <= EIO_OPCODE_BINARY || (opcode >= EIO_OPCODE_CLOSE && opcode <= EIO_OPCODE_PONG);
}

static guint64 read_big_endian(const guint8 *bytes, guint n)
{
    guint64 value = 0;
    for (guint i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

EioFrameResult eio_frame_parse(const guint8 *bytes, gsize size, EioFrameHeader *header)
{
    if (size < 2)
        return EIO_FRAME_NEED_MORE;
    const guint opcode = bytes[0] & 0x0f;
    const guint short_length = bytes[1] & 0x7f;
    if ((bytes[0] & 0x70) != 0 || !is_known(opcode))
        return EIO_FRAME_BAD;
    header->fin = (bytes[0] & 0x80) != 0;
    header->masked = (bytes[1] & 0x80) != 0;
    header->opcode = (EioOpcode) opcode;
    if (opcode >= EIO_OPCODE_CLOSE && (!header->fin || short_length > EIO_FRAME_MAX_CONTROL))
        return EIO_FRAME_BAD;
    const guint n_length = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
    header->header_bytes = 2 + n_length + (header->masked ? 4 : 0);
    if (size < header->header_bytes)
        return EIO_FRAME_NEED_MORE;
    header->payload_bytes = n_length ? read_big_endian(bytes + 2, n_length) : short_length;
    if (header->payload_bytes >> 63)
        return EIO_FRAME_BAD;
    if (header->masked)
        memcpy(header->mask, bytes + 2 + n_length, 4);
    return EIO_FRAME_OK;
}

guint eio_frame_write_header(guint8 out[EIO_FRAME_MAX_HEADER], EioOpcode opcode, guint64 payload_bytes,
                             const guint8 *mask)
{
    const guint n_length = payload_bytes < 126 ? 0 : payload_bytes <= G_MAXUINT16 ? 2 : 8;
    out[0] = (guint8) (0x80 | opcode);
    out[1] = (guint8) (n_length == 0 ? payload_bytes : n_length == 2 ? 126 : 127);
    for (guint i = 0; i < n_length; i++)
        out[2 + i] = (guint8) (payload_bytes >> 8 * (n_length - 1 - i));
    if (!mask)
        return 2 + n_length;
    out[1] |= 0x80;
    memcpy(out + 2 + n_length, mask, 4);
    return 2 + n_length + 4;
}

void eio_frame_apply_mask(guint8 *bytes, gsize size, const guint8 mask[4])
{
    guint32 half;
    memcpy(&half, mask, 4);
    const guint64 whole = (guint64) half << 32 | half;
    gsize i = 0;
#ifdef __SSE2__
    const __m128i block = _mm_set1_epi32((int) half);
    for (; i + 16 <= size; i += 16) {
        __m128i *at = (__m128i *) (bytes + i);
        _mm_storeu_si128(at, _mm_xor_si128(_mm_loadu_si128(at), block));
    }
#endif
    for (; i + 8 <= size; i += 8) {
        guint64 word;
        memcpy(&word, bytes + i, 8);
        word ^= whole;
        memcpy(bytes + i, &word, 8);
    }
    for (; i < size; i++)
        bytes[i] ^= mask[i & 3];
}

bool eio_status_is_valid(guint status)
{
    return (status >= 1000 && status <= 1003) || (status >= 1007 && status <= 1014) ||
           (status >= 3000 && status <= 4999);
}

/* The length of the sequence at @bytes (which is not ASCII), 0 when it is not well formed: Unicode, table 3-7. */
static gsize sequence_length(const guint8 *bytes, gsize size)
{
    const guint8 lead = bytes[0];
    const gsize n = lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) == 0xe0 ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
    if (n == 0 || size < n)
        return 0;
    const guint8 lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const guint8 highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (bytes[1] < lowest || bytes[1] > highest)
        return 0;
    for (gsize i = 2; i < n; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* How many bytes from the start are ASCII: many at a time, since nearly all of a message is. */
static gsize ascii_length(const guint8 *bytes, gsize size)
{
    gsize i = 0;
#ifdef __SSE2__
    for (; i + 64 <= size; i += 64) {
        const __m128i *at = (const __m128i *) (bytes + i);
        const __m128i a = _mm_or_si128(_mm_loadu_si128(at), _mm_loadu_si128(at + 1));
        const __m128i b = _mm_or_si128(_mm_loadu_si128(at + 2), _mm_loadu_si128(at + 3));
        if (_mm_movemask_epi8(_mm_or_si128(a, b)))
            break;
    }
#endif
    for (; i + 8 <= size; i += 8) {
        guint64 word;
        memcpy(&word, bytes + i, 8);
        if (word & G_GUINT64_CONSTANT(0x8080808080808080))
            break;
    }
    while (i < size && bytes[i] < 0x80)
        i++;
    return i;
}

bool eio_utf8_is_valid(const guint8 *bytes, gsize size)
{
    for (gsize i = ascii_length(bytes, size); i < size;) {
        const gsize n = sequence_length(bytes + i, size - i);
        if (n == 0)
            return false;
        i += n;
        if (i < size && bytes[i] < 0x80)
            i += ascii_length(bytes + i, size - i);
    }
    return true;
}
