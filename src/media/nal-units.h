/* media/nal-units.h: a picture of H.264 or H.265 as MP4 has it: units, each behind its length. Pure, any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether a unit's first byte, which has its type, is wanted. @length_bytes: 1…4, before each. */
bool dub_nal_units_have(const uint8_t *data, gsize size, unsigned length_bytes, bool (*is_wanted)(uint8_t first_byte));
