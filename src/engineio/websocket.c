/* SPDX-License-Identifier: MIT
 * engineio/websocket.c: reads straight into the message's buffer, writes header and data in one call without copying.
 */
#include "engineio/websocket.h"

#include <string.h>
#include <sys/random.h>

#define INPUT_BYTES         4096    /* holds headers and small frames (or what came early); larger payloads bypass it */
#define FIRST_MESSAGE_BYTES 262144  /* a larger message's buffer grows with what really comes */
#define TURN_BYTES          1048576 /* read at most this much before other connections get their turn */
#define MAX_VECTORS         32
#define LINGER_MS           500 /* for the peer to read why it failed */

typedef enum { WS_OPEN, WS_CLOSING, WS_DISCARDING, WS_CLOSED } WsState;

/* A frame on its way out. */
typedef struct {
    guint8 head[EIO_FRAME_MAX_HEADER + 1];
    guint8 head_bytes;
    GBytes *body;
    gsize written; /* of head and body together */
} Outgoing;

struct _EioWs {
    gatomicrefcount refs; /* the caller, and each attached source */
    EioWsOptions options;
    EioWsCallbacks callbacks; /* cleared once nobody listens */
    void *user_data;
    GMainContext *context;
    GIOStream *stream;
    GPollableInputStream *in;
    GPollableOutputStream *out;
    GSource *in_source, *out_source, *start_source, *fail_source, *close_source;
    WsState state;
    bool close_queued, peer_closed;
    EioCloseReason fail_reason;

    guint8 *input; /* of size input_cap: read, not yet parsed: input_from to input_to */
    gsize input_from, input_to, input_cap;
    EioFrameHeader frame; /* the one being read, when in_frame */
    bool in_frame;
    gsize frame_left;
    EioOpcode message_opcode; /* CONTINUATION: no message is under way */
    guint8 *message;          /* of size message_cap; the frames so far are unmasked */
    gsize message_len, message_cap, frame_start;
    guint8 control[EIO_FRAME_MAX_CONTROL];
    gsize control_len;

    GQueue outgoing;
    gsize buffered_bytes;
};

static void outgoing_free(Outgoing *frame)
{
    g_clear_pointer(&frame->body, g_bytes_unref);
    g_free(frame);
}

