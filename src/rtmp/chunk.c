/* rtmp/chunk.c */
#include "rtmp/chunk.h"

#include "base/error.h"

#include <string.h>

#define DEFAULT_CHUNK_BYTES 128u /* §5.4.1 */
#define EXTENDED_TIMESTAMP  0xffffffu
#define MAX_HEADER_BYTES    18           /* basic 3, message 11, extended timestamp 4 */
#define FIRST_ALLOCATION    (64u * 1024) /* a length is only a promise: memory follows the bytes that came */

typedef struct {
    uint32_t id;                  /* 0: slot not in use */
    uint32_t timestamp_ms, field; /* field: of the last header, absolute or a delta; type 3 repeats it */
    uint32_t length, stream_id;
    uint8_t type;
    bool has_header, extended;
    uint8_t *payload; /* a message under way, or NULL */
    gsize fill, allocated;
    bool open; /* a message is under way, perhaps still without payload */
} ChunkStream;

struct _DubRtmpReader {
    gsize chunk_bytes, max_message_bytes;
    gsize promised_bytes; /* by the messages under way, together */
    uint8_t header[MAX_HEADER_BYTES];
    gsize header_fill;
    ChunkStream *current; /* a chunk's payload is being read */
    gsize chunk_left;
    ChunkStream streams[DUB_RTMP_MAX_CHUNK_STREAMS];
};

DubRtmpReader *dub_rtmp_reader_new(gsize max_message_bytes)
{
    DubRtmpReader *self = g_new0(DubRtmpReader, 1);
    self->chunk_bytes = DEFAULT_CHUNK_BYTES;
    self->max_message_bytes = max_message_bytes;
    return self;
}

void dub_rtmp_reader_free(DubRtmpReader *self)
{
    if (!self)
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(self->streams); i++)
        g_free(self->streams[i].payload);
    g_free(self);
}

void dub_rtmp_reader_set_max_message(DubRtmpReader *self, gsize max_message_bytes)
{
    self->max_message_bytes = max_message_bytes;
}

gsize dub_rtmp_reader_memory(const DubRtmpReader *self)
{
    gsize bytes = 0;
    for (gsize i = 0; i < G_N_ELEMENTS(self->streams); i++)
        bytes += self->streams[i].allocated;
    return bytes;
}

static DubRtmpRead broken(GError **error, const char *text)
{
    g_set_error(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "RTMP: %s", text);
    return DUB_RTMP_READ_BROKEN;
}

