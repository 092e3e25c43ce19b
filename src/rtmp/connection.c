/* rtmp/connection.c: one socket of the server. */
#include "rtmp/private.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#define CLOSING_NS     (3 * DUB_NS_PER_S) /* for the peer to take the last bytes and to close */
/* rtmp2src forgets the message it has not handed on yet when it sees the end: give it time to. */
#define ENDING_NS      (200 * DUB_NS_PER_MS)
#define COMMAND_BYTES  65536u /* longest message of a peer that does not publish */
#define MAX_VECTORS    256
#define MAX_OVERFLOWS  3
#define DEFAULT_WINDOW 2500000u

static void read_once(DubRtmpConnection *self);
static gboolean on_readable(GSocket *socket, GIOCondition condition, gpointer user_data);
static gboolean on_writable(GSocket *socket, GIOCondition condition, gpointer user_data);

static GSource *watch(DubRtmpConnection *self, GIOCondition condition, GSocketSourceFunc func)
{
    GSource *source = g_socket_create_source(self->socket, condition, NULL);
    g_source_set_callback(source, G_SOURCE_FUNC(func), self, NULL);
    /* Else GLib takes the socket out of its poll set around each dispatch and wakes itself up twice for it: four of
     * the seven system calls that a message costs. The callbacks refuse to be nested themselves. */
    g_source_set_can_recurse(source, TRUE);
    g_source_attach(source, self->server->context);
    return source;
}

static void unwatch(GSource **source)
{
    if (*source)
        g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

char *dub_rtmp_connection_address(const DubRtmpConnection *self)
{
    const char *colon = strrchr(self->peer, ':');
    return colon ? g_strndup(self->peer, (gsize) (colon - self->peer)) : g_strdup(self->peer);
}

static char *describe_peer(GSocket *socket)
{
    g_autoptr(GSocketAddress) address = g_socket_get_remote_address(socket, NULL);
    if (!G_IS_INET_SOCKET_ADDRESS(address))
        return g_strdup("a peer that is gone");
    GInetSocketAddress *inet = G_INET_SOCKET_ADDRESS(address);
    g_autofree char *host = g_inet_address_to_string(g_inet_socket_address_get_address(inet));
    return g_strdup_printf("%s:%u", host, g_inet_socket_address_get_port(inet));
}

void dub_rtmp_connection_new(DubRtmpServer *server, GSocket *socket, const DubRtmpTlsKeys *keys)
{
    DubRtmpConnection *self = g_new0(DubRtmpConnection, 1);
    self->server = server;
    self->number = server->n_accepted++;
    self->socket = g_object_ref(socket);
    g_socket_set_blocking(socket, FALSE);
    g_socket_set_keepalive(socket, TRUE);
    g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL); /* we send whole batches ourselves */
    self->tls = keys ? dub_rtmp_tls_new(keys, g_socket_get_fd(socket)) : NULL;
    self->peer = describe_peer(socket);
    self->id = g_uuid_string_random();
    self->since_ns = self->media_ns = self->sent_ns = dub_clock_now();
    self->handshake = g_new0(DubRtmpHandshake, 1);
    self->reader = dub_rtmp_reader_new(COMMAND_BYTES);
    self->window_bytes = DEFAULT_WINDOW;
    self->queue = dub_rtmp_send_queue_new();
    self->read_source = watch(self, G_IO_IN, on_readable);
    g_hash_table_add(server->connections, self);
}

void dub_rtmp_connection_free(DubRtmpConnection *self)
{
    unwatch(&self->read_source);
    unwatch(&self->write_source);
    self->server->reader_bytes -= self->counted_bytes;
    dub_rtmp_tls_free(self->tls);
    g_socket_close(self->socket, NULL); /* nothing is to be done about a failure */
    g_object_unref(self->socket);
    g_free(self->peer);
    g_free(self->id);
    g_free(self->handshake);
    dub_rtmp_reader_free(self->reader);
    dub_rtmp_send_queue_free(self->queue);
    g_free(self->app);
    g_free(self->user);
    g_free(self->password);
    dub_rtmp_wish_clear(&self->wish);
    if (self->held)
        g_byte_array_unref(self->held);
    g_free(self);
}

