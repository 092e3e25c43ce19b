/* SPDX-License-Identifier: MIT
 * engineio/client.c: connect, WebSocket handshake (RFC 6455, 4.1), OPEN packet, then messages; the heartbeat watches
 * the server. GSocketClient does proxies and TLS. */
#include "engineio/client.h"

#include "engineio/websocket.h"

#include <jansson.h>
#include <string.h>
#include <sys/random.h>

#define WS_GUID          "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define RESPONSE_BYTES   16384 /* of the handshake's HTTP response, and of a refusal's body */
#define CLOSE_TIMEOUT_MS 5000

typedef enum { CLIENT_CLOSED, CLIENT_CONNECTING, CLIENT_HANDSHAKE, CLIENT_OPEN } ClientState;

/* One way to a connection. It outlives the client's interest in it until its last callback has come. */
typedef struct {
    EioClient *client; /* NULL: cancelled */
    GCancellable *cancellable;
    GIOStream *stream;
    char *request, *key;
    guint8 response[RESPONSE_BYTES];
    gsize response_len;
} Attempt;

struct _EioClient {
    grefcount refs;
    char *host, *path;
    int port;
    bool is_tls;
    char *bad_url; /* why the URL cannot be used; NULL: it can */
    char **headers, **query;
    EioClientOptions options; /* numbers, proxy and tls_database only */
    EioClientCallbacks callbacks;
    void *user_data;
    GMainContext *context;
    ClientState state;
    Attempt *attempt;
    EioWs *ws;
    EioHandshake *handshake;
    GSource *timer; /* until OPEN, then until the next ping must have come */
    GSource *fail_source;
    GError *failure;
};

static const char *const default_path = "/engine.io/";

void eio_client_options_init(EioClientOptions *options)
{
    *options = (EioClientOptions){
        .path = default_path,
        .connect_timeout_ms = 10000,
        .max_payload_bytes = 50 * 1024 * 1024,
        .max_buffered_bytes = 64 * 1024 * 1024,
    };
}

static EioClient *client_ref(EioClient *self)
{
    g_ref_count_inc(&self->refs);
    return self;
}

static void client_unref(EioClient *self)
{
    if (!g_ref_count_dec(&self->refs))
        return;
    g_free(self->host);
    g_free(self->path);
    g_free(self->bad_url);
    g_strfreev(self->headers);
    g_strfreev(self->query);
    g_clear_object(&self->options.proxy);
    g_clear_object(&self->options.tls_database);
    g_clear_pointer(&self->context, g_main_context_unref);
    g_clear_error(&self->failure);
    g_free(self);
}

static void clear_source(GSource **source)
{
    if (!*source)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static GSource *attach(EioClient *self, GSource *source, GSourceFunc callback)
{
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, callback, client_ref(self), (GDestroyNotify) client_unref);
    g_source_attach(source, self->context);
    return source;
}

/* ---- closing ---- */

static void attempt_free(Attempt *attempt)
{
    g_clear_object(&attempt->cancellable);
    g_clear_object(&attempt->stream);
    g_free(attempt->request);
    g_free(attempt->key);
    g_free(attempt);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Attempt, attempt_free)

static void cancel_attempt(EioClient *self)
{
    if (!self->attempt)
        return;
    self->attempt->client = NULL; /* its pending callback frees it */
    g_cancellable_cancel(self->attempt->cancellable);
    self->attempt = NULL;
}

static void reset(EioClient *self, EioStatus status)
{
    cancel_attempt(self);
    clear_source(&self->timer);
    clear_source(&self->fail_source);
    if (self->ws)
        eio_ws_close(g_steal_pointer(&self->ws), status);
    g_clear_pointer(&self->handshake, eio_handshake_free);
    self->state = CLIENT_CLOSED;
}

static void close_with(EioClient *self, EioCloseReason reason, const GError *error)
{
    if (self->state == CLIENT_CLOSED)
        return;
    client_ref(self);
    reset(self, eio_close_reason_to_status(reason));
    if (self->callbacks.on_close)
        self->callbacks.on_close(self, reason, error, self->user_data);
    client_unref(self);
}

static void close_for(EioClient *self, EioCloseReason reason, EioErrorCode code, const char *message)
{
    g_autoptr(GError) error = g_error_new_literal(EIO_ERROR, code, message);
    close_with(self, reason, error);
}

static gboolean on_fail(void *data)
{
    EioClient *self = data;
    g_autoptr(GError) error = g_steal_pointer(&self->failure);
    close_with(self, EIO_CLOSE_TRANSPORT, error);
    return G_SOURCE_REMOVE;
}

