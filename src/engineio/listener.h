/* SPDX-License-Identifier: MIT
 * engineio/listener.h: brings a listening socket's connections to a SoupServer, and ends those whose peer does not come
 * to the point. libsoup tells of a connection with its first byte; one on which nothing ever comes would hold a
 * descriptor for ever. And libsoup before 3.4 leaks the GSocket of each connection that it accepts itself, and the path
 * of each request whose body it cannot delimit: such a request is refused here, with 400 or 501, and libsoup never sees
 * it. A request has to come whole, and its answer to be read, within the time that the SoupServer's EioServer sets;
 * without one within 30 s. One thread: that of the SoupServer's main context. */
#pragma once

#include <libsoup/soup.h>

typedef struct _EioListener EioListener;

typedef struct {
    guint silence_timeout_ms; /* [30000] from the connection to its first byte */
    guint max_pending;        /* [256] whose first request has not come whole; one more ends the oldest of them */
} EioListenerOptions;
void eio_listener_options_init(EioListenerOptions *options); /* the defaults in brackets */

/* @soup, @socket: (transfer none), a reference each; @socket is bound and listens. Plain HTTP only. @options:
 * (nullable) */
EioListener *eio_listener_new(SoupServer *soup, GSocket *socket, const EioListenerOptions *options);
void eio_listener_free(EioListener *self); /* closes the socket, and connections that have said nothing */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EioListener, eio_listener_free)

guint eio_listener_count_pending(const EioListener *self);

/* Returns: (transfer none) (nullable): a message's socket, whichever way its connection came */
GSocket *eio_listener_find_socket(SoupServerMessage *message);