static EioWs *ws_ref(EioWs *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

static void ws_unref(EioWs *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    g_queue_clear_full(&self->outgoing, (GDestroyNotify) outgoing_free);
    g_clear_object(&self->stream);
    g_free(self->input);
    g_free(self->message);
    g_main_context_unref(self->context);
    g_free(self);
}

static void clear_source(GSource **source)
{
    if (!*source)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

/* Each source keeps the connection alive until it is destroyed. */
static GSource *attach(EioWs *self, GSource *source, GSourceFunc callback)
{
    g_source_set_callback(source, callback, ws_ref(self), (GDestroyNotify) ws_unref);
    g_source_attach(source, self->context);
    return source;
}

static void finish(EioWs *self)
{
    if (self->state == WS_CLOSED)
        return;
    self->state = WS_CLOSED;
    clear_source(&self->in_source);
    clear_source(&self->out_source);
    clear_source(&self->start_source);
    clear_source(&self->close_source);
    g_queue_clear_full(&self->outgoing, (GDestroyNotify) outgoing_free);
    g_queue_init(&self->outgoing);
    self->buffered_bytes = 0;
    g_clear_pointer(&self->message, g_free);
    g_io_stream_close_async(self->stream, G_PRIORITY_DEFAULT, NULL, NULL, NULL);
}

static void report_closed(EioWs *self, EioCloseReason reason)
{
    void (*on_closed)(EioCloseReason, void *) = self->callbacks.on_closed;
    memset(&self->callbacks, 0, sizeof self->callbacks);
    if (on_closed)
        on_closed(reason, self->user_data);
}

static void abort_with(EioWs *self, EioCloseReason reason)
{
    finish(self);
    report_closed(self, reason);
}

static gboolean on_failed(void *data)
{
    EioWs *self = data;
    clear_source(&self->fail_source);
    abort_with(self, self->fail_reason);
    return G_SOURCE_REMOVE;
}

/* For failures inside a caller's send: the callback must not come from there. */
static void fail_later(EioWs *self, EioCloseReason reason)
{
    if (self->fail_source)
        return;
    self->fail_reason = reason;
    self->fail_source = attach(self, g_idle_source_new(), on_failed);
    g_source_set_priority(self->fail_source, G_PRIORITY_DEFAULT);
}

/* ---- writing ---- */

static guint gather(EioWs *self, GOutputVector *vectors)
{
    guint n = 0;
    for (GList *l = self->outgoing.head; l && n + 2 <= MAX_VECTORS; l = l->next) {
        Outgoing *frame = l->data;
        if (frame->written < frame->head_bytes)
            vectors[n++] = (GOutputVector){ frame->head + frame->written, frame->head_bytes - frame->written };
        if (!frame->body)
            continue;
        gsize size;
        const guint8 *bytes = g_bytes_get_data(frame->body, &size);
        const gsize from = frame->written > frame->head_bytes ? frame->written - frame->head_bytes : 0;
        if (size > from)
            vectors[n++] = (GOutputVector){ bytes + from, size - from };
    }
    return n;
}

static void consume(EioWs *self, gsize written)
{
    self->buffered_bytes -= written;
    while (written > 0) {
        Outgoing *frame = g_queue_peek_head(&self->outgoing);
        const gsize total = frame->head_bytes + (frame->body ? g_bytes_get_size(frame->body) : 0);
        const gsize part = MIN(written, total - frame->written);
        frame->written += part;
        written -= part;
        if (frame->written == total)
            outgoing_free(g_queue_pop_head(&self->outgoing));
    }
}

/* Returns: false when the connection is broken */
static bool write_some(EioWs *self)
{
    while (!g_queue_is_empty(&self->outgoing)) {
        GOutputVector vectors[MAX_VECTORS];
        const guint n = gather(self, vectors);
        gsize written = 0;
        const GPollableReturn result =
            g_pollable_output_stream_writev_nonblocking(self->out, vectors, n, &written, NULL, NULL);
        if (result == G_POLLABLE_RETURN_WOULD_BLOCK)
            return true;
        if (result == G_POLLABLE_RETURN_FAILED)
            return false;
        consume(self, written);
    }
    return true;
}

static gboolean on_writable(GObject *stream, void *data);

static void want_write(EioWs *self)
{
    if (self->out_source || g_queue_is_empty(&self->outgoing))
        return;
    self->out_source =
        attach(self, g_pollable_output_stream_create_source(self->out, NULL), G_SOURCE_FUNC(on_writable));
}

/* Our Close is out and so is everything before it. */
static void after_write(EioWs *self)
{
    if (!g_queue_is_empty(&self->outgoing) || !self->close_queued)
        return;
    if (self->peer_closed)
        abort_with(self, EIO_CLOSE_TRANSPORT);
}

static gboolean on_writable(GObject *stream G_GNUC_UNUSED, void *data)
{
    EioWs *self = data;
    if (!write_some(self)) {
        abort_with(self, EIO_CLOSE_TRANSPORT);
        return G_SOURCE_REMOVE;
    }
    if (g_queue_is_empty(&self->outgoing))
        clear_source(&self->out_source);
    after_write(self);
    return G_SOURCE_CONTINUE;
}

static GBytes *masked_copy(GBytes *data, char type, const guint8 mask[4])
{
    gsize size;
    const guint8 *bytes = g_bytes_get_data(data, &size);
    const gsize n_type = type ? 1 : 0;
    guint8 *copy = g_malloc(size + n_type + 1);
    if (type)
        copy[0] = (guint8) type;
    if (size > 0)
        memcpy(copy + n_type, bytes, size);
    eio_frame_apply_mask(copy, size + n_type, mask);
    return g_bytes_new_take(copy, size + n_type);
}

static Outgoing *outgoing_new(EioWs *self, EioOpcode opcode, char type, GBytes *data)
{
    Outgoing *frame = g_new0(Outgoing, 1);
    const gsize size = g_bytes_get_size(data) + (type ? 1 : 0);
    if (!self->options.is_client) {
        frame->head_bytes = (guint8) eio_frame_write_header(frame->head, opcode, size, NULL);
        if (type)
            frame->head[frame->head_bytes++] = (guint8) type;
        frame->body = g_bytes_ref(data);
        return frame;
    }
    guint8 mask[4]; /* RFC 6455, 5.3: unpredictable */
    if (getrandom(mask, sizeof mask, 0) != sizeof mask)
        g_error("getrandom() failed");
    frame->head_bytes = (guint8) eio_frame_write_header(frame->head, opcode, size, mask);
    frame->body = masked_copy(data, type, mask);
    return frame;
}

/* Never calls back. Returns: false when the limit is passed or the connection is broken; a failure is reported later */
static bool queue_frame(EioWs *self, EioOpcode opcode, char type, GBytes *data)
{
    Outgoing *frame = outgoing_new(self, opcode, type, data);
    const gsize size = frame->head_bytes + g_bytes_get_size(frame->body);
    if (self->buffered_bytes + size > self->options.max_buffered_bytes) {
        outgoing_free(frame);
        fail_later(self, EIO_CLOSE_OVERFLOW);
        return false;
    }
    const bool was_idle = g_queue_is_empty(&self->outgoing);
    g_queue_push_tail(&self->outgoing, frame);
    self->buffered_bytes += size;
    if (was_idle && !write_some(self)) {
        fail_later(self, EIO_CLOSE_TRANSPORT);
        return false;
    }
    want_write(self);
    return true;
}

bool eio_ws_send(EioWs *self, EioFormat format, char type, GBytes *data)
{
    if (self->state != WS_OPEN || self->fail_source)
        return false;
    return queue_frame(self, format == EIO_TEXT ? EIO_OPCODE_TEXT : EIO_OPCODE_BINARY, type, data);
}

static void queue_close(EioWs *self, EioStatus status)
{
    if (self->close_queued)
        return;
    self->close_queued = true;
    const guint8 bytes[2] = { (guint8) (status >> 8), (guint8) status };
    g_autoptr(GBytes) payload = g_bytes_new(bytes, status == EIO_STATUS_NO_STATUS ? 0 : sizeof bytes);
    queue_frame(self, EIO_OPCODE_CLOSE, 0, payload);
}

static gboolean on_close_timeout(void *data)
{
    EioWs *self = data;
    abort_with(self, EIO_CLOSE_TRANSPORT);
    return G_SOURCE_REMOVE;
}

static void start_close_timer(EioWs *self, guint ms)
{
    clear_source(&self->close_source);
    self->close_source = attach(self, g_timeout_source_new(ms), on_close_timeout);
}

/* The peer broke the protocol: tell it why, then read and drop what comes, so that a reset does not overtake our Close.
 */
static void fail(EioWs *self, EioStatus status, EioCloseReason reason)
{
    self->state = WS_DISCARDING;
    g_clear_pointer(&self->message, g_free);
    queue_close(self, status);
    start_close_timer(self, MIN(LINGER_MS, self->options.close_timeout_ms));
    report_closed(self, reason);
}

/* ---- reading ---- */

static bool is_control(EioOpcode opcode)
{
    return opcode >= EIO_OPCODE_CLOSE;
}

static void deliver(EioWs *self)
{
    const EioFormat format = self->message_opcode == EIO_OPCODE_TEXT ? EIO_TEXT : EIO_BINARY;
    self->message_opcode = EIO_OPCODE_CONTINUATION;
    if (format == EIO_TEXT && !eio_utf8_is_valid(self->message, self->message_len)) {
        fail(self, EIO_STATUS_BAD_DATA, EIO_CLOSE_PARSE_ERROR);
        return;
    }
    g_autoptr(GBytes) data = g_bytes_new_take(g_steal_pointer(&self->message), self->message_len);
    self->message_len = self->message_cap = 0;
    if (self->state == WS_OPEN && self->callbacks.on_message)
        self->callbacks.on_message(format, data, self->user_data);
}

static void handle_close(EioWs *self)
{
    const guint status =
        self->control_len >= 2 ? (guint) self->control[0] << 8 | self->control[1] : EIO_STATUS_NO_STATUS;
    const bool is_ok = self->control_len == 0 || (self->control_len >= 2 && eio_status_is_valid(status) &&
                                                  eio_utf8_is_valid(self->control + 2, self->control_len - 2));
    if (!is_ok) {
        fail(self, EIO_STATUS_PROTOCOL_ERROR, EIO_CLOSE_PARSE_ERROR);
        return;
    }
    self->peer_closed = true;
    self->state = WS_CLOSING;
    queue_close(self, (EioStatus) status);
    start_close_timer(self, self->options.close_timeout_ms);
    report_closed(self, EIO_CLOSE_TRANSPORT);
    after_write(self);
}

static void handle_control(EioWs *self)
{
    if (self->frame.opcode == EIO_OPCODE_CLOSE) {
        handle_close(self);
        return;
    }
    if (self->frame.opcode != EIO_OPCODE_PING || self->state != WS_OPEN)
        return;
    g_autoptr(GBytes) payload = g_bytes_new(self->control, self->control_len);
    queue_frame(self, EIO_OPCODE_PONG, 0, payload);
}

static void end_frame(EioWs *self)
{
    self->in_frame = false;
    if (is_control(self->frame.opcode)) {
        if (self->frame.masked)
            eio_frame_apply_mask(self->control, self->control_len, self->frame.mask);
        handle_control(self);
        return;
    }
    if (self->frame.masked && self->message)
        eio_frame_apply_mask(self->message + self->frame_start, self->message_len - self->frame_start,
                             self->frame.mask);
    if (self->frame.fin)
        deliver(self);
}

static bool check_frame(EioWs *self)
{
    const EioFrameHeader *frame = &self->frame;
    const bool starts = frame->opcode == EIO_OPCODE_TEXT || frame->opcode == EIO_OPCODE_BINARY;
    const bool continues = frame->opcode == EIO_OPCODE_CONTINUATION;
    const bool in_message = self->message_opcode != EIO_OPCODE_CONTINUATION;
    if (frame->masked == self->options.is_client || (starts && in_message) || (continues && !in_message)) {
        fail(self, EIO_STATUS_PROTOCOL_ERROR, EIO_CLOSE_PARSE_ERROR);
        return false;
    }
    if (!is_control(frame->opcode) && frame->payload_bytes > self->options.max_payload_bytes - self->message_len) {
        fail(self, EIO_STATUS_TOO_LARGE, EIO_CLOSE_TOO_LARGE);
        return false;
    }
    return true;
}

/* Room for @more bytes after what the message has; at least half of it is used up by bytes that came. */
static void reserve(EioWs *self, gsize more)
{
    const gsize wanted = self->message_len + more;
    if (wanted <= self->message_cap)
        return;
    const gsize grown = MAX(self->message_cap * 2, (gsize) FIRST_MESSAGE_BYTES);
    self->message_cap = MIN(wanted, grown);
    self->message = g_realloc(self->message, self->message_cap + 1);
}

static bool begin_frame(EioWs *self)
{
    if (!check_frame(self))
        return false;
    self->in_frame = true;
    self->frame_left = (gsize) self->frame.payload_bytes;
    if (is_control(self->frame.opcode)) {
        self->control_len = 0;
        return true;
    }
    if (self->frame.opcode != EIO_OPCODE_CONTINUATION)
        self->message_opcode = self->frame.opcode;
    self->frame_start = self->message_len;
    reserve(self, self->frame_left);
    return true;
}

/* Moves payload from the input to where it belongs. */
static void take_payload(EioWs *self)
{
    gsize n = MIN(self->frame_left, self->input_to - self->input_from);
    const guint8 *from = self->input + self->input_from;
    if (is_control(self->frame.opcode)) {
        memcpy(self->control + self->control_len, from, n);
        self->control_len += n;
    } else if (n > 0) {
        reserve(self, self->frame_left);
        n = MIN(n, self->message_cap - self->message_len);
        memcpy(self->message + self->message_len, from, n);
        self->message_len += n;
    }
    self->input_from += n;
    self->frame_left -= n;
}

/* Parses what the input holds. Stops when it needs more bytes or nothing is to be read any more. */
static void parse_input(EioWs *self)
{
    while (self->state == WS_OPEN || self->state == WS_CLOSING) {
        if (!self->in_frame) {
            const EioFrameResult result =
                eio_frame_parse(self->input + self->input_from, self->input_to - self->input_from, &self->frame);
            if (result == EIO_FRAME_NEED_MORE)
                return;
            if (result == EIO_FRAME_BAD) {
                fail(self, EIO_STATUS_PROTOCOL_ERROR, EIO_CLOSE_PARSE_ERROR);
                return;
            }
            self->input_from += self->frame.header_bytes;
            if (!begin_frame(self))
                return;
        }
        take_payload(self);
        if (self->frame_left > 0)
            return;
        end_frame(self);
    }
}

/* Where the next read goes: straight into a large message, else into the input. */
static guint8 *read_target(EioWs *self, gsize *size)
{
    if (self->state == WS_DISCARDING)
        self->input_from = self->input_to = 0;
    const gsize left = self->input_to - self->input_from;
    if (self->in_frame && !is_control(self->frame.opcode) && left == 0 && self->state != WS_DISCARDING) {
        reserve(self, self->frame_left);
        *size = MIN(self->frame_left, self->message_cap - self->message_len);
        return self->message + self->message_len;
    }
    memmove(self->input, self->input + self->input_from, left);
    self->input_from = 0;
    self->input_to = left;
    *size = self->input_cap - left;
    return self->input + left;
}

static void account_read(EioWs *self, const guint8 *target, gsize n)
{
    if (self->state == WS_DISCARDING)
        return;
    if (target >= self->input && target <= self->input + self->input_cap) {
        self->input_to += n;
    } else {
        self->message_len += n;
        self->frame_left -= n;
        if (self->frame_left > 0)
            return;
        end_frame(self);
    }
    parse_input(self);
}

/* Returns: false when there is nothing more to read now, or ever */
static bool read_some(EioWs *self, gsize *total)
{
    gsize size;
    guint8 *target = read_target(self, &size);
    g_autoptr(GError) error = NULL;
    const gssize n = g_pollable_input_stream_read_nonblocking(self->in, target, size, NULL, &error);
    if (n < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        return false;
    if (n <= 0) {
        abort_with(self, EIO_CLOSE_TRANSPORT);
        return false;
    }
    *total += (gsize) n;
    account_read(self, target, (gsize) n);
    return (gsize) n == size || self->in_frame;
}

static gboolean on_readable(GObject *stream G_GNUC_UNUSED, void *data)
{
    EioWs *self = data;
    gsize total = 0;
    ws_ref(self);
    while (self->state != WS_CLOSED && total < TURN_BYTES && read_some(self, &total))
        ;
    ws_unref(self);
    return self->state != WS_CLOSED ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* Bytes that an earlier layer holds are read before the source is made: it would not fire for them. */
static gboolean on_start(void *data)
{
    EioWs *self = data;
    gsize total = 0;
    clear_source(&self->start_source);
    parse_input(self);
    while (self->state != WS_CLOSED && read_some(self, &total))
        ;
    if (self->state != WS_CLOSED)
        self->in_source =
            attach(self, g_pollable_input_stream_create_source(self->in, NULL), G_SOURCE_FUNC(on_readable));
    return G_SOURCE_REMOVE;
}

void eio_ws_poll(EioWs *self)
{
    ws_ref(self);
    if (self->start_source)
        on_start(self);
    else if (self->state != WS_CLOSED)
        on_readable(NULL, self);
    ws_unref(self);
}

/* ---- life ---- */

EioWs *eio_ws_new(GIOStream *stream, GBytes *early, const EioWsOptions *options, const EioWsCallbacks *callbacks,
                  void *user_data)
{
    EioWs *self = g_new0(EioWs, 1);
    g_atomic_ref_count_init(&self->refs);
    self->options = *options;
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->context = g_main_context_ref_thread_default();
    self->stream = g_object_ref(stream);
    self->in = G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(stream));
    self->out = G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(stream));
    self->input_to = early ? g_bytes_get_size(early) : 0;
    self->input_cap = MAX((gsize) INPUT_BYTES, self->input_to);
    self->input = g_malloc(self->input_cap);
    if (self->input_to > 0)
        memcpy(self->input, g_bytes_get_data(early, NULL), self->input_to);
    g_queue_init(&self->outgoing);
    self->start_source = attach(self, g_idle_source_new(), on_start);
    g_source_set_priority(self->start_source, G_PRIORITY_DEFAULT);
    return self;
}

void eio_ws_set_callbacks(EioWs *self, const EioWsCallbacks *callbacks, void *user_data)
{
    self->callbacks = *callbacks;
    self->user_data = user_data;
}

void eio_ws_close(EioWs *self, EioStatus status)
{
    memset(&self->callbacks, 0, sizeof self->callbacks);
    if (self->state == WS_OPEN) {
        self->state = WS_CLOSING;
        queue_close(self, status);
        start_close_timer(self, self->options.close_timeout_ms);
    }
    ws_unref(self);
}

void eio_ws_abort(EioWs *self)
{
    memset(&self->callbacks, 0, sizeof self->callbacks);
    finish(self);
    ws_unref(self);
}

gsize eio_ws_get_buffered_bytes(const EioWs *self)
{
    return self->buffered_bytes;
}