/* From inside eio_client_open(). @error: (transfer full) */
static void fail_later(EioClient *self, GError *error)
{
    g_clear_error(&self->failure);
    self->failure = error;
    self->fail_source = attach(self, g_idle_source_new(), on_fail);
}

/* ---- open: packets ---- */

static gboolean on_connect_timeout(void *data)
{
    EioClient *self = data;
    g_autofree char *message =
        g_strdup_printf("no answer from %s:%d within %u ms", self->host, self->port, self->options.connect_timeout_ms);
    close_for(self, EIO_CLOSE_TRANSPORT, EIO_ERROR_TIMEOUT, message);
    return G_SOURCE_REMOVE;
}

static gboolean on_ping_missing(void *data)
{
    close_for(data, EIO_CLOSE_PING_TIMEOUT, EIO_ERROR_TIMEOUT, "the server's pings have stopped");
    return G_SOURCE_REMOVE;
}

static void expect_ping(EioClient *self)
{
    clear_source(&self->timer);
    self->timer =
        attach(self, g_timeout_source_new(self->handshake->ping_interval_ms + self->handshake->ping_timeout_ms),
               on_ping_missing);
}

static void parse_failed(EioClient *self, const char *message)
{
    close_for(self, EIO_CLOSE_PARSE_ERROR, EIO_ERROR_BAD_PACKET, message);
}

static void handle_open(EioClient *self, const EioPacket *packet)
{
    g_autoptr(GError) error = NULL;
    if (packet->type != EIO_PACKET_OPEN) {
        parse_failed(self, "the first packet is not OPEN");
        return;
    }
    self->handshake = eio_handshake_parse(packet->data, &error);
    if (!self->handshake) {
        close_with(self, EIO_CLOSE_PARSE_ERROR, error);
        return;
    }
    self->state = CLIENT_OPEN;
    expect_ping(self);
    if (self->callbacks.on_open)
        self->callbacks.on_open(self, self->user_data);
}

static void handle_packet(EioClient *self, const EioPacket *packet)
{
    switch (packet->type) {
    case EIO_PACKET_PING:
        expect_ping(self);
        eio_ws_send(self->ws, EIO_TEXT, '3', packet->data);
        break;
    case EIO_PACKET_MESSAGE:
        if (self->callbacks.on_message)
            self->callbacks.on_message(self, packet->format, packet->data, self->user_data);
        break;
    case EIO_PACKET_CLOSE: close_with(self, EIO_CLOSE_SERVER, NULL); break;
    case EIO_PACKET_NOOP: break;
    case EIO_PACKET_OPEN:
    case EIO_PACKET_PONG:
    case EIO_PACKET_UPGRADE: parse_failed(self, "a packet that a server never sends"); break;
    }
}

static void on_ws_message(EioFormat format, GBytes *data, void *user_data)
{
    EioClient *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(EioPacket) packet = eio_packet_decode(data, format, &error);
    client_ref(self);
    if (!packet)
        close_with(self, EIO_CLOSE_PARSE_ERROR, error);
    else if (self->state == CLIENT_HANDSHAKE)
        handle_open(self, packet);
    else if (self->state == CLIENT_OPEN)
        handle_packet(self, packet);
    client_unref(self);
}

static void on_ws_closed(EioCloseReason reason, void *user_data)
{
    EioClient *self = user_data;
    const bool too_large = reason == EIO_CLOSE_TOO_LARGE, overflow = reason == EIO_CLOSE_OVERFLOW;
    const EioErrorCode code = too_large ? EIO_ERROR_TOO_LARGE : overflow ? EIO_ERROR_OVERFLOW : EIO_ERROR_TRANSPORT;
    g_autofree char *message =
        g_strdup_printf("connection to %s:%d: %s", self->host, self->port, eio_close_reason_to_string(reason));
    close_for(self, reason, code, message);
}

static const EioWsCallbacks ws_callbacks = { on_ws_message, on_ws_closed };

/* ---- connecting ---- */

/* @error: (transfer full). Frees the attempt. */
static void attempt_failed(Attempt *attempt, GError *error)
{
    EioClient *self = attempt->client;
    if (self) {
        self->attempt = NULL;
        close_with(self, EIO_CLOSE_TRANSPORT, error);
    }
    g_error_free(error);
    attempt_free(attempt);
}

static GError *transport_error(Attempt *attempt, const GError *cause)
{
    if (!attempt->client)
        return g_error_new_literal(EIO_ERROR, EIO_ERROR_CLOSED, "cancelled");
    return g_error_new(EIO_ERROR, EIO_ERROR_TRANSPORT, "%s:%d: %s", attempt->client->host, attempt->client->port,
                       cause ? cause->message : "connection closed during the handshake");
}

