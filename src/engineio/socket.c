/* SPDX-License-Identifier: MIT
 * engineio/socket.c: one session. While it polls, packets wait in a queue for the client's next GET; on a WebSocket
 * they go out at once. An upgrade moves the queue over in order: the client stops polling before it asks for it. */
#include "engineio/server-private.h"

#include <string.h>
#include <sys/random.h>

#define SID_BYTES   15 /* 20 characters */
#define GET_PACKETS 16 /* in one answer: python-engineio's client takes no more */
#define CROSSING_MS 20 /* for a GET that was sent together with a POST that closes */

static void on_ws_message(EioFormat format, GBytes *data, void *user_data);
static void on_ws_closed(EioCloseReason reason, void *user_data);
static void on_probe_message(EioFormat format, GBytes *data, void *user_data);
static void on_probe_closed(EioCloseReason reason, void *user_data);

const EioWsCallbacks eio_socket_ws_callbacks = { on_ws_message, on_ws_closed };
static const EioWsCallbacks probe_callbacks = { on_probe_message, on_probe_closed };

const char *eio_close_reason_to_string(EioCloseReason reason)
{
    switch (reason) {
    case EIO_CLOSE_CLIENT: return "client close";
    case EIO_CLOSE_SERVER: return "server close";
    case EIO_CLOSE_TRANSPORT: return "transport close";
    case EIO_CLOSE_PING_TIMEOUT: return "ping timeout";
    case EIO_CLOSE_PARSE_ERROR: return "parse error";
    case EIO_CLOSE_TOO_LARGE: return "message too large";
    case EIO_CLOSE_OVERFLOW: return "send buffer overflow";
    }
    return "invalid";
}

EioStatus eio_close_reason_to_status(EioCloseReason reason)
{
    switch (reason) {
    case EIO_CLOSE_CLIENT:
    case EIO_CLOSE_SERVER:
    case EIO_CLOSE_TRANSPORT: return EIO_STATUS_NORMAL;
    case EIO_CLOSE_PING_TIMEOUT: return EIO_STATUS_GOING_AWAY;
    case EIO_CLOSE_PARSE_ERROR: return EIO_STATUS_PROTOCOL_ERROR;
    case EIO_CLOSE_TOO_LARGE: return EIO_STATUS_TOO_LARGE;
    case EIO_CLOSE_OVERFLOW: return EIO_STATUS_POLICY;
    }
    return EIO_STATUS_NORMAL;
}

