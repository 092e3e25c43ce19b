/* tests/unit/engines/peer.h: a web server that follows a script, one step a request, well or badly. In a
 * thread of its own. */
#pragma once

#include <glib.h>

typedef enum {
    PEER_KEEPS,  /* the connection, for the next request */
    PEER_CLOSES, /* it once the answer is out */
    PEER_HANGS,  /* sends no more, until the client closes */
    PEER_FLOODS, /* goes on sending, until the client closes */
} PeerThen;

typedef struct {
    const char *status;  /* "200 OK"; NULL: @body is all that is sent, to the byte */
    const char *headers; /* "Retry-After: 1\r\n"; nullable: a JSON content type */
    const char *body;    /* nullable */
    PeerThen then;
} PeerStep;

typedef struct _Peer Peer;

/* @steps: static; a request beyond the last is answered by 599 */
Peer *peer_new(const PeerStep *steps, guint n_steps);
void peer_free(Peer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Peer, peer_free)

guint16 peer_port(const Peer *self);
char *peer_url(const Peer *self); /* (transfer full): "http://127.0.0.1:PORT" */

guint peer_n_requests(Peer *self);
guint peer_n_connections(Peer *self);
gsize peer_n_flooded(Peer *self);                    /* bytes that the flood got rid of */
char *peer_request(Peer *self, guint index);         /* (transfer full): head and body; NULL: there was none */
void peer_wait_for_request(Peer *self, guint count); /* until it has read so many */
