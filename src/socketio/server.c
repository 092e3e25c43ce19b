/* SPDX-License-Identifier: MIT
 * socketio/server.c: engine sessions in, packets to the sockets of their namespaces. */
#include "socketio/server-private.h"

#include <string.h>

static const char *const default_paths[] = { "/socket.io/", NULL };

void sio_server_options_init(SioServerOptions *options)
{
    *options = (SioServerOptions){
        .paths = default_paths,
        .connect_timeout_ms = 45000,
        .attachments_timeout_ms = 30000,
        .max_namespaces = 16,
        .max_pending_acks = 1024,
    };
    eio_server_options_init(&options->engine);
}

/* ---- a session that keeps us waiting ---- */

static void stop_timer(GSource **timer)
{
    if (!*timer)
        return;
    g_source_destroy(*timer);
    g_clear_pointer(timer, g_source_unref);
}

static GSource *start_timer(SioConnection *self, guint timeout_ms, GSourceFunc callback)
{
    GSource *timer = g_timeout_source_new(timeout_ms);
    g_source_set_callback(timer, callback, self, NULL);
    g_source_attach(timer, self->server->context);
    return timer;
}

static void stop_connect_timer(SioConnection *self)
{
    if (!self->connect_timer)
        return;
    stop_timer(&self->connect_timer);
    g_queue_remove(&self->server->outside, self);
}

static gboolean on_connect_timeout(void *data)
{
    SioConnection *self = data;
    stop_connect_timer(self);
    eio_socket_close(self->engine);
    return G_SOURCE_REMOVE;
}

void sio_connection_start_timer(SioConnection *self)
{
    if (self->connect_timer || g_hash_table_size(self->sockets) > 0)
        return;
    self->connect_timer = start_timer(self, self->server->options.connect_timeout_ms, on_connect_timeout);
    g_queue_push_tail(&self->server->outside, self);
}

/* Sessions that are in no namespace, and may never be let into one, keep nobody out. */
static void on_full(void *user_data)
{
    SioServer *self = user_data;
    const SioConnection *oldest = g_queue_peek_head(&self->outside);
    if (oldest)
        eio_socket_close(oldest->engine);
}

static gboolean on_attachments_timeout(void *data)
{
    SioConnection *self = data;
    stop_timer(&self->attachments_timer);
    eio_socket_close_for(self->engine, EIO_CLOSE_PARSE_ERROR);
    return G_SOURCE_REMOVE;
}

/* Its heartbeat does not end a peer that promises attachments and keeps them: what it sent of them would stay in
 * memory. */
static void watch_attachments(SioConnection *self)
{
    if (!self->reader.pending)
        stop_timer(&self->attachments_timer);
    else if (!self->attachments_timer)
        self->attachments_timer =
            start_timer(self, self->server->options.attachments_timeout_ms, on_attachments_timeout);
}

static void end_waiting(SioConnection *self)
{
    stop_connect_timer(self);
    stop_timer(&self->attachments_timer);
    sio_reader_clear(&self->reader);
}

static void connection_free(void *data)
{
    SioConnection *self = data;
    end_waiting(self);
    g_hash_table_unref(self->sockets);
    g_free(self);
}

/* ---- CONNECT ---- */

static const SioHandler *find_handler(SioServer *self, const char *nsp)
{
    for (guint i = 0; i < self->handlers->len; i++) {
        const SioHandler *handler = g_ptr_array_index(self->handlers, i);
        if (handler->name && strcmp(handler->name, nsp) == 0)
            return handler;
    }
    for (guint i = 0; i < self->handlers->len; i++) {
        const SioHandler *handler = g_ptr_array_index(self->handlers, i);
        if (!handler->name && handler->matches(nsp, handler->user_data))
            return handler;
    }
    return NULL;
}

/* @payload: (transfer full) */
static void answer(SioConnection *self, SioPacketType type, const char *nsp, json_t *payload)
{
    const SioPacket packet = { .type = type, .nsp = (char *) nsp, .id = -1, .data = payload };
    g_autoptr(GBytes) text = sio_packet_encode(&packet);
    eio_socket_send(self->engine, EIO_TEXT, text);
    json_decref(payload);
}

/* @data: (transfer full) (nullable) */
static void refuse(SioConnection *self, const char *nsp, const char *message, json_t *data)
{
    json_t *payload = json_object();
    json_object_set_new(payload, "message", json_string(message ? message : "Not authorized"));
    if (data)
        json_object_set_new(payload, "data", data);
    answer(self, SIO_PACKET_CONNECT_ERROR, nsp, payload);
    if (eio_socket_is_open(self->engine))
        sio_connection_start_timer(self);
}