static char *accept_for(const char *key)
{
    g_autoptr(GChecksum) sha1 = g_checksum_new(G_CHECKSUM_SHA1);
    guint8 digest[20];
    gsize length = sizeof digest;
    g_checksum_update(sha1, (const guchar *) key, -1);
    g_checksum_update(sha1, (const guchar *) WS_GUID, -1);
    g_checksum_get_digest(sha1, digest, &length);
    return g_base64_encode(digest, length);
}

/* Where the body begins, 0 when the headers are not complete. */
static gsize find_body(const Attempt *attempt)
{
    const guint8 *end = memmem(attempt->response, attempt->response_len, "\r\n\r\n", 4);
    return end ? (gsize) (end - attempt->response) + 4 : 0;
}

/* A reason worth reading: the phrase of the status line, and the "message" of a JSON body. A phrase may hold any bytes.
 */
static GError *refusal(const Attempt *attempt, guint status, const char *phrase, gsize body)
{
    const char *text = (const char *) attempt->response + body;
    const gsize size = attempt->response_len - body;
    json_t *root = size > 0 ? json_loadb(text, size, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
    const char *message = json_string_value(json_object_get(root, "message"));
    g_autofree char *readable = g_utf8_make_valid(phrase ? phrase : "", -1);
    GError *error = g_error_new(EIO_ERROR, EIO_ERROR_REFUSED, "the server refused: %u %s%s%s", status, readable,
                                message ? ": " : "", message ? message : "");
    json_decref(root);
    return error;
}

static bool wants_more(const Attempt *attempt, gsize body, SoupMessageHeaders *headers)
{
    const goffset length = soup_message_headers_get_content_length(headers);
    return attempt->response_len < sizeof attempt->response && (goffset) (attempt->response_len - body) < length;
}

static bool is_accepted(const Attempt *attempt, SoupMessageHeaders *headers)
{
    g_autofree char *expected = accept_for(attempt->key);
    return soup_message_headers_header_equals(headers, "Upgrade", "websocket") &&
           soup_message_headers_header_contains(headers, "Connection", "Upgrade") &&
           g_strcmp0(soup_message_headers_get_one(headers, "Sec-WebSocket-Accept"), expected) == 0 &&
           !soup_message_headers_get_list(headers, "Sec-WebSocket-Extensions"); /* we offered none */
}

static void upgrade(Attempt *attempt, gsize body)
{
    EioClient *self = attempt->client;
    const EioWsOptions options = {
        .is_client = true,
        .max_payload_bytes = self->options.max_payload_bytes,
        .max_buffered_bytes = self->options.max_buffered_bytes,
        .close_timeout_ms = CLOSE_TIMEOUT_MS,
    };
    g_autoptr(GBytes) early = g_bytes_new(attempt->response + body, attempt->response_len - body);
    self->attempt = NULL;
    self->state = CLIENT_HANDSHAKE;
    self->ws = eio_ws_new(attempt->stream, early, &options, &ws_callbacks, self);
    attempt_free(attempt);
}

static void read_more(Attempt *attempt);

static void handle_response(Attempt *attempt, gsize body, bool is_end)
{
    g_autoptr(SoupMessageHeaders) headers = soup_message_headers_new(SOUP_MESSAGE_HEADERS_RESPONSE);
    SoupHTTPVersion version;
    guint status;
    g_autofree char *phrase = NULL;
    const char *text = (const char *) attempt->response;
    if (!soup_headers_parse_response(text, (int) body - 2, headers, &version, &status, &phrase))
        attempt_failed(attempt, g_error_new_literal(EIO_ERROR, EIO_ERROR_HANDSHAKE, "the answer is not HTTP"));
    else if (status == SOUP_STATUS_SWITCHING_PROTOCOLS && is_accepted(attempt, headers))
        upgrade(attempt, body);
    else if (status == SOUP_STATUS_SWITCHING_PROTOCOLS)
        attempt_failed(attempt, g_error_new_literal(EIO_ERROR, EIO_ERROR_HANDSHAKE, "the answer is not a WebSocket's"));
    else if (!is_end && wants_more(attempt, body, headers))
        read_more(attempt);
    else
        attempt_failed(attempt, refusal(attempt, status, phrase, body));
}

static void on_read(GObject *source, GAsyncResult *result, void *data)
{
    Attempt *attempt = data;
    g_autoptr(GError) error = NULL;
    const gssize n = g_input_stream_read_finish(G_INPUT_STREAM(source), result, &error);
    attempt->response_len += n > 0 ? (gsize) n : 0;
    const gsize body = find_body(attempt);
    if (!attempt->client || (n <= 0 && !body))
        attempt_failed(attempt, transport_error(attempt, error));
    else if (body)
        handle_response(attempt, body, n <= 0);
    else if (attempt->response_len < sizeof attempt->response)
        read_more(attempt);
    else
        attempt_failed(attempt,
                       g_error_new_literal(EIO_ERROR, EIO_ERROR_HANDSHAKE, "the answer's headers are too long"));
}

static void read_more(Attempt *attempt)
{
    g_input_stream_read_async(g_io_stream_get_input_stream(attempt->stream), attempt->response + attempt->response_len,
                              sizeof attempt->response - attempt->response_len, G_PRIORITY_DEFAULT,
                              attempt->cancellable, on_read, attempt);
}

static void on_written(GObject *source, GAsyncResult *result, void *data)
{
    Attempt *attempt = data;
    g_autoptr(GError) error = NULL;
    if (!g_output_stream_write_all_finish(G_OUTPUT_STREAM(source), result, NULL, &error) || !attempt->client)
        attempt_failed(attempt, transport_error(attempt, error));
    else
        read_more(attempt);
}

static void append_query(GString *request, char *const *query)
{
    for (char *const *q = query; q && q[0] && q[1]; q += 2) {
        g_autofree char *name = g_uri_escape_string(q[0], NULL, FALSE);
        g_autofree char *value = g_uri_escape_string(q[1], NULL, FALSE);
        g_string_append_printf(request, "&%s=%s", name, value);
    }
}

static char *make_key(void)
{
    guint8 bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        g_error("getrandom() failed");
    return g_base64_encode(bytes, sizeof bytes);
}

static bool is_default_port(const EioClient *self)
{
    return self->port == (self->is_tls ? 443 : 80);
}

static char *make_request(const EioClient *self, const char *key)
{
    const bool is_v6 = strchr(self->host, ':') != NULL;
    GString *request = g_string_new(NULL);
    g_string_append_printf(request, "GET %s?EIO=" EIO_PROTOCOL "&transport=websocket", self->path);
    append_query(request, self->query);
    g_string_append_printf(request, " HTTP/1.1\r\nHost: %s%s%s", is_v6 ? "[" : "", self->host, is_v6 ? "]" : "");
    if (!is_default_port(self))
        g_string_append_printf(request, ":%d", self->port);
    g_string_append_printf(request,
                           "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                           "Sec-WebSocket-Key: %s\r\n",
                           key);
    for (char **h = self->headers; h && h[0] && h[1]; h += 2)
        g_string_append_printf(request, "%s: %s\r\n", h[0], h[1]);
    g_string_append(request, "\r\n");
    return g_string_free(request, FALSE);
}

static void on_connected(GObject *source, GAsyncResult *result, void *data)
{
    Attempt *attempt = data;
    g_autoptr(GError) error = NULL;
    GSocketConnection *connection = g_socket_client_connect_to_uri_finish(G_SOCKET_CLIENT(source), result, &error);
    attempt->stream = G_IO_STREAM(connection);
    if (!connection || !attempt->client) {
        attempt_failed(attempt, transport_error(attempt, error));
        return;
    }
    g_socket_set_option(g_socket_connection_get_socket(connection), 6 /* IPPROTO_TCP */, 1 /* TCP_NODELAY */, 1, NULL);
    attempt->key = make_key();
    attempt->request = make_request(attempt->client, attempt->key);
    g_output_stream_write_all_async(g_io_stream_get_output_stream(attempt->stream), attempt->request,
                                    strlen(attempt->request), G_PRIORITY_DEFAULT, attempt->cancellable, on_written,
                                    attempt);
}

static void on_event(GSocketClient *client G_GNUC_UNUSED, GSocketClientEvent event,
                     GSocketConnectable *connectable G_GNUC_UNUSED, GIOStream *connection, GTlsDatabase *database)
{
    if (event == G_SOCKET_CLIENT_TLS_HANDSHAKING)
        g_tls_connection_set_database(G_TLS_CONNECTION(connection), database);
}

static void connect_now(EioClient *self)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    const bool is_v6 = strchr(self->host, ':') != NULL;
    g_autofree char *uri = g_strdup_printf("%s://%s%s%s:%d", self->is_tls ? "https" : "http", is_v6 ? "[" : "",
                                           self->host, is_v6 ? "]" : "", self->port);
    g_socket_client_set_tls(client, self->is_tls);
    if (self->options.proxy)
        g_socket_client_set_proxy_resolver(client, self->options.proxy);
    if (self->options.tls_database)
        g_signal_connect_data(client, "event", G_CALLBACK(on_event), g_object_ref(self->options.tls_database),
                              (GClosureNotify) (void (*)(void)) g_object_unref, 0);
    Attempt *attempt = g_new0(Attempt, 1);
    attempt->client = self;
    attempt->cancellable = g_cancellable_new();
    self->attempt = attempt;
    g_socket_client_connect_to_uri_async(client, uri, (guint16) self->port, attempt->cancellable, on_connected,
                                         attempt);
}

