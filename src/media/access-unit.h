/* media/access-unit.h: one encoded video frame on its way from source to sink, never decoded. Any thread. */
#pragma once

#include "base/clock.h"

#include <gst/gst.h>
#include <stdbool.h>

typedef struct {
    GstBuffer *buffer;   /* owned; its own timestamps mean nothing here */
    int64_t pts_ns;      /* source's running time */
    int64_t dts_ns;      /* DUB_TIME_NONE where the source gives none */
    int64_t duration_ns; /* DUB_TIME_NONE where not known */
    bool key_frame;
    bool is_hidden; /* decoded for those that follow, not to be shown: what an edit list cuts off */
    GstCaps
        *new_caps; /* owned; NULL, or: from this unit on the stream has these caps (another resolution or codec_data) */
} DubAccessUnit;

DubAccessUnit *dub_access_unit_new(GstBuffer *buffer /* (transfer full) */, int64_t pts_ns, int64_t dts_ns);
/* Returns: (transfer full) (nullable): a picture that can be shown again and again, as a unit that shares its bytes:
 * one that a decoder begins with and takes twice in a row. It has its caps in new_caps. NULL: it is none. */
DubAccessUnit *dub_access_unit_copy_still(const DubAccessUnit *self);
void dub_access_unit_free(DubAccessUnit *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubAccessUnit, dub_access_unit_free)