static bool authorize(SioConnection *self, SioSocket *socket, const json_t *auth)
{
    const SioHandler *handler = socket->handler;
    SioRefusal refusal = { NULL, NULL };
    const bool ok =
        !handler->callbacks.on_authorize || handler->callbacks.on_authorize(socket, auth, &refusal, handler->user_data);
    if (!ok && eio_socket_is_open(self->engine))
        refuse(self, socket->nsp, refusal.message, g_steal_pointer(&refusal.data));
    g_free(refusal.message);
    json_decref(refusal.data);
    return ok && eio_socket_is_open(self->engine);
}

static void let_in(SioConnection *self, SioSocket *socket, const json_t *auth)
{
    json_t *payload = json_object();
    stop_connect_timer(self);
    sio_socket_enter(socket);
    g_hash_table_insert(self->sockets, socket->nsp, sio_socket_ref(socket));
    json_object_set_new(payload, "sid", json_string(socket->id));
    answer(self, SIO_PACKET_CONNECT, socket->nsp, payload);
    if (socket->handler->callbacks.on_connect)
        socket->handler->callbacks.on_connect(socket, auth, socket->handler->user_data);
}

static void handle_connect(SioConnection *self, const SioPacket *packet)
{
    const SioHandler *handler = find_handler(self->server, packet->nsp);
    self->was_connected = true;
    if (g_hash_table_contains(self->sockets, packet->nsp)) {
        eio_socket_close_for(self->engine, EIO_CLOSE_PARSE_ERROR);
        return;
    }
    if (!handler) {
        refuse(self, packet->nsp, "Invalid namespace", NULL);
        return;
    }
    if (g_hash_table_size(self->sockets) >= self->server->options.max_namespaces) {
        refuse(self, packet->nsp, "Too many namespaces", NULL);
        return;
    }
    g_autoptr(SioSocket) socket = sio_socket_new(self, handler, packet->nsp);
    if (authorize(self, socket, packet->data))
        let_in(self, socket, packet->data);
}

/* ---- other packets ---- */

static void handle_event(SioSocket *socket, SioPacket *packet)
{
    SioEvent event;
    json_t *name;
    sio_event_from_packet(&event, packet, &name);
    if (socket->handler->callbacks.on_event)
        socket->handler->callbacks.on_event(socket, &event, socket->handler->user_data);
    json_decref(name);
}

static void handle_disconnect(SioConnection *self, SioSocket *socket)
{
    g_hash_table_remove(self->sockets, socket->nsp);
    sio_socket_end(socket, SIO_DISCONNECT_CLIENT);
    if (eio_socket_is_open(self->engine))
        sio_connection_start_timer(self);
}

/* What comes for a namespace that the server has ended crossed our DISCONNECT on the way: dropped. */
static void handle_packet(SioConnection *self, SioPacket *packet)
{
    SioSocket *found = g_hash_table_lookup(self->sockets, packet->nsp);
    g_autoptr(SioSocket) socket = found ? sio_socket_ref(found) : NULL;
    if (packet->type == SIO_PACKET_CONNECT) {
        handle_connect(self, packet);
        return;
    }
    if (!self->was_connected || packet->type == SIO_PACKET_CONNECT_ERROR) {
        eio_socket_close_for(self->engine, EIO_CLOSE_PARSE_ERROR);
        return;
    }
    if (!socket)
        return;
    if (packet->type == SIO_PACKET_DISCONNECT)
        handle_disconnect(self, socket);
    else if (packet->type == SIO_PACKET_EVENT || packet->type == SIO_PACKET_BINARY_EVENT)
        handle_event(socket, packet);
    else
        sio_acks_resolve(socket->acks, packet->id, packet->data, packet->attachments);
}

/* ---- the engine's callbacks ---- */

static void on_open(EioSocket *engine, void *user_data)
{
    SioConnection *connection = g_new0(SioConnection, 1);
    connection->server = user_data;
    connection->engine = engine;
    connection->sockets = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) sio_socket_unref);
    eio_socket_set_data(engine, connection, connection_free);
    sio_connection_start_timer(connection);
}

static void on_message(EioSocket *engine, EioFormat format, GBytes *data, void *user_data)
{
    SioConnection *connection = eio_socket_get_data(engine);
    const SioServer *self = user_data;
    g_autoptr(GError) error = NULL;
    SioPacket *packet;
    if (!sio_reader_feed(&connection->reader, format, data, self->options.engine.max_payload_bytes, &packet, &error)) {
        const bool too_large = g_error_matches(error, EIO_ERROR, EIO_ERROR_TOO_LARGE);
        eio_socket_close_for(engine, too_large ? EIO_CLOSE_TOO_LARGE : EIO_CLOSE_PARSE_ERROR);
        return;
    }
    watch_attachments(connection);
    if (packet) {
        handle_packet(connection, packet);
        sio_packet_free(packet);
    }
}