static char *make_sid(void)
{
    guint8 bytes[SID_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        g_error("getrandom() failed");
    char *sid = g_base64_encode(bytes, sizeof bytes);
    return g_strdelimit(g_strdelimit(sid, "+", '-'), "/", '_');
}

EioSocket *eio_socket_new(EioServer *server, SoupServerMessage *request, GHashTable *query)
{
    EioSocket *self = g_new0(EioSocket, 1);
    g_ref_count_init(&self->refs);
    self->server = server;
    self->sid = make_sid();
    self->path = g_strdup(g_uri_get_path(soup_server_message_get_uri(request)));
    const char *host = soup_server_message_get_remote_host(request);
    self->remote_address = g_strdup(host ? host : "");
    self->headers = soup_message_headers_ref(soup_server_message_get_request_headers(request));
    self->query = query ? g_hash_table_ref(query) : NULL;
    g_queue_init(&self->queue);
    return self;
}

EioSocket *eio_socket_ref(EioSocket *self)
{
    g_ref_count_inc(&self->refs);
    return self;
}

static void clear_queue(EioSocket *self)
{
    g_queue_clear_full(&self->queue, (GDestroyNotify) eio_packet_free);
    g_queue_init(&self->queue);
    self->queued_bytes = 0;
}

static void clear_source(GSource **source)
{
    if (!*source)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

void eio_socket_unref(EioSocket *self)
{
    if (!self || !g_ref_count_dec(&self->refs))
        return;
    if (self->destroy_data)
        self->destroy_data(self->data);
    clear_queue(self);
    soup_message_headers_unref(self->headers);
    g_clear_pointer(&self->query, g_hash_table_unref);
    g_free(self->sid);
    g_free(self->path);
    g_free(self->remote_address);
    g_free(self);
}

static GSource *attach(EioSocket *self, GSource *source, GSourceFunc callback)
{
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, callback, eio_socket_ref(self), (GDestroyNotify) eio_socket_unref);
    g_source_attach(source, self->server->context);
    return source;
}

/* ---- the timer: one source whose time is moved, so that a heartbeat costs no allocation ---- */

static gboolean dispatch_timer(GSource *source G_GNUC_UNUSED, GSourceFunc callback, gpointer data)
{
    return callback(data);
}

static GSourceFuncs timer_funcs = { NULL, NULL, dispatch_timer, NULL, NULL, NULL };

static gboolean on_timer(void *data)
{
    eio_socket_check_time(data);
    return G_SOURCE_CONTINUE;
}

static void set_timer(EioSocket *self, gint64 due_us)
{
    self->due_us = due_us;
    if (!self->timer)
        self->timer = attach(self, g_source_new(&timer_funcs, sizeof(GSource)), on_timer);
    g_source_set_ready_time(self->timer, due_us);
}

static void send_packet(EioSocket *self, EioPacketType type, const char *text);

static void start_heartbeat(EioSocket *self)
{
    self->waits_for_pong = false;
    set_timer(self, g_get_monotonic_time() + (gint64) self->server->options.ping_interval_ms * 1000);
}

void eio_socket_check_time(EioSocket *self)
{
    while (self->server && g_get_monotonic_time() >= self->due_us) {
        if (!self->is_open) {
            eio_socket_drop(self);
        } else if (self->waits_for_pong) {
            eio_socket_close_for(self, EIO_CLOSE_PING_TIMEOUT);
        } else {
            self->waits_for_pong = true;
            set_timer(self, self->due_us + (gint64) self->server->options.ping_timeout_ms * 1000);
            send_packet(self, EIO_PACKET_PING, NULL);
        }
    }
}

/* ---- closing ---- */

static void release_get(EioSocket *self, bool with_noop);

static void answer_last_post(EioSocket *self)
{
    g_autoptr(SoupServerMessage) request = g_steal_pointer(&self->last_post);
    clear_source(&self->last_post_timer);
    if (!request)
        return;
    eio_server_answer(self->server, request, g_bytes_new_static("ok", 2));
    soup_server_message_unpause(request);
}

void eio_socket_drop(EioSocket *self)
{
    EioServer *server = self->server;
    if (!server)
        return;
    clear_source(&self->timer);
    clear_source(&self->flush_source);
    clear_source(&self->probe_timer);
    clear_source(&self->overflow_source);
    answer_last_post(self);
    clear_queue(self);
    self->server = NULL;
    g_hash_table_remove(server->sockets, self->sid);
}

/* Returns: whether the session stays in the table until a GET has fetched what is queued */
static bool close_polling(EioSocket *self, EioCloseReason reason)
{
    if (reason == EIO_CLOSE_OVERFLOW)
        clear_queue(self);
    send_packet(self, reason == EIO_CLOSE_CLIENT ? EIO_PACKET_NOOP : EIO_PACKET_CLOSE, NULL);
    const bool had_get = self->get != NULL;
    release_get(self, false);
    if (reason != EIO_CLOSE_SERVER || (had_get && g_queue_is_empty(&self->queue)))
        return false;
    set_timer(self, g_get_monotonic_time() + (gint64) self->server->options.close_timeout_ms * 1000);
    return true;
}

static void close_transports(EioSocket *self, EioCloseReason reason)
{
    EioWs *ws = g_steal_pointer(&self->ws);
    if (self->probe)
        eio_ws_close(g_steal_pointer(&self->probe), EIO_STATUS_NORMAL);
    if (ws && reason == EIO_CLOSE_OVERFLOW)
        eio_ws_abort(ws);
    else if (ws)
        eio_ws_close(ws, eio_close_reason_to_status(reason));
    else if (close_polling(self, reason))
        return;
    eio_socket_drop(self);
}

void eio_socket_close_for(EioSocket *self, EioCloseReason reason)
{
    if (!self->is_open)
        return;
    EioServer *server = self->server;
    eio_socket_ref(self);
    self->is_open = false;
    server->n_open--;
    close_transports(self, reason);
    server->dispatching++;
    server->callbacks.on_close(self, reason, server->user_data);
    server->dispatching--;
    eio_socket_unref(self);
}

void eio_socket_close(EioSocket *self)
{
    eio_socket_close_for(self, EIO_CLOSE_SERVER);
}

static gboolean on_overflow(void *data)
{
    eio_socket_close_for(data, EIO_CLOSE_OVERFLOW);
    return G_SOURCE_REMOVE;
}

/* ---- sending ---- */

typedef struct {
    EioSocket *socket;
    gsize bytes;
} Inflight;

static void inflight_free(void *data, GClosure *closure G_GNUC_UNUSED)
{
    Inflight *inflight = data;
    eio_socket_unref(inflight->socket);
    g_free(inflight);
}

static void on_response_finished(SoupServerMessage *request G_GNUC_UNUSED, Inflight *inflight)
{
    inflight->socket->inflight_bytes -= inflight->bytes;
    inflight->bytes = 0;
}

static void track_response(EioSocket *self, SoupServerMessage *request, gsize bytes)
{
    Inflight *inflight = g_new(Inflight, 1);
    *inflight = (Inflight){ eio_socket_ref(self), bytes };
    self->inflight_bytes += bytes;
    g_signal_connect_data(request, "finished", G_CALLBACK(on_response_finished), inflight, inflight_free, 0);
}

static GBytes *take_payload(EioSocket *self)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    for (guint n = 0; n < GET_PACKETS && !g_queue_is_empty(&self->queue); n++) {
        g_autoptr(EioPacket) packet = g_queue_pop_head(&self->queue);
        self->queued_bytes -= eio_payload_size(packet);
        eio_payload_append(payload, packet);
    }
    return g_byte_array_free_to_bytes(g_steal_pointer(&payload));
}

