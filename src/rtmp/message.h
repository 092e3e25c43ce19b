/* rtmp/message.h: what travels over RTMP, and the numbers of the specification ("Adobe's Real Time Messaging
 * Protocol" 1.0; sections are quoted as §). */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef enum {
    DUB_RTMP_SET_CHUNK_SIZE = 1, /* §5.4.1 */
    DUB_RTMP_ABORT = 2,
    DUB_RTMP_ACKNOWLEDGEMENT = 3,
    DUB_RTMP_USER_CONTROL = 4, /* §6.2 */
    DUB_RTMP_WINDOW_ACK_SIZE = 5,
    DUB_RTMP_SET_PEER_BANDWIDTH = 6,
    DUB_RTMP_AUDIO = 8,
    DUB_RTMP_VIDEO = 9,
    DUB_RTMP_DATA_AMF3 = 15,
    DUB_RTMP_COMMAND_AMF3 = 17, /* in practice one zero byte, then AMF0 */
    DUB_RTMP_DATA = 18,
    DUB_RTMP_COMMAND = 20,
    DUB_RTMP_AGGREGATE = 22, /* several of audio, video and data as FLV tags; old hardware encoders */
} DubRtmpType;

typedef enum { /* §7.1.7: the first two bytes of a user control message */
               DUB_RTMP_EVENT_STREAM_BEGIN = 0,
               DUB_RTMP_EVENT_STREAM_EOF = 1,
               DUB_RTMP_EVENT_PING_REQUEST = 6,
               DUB_RTMP_EVENT_PING_RESPONSE = 7,
} DubRtmpEvent;

enum { /* chunk streams that we write on: one a kind, so that a header never depends on another kind's */
       DUB_RTMP_CHUNK_STREAM_CONTROL = 2,
       DUB_RTMP_CHUNK_STREAM_COMMAND = 3,
       DUB_RTMP_CHUNK_STREAM_AUDIO = 4,
       DUB_RTMP_CHUNK_STREAM_DATA = 5,
       DUB_RTMP_CHUNK_STREAM_VIDEO = 6,
};

#define DUB_RTMP_MAX_CHUNK_BYTES   0xffffffu /* a message is never longer */
#define DUB_RTMP_MAX_MESSAGE_BYTES 0xffffffu

typedef struct {
    uint8_t type;          /* DubRtmpType, or another that we only pass on */
    uint32_t stream_id;    /* message stream: 0 for the connection, ours is 1 */
    uint32_t timestamp_ms; /* wraps after 49 days */
    GBytes *payload;       /* owned */
} DubRtmpMessage;

static inline void dub_rtmp_message_clear(DubRtmpMessage *self)
{
    g_clear_pointer(&self->payload, g_bytes_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DubRtmpMessage, dub_rtmp_message_clear)
