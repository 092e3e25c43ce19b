/* SPDX-License-Identifier: MIT
 * engineio/gate.c: a GIOStream around a connection whose input stream reads the first request's head along
 * with libsoup. */
#include "engineio/gate.h"

#include <libsoup/soup.h>
#include <stdbool.h>
#include <string.h>

#define MAX_HEAD_BYTES (128 * 1024) /* libsoup gives up at 72 KiB */

/* ---- the input stream ---- */

typedef struct {
    GFilterInputStream parent;
    GPollableOutputStream *out; /* the connection's, for a refusal */
    GByteArray *head;           /* of the first request, as far as it has come; NULL once libsoup has all of it */
    gsize line;                 /* where the head's last line begins */
} GateInput;
typedef GFilterInputStreamClass GateInputClass;

static void gate_input_pollable_init(GPollableInputStreamInterface *pollable);
static GType gate_input_get_type(void);
G_DEFINE_TYPE_WITH_CODE(GateInput, gate_input, G_TYPE_FILTER_INPUT_STREAM,
                        G_IMPLEMENT_INTERFACE(G_TYPE_POLLABLE_INPUT_STREAM, gate_input_pollable_init))

static GInputStream *base_of(void *self)
{
    return g_filter_input_stream_get_base_stream(self);
}

/* libsoup's rule: the head ends at an empty line that something stands before.
 * Returns: the length of what stands before, or 0 when that line has not come yet */
static gsize find_end(GateInput *self, gsize seen)
{
    const guint8 *bytes = self->head->data, *feed;
    for (; (feed = memchr(bytes + seen, '\n', self->head->len - seen)); self->line = seen) {
        const gsize begin = self->line;
        seen = (gsize) (feed + 1 - bytes);
        if ((seen - begin == 1 && begin >= 2) || (seen - begin == 2 && begin >= 3 && bytes[begin] == '\r'))
            return begin;
    }
    return 0;
}

/* Returns: the status to refuse this head with; 0 when libsoup may have it, if only to refuse it itself */
static guint judge(GByteArray *head, gsize length)
{
    g_autoptr(SoupMessageHeaders) headers = soup_message_headers_new(SOUP_MESSAGE_HEADERS_REQUEST);
    g_byte_array_set_size(head, (guint) length + 1);
    head->data[length] = '\0'; /* libsoup's parser wants one behind the end */
    const guint status = soup_headers_parse_request((const char *) head->data, (int) length, headers, NULL, NULL, NULL);
    if (status != SOUP_STATUS_OK || soup_message_headers_get_encoding(headers) != SOUP_ENCODING_UNRECOGNIZED)
        return 0;
    return soup_message_headers_get_list(headers, "Transfer-Encoding") ? SOUP_STATUS_NOT_IMPLEMENTED
                                                                       : SOUP_STATUS_BAD_REQUEST;
}

/* Nothing was sent on this connection before: its empty buffer takes the answer whole. */
static void answer(GateInput *self, guint status)
{
    const char *reason = status == SOUP_STATUS_NOT_IMPLEMENTED
                             ? "the only Transfer-Encoding that is understood is chunked\n"
                             : "Content-Length is not a number\n";
    g_autofree char *text = g_strdup_printf("HTTP/1.1 %u %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                                            "Connection: close\r\n\r\n%s",
                                            status, soup_status_get_phrase(status), strlen(reason), reason);
    g_pollable_output_stream_write_nonblocking(self->out, text, strlen(text), NULL, NULL);
}

/* Looks at what was just read, before libsoup does.
 * @n: as read() returned it. Returns: @n, or -1 for a request that is refused */
static gssize inspect(GateInput *self, const void *bytes, gssize n, GError **error)
{
    if (!self->head || n < 0)
        return n;
    const gsize seen = self->head->len;
    g_byte_array_append(self->head, bytes, (guint) n);
    const gsize length = n > 0 ? find_end(self, seen) : seen; /* to libsoup, the connection's end is one too */
    if (n > 0 && length == 0 && self->head->len <= MAX_HEAD_BYTES)
        return n;
    g_autoptr(GByteArray) head = g_steal_pointer(&self->head);
    const guint status = length > 0 ? judge(head, length) : 0;
    if (status == 0)
        return n;
    answer(self, status);
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                        "the request's body has no length that is understood");
    return -1;
}

