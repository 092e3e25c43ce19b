/* SPDX-License-Identifier: MIT
 * engineio/frame.h: WebSocket frames (RFC 6455, section 5) and UTF-8: bytes in, values out. Internal. Any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    EIO_OPCODE_CONTINUATION = 0x0,
    EIO_OPCODE_TEXT = 0x1,
    EIO_OPCODE_BINARY = 0x2,
    EIO_OPCODE_CLOSE = 0x8,
    EIO_OPCODE_PING = 0x9,
    EIO_OPCODE_PONG = 0xA,
} EioOpcode;

#define EIO_FRAME_MAX_HEADER  14
#define EIO_FRAME_MAX_CONTROL 125 /* payload of a control frame */

typedef enum { /* RFC 6455, 7.4.1 */
               EIO_STATUS_NORMAL = 1000,
               EIO_STATUS_GOING_AWAY = 1001,
               EIO_STATUS_PROTOCOL_ERROR = 1002,
               EIO_STATUS_NO_STATUS = 1005, /* never on the wire */
               EIO_STATUS_BAD_DATA = 1007,
               EIO_STATUS_POLICY = 1008,
               EIO_STATUS_TOO_LARGE = 1009,
               EIO_STATUS_TRY_LATER = 1013,
} EioStatus;

typedef struct {
    EioOpcode opcode;
    bool fin;
    bool masked;
    guint8 mask[4];
    guint64 payload_bytes;
    guint header_bytes;
} EioFrameHeader;

typedef enum { EIO_FRAME_OK, EIO_FRAME_NEED_MORE, EIO_FRAME_BAD } EioFrameResult;

/* EIO_FRAME_BAD: reserved bits, unknown opcode, long or fragmented control frame, a length of 2^63 or above. */
EioFrameResult eio_frame_parse(const guint8 *bytes, gsize size, EioFrameHeader *header);
/* @mask: (nullable). Always fin: we never fragment. Returns: the header's size */
guint eio_frame_write_header(guint8 out[EIO_FRAME_MAX_HEADER], EioOpcode opcode, guint64 payload_bytes,
                             const guint8 *mask);
void eio_frame_apply_mask(guint8 *bytes, gsize size, const guint8 mask[4]);
bool eio_status_is_valid(guint status); /* may stand in a Close frame */

bool eio_utf8_is_valid(const guint8 *bytes, gsize size); /* NUL is a character like any other */