/* Answers the waiting GET with what is queued. */
static void release_get(EioSocket *self, bool with_noop)
{
    clear_source(&self->flush_source);
    if (!self->get)
        return;
    if (with_noop && g_queue_is_empty(&self->queue))
        send_packet(self, EIO_PACKET_NOOP, NULL);
    g_autoptr(SoupServerMessage) request = g_steal_pointer(&self->get);
    clear_source(&self->flush_source);
    GBytes *payload = take_payload(self);
    track_response(self, request, g_bytes_get_size(payload));
    eio_server_answer(self->server, request, payload);
    soup_server_message_unpause(request);
}

static gboolean on_flush(void *data)
{
    EioSocket *self = data;
    if (self->server)
        release_get(self, false);
    return G_SOURCE_REMOVE;
}

static void queue_packet(EioSocket *self, EioPacket *packet)
{
    self->queued_bytes += eio_payload_size(packet);
    g_queue_push_tail(&self->queue, packet);
    if (self->get && !self->flush_source)
        self->flush_source = attach(self, g_idle_source_new(), on_flush);
}

/* Our own packets, of a few bytes. */
static void send_packet(EioSocket *self, EioPacketType type, const char *text)
{
    g_autoptr(GBytes) data = g_bytes_new_static(text ? text : "", text ? strlen(text) : 0);
    if (self->ws)
        eio_ws_send(self->ws, EIO_TEXT, (char) ('0' + type), data);
    else
        queue_packet(self, eio_packet_new(type, EIO_TEXT, data));
}

bool eio_socket_send(EioSocket *self, EioFormat format, GBytes *data)
{
    if (!self->is_open || self->overflow_source)
        return false;
    if (self->ws)
        return eio_ws_send(self->ws, format, format == EIO_TEXT ? '4' : 0, data);
    EioPacket *packet = eio_packet_new(EIO_PACKET_MESSAGE, format, data);
    const gsize total = self->queued_bytes + self->inflight_bytes + eio_payload_size(packet);
    if (total > self->server->options.max_buffered_bytes) {
        eio_packet_free(packet);
        self->overflow_source = attach(self, g_idle_source_new(), on_overflow);
        return false;
    }
    queue_packet(self, packet);
    return true;
}

gsize eio_socket_get_buffered_bytes(const EioSocket *self)
{
    return self->ws ? eio_ws_get_buffered_bytes(self->ws) : self->queued_bytes + self->inflight_bytes;
}

/* ---- receiving ---- */

static void handle_message(EioSocket *self, const EioPacket *packet)
{
    EioServer *server = self->server;
    server->dispatching++;
    server->callbacks.on_message(self, packet->format, packet->data, server->user_data);
    server->dispatching--;
}

static void handle_packet(EioSocket *self, const EioPacket *packet)
{
    switch (packet->type) {
    case EIO_PACKET_MESSAGE: handle_message(self, packet); break;
    case EIO_PACKET_PONG:
        if (self->waits_for_pong)
            start_heartbeat(self);
        break;
    case EIO_PACKET_CLOSE: eio_socket_close_for(self, EIO_CLOSE_CLIENT); break;
    case EIO_PACKET_NOOP: break;
    case EIO_PACKET_OPEN: /* the server's to send */
    case EIO_PACKET_PING:
    case EIO_PACKET_UPGRADE: eio_socket_close_for(self, EIO_CLOSE_PARSE_ERROR); break;
    }
}