static gssize gate_input_read(GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable,
                              GError **error)
{
    const gssize n = g_input_stream_read(base_of(stream), buffer, count, cancellable, error);
    return inspect((GateInput *) stream, buffer, n, error);
}

static gssize gate_input_read_nonblocking(GPollableInputStream *stream, void *buffer, gsize count, GError **error)
{
    GPollableInputStream *base = G_POLLABLE_INPUT_STREAM(base_of(stream));
    const gssize n = g_pollable_input_stream_read_nonblocking(base, buffer, count, NULL, error);
    return inspect((GateInput *) stream, buffer, n, error);
}

static gboolean gate_input_is_readable(GPollableInputStream *stream)
{
    return g_pollable_input_stream_is_readable(G_POLLABLE_INPUT_STREAM(base_of(stream)));
}

static GSource *gate_input_create_source(GPollableInputStream *stream, GCancellable *cancellable)
{
    g_autoptr(GSource) base = g_pollable_input_stream_create_source(G_POLLABLE_INPUT_STREAM(base_of(stream)), NULL);
    return g_pollable_source_new_full(stream, base, cancellable);
}

static void gate_input_pollable_init(GPollableInputStreamInterface *pollable)
{
    pollable->is_readable = gate_input_is_readable;
    pollable->read_nonblocking = gate_input_read_nonblocking;
    pollable->create_source = gate_input_create_source;
}

static void gate_input_finalize(GObject *object)
{
    GateInput *self = (GateInput *) object;
    g_clear_pointer(&self->head, g_byte_array_unref);
    g_object_unref(self->out);
    G_OBJECT_CLASS(gate_input_parent_class)->finalize(object);
}

static void gate_input_class_init(GateInputClass *class)
{
    G_OBJECT_CLASS(class)->finalize = gate_input_finalize;
    G_INPUT_STREAM_CLASS(class)->read_fn = gate_input_read;
}

static void gate_input_init(GateInput *self)
{
    self->head = g_byte_array_new();
}

/* ---- the connection ---- */

typedef struct {
    GIOStream parent;
    GIOStream *connection;
    GInputStream *in;
} Gate;
typedef GIOStreamClass GateClass;

static GType gate_get_type(void);
G_DEFINE_TYPE(Gate, gate, G_TYPE_IO_STREAM)

static GInputStream *gate_get_input(GIOStream *stream)
{
    return ((Gate *) stream)->in;
}

static GOutputStream *gate_get_output(GIOStream *stream)
{
    return g_io_stream_get_output_stream(((Gate *) stream)->connection);
}

static gboolean gate_close(GIOStream *stream, GCancellable *cancellable, GError **error)
{
    return g_io_stream_close(((Gate *) stream)->connection, cancellable, error);
}

/* GIOStream's own would close it in another thread. */
static void gate_close_async(GIOStream *stream, int priority G_GNUC_UNUSED, GCancellable *cancellable,
                             GAsyncReadyCallback callback, void *user_data)
{
    GError *error = NULL;
    g_autoptr(GTask) task = g_task_new(stream, cancellable, callback, user_data);
    if (gate_close(stream, cancellable, &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

static gboolean gate_close_finish(GIOStream *stream G_GNUC_UNUSED, GAsyncResult *result, GError **error)
{
    return g_task_propagate_boolean(G_TASK(result), error);
}

static void gate_finalize(GObject *object)
{
    Gate *self = (Gate *) object;
    g_object_unref(self->in);
    g_object_unref(self->connection);
    G_OBJECT_CLASS(gate_parent_class)->finalize(object);
}

static void gate_class_init(GateClass *class)
{
    G_OBJECT_CLASS(class)->finalize = gate_finalize;
    class->get_input_stream = gate_get_input;
    class->get_output_stream = gate_get_output;
    class->close_fn = gate_close;
    class->close_async = gate_close_async;
    class->close_finish = gate_close_finish;
}

static void gate_init(Gate *self G_GNUC_UNUSED)
{
}

GIOStream *eio_gate_new(GIOStream *connection)
{
    GateInput *in = g_object_new(gate_input_get_type(), "base-stream", g_io_stream_get_input_stream(connection),
                                 "close-base-stream", FALSE, NULL);
    Gate *self = g_object_new(gate_get_type(), NULL);
    in->out = g_object_ref(G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(connection)));
    self->in = G_INPUT_STREAM(in);
    self->connection = g_object_ref(connection);
    return G_IO_STREAM(self);
}
