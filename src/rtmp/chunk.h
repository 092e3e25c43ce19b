/* rtmp/chunk.h: RTMP's chunk stream, §5.3: bytes to messages, and the headers that turn a message into bytes.
 * A codec, no I/O. Any thread, one reader one thread. */
#pragma once

#include "rtmp/message.h"

#include <stdbool.h>

#define DUB_RTMP_MAX_CHUNK_STREAMS 16 /* one peer uses at a time; clients use up to 6 */

typedef struct _DubRtmpReader DubRtmpReader;
DubRtmpReader *dub_rtmp_reader_new(gsize max_message_bytes);
void dub_rtmp_reader_free(DubRtmpReader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubRtmpReader, dub_rtmp_reader_free)

gsize dub_rtmp_reader_memory(const DubRtmpReader *self); /* that its unfinished messages take */

/* From the next message on. What all unfinished messages hold together stays within the same bound. */
void dub_rtmp_reader_set_max_message(DubRtmpReader *self, gsize max_message_bytes);

typedef enum {
    DUB_RTMP_READ_MORE,    /* all of the data is used up */
    DUB_RTMP_READ_MESSAGE, /* one message; call again with the rest of the data */
    DUB_RTMP_READ_BROKEN,  /* the peer broke the protocol; the reader is of no further use */
} DubRtmpRead;

/**
 * dub_rtmp_reader_read:
 * @data, @size: moved past what was used; any cut is fine
 * @message: filled with %DUB_RTMP_READ_MESSAGE, the caller clears it
 * Set Chunk Size and Abort act on the reader itself; the caller sees them too.
 */
DubRtmpRead dub_rtmp_reader_read(DubRtmpReader *self, const uint8_t **data, gsize *size, DubRtmpMessage *message,
                                 GError **error);

#define DUB_RTMP_MAX_FIRST_HEADER_BYTES 16 /* basic header 1, message header 11, extended timestamp 4 */
#define DUB_RTMP_MAX_NEXT_HEADER_BYTES  5

/* The headers of one message. Always of type 0, so that the bytes depend on nothing sent before and one set serves
 * every receiver. */
typedef struct {
    uint8_t first[DUB_RTMP_MAX_FIRST_HEADER_BYTES];
    uint8_t next[DUB_RTMP_MAX_NEXT_HEADER_BYTES]; /* before each further chunk */
    uint8_t first_bytes, next_bytes;
} DubRtmpHeaders;

/* @chunk_stream: 2…63. @payload_bytes: up to DUB_RTMP_MAX_MESSAGE_BYTES */
void dub_rtmp_headers_init(DubRtmpHeaders *self, uint8_t chunk_stream, uint8_t type, uint32_t stream_id,
                           uint32_t timestamp_ms, gsize payload_bytes);

/* A whole message in one piece, for what is small: control and command messages. */
void dub_rtmp_message_encode(GByteArray *out, const DubRtmpHeaders *headers, const uint8_t *payload, gsize size,
                             gsize chunk_bytes);
