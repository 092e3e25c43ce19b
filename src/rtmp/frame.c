/* rtmp/frame.c */
#include "rtmp/frame.h"

static uint8_t chunk_stream_of_type(uint8_t type)
{
    switch (type) {
    case DUB_RTMP_AUDIO: return DUB_RTMP_CHUNK_STREAM_AUDIO;
    case DUB_RTMP_VIDEO: return DUB_RTMP_CHUNK_STREAM_VIDEO;
    case DUB_RTMP_DATA:
    case DUB_RTMP_DATA_AMF3: return DUB_RTMP_CHUNK_STREAM_DATA;
    case DUB_RTMP_COMMAND: return DUB_RTMP_CHUNK_STREAM_COMMAND;
    default: return DUB_RTMP_CHUNK_STREAM_CONTROL;
    }
}

DubRtmpFrame *dub_rtmp_frame_new(DubRtmpFrameKind kind, uint8_t type, uint32_t stream_id, uint32_t timestamp_ms,
                                 GBytes *payload)
{
    const gsize size = g_bytes_get_size(payload);
    g_return_val_if_fail(size <= DUB_RTMP_MAX_MESSAGE_BYTES, NULL);
    DubRtmpFrame *self = g_new0(DubRtmpFrame, 1);
    self->ref_count = 1;
    self->kind = kind;
    self->type = type;
    self->timestamp_ms = timestamp_ms;
    self->payload = g_bytes_ref(payload);
    dub_rtmp_headers_init(&self->headers, chunk_stream_of_type(type), type, stream_id, timestamp_ms, size);
    const gsize further_chunks = size > 0 ? (size - 1) / DUB_RTMP_OUT_CHUNK_BYTES : 0;
    self->wire_bytes = self->headers.first_bytes + size + further_chunks * self->headers.next_bytes;
    return self;
}

DubRtmpFrame *dub_rtmp_frame_new_raw(GBytes *bytes)
{
    DubRtmpFrame *self = g_new0(DubRtmpFrame, 1);
    self->ref_count = 1;
    self->kind = DUB_RTMP_FRAME_CONTROL;
    self->payload = g_bytes_ref(bytes);
    self->wire_bytes = g_bytes_get_size(bytes);
    return self;
}

DubRtmpFrame *dub_rtmp_frame_ref(DubRtmpFrame *self)
{
    self->ref_count++;
    return self;
}

void dub_rtmp_frame_unref(DubRtmpFrame *self)
{
    if (!self || --self->ref_count > 0)
        return;
    if (self->account)
        *self->account -= dub_rtmp_frame_memory(self);
    g_bytes_unref(self->payload);
    g_free(self);
}

void dub_rtmp_frame_charge(DubRtmpFrame *self, gsize *account)
{
    g_return_if_fail(!self->account);
    self->account = account;
    *account += dub_rtmp_frame_memory(self);
}

typedef struct {
    GOutputVector *vectors;
    guint max, n;
    gsize skip; /* bytes still to be left out */
} Writer;

/* False when there is no room left. */
static bool add(Writer *writer, const uint8_t *data, gsize size)
{
    const gsize skip = MIN(writer->skip, size);
    writer->skip -= skip;
    if (skip == size)
        return true;
    if (writer->n == writer->max)
        return false;
    writer->vectors[writer->n++] = (GOutputVector){ data + skip, size - skip };
    return true;
}

guint dub_rtmp_frame_vectors(const DubRtmpFrame *self, gsize offset, GOutputVector *vectors, guint max)
{
    Writer writer = { vectors, max, 0, offset };
    gsize size;
    const uint8_t *payload = g_bytes_get_data(self->payload, &size);
    if (!add(&writer, self->headers.first, self->headers.first_bytes))
        return writer.n;
    for (gsize at = 0; at < size; at += DUB_RTMP_OUT_CHUNK_BYTES) {
        if (at > 0 && !add(&writer, self->headers.next, self->headers.next_bytes))
            return writer.n;
        if (!add(&writer, payload + at, MIN(DUB_RTMP_OUT_CHUNK_BYTES, size - at)))
            return writer.n;
    }
    return writer.n;
}