void eio_client_open(EioClient *self)
{
    if (self->state != CLIENT_CLOSED)
        return;
    if (!self->context)
        self->context = g_main_context_ref_thread_default();
    self->state = CLIENT_CONNECTING;
    if (self->bad_url) {
        fail_later(self, g_error_new_literal(EIO_ERROR, EIO_ERROR_TRANSPORT, self->bad_url));
        return;
    }
    self->timer = attach(self, g_timeout_source_new(self->options.connect_timeout_ms), on_connect_timeout);
    connect_now(self);
}

bool eio_client_send(EioClient *self, EioFormat format, GBytes *data)
{
    if (self->state != CLIENT_OPEN)
        return false;
    const gsize max = self->handshake->max_payload_bytes;
    if (max > 0 && g_bytes_get_size(data) + (format == EIO_TEXT ? 1 : 0) > max)
        return false;
    return eio_ws_send(self->ws, format, format == EIO_TEXT ? '4' : 0, data);
}

void eio_client_close(EioClient *self)
{
    eio_client_close_for(self, EIO_CLOSE_CLIENT);
}

void eio_client_close_for(EioClient *self, EioCloseReason reason)
{
    close_with(self, reason, NULL);
}

bool eio_client_is_open(const EioClient *self)
{
    return self->state == CLIENT_OPEN;
}

