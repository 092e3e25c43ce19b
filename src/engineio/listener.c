/* SPDX-License-Identifier: MIT
 * engineio/listener.c */
#include "engineio/listener.h"

#include "engineio/gate.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>

#define SOCKET_KEY       "eio-socket"
#define ACCEPTS_PER_TURN 32

struct _EioListener {
    SoupServer *soup;
    GSocket *socket;
    EioListenerOptions options;
    GMainContext *context;
    GSource *source;
    GQueue silent; /* of Silent, the oldest first; at most max_silent */
};

/* A connection on which nothing has come yet. */
typedef struct {
    EioListener *listener;
    GSocket *socket;
    GSource *readable, *timer;
} Silent;

void eio_listener_options_init(EioListenerOptions *options)
{
    *options = (EioListenerOptions){ .silence_timeout_ms = 30000, .max_silent = 256 };
}

static void destroy_source(GSource *source)
{
    g_source_destroy(source);
    g_source_unref(source);
}

static void silent_free(Silent *self)
{
    g_queue_remove(&self->listener->silent, self);
    destroy_source(self->readable);
    destroy_source(self->timer);
    g_object_unref(self->socket); /* closes it, unless somebody else has it */
    g_free(self);
}

/* With an iostream, libsoup does not know the socket: the address remembers it. */
static void hand_over(EioListener *self, GSocket *socket)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketAddress) local = g_socket_get_local_address(socket, NULL);
    g_autoptr(GSocketAddress) remote = g_socket_get_remote_address(socket, NULL);
    if (!local || !remote)
        return; /* it has gone */
    g_object_set_data_full(G_OBJECT(remote), SOCKET_KEY, g_object_ref(socket), g_object_unref);
    g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
    g_autoptr(GSocketConnection) connection = g_socket_connection_factory_create_connection(socket);
    g_autoptr(GIOStream) gate = eio_gate_new(G_IO_STREAM(connection));
    if (!soup_server_accept_iostream(self->soup, gate, local, remote, &error))
        g_warning("a connection is lost: %s", error->message);
}

static gboolean on_readable(GSocket *socket, GIOCondition condition G_GNUC_UNUSED, void *data)
{
    Silent *silent = data;
    EioListener *self = silent->listener;
    g_autoptr(GSocket) kept = g_object_ref(socket);
    silent_free(silent);
    hand_over(self, kept);
    return G_SOURCE_REMOVE;
}

static gboolean on_silence(void *data)
{
    silent_free(data);
    return G_SOURCE_REMOVE;
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
    if (self->silent.length >= self->options.max_silent)
        silent_free(g_queue_peek_head(&self->silent));
    Silent *silent = g_new(Silent, 1);
    silent->listener = self;
    silent->socket = socket;
    silent->readable = attach(self, g_socket_create_source(socket, G_IO_IN, NULL), G_SOURCE_FUNC(on_readable), silent);
    silent->timer = attach(self, g_timeout_source_new(self->options.silence_timeout_ms), on_silence, silent);
    g_queue_push_tail(&self->silent, silent);
}

/* Out of descriptors: those of silent peers are the first to go. */
static bool make_room(EioListener *self, const GError *error)
{
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) || self->silent.length == 0)
        return false;
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES))
        silent_free(g_queue_peek_head(&self->silent));
    return true;
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
        } else if (!make_room(self, error)) {
            break;
        }
    }
    return G_SOURCE_CONTINUE;
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
    g_queue_init(&self->silent);
    g_socket_set_blocking(socket, FALSE);
    self->source = attach(self, g_socket_create_source(socket, G_IO_IN, NULL), G_SOURCE_FUNC(on_connection), self);
    return self;
}

void eio_listener_free(EioListener *self)
{
    if (!self)
        return;
    destroy_source(self->source);
    while (self->silent.length > 0)
        silent_free(g_queue_peek_head(&self->silent));
    g_socket_close(self->socket, NULL);
    g_object_unref(self->socket);
    g_object_unref(self->soup);
    g_main_context_unref(self->context);
    g_free(self);
}

guint eio_listener_count_silent(const EioListener *self)
{
    return self->silent.length;
}

GSocket *eio_listener_find_socket(SoupServerMessage *message)
{
    GSocket *socket = soup_server_message_get_socket(message);
    GSocketAddress *remote = socket ? NULL : soup_server_message_get_remote_address(message);
    return remote ? g_object_get_data(G_OBJECT(remote), SOCKET_KEY) : socket;
}
