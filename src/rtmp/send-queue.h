/* rtmp/send-queue.h: what one peer has yet to be sent: references to frames, and how much of the first is out.
 * Bytes in, vectors out; no I/O. The server's loop thread only. Times are ns on dub_clock_now(). */
#pragma once

#include "rtmp/frame.h"

typedef struct _DubRtmpSendQueue DubRtmpSendQueue;
DubRtmpSendQueue *dub_rtmp_send_queue_new(void);
void dub_rtmp_send_queue_free(DubRtmpSendQueue *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubRtmpSendQueue, dub_rtmp_send_queue_free)

void dub_rtmp_send_queue_push(DubRtmpSendQueue *self, DubRtmpFrame *frame, int64_t now_ns); /* takes a reference */
gsize dub_rtmp_send_queue_memory(const DubRtmpSendQueue *self);      /* of the frames in it; 0: all is out */
int64_t dub_rtmp_send_queue_oldest_ns(const DubRtmpSendQueue *self); /* when the first came; DUB_TIME_NONE when empty */

/* For one writev(): the head of the queue. They stay valid until the next push, sent or drop. */
guint dub_rtmp_send_queue_vectors(const DubRtmpSendQueue *self, GOutputVector *vectors, guint max);
void dub_rtmp_send_queue_sent(DubRtmpSendQueue *self, gsize bytes);

/* Drops audio, video and data of which nothing is out yet. Returns: how many frames went. */
guint dub_rtmp_send_queue_drop_media(DubRtmpSendQueue *self);
