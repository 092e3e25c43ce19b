/* SPDX-License-Identifier: MIT
 * engineio/patience.h: how long a SoupServer waits for a request to come whole, and for an answer to be read. Internal.
 * One thread: that of the SoupServer's main context. */
#pragma once

#include <libsoup/soup.h>

#define EIO_PATIENCE_MS 30000 /* of a listener whose server was given no other */

/* For all requests of @soup, since a slow one has not yet told its path. @timeout_ms: 0 waits for ever.
 * Of several calls the first counts: Engine.IO's options come before the listener's own. */
void eio_patience_set(SoupServer *soup, guint timeout_ms);

/* An answer begins now. By itself this happens once the answer's head is out. */
void eio_patience_begin_answer(SoupServerMessage *request);
void eio_patience_forget(SoupServerMessage *request); /* its connection is somebody else's from here on */
