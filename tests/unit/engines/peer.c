/* tests/unit/engines/peer.c: one connection at a time, blocking sockets. */
#include "peer.h"

#include <gio/gio.h>
#include <string.h>

#define WAIT_S          20
#define HEAD_MOST_BYTES 65536

struct _Peer {
    const PeerStep *steps;
    guint n_steps;
    GSocket *listener;
    GThread *thread;
    GMutex mutex; /* guards all below */
    GCond changed;
    GSocket *connection;
    GPtrArray *requests; /* of char * */
    guint n_connections;
    gsize n_flooded;
    gboolean stop;
};

static gboolean send_all(GSocket *socket, const char *data, gsize length)
{
    while (length) {
        const gssize n = g_socket_send(socket, data, length, NULL, NULL);
        if (n <= 0)
            return FALSE;
        data += n;
        length -= (gsize) n;
    }
    return TRUE;
}

static gsize length_of_body(const char *head)
{
    g_autofree char *lower = g_ascii_strdown(head, -1);
    const char *field = strstr(lower, "\r\ncontent-length:");
    return field ? (gsize) g_ascii_strtoull(field + strlen("\r\ncontent-length:"), NULL, 10) : 0;
}

/* (transfer full): a whole request, or NULL when the client has closed */
static char *read_request(GSocket *socket)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char block[16384];
    gsize wanted = 0; /* once the head is there */
    while (!wanted || text->len < wanted) {
        const gssize n = g_socket_receive(socket, block, sizeof block, NULL, NULL);
        if (n <= 0)
            return NULL;
        g_string_append_len(text, block, n);
        const char *end = strstr(text->str, "\r\n\r\n");
        g_assert_true(end || text->len < HEAD_MOST_BYTES);
        if (end)
            wanted = (gsize) (end + 4 - text->str) + length_of_body(text->str);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean send_answer(GSocket *socket, const PeerStep *step)
{
    const char *body = step->body ? step->body : "";
    if (!step->status)
        return send_all(socket, body, strlen(body));
    g_autofree char *answer =
        g_strdup_printf("HTTP/1.1 %s\r\n%sContent-Length: %" G_GSIZE_FORMAT "\r\n\r\n%s", step->status,
                        step->headers ? step->headers : "Content-Type: application/json\r\n", strlen(body), body);
    return send_all(socket, answer, strlen(answer));
}

static void flood(Peer *self, GSocket *socket)
{
    static const char block[4096] = { 0 }; /* in a body any bytes will do, and a header line without end */
    g_autofree char *bytes = g_strnfill(sizeof block, 'x');
    while (send_all(socket, bytes, sizeof block)) {
        g_mutex_lock(&self->mutex);
        self->n_flooded += sizeof block;
        g_mutex_unlock(&self->mutex);
    }
}

static void wait_for_close(GSocket *socket)
{
    char block[4096];
    while (g_socket_receive(socket, block, sizeof block, NULL, NULL) > 0)
        ;
}

static const PeerStep *next_step(Peer *self, char *request)
{
    static const PeerStep none = { "599 Not In The Script", .then = PEER_CLOSES };
    g_mutex_lock(&self->mutex);
    const guint index = self->requests->len;
    g_ptr_array_add(self->requests, request);
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->mutex);
    return index < self->n_steps ? &self->steps[index] : &none;
}

static void serve(Peer *self, GSocket *socket)
{
    char *request;
    while ((request = read_request(socket))) {
        const PeerStep *step = next_step(self, request);
        if (!send_answer(socket, step))
            return;
        switch (step->then) {
        case PEER_KEEPS: break;
        case PEER_CLOSES: return;
        case PEER_HANGS: wait_for_close(socket); return;
        case PEER_FLOODS: flood(self, socket); return;
        }
    }
}

static gboolean set_connection(Peer *self, GSocket *connection)
{
    g_mutex_lock(&self->mutex);
    self->connection = connection;
    self->n_connections += connection != NULL;
    const gboolean stop = self->stop;
    g_mutex_unlock(&self->mutex);
    return !stop;
}

static gpointer run(gpointer data)
{
    Peer *self = data;
    for (;;) {
        g_autoptr(GSocket) socket = g_socket_accept(self->listener, NULL, NULL);
        if (!socket)
            return NULL;
        const gboolean go_on = set_connection(self, socket);
        if (go_on)
            serve(self, socket);
        set_connection(self, NULL);
        if (!go_on)
            return NULL;
    }
}

Peer *peer_new(const PeerStep *steps, guint n_steps)
{
    Peer *self = g_new0(Peer, 1);
    g_autoptr(GError) error = NULL;
    g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) address = g_inet_socket_address_new(loopback, 0);
    self->steps = steps;
    self->n_steps = n_steps;
    self->requests = g_ptr_array_new_with_free_func(g_free);
    self->listener = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);
    g_assert_no_error(error);
    g_assert_true(g_socket_bind(self->listener, address, TRUE, NULL) && g_socket_listen(self->listener, NULL));
    self->thread = g_thread_new("peer", run, self);
    return self;
}

/* accept() does not end when its socket is closed elsewhere: a connection of our own ends it. */
static void wake(Peer *self)
{
    g_autofree char *place = g_strdup_printf("127.0.0.1:%u", peer_port(self));
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_socket_client_set_enable_proxy(client, FALSE); /* tests set one that does not work */
    g_autoptr(GSocketConnection) connection = g_socket_client_connect_to_host(client, place, 0, NULL, NULL);
}

void peer_free(Peer *self)
{
    g_mutex_lock(&self->mutex);
    self->stop = TRUE;
    if (self->connection)
        g_socket_shutdown(self->connection, TRUE, TRUE, NULL);
    g_mutex_unlock(&self->mutex);
    wake(self);
    g_thread_join(self->thread);
    g_object_unref(self->listener);
    g_ptr_array_unref(self->requests);
    g_mutex_clear(&self->mutex);
    g_cond_clear(&self->changed);
    g_free(self);
}

guint16 peer_port(const Peer *self)
{
    g_autoptr(GSocketAddress) address = g_socket_get_local_address(self->listener, NULL);
    return g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address));
}

char *peer_url(const Peer *self)
{
    return g_strdup_printf("http://127.0.0.1:%u", peer_port(self));
}

guint peer_n_requests(Peer *self)
{
    g_mutex_lock(&self->mutex);
    const guint n = self->requests->len;
    g_mutex_unlock(&self->mutex);
    return n;
}

guint peer_n_connections(Peer *self)
{
    g_mutex_lock(&self->mutex);
    const guint n = self->n_connections;
    g_mutex_unlock(&self->mutex);
    return n;
}

gsize peer_n_flooded(Peer *self)
{
    g_mutex_lock(&self->mutex);
    const gsize n = self->n_flooded;
    g_mutex_unlock(&self->mutex);
    return n;
}

char *peer_request(Peer *self, guint index)
{
    g_mutex_lock(&self->mutex);
    char *request = index < self->requests->len ? g_strdup(g_ptr_array_index(self->requests, index)) : NULL;
    g_mutex_unlock(&self->mutex);
    return request;
}

void peer_wait_for_request(Peer *self, guint count)
{
    const gint64 until = g_get_monotonic_time() + WAIT_S * G_USEC_PER_SEC;
    g_mutex_lock(&self->mutex);
    while (self->requests->len < count)
        g_assert_true(g_cond_wait_until(&self->changed, &self->mutex, until));
    g_mutex_unlock(&self->mutex);
}