static void on_ws_message(EioFormat format, GBytes *data, void *user_data)
{
    EioSocket *self = user_data;
    g_autoptr(EioPacket) packet = eio_packet_decode(data, format, NULL);
    eio_socket_ref(self);
    if (packet)
        handle_packet(self, packet);
    else
        eio_socket_close_for(self, EIO_CLOSE_PARSE_ERROR);
    eio_socket_unref(self);
}

static void on_ws_closed(EioCloseReason reason, void *user_data)
{
    eio_socket_close_for(user_data, reason);
}

/* ---- polling ---- */

static void on_get_finished(SoupServerMessage *request, EioSocket *self)
{
    if (self->get == request)
        g_clear_object(&self->get);
}

static void fetch_rest(EioSocket *self, SoupServerMessage *request)
{
    self->get = g_object_ref(request);
    release_get(self, false);
    if (g_queue_is_empty(&self->queue))
        eio_socket_drop(self);
}

void eio_socket_begin_get(EioSocket *self, SoupServerMessage *request)
{
    EioServer *server = self->server;
    eio_socket_ref(self);
    if (self->get) { /* "a client MUST NOT have more than one active GET request" */
        eio_socket_close_for(self, EIO_CLOSE_PARSE_ERROR);
        eio_server_refuse(server, request, 400, EIO_REFUSE_REQUEST, "Overlapping GET requests");
    } else {
        soup_server_message_pause(request);
        g_signal_connect_data(request, "finished", G_CALLBACK(on_get_finished), eio_socket_ref(self),
                              (GClosureNotify) (void (*)(void)) eio_socket_unref, 0);
        if (!self->is_open) {
            fetch_rest(self, request);
        } else {
            self->get = g_object_ref(request);
            if (self->last_post)
                eio_socket_close_for(self, EIO_CLOSE_CLIENT);
            else if (self->probed || !g_queue_is_empty(&self->queue))
                release_get(self, true);
        }
    }
    eio_socket_unref(self);
}

static void on_post_finished(SoupServerMessage *request, EioSocket *self)
{
    if (self->post == request)
        self->post = NULL;
}

bool eio_socket_begin_post(EioSocket *self, SoupServerMessage *request)
{
    if (self->post || self->last_post) {
        eio_socket_close_for(self, EIO_CLOSE_PARSE_ERROR);
        return false;
    }
    self->post = request;
    g_signal_connect_data(request, "finished", G_CALLBACK(on_post_finished), eio_socket_ref(self),
                          (GClosureNotify) (void (*)(void)) eio_socket_unref, 0);
    return true;
}

static gboolean on_last_post(void *data)
{
    eio_socket_close_for(data, EIO_CLOSE_CLIENT);
    return G_SOURCE_REMOVE;
}

/* A client that closes sends its last GET and its POST at the same time: the GET shall find the session, whichever
 * comes first, and what comes after our answer shall not. */
static void close_after_get(EioSocket *self, SoupServerMessage *request)
{
    soup_server_message_pause(request);
    self->last_post = g_object_ref(request);
    self->last_post_timer = attach(self, g_timeout_source_new(CROSSING_MS), on_last_post);
}

static bool handle_posted(EioSocket *self, SoupServerMessage *request, const EioPacket *packet)
{
    if (packet->type == EIO_PACKET_CLOSE && !self->get) {
        close_after_get(self, request);
        return false;
    }
    handle_packet(self, packet);
    return self->is_open && !self->ws;
}

void eio_socket_finish_post(EioSocket *self, SoupServerMessage *request)
{
    EioServer *server = self->server;
    g_autoptr(GBytes) body = soup_message_body_flatten(soup_server_message_get_request_body(request));
    g_autoptr(GPtrArray) packets = eio_payload_decode(body, NULL);
    eio_socket_ref(self);
    for (guint i = 0; packets && i < packets->len; i++)
        if (!handle_posted(self, request, g_ptr_array_index(packets, i)))
            break;
    self->post = NULL;
    if (self->last_post == request) {
        /* answered later */
    } else if (packets) {
        eio_server_answer(server, request, g_bytes_new_static("ok", 2));
    } else {
        eio_socket_close_for(self, EIO_CLOSE_PARSE_ERROR);
        eio_server_refuse(server, request, 400, EIO_REFUSE_REQUEST, "Invalid payload");
    }
    eio_socket_unref(self);
}

/* ---- upgrade ---- */

static bool is_text(EioFormat format, GBytes *data, const char *text)
{
    gsize size;
    const char *bytes = g_bytes_get_data(data, &size);
    return format == EIO_TEXT && size == strlen(text) && memcmp(bytes, text, size) == 0;
}

static void end_probe(EioSocket *self)
{
    self->probed = false;
    clear_source(&self->probe_timer);
    if (self->probe)
        eio_ws_close(g_steal_pointer(&self->probe), EIO_STATUS_POLICY);
}

