/* SPDX-License-Identifier: MIT
 * socketio/socket.c: one client in one namespace; rooms and broadcast. */
#include "socketio/server-private.h"

#include <string.h>
#include <sys/random.h>

#define MAX_ROOMS 64 /* of one socket */
#define ID_BYTES  15

const char *sio_disconnect_reason_to_string(SioDisconnectReason reason)
{
    switch (reason) {
    case SIO_DISCONNECT_CLIENT: return "client namespace disconnect";
    case SIO_DISCONNECT_SERVER: return "server namespace disconnect";
    case SIO_DISCONNECT_TRANSPORT: return "transport close";
    case SIO_DISCONNECT_PING_TIMEOUT: return "ping timeout";
    case SIO_DISCONNECT_PARSE_ERROR: return "parse error";
    case SIO_DISCONNECT_TOO_LARGE: return "message too large";
    case SIO_DISCONNECT_OVERFLOW: return "send buffer overflow";
    }
    return "invalid";
}

static char *make_id(void)
{
    guint8 bytes[ID_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        g_error("getrandom() failed");
    char *id = g_base64_encode(bytes, sizeof bytes);
    return g_strdelimit(g_strdelimit(id, "+", '-'), "/", '_');
}

SioSocket *sio_socket_new(SioConnection *connection, const SioHandler *handler, const char *nsp)
{
    SioSocket *self = g_new0(SioSocket, 1);
    g_ref_count_init(&self->refs);
    self->server = connection->server;
    self->connection = connection;
    self->engine = eio_socket_ref(connection->engine);
    self->handler = handler;
    self->id = make_id();
    self->nsp = g_strdup(nsp);
    self->acks = sio_acks_new(connection->server->options.max_pending_acks);
    return self;
}

SioSocket *sio_socket_ref(SioSocket *self)
{
    g_ref_count_inc(&self->refs);
    return self;
}

void sio_socket_unref(SioSocket *self)
{
    if (!self || !g_ref_count_dec(&self->refs))
        return;
    if (self->destroy_data)
        self->destroy_data(self->data);
    sio_acks_free(self->acks);
    g_clear_pointer(&self->rooms, g_hash_table_unref);
    eio_socket_unref(self->engine);
    g_free(self->id);
    g_free(self->nsp);
    g_free(self);
}

/* ---- rooms ---- */

static void space_free(void *data)
{
    SioSpace *space = data;
    g_hash_table_unref(space->sockets);
    g_hash_table_unref(space->rooms);
    g_free(space->name);
    g_free(space);
}

static SioSpace *get_space(SioServer *server, const char *name)
{
    if (!server->spaces)
        server->spaces = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, space_free);
    SioSpace *space = g_hash_table_lookup(server->spaces, name);
    if (space)
        return space;
    space = g_new0(SioSpace, 1);
    space->name = g_strdup(name);
    space->sockets = g_hash_table_new(NULL, NULL);
    space->rooms = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_hash_table_unref);
    g_hash_table_insert(server->spaces, space->name, space);
    return space;
}

bool sio_socket_join(SioSocket *self, const char *room)
{
    if (!self->space)
        return false;
    if (!self->rooms)
        self->rooms = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!g_hash_table_contains(self->rooms, room) && g_hash_table_size(self->rooms) >= MAX_ROOMS)
        return false;
    GHashTable *members = g_hash_table_lookup(self->space->rooms, room);
    if (!members) {
        members = g_hash_table_new(NULL, NULL);
        g_hash_table_insert(self->space->rooms, g_strdup(room), members);
    }
    g_hash_table_add(members, self);
    g_hash_table_add(self->rooms, g_strdup(room));
    return true;
}

static void leave_members(SioSpace *space, SioSocket *socket, const char *room)
{
    GHashTable *members = g_hash_table_lookup(space->rooms, room);
    if (!members)
        return;
    g_hash_table_remove(members, socket);
    if (g_hash_table_size(members) == 0)
        g_hash_table_remove(space->rooms, room);
}

void sio_socket_leave(SioSocket *self, const char *room)
{
    if (!self->space || !self->rooms || !g_hash_table_contains(self->rooms, room))
        return;
    leave_members(self->space, self, room);
    g_hash_table_remove(self->rooms, room);
}

static void leave_space(SioSocket *self)
{
    SioSpace *space = g_steal_pointer(&self->space);
    GHashTableIter iter;
    void *room;
    if (self->rooms) {
        g_hash_table_iter_init(&iter, self->rooms);
        while (g_hash_table_iter_next(&iter, &room, NULL))
            leave_members(space, self, room);
        g_hash_table_remove_all(self->rooms);
    }
    g_hash_table_remove(space->sockets, self);
    g_hash_table_remove(self->server->by_id, self->id);
    if (g_hash_table_size(space->sockets) == 0)
        g_hash_table_remove(self->server->spaces, space->name);
}

void sio_socket_enter(SioSocket *self)
{
    self->space = get_space(self->server, self->nsp);
    g_hash_table_add(self->space->sockets, self);
    g_hash_table_insert(self->server->by_id, self->id, self);
}