/* The only writer of state. */
void dub_rtmp_connection_set_state(DubRtmpConnection *self, DubRtmpState state)
{
    self->state = state;
    self->since_ns = self->media_ns = dub_clock_now();
    const bool publishes = state == DUB_RTMP_PUBLISHING;
    dub_rtmp_reader_set_max_message(self->reader, publishes ? self->server->config.max_message_bytes : COMMAND_BYTES);
}

void dub_rtmp_connection_close(DubRtmpConnection *self, const char *reason)
{
    if (self->state == DUB_RTMP_CLOSED)
        return;
    if (reason && dub_rtmp_server_may_log(self->server, "connections closed"))
        dub_warning("rtmp: %s: closed: %s", self->peer, reason);
    dub_rtmp_session_leave_path(self);
    dub_rtmp_connection_set_state(self, DUB_RTMP_CLOSED);
    unwatch(&self->read_source);
    unwatch(&self->write_source);
    g_hash_table_remove(self->server->connections, self);
    g_ptr_array_add(self->server->dead, self);
}

static void mark_dirty(DubRtmpConnection *self)
{
    if (self->dirty)
        return;
    self->dirty = true;
    g_ptr_array_add(self->server->dirty, self);
}

void dub_rtmp_connection_close_gently(DubRtmpConnection *self)
{
    if (self->state >= DUB_RTMP_CLOSING)
        return;
    dub_rtmp_session_leave_path(self);
    dub_rtmp_connection_set_state(self, DUB_RTMP_CLOSING);
    mark_dirty(self);
}

/* Too slow: go on from the next key frame, a few times. */
static void overflow(DubRtmpConnection *self, int64_t now_ns)
{
    const DubRtmpServerConfig *config = &self->server->config;
    const guint dropped = dub_rtmp_send_queue_drop_media(self->queue);
    self->awaits_key = self->path && self->path->cache && dub_gop_cache_has_video(self->path->cache);
    self->dropped_ns = now_ns;
    if (dub_rtmp_server_may_log(self->server, "players too slow"))
        dub_warning("rtmp: %s: too slow, %u messages dropped", self->peer, dropped);
    if (++self->overflows > MAX_OVERFLOWS || dub_rtmp_send_queue_memory(self->queue) > config->player_queue_bytes)
        dub_rtmp_connection_close(self, "too slow");
}

void dub_rtmp_connection_push(DubRtmpConnection *self, DubRtmpFrame *frame)
{
    if (self->state == DUB_RTMP_CLOSED)
        return;
    const int64_t now_ns = dub_clock_now();
    if (dub_rtmp_send_queue_memory(self->queue) == 0)
        self->sent_ns = now_ns;
    dub_rtmp_send_queue_push(self->queue, frame, now_ns);
    mark_dirty(self);
    if (dub_rtmp_send_queue_memory(self->queue) > self->server->config.player_queue_bytes)
        overflow(self, now_ns);
}

void dub_rtmp_connection_push_bytes(DubRtmpConnection *self, GByteArray *bytes)
{
    g_autoptr(GBytes) owned = g_byte_array_free_to_bytes(bytes);
    g_autoptr(DubRtmpFrame) frame = dub_rtmp_frame_new_raw(owned);
    dub_rtmp_budget_charge(self->server, frame);
    dub_rtmp_connection_push(self, frame);
}

/* All is out. */
static void on_drained(DubRtmpConnection *self)
{
    unwatch(&self->write_source);
    self->overflows = 0;
    if (self->state != DUB_RTMP_CLOSING || self->fin)
        return;
    self->fin = true;
    if (self->tls)
        dub_rtmp_tls_bye(self->tls);
    if (!g_socket_shutdown(self->socket, FALSE, TRUE, NULL))
        dub_rtmp_connection_close(self, NULL); /* the peer has closed already */
}

static void log_loss(const DubRtmpConnection *self, const GError *error)
{
    if (dub_rtmp_server_may_log(self->server, "connections lost"))
        dub_info("rtmp: %s: %s", self->peer, error->message);
}

static bool send_vectors(DubRtmpConnection *self, const GOutputVector *vectors, guint n, gsize *sent, GError **error)
{
    *sent = 0;
    if (self->tls)
        return dub_rtmp_tls_write(self->tls, vectors, n, sent, error);
    return n == 0 || g_socket_send_message_with_timeout(self->socket, NULL, (GOutputVector *) vectors, (gint) n, NULL,
                                                        0, 0, 0, sent, NULL, error) != G_POLLABLE_RETURN_FAILED;
}

