/* rtmp/listener.c: one port of the server. */
#include "rtmp/private.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#define BACKLOG         256
#define ACCEPT_PAUSE_NS (DUB_NS_PER_S / 2) /* out of file descriptors: others must close first */

static GInetAddress *resolve(const char *host, GError **error)
{
    GInetAddress *address = g_inet_address_new_from_string(host);
    if (address)
        return address;
    g_autoptr(GResolver) resolver = g_resolver_get_default();
    GList *found = g_resolver_lookup_by_name(resolver, host, NULL, error);
    if (!found)
        return NULL;
    address = g_object_ref(found->data);
    g_resolver_free_addresses(found);
    return address;
}

static GSocket *open_listener(GInetAddress *host, guint port, GError **error)
{
    g_autoptr(GSocket) socket =
        g_socket_new(g_inet_address_get_family(host), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);
    if (!socket)
        return NULL;
    g_autoptr(GSocketAddress) address = g_inet_socket_address_new(host, (guint16) port);
    g_socket_set_blocking(socket, FALSE);
    g_socket_set_listen_backlog(socket, BACKLOG);
    if (!g_socket_bind(socket, address, TRUE, error) || !g_socket_listen(socket, error))
        return NULL;
    return g_steal_pointer(&socket);
}

static gboolean on_acceptable(GSocket *listener, GIOCondition condition, gpointer user_data);

static void stop_accepting(DubRtmpListener *self)
{
    if (self->accept_source)
        g_source_destroy(self->accept_source);
    g_clear_pointer(&self->accept_source, g_source_unref);
}

static void start_accepting(DubRtmpListener *self)
{
    self->accept_source = g_socket_create_source(self->socket, G_IO_IN, NULL);
    g_source_set_callback(self->accept_source, G_SOURCE_FUNC(on_acceptable), self, NULL);
    g_source_attach(self->accept_source, self->server->context);
}

static gboolean on_acceptable(GSocket *listener, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    DubRtmpListener *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocket) socket = g_socket_accept(listener, NULL, &error);
    if (socket) {
        dub_rtmp_server_accept(self->server, socket, self->keys);
    } else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) &&
               !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED)) {
        if (dub_rtmp_server_may_log(self->server, "connections not taken"))
            dub_warning("rtmp: no new connection: %s", error->message);
        self->accept_again_ns = dub_clock_now() + ACCEPT_PAUSE_NS;
        stop_accepting(self);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

bool dub_rtmp_listener_open(DubRtmpListener *self, DubRtmpServer *server, guint port, const char *port_setting,
                            const DubRtmpTlsKeys *keys, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(GInetAddress) host = resolve(server->config.host, &problem);
    self->server = server;
    self->keys = keys;
    self->socket = host ? open_listener(host, port, &problem) : NULL;
    g_autoptr(GSocketAddress) address = self->socket ? g_socket_get_local_address(self->socket, &problem) : NULL;
    if (address) {
        self->port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address));
        start_accepting(self);
        return true;
    }
    if (g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
        g_set_error(error, DUB_ERROR, DUB_ERROR_BUSY, "port %u is in use by another program; choose another with %s",
                    port, port_setting);
    else
        g_set_error(error, DUB_ERROR, DUB_ERROR_NETWORK, "RTMP on %s, port %u: %s", server->config.host, port,
                    problem->message);
    return false;
}

void dub_rtmp_listener_tick(DubRtmpListener *self, int64_t now_ns)
{
    if (self->socket && !self->accept_source && now_ns >= self->accept_again_ns)
        start_accepting(self);
}

void dub_rtmp_listener_close(DubRtmpListener *self)
{
    stop_accepting(self);
    if (self->socket)
        g_socket_close(self->socket, NULL);
    g_clear_object(&self->socket);
}
