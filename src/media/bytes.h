/* media/bytes.h: big-endian numbers at any address. (GStreamer's macros store to misaligned pointers, which C forbids.)
 */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <string.h>

static inline void dub_put_be24(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t) (value >> 16);
    out[1] = (uint8_t) (value >> 8);
    out[2] = (uint8_t) value;
}

static inline void dub_put_be32(uint8_t *out, uint32_t value)
{
    value = GUINT32_TO_BE(value);
    memcpy(out, &value, sizeof value);
}

static inline void dub_put_be_double(uint8_t *out, double value)
{
    guint64 bits;
    memcpy(&bits, &value, sizeof bits);
    bits = GUINT64_TO_BE(bits);
    memcpy(out, &bits, sizeof bits);
}

static inline uint32_t dub_get_be24(const uint8_t *in)
{
    return (uint32_t) in[0] << 16 | (uint32_t) in[1] << 8 | in[2];
}

static inline uint32_t dub_get_be32(const uint8_t *in)
{
    return (uint32_t) in[0] << 24 | dub_get_be24(in + 1);
}

static inline double dub_get_be_double(const uint8_t *in)
{
    guint64 bits;
    double value;
    memcpy(&bits, in, sizeof bits);
    bits = GUINT64_FROM_BE(bits);
    memcpy(&value, &bits, sizeof value);
    return value;
}