static bool is_all_out(const DubRtmpConnection *self)
{
    return dub_rtmp_send_queue_memory(self->queue) == 0 && !(self->tls && dub_rtmp_tls_is_blocked(self->tls));
}

void dub_rtmp_connection_flush(DubRtmpConnection *self)
{
    GOutputVector vectors[MAX_VECTORS];
    if (self->state == DUB_RTMP_CLOSED)
        return;
    const guint n = dub_rtmp_send_queue_vectors(self->queue, vectors, MAX_VECTORS);
    gsize sent = 0;
    g_autoptr(GError) error = NULL;
    if (!send_vectors(self, vectors, n, &sent, &error)) {
        log_loss(self, error);
        dub_rtmp_connection_close(self, NULL);
        return;
    }
    if (sent > 0) {
        dub_rtmp_send_queue_sent(self->queue, sent);
        self->sent_ns = dub_clock_now();
    }
    if (is_all_out(self))
        on_drained(self);
    else if (!self->write_source)
        self->write_source = watch(self, G_IO_OUT, on_writable);
}

static gboolean on_writable(GSocket *socket G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    DubRtmpConnection *self = user_data;
    DubRtmpServer *server = self->server;
    if (server->in_event)
        return G_SOURCE_CONTINUE;
    server->in_event = true;
    if (self->tls && !dub_rtmp_tls_is_open(self->tls))
        read_once(self); /* it shakes hands */
    else
        dub_rtmp_connection_flush(self);
    dub_rtmp_server_settle(server);
    return G_SOURCE_CONTINUE;
}

static bool read_handshake(DubRtmpConnection *self, const uint8_t **data, gsize *size, GError **error)
{
    g_autoptr(GByteArray) answer = g_byte_array_new();
    if (!dub_rtmp_handshake_read(self->handshake, data, size, answer, error))
        return false;
    if (answer->len > 0)
        dub_rtmp_connection_push_bytes(self, g_steal_pointer(&answer));
    if (self->handshake->state == DUB_RTMP_HANDSHAKE_DONE) {
        g_clear_pointer(&self->handshake, g_free);
        dub_rtmp_connection_set_state(self, DUB_RTMP_IDLE);
    }
    return true;
}

/* What came behind a question to the authority waits for the answer, and what comes further waits in the socket. */
static void hold(DubRtmpConnection *self, const uint8_t *data, gsize size)
{
    unwatch(&self->read_source);
    if (size == 0)
        return;
    self->held = g_byte_array_sized_new((guint) size);
    g_byte_array_append(self->held, data, (guint) size);
}

static bool read_messages(DubRtmpConnection *self, const uint8_t *data, gsize size, GError **error)
{
    while (self->state < DUB_RTMP_CLOSING) { /* after that nothing the peer says matters */
        g_auto(DubRtmpMessage) message = { 0 };
        switch (dub_rtmp_reader_read(self->reader, &data, &size, &message, error)) {
        case DUB_RTMP_READ_MORE: return true;
        case DUB_RTMP_READ_BROKEN: return false;
        case DUB_RTMP_READ_MESSAGE: break;
        }
        if (!dub_rtmp_session_message(self, &message, error))
            return false;
        if (self->state == DUB_RTMP_ASKING) {
            hold(self, data, size);
            return true;
        }
    }
    return true;
}

static void digest(DubRtmpConnection *self, const uint8_t *data, gsize size)
{
    g_autoptr(GError) error = NULL;
    self->bytes_received += size;
    if (self->handshake && !read_handshake(self, &data, &size, &error)) {
        dub_rtmp_connection_close(self, error->message);
        return;
    }
    if (!self->handshake && !read_messages(self, data, size, &error))
        dub_rtmp_connection_close(self, error->message);
    if (self->state < DUB_RTMP_CLOSING && self->state > DUB_RTMP_HANDSHAKE)
        dub_rtmp_session_acknowledge(self);
}

static void take(DubRtmpConnection *self, const uint8_t *data, gsize size)
{
    digest(self, data, size);
    dub_rtmp_budget_count(self);
}