static uint32_t big_endian(const uint8_t *bytes, guint n)
{
    uint32_t value = 0;
    for (guint i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

static gsize basic_header_bytes(uint8_t first_byte)
{
    const uint8_t low = first_byte & 0x3f;
    return low == 0 ? 2 : low == 1 ? 3 : 1;
}

static uint32_t chunk_stream_id(const uint8_t *header)
{
    switch (header[0] & 0x3f) {
    case 0: return 64u + header[1];
    case 1: return 64u + header[1] + 256u * header[2];
    default: return header[0] & 0x3f;
    }
}

static ChunkStream *find_stream(DubRtmpReader *self, uint32_t id)
{
    for (gsize i = 0; i < G_N_ELEMENTS(self->streams); i++) {
        if (self->streams[i].id == id)
            return &self->streams[i];
    }
    return NULL;
}

static gsize message_header_bytes(uint8_t first_byte)
{
    static const gsize bytes[] = { 11, 7, 3, 0 };
    return bytes[first_byte >> 6];
}

/* How long the header in self->header is, as far as its first @have bytes tell. */
static gsize header_bytes(DubRtmpReader *self, gsize have)
{
    if (have == 0)
        return 1;
    const gsize basic = basic_header_bytes(self->header[0]);
    const gsize message = message_header_bytes(self->header[0]);
    if (have < basic + message)
        return basic + message;
    if (message > 0)
        return basic + message + (big_endian(self->header + basic, 3) == EXTENDED_TIMESTAMP ? 4 : 0);
    const ChunkStream *stream = find_stream(self, chunk_stream_id(self->header));
    return basic + (stream && stream->extended ? 4 : 0); /* §5.3.1.3: repeated in type 3 */
}

/* True when the header of the chunk is there as a whole. */
static bool gather_header(DubRtmpReader *self, const uint8_t **data, gsize *size)
{
    for (;;) {
        const gsize want = header_bytes(self, self->header_fill);
        if (self->header_fill == want)
            return true;
        const gsize take = MIN(*size, want - self->header_fill);
        if (take == 0)
            return false;
        memcpy(self->header + self->header_fill, *data, take);
        self->header_fill += take;
        *data += take;
        *size -= take;
    }
}

static void drop_message(DubRtmpReader *self, ChunkStream *stream)
{
    if (!stream->open)
        return;
    self->promised_bytes -= stream->length;
    g_clear_pointer(&stream->payload, g_free);
    stream->fill = stream->allocated = 0;
    stream->open = false;
}

static DubRtmpRead parse_header(DubRtmpReader *self, ChunkStream *stream, GError **error)
{
    const guint format = self->header[0] >> 6;
    const uint8_t *at = self->header + basic_header_bytes(self->header[0]);
    if (format < 3 && stream->open)
        return broken(error, "a new message on a chunk stream whose last message is not complete");
    if (format >= 2 && !stream->has_header)
        return broken(error, "a chunk without a header before it");
    if (format < 3) {
        stream->field = big_endian(at, 3);
        stream->extended = stream->field == EXTENDED_TIMESTAMP;
    }
    if (format < 2) {
        stream->length = big_endian(at + 3, 3);
        stream->type = at[6];
    }
    if (format == 0) /* the one little-endian field, §5.3.1.2.1 */
        stream->stream_id = at[7] | at[8] << 8 | at[9] << 16 | (uint32_t) at[10] << 24;
    if (stream->extended)
        stream->field = big_endian(at + message_header_bytes(self->header[0]), 4);
    stream->has_header = true;
    return DUB_RTMP_READ_MORE;
}

static DubRtmpRead open_message(DubRtmpReader *self, ChunkStream *stream, GError **error)
{
    const bool absolute = self->header[0] >> 6 == 0;
    if (stream->length > self->max_message_bytes - MIN(self->promised_bytes, self->max_message_bytes))
        return broken(error, "a message longer than is allowed");
    self->promised_bytes += stream->length;
    /* A type 3 chunk that starts a message adds the last field again, also one of type 0: §5.3.1.2.4. */
    stream->timestamp_ms = absolute ? stream->field : stream->timestamp_ms + stream->field;
    stream->open = true;
    return DUB_RTMP_READ_MORE;
}

static DubRtmpRead begin_chunk(DubRtmpReader *self, GError **error)
{
    const uint32_t id = chunk_stream_id(self->header);
    ChunkStream *stream = find_stream(self, id);
    if (!stream)
        stream = find_stream(self, 0);
    if (!stream)
        return broken(error, "too many chunk streams");
    stream->id = id;
    const bool was_open = stream->open;
    if (parse_header(self, stream, error) == DUB_RTMP_READ_BROKEN)
        return DUB_RTMP_READ_BROKEN;
    if (!was_open && open_message(self, stream, error) == DUB_RTMP_READ_BROKEN)
        return DUB_RTMP_READ_BROKEN;
    self->header_fill = 0;
    self->current = stream;
    self->chunk_left = MIN(stream->length - stream->fill, self->chunk_bytes);
    return DUB_RTMP_READ_MORE;
}

static void grow_payload(ChunkStream *stream, gsize bytes)
{
    if (bytes <= stream->allocated)
        return;
    const gsize wanted = MAX(bytes, MAX(stream->allocated * 2, FIRST_ALLOCATION));
    stream->allocated = MIN(wanted, stream->length);
    stream->payload = g_realloc(stream->payload, stream->allocated);
}

static void read_payload(DubRtmpReader *self, const uint8_t **data, gsize *size)
{
    ChunkStream *stream = self->current;
    const gsize take = MIN(*size, self->chunk_left);
    if (take == 0)
        return;
    grow_payload(stream, stream->fill + take);
    memcpy(stream->payload + stream->fill, *data, take);
    stream->fill += take;
    self->chunk_left -= take;
    *data += take;
    *size -= take;
}

/* What the two messages that steer the chunk stream itself say. */
static DubRtmpRead obey(DubRtmpReader *self, uint8_t type, const uint8_t *payload, gsize size, GError **error)
{
    if (type != DUB_RTMP_SET_CHUNK_SIZE && type != DUB_RTMP_ABORT)
        return DUB_RTMP_READ_MESSAGE;
    if (size < 4)
        return broken(error, "a control message of less than 4 bytes");
    const uint32_t value = big_endian(payload, 4);
    if (type == DUB_RTMP_SET_CHUNK_SIZE) {
        if (value == 0 || value > G_MAXINT32)
            return broken(error, "a chunk size that is not within 1 and 2147483647");
        self->chunk_bytes = MIN(value, DUB_RTMP_MAX_CHUNK_BYTES);
        return DUB_RTMP_READ_MESSAGE;
    }
    ChunkStream *stream = value ? find_stream(self, value) : NULL;
    if (stream)
        drop_message(self, stream);
    return DUB_RTMP_READ_MESSAGE;
}

static DubRtmpRead finish_message(DubRtmpReader *self, DubRtmpMessage *message, GError **error)
{
    ChunkStream *stream = g_steal_pointer(&self->current);
    if (stream->fill < stream->length)
        return DUB_RTMP_READ_MORE; /* further chunks follow */
    message->type = stream->type;
    message->stream_id = stream->stream_id;
    message->timestamp_ms = stream->timestamp_ms;
    message->payload = g_bytes_new_take(g_steal_pointer(&stream->payload), stream->length);
    drop_message(self, stream);
    gsize size;
    const uint8_t *payload = g_bytes_get_data(message->payload, &size);
    const DubRtmpRead result = obey(self, message->type, payload, size, error);
    if (result == DUB_RTMP_READ_BROKEN)
        dub_rtmp_message_clear(message);
    return result;
}

DubRtmpRead dub_rtmp_reader_read(DubRtmpReader *self, const uint8_t **data, gsize *size, DubRtmpMessage *message,
                                 GError **error)
{
    for (;;) {
        if (!self->current) {
            if (!gather_header(self, data, size))
                return DUB_RTMP_READ_MORE;
            if (begin_chunk(self, error) == DUB_RTMP_READ_BROKEN)
                return DUB_RTMP_READ_BROKEN;
        }
        read_payload(self, data, size);
        if (self->chunk_left > 0)
            return DUB_RTMP_READ_MORE;
        const DubRtmpRead result = finish_message(self, message, error);
        if (result != DUB_RTMP_READ_MORE)
            return result;
    }
}

static void put_big_endian(uint8_t *out, guint n, uint32_t value)
{
    for (guint i = 0; i < n; i++)
        out[i] = (uint8_t) (value >> 8 * (n - 1 - i));
}

void dub_rtmp_headers_init(DubRtmpHeaders *self, uint8_t chunk_stream, uint8_t type, uint32_t stream_id,
                           uint32_t timestamp_ms, gsize payload_bytes)
{
    const bool extended = timestamp_ms >= EXTENDED_TIMESTAMP;
    self->first[0] = chunk_stream; /* type 0 in the two upper bits */
    put_big_endian(self->first + 1, 3, extended ? EXTENDED_TIMESTAMP : timestamp_ms);
    put_big_endian(self->first + 4, 3, (uint32_t) payload_bytes);
    self->first[7] = type;
    for (guint i = 0; i < 4; i++)
        self->first[8 + i] = (uint8_t) (stream_id >> 8 * i);
    self->next[0] = (uint8_t) (0xc0 | chunk_stream);
    if (extended) {
        put_big_endian(self->first + 12, 4, timestamp_ms);
        put_big_endian(self->next + 1, 4, timestamp_ms);
    }
    self->first_bytes = extended ? 16 : 12;
    self->next_bytes = extended ? 5 : 1;
}

void dub_rtmp_message_encode(GByteArray *out, const DubRtmpHeaders *headers, const uint8_t *payload, gsize size,
                             gsize chunk_bytes)
{
    g_byte_array_append(out, headers->first, headers->first_bytes);
    for (gsize at = 0; at < size; at += chunk_bytes) {
        if (at > 0)
            g_byte_array_append(out, headers->next, headers->next_bytes);
        g_byte_array_append(out, payload + at, (guint) MIN(chunk_bytes, size - at));
    }
}