static SioDisconnectReason from_engine(EioCloseReason reason)
{
    switch (reason) {
    case EIO_CLOSE_CLIENT:
    case EIO_CLOSE_TRANSPORT: return SIO_DISCONNECT_TRANSPORT;
    case EIO_CLOSE_SERVER: return SIO_DISCONNECT_SERVER;
    case EIO_CLOSE_PING_TIMEOUT: return SIO_DISCONNECT_PING_TIMEOUT;
    case EIO_CLOSE_PARSE_ERROR: return SIO_DISCONNECT_PARSE_ERROR;
    case EIO_CLOSE_TOO_LARGE: return SIO_DISCONNECT_TOO_LARGE;
    case EIO_CLOSE_OVERFLOW: return SIO_DISCONNECT_OVERFLOW;
    }
    return SIO_DISCONNECT_TRANSPORT;
}

/* A callback may disconnect another of the session's sockets: take them one by one. */
static void on_close(EioSocket *engine, EioCloseReason reason, void *user_data G_GNUC_UNUSED)
{
    SioConnection *connection = eio_socket_get_data(engine);
    GHashTableIter iter;
    void *socket;
    end_waiting(connection);
    while (g_hash_table_iter_init(&iter, connection->sockets), g_hash_table_iter_next(&iter, NULL, &socket)) {
        sio_socket_ref(socket);
        g_hash_table_iter_remove(&iter);
        sio_socket_end(socket, from_engine(reason));
        sio_socket_unref(socket);
    }
}

/* ---- life ---- */

static void handler_free(void *data)
{
    SioHandler *handler = data;
    g_free(handler->name);
    g_free(handler);
}

SioServer *sio_server_new(SoupServer *soup, const SioServerOptions *options)
{
    static const EioServerCallbacks callbacks = { .on_open = on_open,
                                                  .on_message = on_message,
                                                  .on_close = on_close,
                                                  .on_full = on_full };
    SioServerOptions defaults;
    sio_server_options_init(&defaults);
    if (!options)
        options = &defaults;
    SioServer *self = g_new0(SioServer, 1);
    self->options = *options;
    self->context = g_main_context_ref_thread_default();
    self->handlers = g_ptr_array_new_with_free_func(handler_free);
    self->by_id = g_hash_table_new(g_str_hash, g_str_equal);
    self->engine =
        eio_server_new(soup, options->paths ? options->paths : default_paths, &options->engine, &callbacks, self);
    return self;
}

void sio_server_close(SioServer *self)
{
    eio_server_close(self->engine);
}

void sio_server_free(SioServer *self)
{
    if (!self)
        return;
    eio_server_free(self->engine);
    g_clear_pointer(&self->spaces, g_hash_table_unref);
    g_hash_table_unref(self->by_id);
    g_ptr_array_unref(self->handlers);
    g_main_context_unref(self->context);
    g_free(self);
}

static void add_handler(SioServer *self, const char *name, SioNamespaceMatch matches,
                        const SioNamespaceCallbacks *callbacks, void *user_data)
{
    SioHandler *handler = g_new(SioHandler, 1);
    *handler = (SioHandler){ g_strdup(name), matches, *callbacks, user_data };
    g_ptr_array_add(self->handlers, handler);
}

void sio_server_add_namespace(SioServer *self, const char *name, const SioNamespaceCallbacks *callbacks,
                              void *user_data)
{
    g_return_if_fail(name[0] == '/' && !strchr(name, ','));
    add_handler(self, name, NULL, callbacks, user_data);
}

void sio_server_add_dynamic_namespace(SioServer *self, SioNamespaceMatch matches,
                                      const SioNamespaceCallbacks *callbacks, void *user_data)
{
    add_handler(self, NULL, matches, callbacks, user_data);
}

guint sio_server_count_connections(const SioServer *self)
{
    return eio_server_count(self->engine);
}

guint sio_server_count_sockets(const SioServer *self, const char *nsp)
{
    if (!nsp)
        return g_hash_table_size(self->by_id);
    const SioSpace *space = self->spaces ? g_hash_table_lookup(self->spaces, nsp) : NULL;
    return space ? g_hash_table_size(space->sockets) : 0;
}

SioSocket *sio_server_find(const SioServer *self, const char *id)
{
    return g_hash_table_lookup(self->by_id, id);
}
