/* SPDX-License-Identifier: MIT
 * engineio/listener.c */
#include "engineio/listener.h"

#include "engineio/gate.h"
#include "engineio/patience.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>

#define SOCKET_KEY       "eio-socket"
#define PENDING_KEY      "eio-pending"
#define ACCEPTS_PER_TURN 32
#define ENDED_FOR_ROOM   16
#define ACCEPT_PAUSE_MS  100 /* out of descriptors: others must close first */

struct _EioListener {
    SoupServer *soup;
    GSocket *socket;
    EioListenerOptions options;
    GMainContext *context;
    GSource *source;
    gulong started_id;
    GQueue pending; /* of Pending, the oldest first; at most max_pending */
};

/* A connection whose first request has not come whole: it is here until its first byte, and libsoup's from then on. */
typedef struct {
    EioListener *listener;
    GSocket *socket;
    GSource *readable, *timer; /* until the first byte */
    GSocketAddress *remote;    /* from then on: by it libsoup's message is known */
    GIOStream *gate;           /* likewise; weak */
} Pending;

void eio_listener_options_init(EioListenerOptions *options)
{
    *options = (EioListenerOptions){ .silence_timeout_ms = 30000, .max_pending = 256 };
}

static void destroy_source(GSource **source)
{
    if (*source)
        g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static void on_gate_gone(void *data, GObject *gate);

static void pending_free(Pending *self)
{
    g_queue_remove(&self->listener->pending, self);
    destroy_source(&self->readable);
    destroy_source(&self->timer);
    if (self->gate)
        g_object_weak_unref(G_OBJECT(self->gate), on_gate_gone, self);
    if (self->remote)
        g_object_set_data(G_OBJECT(self->remote), PENDING_KEY, NULL);
    g_clear_object(&self->remote);
    g_object_unref(self->socket); /* closes it, unless somebody else has it */
    g_free(self);
}

/* libsoup has ended the connection before a whole request came. */
static void on_gate_gone(void *data, GObject *gate G_GNUC_UNUSED)
{
    Pending *self = data;
    self->gate = NULL;
    pending_free(self);
}

/* Returns: whether its descriptor is free at once; else libsoup sees the end and cleans up, a turn of the loop later */
static bool end_oldest(EioListener *self)
{
    Pending *oldest = g_queue_peek_head(&self->pending);
    const bool is_ours = oldest->gate == NULL;
    if (!is_ours)
        g_socket_shutdown(oldest->socket, TRUE, TRUE, NULL);
    pending_free(oldest);
    return is_ours;
}

/* With an iostream, libsoup does not know the socket: the address remembers it. */
static void hand_over(Pending *pending)
{
    EioListener *self = pending->listener;
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketAddress) local = g_socket_get_local_address(pending->socket, NULL);
    g_autoptr(GSocketAddress) remote = g_socket_get_remote_address(pending->socket, NULL);
    if (!local || !remote) {
        pending_free(pending); /* it has gone */
        return;
    }
    pending->remote = g_object_ref(remote);
    g_object_set_data_full(G_OBJECT(remote), SOCKET_KEY, g_object_ref(pending->socket), g_object_unref);
    g_object_set_data(G_OBJECT(remote), PENDING_KEY, pending);
    g_socket_set_option(pending->socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
    g_autoptr(GSocketConnection) connection = g_socket_connection_factory_create_connection(pending->socket);
    g_autoptr(GIOStream) gate = eio_gate_new(G_IO_STREAM(connection));
    pending->gate = gate;
    g_object_weak_ref(G_OBJECT(gate), on_gate_gone, pending);
    if (!soup_server_accept_iostream(self->soup, gate, local, remote, &error))
        g_warning("a connection is lost: %s", error->message);
}

static gboolean on_readable(GSocket *socket G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, void *data)
{
    Pending *pending = data;
    destroy_source(&pending->readable);
    destroy_source(&pending->timer);
    hand_over(pending);
    return G_SOURCE_REMOVE;
}

static gboolean on_silence(void *data)
{
    pending_free(data);
    return G_SOURCE_REMOVE;
}

static Pending *find_pending(SoupServerMessage *message)
{
    GSocketAddress *remote = soup_server_message_get_remote_address(message);
    return remote ? g_object_get_data(G_OBJECT(remote), PENDING_KEY) : NULL;
}

/* All of the request has come, or it has been answered without. */
static void on_request_read(SoupServerMessage *message, void *data G_GNUC_UNUSED)
{
    Pending *pending = find_pending(message);
    if (pending)
        pending_free(pending);
}

static void on_request_started(SoupServer *soup G_GNUC_UNUSED, SoupServerMessage *message, void *data G_GNUC_UNUSED)
{
    g_signal_connect(message, "got-body", G_CALLBACK(on_request_read), NULL);
    g_signal_connect(message, "finished", G_CALLBACK(on_request_read), NULL);
}

static GSource *attach(EioListener *self, GSource *source, GSourceFunc callback, void *data)
{
    g_source_set_callback(source, callback, data, NULL);
    g_source_attach(source, self->context);
    return source;
}

/* @socket: (transfer full) */
static void wait_for_word(EioListener *self, GSocket *socket)
{
    if (self->pending.length >= self->options.max_pending)
        end_oldest(self);
    Pending *pending = g_new0(Pending, 1);
    pending->listener = self;
    pending->socket = socket;
    pending->readable =
        attach(self, g_socket_create_source(socket, G_IO_IN, NULL), G_SOURCE_FUNC(on_readable), pending);
    pending->timer = attach(self, g_timeout_source_new(self->options.silence_timeout_ms), on_silence, pending);
    g_queue_push_tail(&self->pending, pending);
}

static void start_accepting(EioListener *self);

static gboolean on_pause_over(void *data)
{
    EioListener *self = data;
    destroy_source(&self->source);
    start_accepting(self);
    return G_SOURCE_REMOVE;
}

/* The listening socket stays readable: without a pause the loop would turn for nothing else. */
static void pause_accepting(EioListener *self)
{
    destroy_source(&self->source);
    self->source = attach(self, g_timeout_source_new(ACCEPT_PAUSE_MS), on_pause_over, self);
}

/* Out of descriptors: those of peers that have not come to the point are the first to go.
 * Returns: whether there is one now */
static bool make_room(EioListener *self, const GError *error)
{
    bool is_free = false;
    if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES))
        return false;
    for (int i = 0; i < ENDED_FOR_ROOM && self->pending.length > 0; i++)
        is_free |= end_oldest(self);
    return is_free;
}

