/* SPDX-License-Identifier: MIT
 * engineio/gate.h: a connection that refuses, in libsoup's stead, a request whose body libsoup could not
 * delimit: one with a Transfer-Encoding other than "chunked", or a Content-Length that is no number.
 * libsoup 3.2 refuses these too, but leaks the request's path, up to 60 kB, each time: anybody could make a
 * server grow. Internal. One thread: that of the SoupServer's main context. */
#pragma once

#include <gio/gio.h>

/**
 * eio_gate_new:
 * @connection: (transfer none): pollable both ways, nothing read from it yet
 * Returns: (transfer full): what soup_server_accept_iostream() is given. Closing it closes @connection. It
 * looks at the first request's head alone, and lets everything behind it through as it comes: where libsoup
 * leaks, each answer ends its connection (see eio_server_new()). A refused peer reads a status of 400 or 501
 * with its reason, and libsoup an error.
 */
GIOStream *eio_gate_new(GIOStream *connection);