static gboolean on_probe_timeout(void *data)
{
    end_probe(data);
    return G_SOURCE_REMOVE;
}

static void flush_to_ws(EioSocket *self)
{
    EioPacket *packet;
    while ((packet = g_queue_pop_head(&self->queue))) {
        const char type = packet->format == EIO_TEXT ? (char) ('0' + packet->type) : 0;
        eio_ws_send(self->ws, packet->format, type, packet->data); /* a failure comes by on_ws_closed */
        eio_packet_free(packet);
    }
    self->queued_bytes = 0;
}

/* The GET is let go before the transports change: what is queued for it stays first in line. */
static void complete_upgrade(EioSocket *self)
{
    release_get(self, true);
    self->probed = false;
    clear_source(&self->probe_timer);
    self->ws = g_steal_pointer(&self->probe);
    eio_ws_set_callbacks(self->ws, &eio_socket_ws_callbacks, self);
    flush_to_ws(self);
}

static void on_probe_message(EioFormat format, GBytes *data, void *user_data)
{
    EioSocket *self = user_data;
    if (is_text(format, data, "2probe") && !self->probed) {
        g_autoptr(GBytes) answer = g_bytes_new_static("probe", 5);
        self->probed = true;
        eio_ws_send(self->probe, EIO_TEXT, '3', answer);
        release_get(self, true);
    } else if (is_text(format, data, "5") && self->probed) {
        complete_upgrade(self);
    } else {
        end_probe(self);
    }
}

static void on_probe_closed(EioCloseReason reason G_GNUC_UNUSED, void *user_data)
{
    end_probe(user_data);
}

void eio_socket_poll_probe(EioSocket *self)
{
    eio_socket_ref(self);
    if (self->probe)
        eio_ws_poll(self->probe);
    eio_socket_unref(self);
}

void eio_socket_begin_probe(EioSocket *self, EioWs *ws)
{
    if (!self->is_open || self->ws || self->probe) {
        eio_ws_close(ws, EIO_STATUS_POLICY);
        return;
    }
    self->probe = ws;
    eio_ws_set_callbacks(ws, &probe_callbacks, self);
    self->probe_timer = attach(self, g_timeout_source_new(self->server->options.upgrade_timeout_ms), on_probe_timeout);
}

/* ---- opening ---- */

GBytes *eio_socket_make_open_packet(const EioSocket *self, bool can_upgrade)
{
    const EioServerOptions *options = &self->server->options;
    const EioHandshake handshake = {
        .sid = self->sid,
        .can_upgrade = can_upgrade,
        .ping_interval_ms = options->ping_interval_ms,
        .ping_timeout_ms = options->ping_timeout_ms,
        .max_payload_bytes = options->max_payload_bytes,
    };
    char *text = eio_handshake_to_text(&handshake);
    return g_bytes_new_take(text, strlen(text));
}

void eio_socket_start(EioSocket *self, EioWs *ws)
{
    EioServer *server = self->server;
    self->ws = ws;
    self->is_open = true;
    server->n_open++;
    g_hash_table_insert(server->sockets, self->sid, eio_socket_ref(self));
    start_heartbeat(self);
    if (ws) {
        g_autoptr(GBytes) open = eio_socket_make_open_packet(self, false);
        eio_ws_send(ws, EIO_TEXT, '0', open);
    }
    server->dispatching++;
    server->callbacks.on_open(self, server->user_data);
    server->dispatching--;
}

/* ---- what a user may ask ---- */

bool eio_socket_is_open(const EioSocket *self)
{
    return self->is_open;
}

const char *eio_socket_get_sid(const EioSocket *self)
{
    return self->sid;
}

const char *eio_socket_get_path(const EioSocket *self)
{
    return self->path;
}

const char *eio_socket_get_transport(const EioSocket *self)
{
    return self->ws ? "websocket" : "polling";
}

const char *eio_socket_get_remote_address(const EioSocket *self)
{
    return self->remote_address;
}

SoupMessageHeaders *eio_socket_get_request_headers(const EioSocket *self)
{
    return self->headers;
}

const char *eio_socket_get_query(const EioSocket *self, const char *name)
{
    return self->query ? g_hash_table_lookup(self->query, name) : NULL;
}

void eio_socket_set_data(EioSocket *self, void *data, GDestroyNotify destroy)
{
    if (self->destroy_data)
        self->destroy_data(self->data);
    self->data = data;
    self->destroy_data = destroy;
}

void *eio_socket_get_data(const EioSocket *self)
{
    return self->data;
}