static gboolean on_connection(GSocket *listening, GIOCondition condition G_GNUC_UNUSED, void *data)
{
    EioListener *self = data;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        g_autoptr(GError) error = NULL;
        GSocket *socket = g_socket_accept(listening, NULL, &error);
        if (socket) {
            g_socket_set_blocking(socket, FALSE);
            wait_for_word(self, socket);
        } else if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
            break;
        } else if (!make_room(self, error)) {
            pause_accepting(self);
            return G_SOURCE_REMOVE;
        }
    }
    return G_SOURCE_CONTINUE;
}

static void start_accepting(EioListener *self)
{
    self->source =
        attach(self, g_socket_create_source(self->socket, G_IO_IN, NULL), G_SOURCE_FUNC(on_connection), self);
}

EioListener *eio_listener_new(SoupServer *soup, GSocket *socket, const EioListenerOptions *options)
{
    EioListener *self = g_new0(EioListener, 1);
    if (options)
        self->options = *options;
    else
        eio_listener_options_init(&self->options);
    self->soup = g_object_ref(soup);
    self->socket = g_object_ref(socket);
    self->context = g_main_context_ref_thread_default();
    g_queue_init(&self->pending);
    g_socket_set_blocking(socket, FALSE);
    eio_patience_set(soup, EIO_PATIENCE_MS);
    self->started_id = g_signal_connect(soup, "request-started", G_CALLBACK(on_request_started), NULL);
    start_accepting(self);
    return self;
}

void eio_listener_free(EioListener *self)
{
    if (!self)
        return;
    destroy_source(&self->source);
    g_signal_handler_disconnect(self->soup, self->started_id);
    while (self->pending.length > 0)
        pending_free(g_queue_peek_head(&self->pending)); /* those that libsoup has are its own */
    g_socket_close(self->socket, NULL);
    g_object_unref(self->socket);
    g_object_unref(self->soup);
    g_main_context_unref(self->context);
    g_free(self);
}

guint eio_listener_count_pending(const EioListener *self)
{
    return self->pending.length;
}

GSocket *eio_listener_find_socket(SoupServerMessage *message)
{
    GSocket *socket = soup_server_message_get_socket(message);
    GSocketAddress *remote = socket ? NULL : soup_server_message_get_remote_address(message);
    return remote ? g_object_get_data(G_OBJECT(remote), SOCKET_KEY) : socket;
}
