/* media/access-unit.c: one encoded video frame. */
#include "media/access-unit.h"

#include "media/nal-units.h"

#define H264_IDR       5
#define H265_BLA_FIRST 16 /* … and the IDRs after it; a CRA picture, repeated, would have its predecessor's number */
#define H265_IDR_LAST  20

DubAccessUnit *dub_access_unit_new(GstBuffer *buffer, int64_t pts_ns, int64_t dts_ns)
{
    g_return_val_if_fail(GST_IS_BUFFER(buffer), NULL);

    DubAccessUnit *self = g_new0(DubAccessUnit, 1);
    self->buffer = buffer;
    self->pts_ns = pts_ns;
    self->dts_ns = dts_ns;
    self->duration_ns = DUB_TIME_NONE;
    if (GST_BUFFER_DURATION_IS_VALID(buffer))
        self->duration_ns = (int64_t) GST_BUFFER_DURATION(buffer);
    self->key_frame = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    return self;
}

void dub_access_unit_free(DubAccessUnit *self)
{
    if (!self)
        return;
    gst_clear_buffer(&self->buffer);
    gst_clear_caps(&self->new_caps);
    g_free(self);
}

static bool is_h264_idr(uint8_t first_byte)
{
    return (first_byte & 0x1f) == H264_IDR;
}

static bool is_h265_idr(uint8_t first_byte)
{
    const unsigned type = first_byte >> 1 & 0x3f;
    return type >= H265_BLA_FIRST && type <= H265_IDR_LAST;
}

/* How many bytes of length stand before each NAL unit: @at of the decoder's configuration says so. */
static unsigned length_bytes(const GstStructure *structure, gsize at)
{
    const GValue *value = gst_structure_get_value(structure, "codec_data");
    uint8_t byte = 3;
    if (value)
        gst_buffer_extract(gst_value_get_buffer(value), at, &byte, 1);
    return (byte & 3u) + 1;
}

static bool has_nal(GstBuffer *buffer, unsigned prefix, bool (*is_wanted)(uint8_t first_byte))
{
    GstMapInfo map;
    if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
        return false;
    const bool found = dub_nal_units_have(map.data, map.size, prefix, is_wanted);
    gst_buffer_unmap(buffer, &map);
    return found;
}

static bool is_still(const DubAccessUnit *self)
{
    if (!self->key_frame || !self->new_caps)
        return false;
    const GstStructure *structure = gst_caps_get_structure(self->new_caps, 0);
    if (gst_structure_has_name(structure, "video/x-h264"))
        return has_nal(self->buffer, length_bytes(structure, 4), is_h264_idr);
    if (gst_structure_has_name(structure, "video/x-h265"))
        return has_nal(self->buffer, length_bytes(structure, 21), is_h265_idr);
    return true;
}

DubAccessUnit *dub_access_unit_copy_still(const DubAccessUnit *self)
{
    if (!is_still(self))
        return NULL;
    DubAccessUnit *copy = dub_access_unit_new(gst_buffer_ref(self->buffer), self->pts_ns, self->dts_ns);
    copy->key_frame = true;
    copy->new_caps = gst_caps_ref(self->new_caps);
    return copy;
}
