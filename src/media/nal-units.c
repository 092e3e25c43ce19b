/* media/nal-units.c */
#include "media/nal-units.h"

bool dub_nal_units_have(const uint8_t *data, gsize size, unsigned length_bytes, bool (*is_wanted)(uint8_t first_byte))
{
    for (gsize at = 0; at + length_bytes < size;) {
        gsize length = 0;
        for (unsigned i = 0; i < length_bytes; i++)
            length = length << 8 | data[at++];
        if (is_wanted(data[at]))
            return true;
        at += MIN(length, size - at);
    }
    return false;
}