void sio_socket_end(SioSocket *self, SioDisconnectReason reason)
{
    const SioNamespaceCallbacks *callbacks = &self->handler->callbacks;
    leave_space(self);
    self->server = NULL;
    self->connection = NULL;
    sio_acks_fail_all(self->acks);
    if (callbacks->on_disconnect)
        callbacks->on_disconnect(self, reason, self->handler->user_data);
}

guint sio_server_broadcast(SioServer *self, const char *nsp, const char *room, SioSocket *except, const char *event,
                           json_t *arg)
{
    json_t *args = sio_wrap_arg(arg);
    SioSpace *space = self->spaces ? g_hash_table_lookup(self->spaces, nsp) : NULL;
    GHashTable *members = !space ? NULL : room ? g_hash_table_lookup(space->rooms, room) : space->sockets;
    guint n = 0;
    if (members) {
        g_autoptr(GBytes) text = sio_encode_event(nsp, -1, event, args, 0);
        GHashTableIter iter;
        void *socket;
        g_hash_table_iter_init(&iter, members);
        while (g_hash_table_iter_next(&iter, &socket, NULL)) /* sending calls nothing back */
            if (socket != except && sio_socket_send(socket, text, NULL))
                n++;
    }
    json_decref(args);
    return n;
}

/* ---- sending ---- */

bool sio_socket_send(SioSocket *self, GBytes *text, GPtrArray *attachments)
{
    bool ok = self->connection && eio_socket_send(self->engine, EIO_TEXT, text);
    for (guint i = 0; ok && attachments && i < attachments->len; i++)
        ok = eio_socket_send(self->engine, EIO_BINARY, g_ptr_array_index(attachments, i));
    return ok;
}

static bool send_packet(void *end, GBytes *text, GPtrArray *attachments)
{
    return sio_socket_send(end, text, attachments);
}

static SioEmitter emitter(SioSocket *self)
{
    return (SioEmitter){ self->nsp, self->acks, send_packet, self->space ? self : NULL };
}

bool sio_socket_emit(SioSocket *self, const char *event, json_t *arg)
{
    return sio_socket_emit_args(self, event, sio_wrap_arg(arg), NULL);
}

bool sio_socket_emit_args(SioSocket *self, const char *event, json_t *args, GPtrArray *attachments)
{
    const SioEmitter to = emitter(self);
    return sio_emitter_event(&to, -1, event, args, attachments);
}

bool sio_socket_emit_with_ack(SioSocket *self, const char *event, json_t *args, GPtrArray *attachments,
                              guint timeout_ms, SioAckCallback callback, void *user_data)
{
    const SioEmitter to = emitter(self);
    return sio_emitter_event_with_ack(&to, event, args, attachments, timeout_ms, callback, user_data);
}

bool sio_socket_ack(SioSocket *self, int64_t ack_id, json_t *args, GPtrArray *attachments)
{
    const SioEmitter to = emitter(self);
    return sio_emitter_ack(&to, ack_id, args, attachments);
}

/* ---- leaving ---- */

void sio_socket_disconnect(SioSocket *self)
{
    if (!self->space)
        return;
    SioConnection *connection = self->connection;
    const SioPacket packet = { .type = SIO_PACKET_DISCONNECT, .nsp = self->nsp, .id = -1 };
    g_autoptr(GBytes) text = sio_packet_encode(&packet);
    g_autoptr(EioSocket) engine = eio_socket_ref(self->engine);
    sio_socket_send(self, text, NULL);
    sio_socket_ref(self);
    g_hash_table_remove(connection->sockets, self->nsp);
    sio_socket_end(self, SIO_DISCONNECT_SERVER);
    sio_socket_unref(self);
    if (eio_socket_is_open(engine))
        sio_connection_start_timer(connection);
}

void sio_socket_close_connection(SioSocket *self)
{
    eio_socket_close(self->engine);
}

/* ---- what a user may ask ---- */

gsize sio_socket_buffered_bytes(const SioSocket *self)
{
    return eio_socket_get_buffered_bytes(self->engine);
}

bool sio_socket_is_connected(const SioSocket *self)
{
    return self->space != NULL;
}

const char *sio_socket_get_id(const SioSocket *self)
{
    return self->id;
}

const char *sio_socket_get_namespace(const SioSocket *self)
{
    return self->nsp;
}

EioSocket *sio_socket_get_engine(const SioSocket *self)
{
    return self->engine;
}

const char *sio_socket_get_header(const SioSocket *self, const char *name)
{
    return soup_message_headers_get_list(eio_socket_get_request_headers(self->engine), name);
}

void sio_socket_set_data(SioSocket *self, void *data, GDestroyNotify destroy)
{
    if (self->destroy_data)
        self->destroy_data(self->data);
    self->data = data;
    self->destroy_data = destroy;
}

void *sio_socket_get_data(const SioSocket *self)
{
    return self->data;
}
