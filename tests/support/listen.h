/* tests/support/listen.h: a SoupServer on loopback, listening as our programs do: by an EioListener, so that
 * libsoup 3.2 does not leak what it accepts, and no test needs to pardon it. */
#pragma once

#include "engineio/listener.h"

/* @port: 0 chooses a free one. @options: (nullable). @url: (out): "http://127.0.0.1:PORT"
 * Returns: (transfer full) */
static inline EioListener *listen_on_loopback(SoupServer *soup, guint port, const EioListenerOptions *options,
                                              char **url)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocket) socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);
    g_assert_no_error(error);
    g_autoptr(GSocketAddress) wanted = g_inet_socket_address_new_from_string("127.0.0.1", port);
    g_assert_true(g_socket_bind(socket, wanted, TRUE, &error) && g_socket_listen(socket, &error));
    g_autoptr(GSocketAddress) bound = g_socket_get_local_address(socket, &error);
    g_assert_no_error(error);
    *url = g_strdup_printf("http://127.0.0.1:%u", g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound)));
    return eio_listener_new(soup, socket, options);
}
