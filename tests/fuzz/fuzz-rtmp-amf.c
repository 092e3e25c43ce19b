/* tests/fuzz/fuzz-rtmp-amf.c: AMF0 is refused, or survives encode and decode unchanged. */
#include "rtmp/amf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(DubAmf) list = dub_amf_decode(data, size, NULL);
    if (!list)
        return 0;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    for (guint i = 0; i < dub_amf_length(list); i++)
        dub_amf_encode(dub_amf_item(list, i), bytes);
    g_autoptr(DubAmf) again = dub_amf_decode(bytes->data, bytes->len, NULL);
    g_assert_nonnull(again);
    g_assert_true(dub_amf_equal(list, again));
    return 0;
}
