/* rtmp/send-queue.c: a ring that grows; entries are small, payloads are shared. */
#include "rtmp/send-queue.h"

#include "base/clock.h"

typedef struct {
    DubRtmpFrame *frame;
    int64_t queued_ns;
} Entry;

struct _DubRtmpSendQueue {
    Entry *ring;
    guint size, head, length; /* size is 0 or a power of two */
    gsize memory, head_sent;  /* head_sent: bytes of the first frame that are out */
};

DubRtmpSendQueue *dub_rtmp_send_queue_new(void)
{
    return g_new0(DubRtmpSendQueue, 1);
}

static Entry *entry_at(const DubRtmpSendQueue *self, guint index)
{
    return &self->ring[(self->head + index) & (self->size - 1)];
}

void dub_rtmp_send_queue_free(DubRtmpSendQueue *self)
{
    if (!self)
        return;
    for (guint i = 0; i < self->length; i++)
        dub_rtmp_frame_unref(entry_at(self, i)->frame);
    g_free(self->ring);
    g_free(self);
}

static void grow(DubRtmpSendQueue *self)
{
    const guint size = MAX(self->size * 2, 16);
    Entry *ring = g_new(Entry, size);
    for (guint i = 0; i < self->length; i++)
        ring[i] = *entry_at(self, i);
    g_free(self->ring);
    self->ring = ring;
    self->size = size;
    self->head = 0;
}

void dub_rtmp_send_queue_push(DubRtmpSendQueue *self, DubRtmpFrame *frame, int64_t now_ns)
{
    if (self->length == self->size)
        grow(self);
    *entry_at(self, self->length++) = (Entry){ dub_rtmp_frame_ref(frame), now_ns };
    self->memory += dub_rtmp_frame_memory(frame);
}

gsize dub_rtmp_send_queue_memory(const DubRtmpSendQueue *self)
{
    return self->memory;
}

int64_t dub_rtmp_send_queue_oldest_ns(const DubRtmpSendQueue *self)
{
    return self->length > 0 ? entry_at(self, 0)->queued_ns : DUB_TIME_NONE;
}

static gsize vectors_bytes(const GOutputVector *vectors, guint n)
{
    gsize bytes = 0;
    for (guint i = 0; i < n; i++)
        bytes += vectors[i].size;
    return bytes;
}

guint dub_rtmp_send_queue_vectors(const DubRtmpSendQueue *self, GOutputVector *vectors, guint max)
{
    guint n = 0;
    gsize offset = self->head_sent;
    for (guint i = 0; i < self->length && n < max; i++) {
        const DubRtmpFrame *frame = entry_at(self, i)->frame;
        const guint filled = dub_rtmp_frame_vectors(frame, offset, vectors + n, max - n);
        const gsize bytes = vectors_bytes(vectors + n, filled);
        n += filled;
        if (offset + bytes < frame->wire_bytes)
            break; /* no room for the rest of this one */
        offset = 0;
    }
    return n;
}

void dub_rtmp_send_queue_sent(DubRtmpSendQueue *self, gsize bytes)
{
    while (self->length > 0) {
        DubRtmpFrame *frame = entry_at(self, 0)->frame;
        const gsize left = frame->wire_bytes - self->head_sent;
        if (bytes < left) {
            self->head_sent += bytes;
            return;
        }
        bytes -= left;
        self->memory -= dub_rtmp_frame_memory(frame);
        dub_rtmp_frame_unref(frame);
        self->head = (self->head + 1) & (self->size - 1);
        self->length--;
        self->head_sent = 0;
    }
}

static bool is_media(const DubRtmpFrame *frame)
{
    return frame->kind >= DUB_RTMP_FRAME_AUDIO;
}

guint dub_rtmp_send_queue_drop_media(DubRtmpSendQueue *self)
{
    const guint before = self->length;
    guint kept = 0;
    for (guint i = 0; i < before; i++) {
        const Entry entry = *entry_at(self, i);
        const bool begun = i == 0 && self->head_sent > 0;
        if (begun || !is_media(entry.frame)) {
            *entry_at(self, kept++) = entry;
            continue;
        }
        self->memory -= dub_rtmp_frame_memory(entry.frame);
        dub_rtmp_frame_unref(entry.frame);
    }
    self->length = kept;
    return before - kept;
}
