/* media/access-unit.c: one encoded video frame. */
#include "media/access-unit.h"

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