const char *eio_client_get_sid(const EioClient *self)
{
    return self->handshake ? self->handshake->sid : NULL;
}

gsize eio_client_get_buffered_bytes(const EioClient *self)
{
    return self->ws ? eio_ws_get_buffered_bytes(self->ws) : 0;
}

/* ---- life ---- */

static bool has_scheme(GUri *uri, const char *a, const char *b)
{
    return g_ascii_strcasecmp(g_uri_get_scheme(uri), a) == 0 || g_ascii_strcasecmp(g_uri_get_scheme(uri), b) == 0;
}

static void read_url(EioClient *self, const char *url)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GUri) uri = g_uri_parse(url ? url : "", G_URI_FLAGS_NONE, &error);
    self->is_tls = uri && has_scheme(uri, "https", "wss");
    if (!uri || !g_uri_get_host(uri) || !*g_uri_get_host(uri) || !(self->is_tls || has_scheme(uri, "http", "ws"))) {
        self->bad_url = g_strdup_printf("\"%s\" is not an http, https, ws or wss URL", url ? url : "");
        return;
    }
    self->host = g_strdup(g_uri_get_host(uri));
    self->port = g_uri_get_port(uri) > 0 ? g_uri_get_port(uri) : self->is_tls ? 443 : 80;
}

/* A line break in a header would let its value write further headers. */
static char **copy_headers(const char *const *headers)
{
    char **copy = g_strdupv((char **) headers);
    for (char **h = copy; h && *h; h++)
        g_strdelimit(*h, "\r\n", ' ');
    return copy;
}

EioClient *eio_client_new(const EioClientOptions *options, const EioClientCallbacks *callbacks, void *user_data)
{
    EioClient *self = g_new0(EioClient, 1);
    g_ref_count_init(&self->refs);
    read_url(self, options->url);
    self->path = g_uri_escape_string(options->path ? options->path : default_path, "/", FALSE);
    self->headers = copy_headers(options->headers);
    self->query = g_strdupv((char **) options->query);
    self->options = *options;
    self->options.proxy = options->proxy ? g_object_ref(options->proxy) : NULL;
    self->options.tls_database = options->tls_database ? g_object_ref(options->tls_database) : NULL;
    self->callbacks = *callbacks;
    self->user_data = user_data;
    return self;
}

void eio_client_free(EioClient *self)
{
    if (!self)
        return;
    memset(&self->callbacks, 0, sizeof self->callbacks);
    reset(self, EIO_STATUS_NORMAL);
    client_unref(self);
}
