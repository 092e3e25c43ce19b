/* SPDX-License-Identifier: MIT
 * examples/echo-server.c: what the public protocol test suites talk to, and a first look at both servers' interfaces.
 *   /engine.io/  every message comes back as it came
 *   /socket.io/  namespaces "/" and "/custom": emits "auth" with the CONNECT payload, answers "message" with
 * "message-back" and the same arguments, acknowledges "message-with-ack" with its arguments */
#include "engineio/listener.h"
#include "socketio/server.h"

#include <glib-unix.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void on_open(EioSocket *socket G_GNUC_UNUSED, void *user_data G_GNUC_UNUSED)
{
}

static void on_message(EioSocket *socket, EioFormat format, GBytes *data, void *user_data G_GNUC_UNUSED)
{
    eio_socket_send(socket, format, data);
}

static void on_close(EioSocket *socket G_GNUC_UNUSED, EioCloseReason reason G_GNUC_UNUSED,
                     void *user_data G_GNUC_UNUSED)
{
}

static const EioServerCallbacks engine_callbacks = { .on_open = on_open,
                                                     .on_message = on_message,
                                                     .on_close = on_close };

#define AUTH_DELAY_MS 10

typedef struct {
    SioSocket *socket;
    json_t *auth;
} Greeting;

static gboolean on_greet(void *data)
{
    Greeting *greeting = data;
    sio_socket_emit(greeting->socket, "auth", greeting->auth);
    sio_socket_unref(greeting->socket);
    g_free(greeting);
    return G_SOURCE_REMOVE;
}

/* A moment after CONNECT: the public suites await one message after the other, and miss the second of two that arrive
 * in one segment. */
static void on_connect(SioSocket *socket, const json_t *auth, void *user_data G_GNUC_UNUSED)
{
    Greeting *greeting = g_new(Greeting, 1);
    *greeting = (Greeting){ sio_socket_ref(socket), auth ? json_incref((json_t *) auth) : json_object() };
    g_timeout_add(AUTH_DELAY_MS, on_greet, greeting);
}

static void on_event(SioSocket *socket, const SioEvent *event, void *user_data G_GNUC_UNUSED)
{
    if (strcmp(event->name, "message") == 0)
        sio_socket_emit_args(socket, "message-back", json_incref(event->args), event->attachments);
    else if (strcmp(event->name, "message-with-ack") == 0)
        sio_socket_ack(socket, event->ack_id, json_incref(event->args), event->attachments);
}

static const SioNamespaceCallbacks namespace_callbacks = { .on_connect = on_connect, .on_event = on_event };

static gboolean on_signal(void *loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

static int port = 3000, ping_interval_ms = 25000, ping_timeout_ms = 20000, max_connections = 0;
static gint64 max_payload_bytes = 1000000;

static const GOptionEntry entries[] = {
    { "port", 0, 0, G_OPTION_ARG_INT, &port, "Port on 127.0.0.1; 0 takes a free one (3000)", "PORT" },
    { "ping-interval", 0, 0, G_OPTION_ARG_INT, &ping_interval_ms, "Between pings (25000)", "MS" },
    { "ping-timeout", 0, 0, G_OPTION_ARG_INT, &ping_timeout_ms, "For the answer to a ping (20000)", "MS" },
    { "max-payload", 0, 0, G_OPTION_ARG_INT64, &max_payload_bytes, "Largest message (1000000)", "BYTES" },
    { "max-connections", 0, 0, G_OPTION_ARG_INT, &max_connections, "Refuse more; 0 is no limit (0)", "N" },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
};

static bool read_options(int argc, char **argv, GError **error)
{
    g_autoptr(GOptionContext) context = g_option_context_new("- echo server for Engine.IO v4 and Socket.IO v5");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, error))
        return false;
    if (port >= 0 && port <= 65535 && ping_interval_ms > 0 && ping_timeout_ms > 0 && max_payload_bytes > 0 &&
        max_connections >= 0)
        return true;
    g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "a number is out of range");
    return false;
}

static EioListener *listen_and_print(SoupServer *soup, GError **error)
{
    g_autoptr(GSocketAddress) wanted = g_inet_socket_address_new_from_string("127.0.0.1", (guint) port);
    g_autoptr(GSocket) socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);
    if (!socket || !g_socket_bind(socket, wanted, TRUE, error) || !g_socket_listen(socket, error))
        return NULL;
    g_autoptr(GSocketAddress) address = g_socket_get_local_address(socket, error);
    if (!address)
        return NULL;
    g_print("listening on %d\n", g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address)));
    return eio_listener_new(soup, socket, NULL);
}

static void serve(SoupServer *soup)
{
    static const char *const engine_paths[] = { "/engine.io/", NULL };
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    SioServerOptions options;
    sio_server_options_init(&options);
    options.engine.ping_interval_ms = (guint) ping_interval_ms;
    options.engine.ping_timeout_ms = (guint) ping_timeout_ms;
    options.engine.max_payload_bytes = (gsize) max_payload_bytes;
    options.engine.max_connections = (guint) max_connections;
    g_autoptr(EioServer) engine = eio_server_new(soup, engine_paths, &options.engine, &engine_callbacks, NULL);
    g_autoptr(SioServer) server = sio_server_new(soup, &options);
    sio_server_add_namespace(server, "/", &namespace_callbacks, NULL);
    sio_server_add_namespace(server, "/custom", &namespace_callbacks, NULL);
    g_unix_signal_add(SIGTERM, on_signal, loop);
    g_unix_signal_add(SIGINT, on_signal, loop);
    g_main_loop_run(loop);
}

/* glibc gives memory back to the kernel after each large message and takes it again for the next: half of the CPU time
 * of a server of such messages. */
static void keep_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

int main(int argc, char **argv)
{
    keep_memory();
    g_autoptr(GError) error = NULL;
    g_autoptr(SoupServer) soup = soup_server_new(NULL, NULL);
    g_autoptr(EioListener) listener = read_options(argc, argv, &error) ? listen_and_print(soup, &error) : NULL;
    if (!listener) {
        g_printerr("echo-server: %s\n", error->message);
        return EXIT_FAILURE;
    }
    serve(soup);
    return EXIT_SUCCESS;
}