static gssize receive(DubRtmpConnection *self, uint8_t *buffer, gsize size, GError **error)
{
    if (!self->tls)
        return g_socket_receive(self->socket, (char *) buffer, size, NULL, error);
    const gssize result = dub_rtmp_tls_read(self->tls, buffer, size, error);
    if (!dub_rtmp_tls_is_open(self->tls) && dub_rtmp_tls_is_blocked(self->tls) && !self->write_source)
        self->write_source = watch(self, G_IO_OUT, on_writable);
    else if (!dub_rtmp_tls_is_blocked(self->tls) && is_all_out(self))
        unwatch(&self->write_source);
    return result;
}

static void read_once(DubRtmpConnection *self)
{
    g_autoptr(GError) error = NULL;
    uint8_t *scratch = self->server->scratch;
    const gssize size = receive(self, scratch, sizeof self->server->scratch, &error);
    if (size > 0) {
        take(self, scratch, (gsize) size);
        return;
    }
    if (size < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        return;
    const bool is_protocol = g_error_matches(error, DUB_ERROR, DUB_ERROR_PROTOCOL);
    if (size < 0 && !is_protocol)
        log_loss(self, error);
    dub_rtmp_connection_close(self, is_protocol ? error->message : NULL);
}

void dub_rtmp_connection_go_on(DubRtmpConnection *self)
{
    g_autoptr(GByteArray) held = g_steal_pointer(&self->held);
    if (self->state == DUB_RTMP_CLOSED)
        return;
    self->read_source = watch(self, G_IO_IN, on_readable);
    g_autoptr(GError) error = NULL;
    if (held && !read_messages(self, held->data, held->len, &error))
        dub_rtmp_connection_close(self, error->message);
    dub_rtmp_budget_count(self);
}

static gboolean on_readable(GSocket *socket G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    DubRtmpConnection *self = user_data;
    DubRtmpServer *server = self->server;
    if (server->in_event)
        return G_SOURCE_CONTINUE;
    server->in_event = true;
    read_once(self);
    dub_rtmp_server_settle(server);
    return G_SOURCE_CONTINUE; /* the source is destroyed when the connection is closed */
}

static bool is_over(int64_t now_ns, int64_t since_ns, guint limit_ms)
{
    return now_ns - since_ns > limit_ms * DUB_NS_PER_MS;
}

static void tick_player(DubRtmpConnection *self, int64_t now_ns)
{
    const DubRtmpServerConfig *config = &self->server->config;
    const int64_t oldest_ns = dub_rtmp_send_queue_oldest_ns(self->queue);
    if (oldest_ns == DUB_TIME_NONE)
        return;
    if (is_over(now_ns, self->sent_ns, config->stall_ms))
        dub_rtmp_connection_close(self, "the player takes nothing any more");
    else if (is_over(now_ns, MAX(oldest_ns, self->dropped_ns), config->player_lag_ms))
        overflow(self, now_ns);
}

void dub_rtmp_connection_tick(DubRtmpConnection *self, int64_t now_ns)
{
    const DubRtmpServerConfig *config = &self->server->config;
    switch (self->state) {
    case DUB_RTMP_HANDSHAKE:
    case DUB_RTMP_IDLE:
    case DUB_RTMP_ASKING:
        if (is_over(now_ns, self->since_ns, config->setup_ms))
            dub_rtmp_connection_close(self, "it neither published nor played");
        break;
    case DUB_RTMP_PUBLISHING:
        if (is_over(now_ns, self->media_ns, config->idle_ms))
            dub_rtmp_connection_close(self, "the publisher sends nothing any more");
        break;
    case DUB_RTMP_WAITING:
        if (is_over(now_ns, self->since_ns, config->wait_ms))
            dub_rtmp_session_play_not_found(self);
        break;
    case DUB_RTMP_PLAYING: tick_player(self, now_ns); break;
    case DUB_RTMP_ENDING:
        if (now_ns - self->since_ns > ENDING_NS)
            dub_rtmp_session_play_ended(self);
        break;
    case DUB_RTMP_CLOSING:
        if (now_ns - MAX(self->since_ns, self->sent_ns) > CLOSING_NS ||
            is_over(now_ns, self->since_ns, config->player_lag_ms))
            dub_rtmp_connection_close(self, NULL);
        break;
    case DUB_RTMP_CLOSED: break;
    }
}
