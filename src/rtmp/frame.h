/* rtmp/frame.h: a message on its way to many receivers: headers and payload exist once, everybody holds a reference.
 * Immutable. The server's loop thread only: the count is not atomic. */
#pragma once

#include "rtmp/chunk.h"

#include <gio/gio.h>

/* Our chunks: few headers for a key frame, and no client needs it smaller. */
#define DUB_RTMP_OUT_CHUNK_BYTES 65536u

typedef enum {
    DUB_RTMP_FRAME_CONTROL, /* commands and the rest: never dropped */
    DUB_RTMP_FRAME_SETUP,   /* metadata and decoder configuration: never dropped */
    DUB_RTMP_FRAME_AUDIO,
    DUB_RTMP_FRAME_VIDEO,
    DUB_RTMP_FRAME_VIDEO_KEY,
    DUB_RTMP_FRAME_DATA, /* cue points and the like */
} DubRtmpFrameKind;

typedef struct {
    guint ref_count;
    DubRtmpFrameKind kind;
    uint8_t type;
    uint32_t timestamp_ms;
    GBytes *payload;
    gsize wire_bytes; /* with the chunk headers */
    gsize *account;   /* (nullable) where its memory is added up */
    DubRtmpHeaders headers;
} DubRtmpFrame;

/* @payload: (transfer none), a reference is taken */
DubRtmpFrame *dub_rtmp_frame_new(DubRtmpFrameKind kind, uint8_t type, uint32_t stream_id, uint32_t timestamp_ms,
                                 GBytes *payload);
DubRtmpFrame *dub_rtmp_frame_new_raw(GBytes *bytes); /* a CONTROL frame that is its own wire form */
DubRtmpFrame *dub_rtmp_frame_ref(DubRtmpFrame *self);
void dub_rtmp_frame_unref(DubRtmpFrame *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubRtmpFrame, dub_rtmp_frame_unref)

/* What it holds, bookkeeping included: bounds count this, so that a flood of empty messages is bounded too. */
static inline gsize dub_rtmp_frame_memory(const DubRtmpFrame *self)
{
    return self->wire_bytes + sizeof *self + 64;
}

/* Adds its memory to @account, which must outlive it, until its last reference has gone. */
void dub_rtmp_frame_charge(DubRtmpFrame *self, gsize *account);

/**
 * dub_rtmp_frame_vectors:
 * @offset: bytes of the wire form that are out already
 * @vectors: room for @max; they point into @self
 * Returns: how many were filled; the frame needs more when they do not reach wire_bytes
 */
guint dub_rtmp_frame_vectors(const DubRtmpFrame *self, gsize offset, GOutputVector *vectors, guint max);
