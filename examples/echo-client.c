/* SPDX-License-Identifier: MIT
 * examples/echo-client.c: connects, sends one message and one that wants an ack, and prints what happens as JSON, a
 * line an event. Acknowledges every event that asks for it with the event's own arguments. Ends once both answers are
 * in (with
 * --stay: with the connection). */
#include "socketio/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACK_TIMEOUT_MS 5000

typedef struct {
    GMainLoop *loop;
    int n_awaited; /* the answer to "message", and the ack */
    int exit_status;
} App;

static char *url = "http://127.0.0.1:3000", *path = "/socket.io/", *nsp = "/", *auth_text, *proxy_url;
static char **headers;
static gboolean stay;
static int attempts, size_bytes;

static const GOptionEntry entries[] = {
    { "url", 0, 0, G_OPTION_ARG_STRING, &url, "http, https, ws or wss (http://127.0.0.1:3000)", "URL" },
    { "path", 0, 0, G_OPTION_ARG_STRING, &path, "The server's (/socket.io/)", "PATH" },
    { "namespace", 0, 0, G_OPTION_ARG_STRING, &nsp, "To connect to (/)", "NAME" },
    { "auth", 0, 0, G_OPTION_ARG_STRING, &auth_text, "JSON object to send with CONNECT", "JSON" },
    { "header", 0, 0, G_OPTION_ARG_STRING_ARRAY, &headers, "Name, then in a second --header its value", "TEXT" },
    { "proxy", 0, 0, G_OPTION_ARG_STRING, &proxy_url, "http://host:port", "URL" },
    { "attempts", 0, 0, G_OPTION_ARG_INT, &attempts, "To reconnect (0)", "N" },
    { "size", 0, 0, G_OPTION_ARG_INT, &size_bytes, "Length of a string sent with the message (0)", "BYTES" },
    { "stay", 0, 0, G_OPTION_ARG_NONE, &stay, "Until the connection ends", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
};

/* @line: (transfer full) */
static void print_line(json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);
    if (!text)
        g_error("what happened cannot be written as JSON");
    puts(text);
    fflush(stdout);
    free(text);
    json_decref(line);
}

static json_t *attachments_to_hex(GPtrArray *attachments)
{
    json_t *list = json_array();
    for (guint i = 0; attachments && i < attachments->len; i++) {
        gsize size;
        const guint8 *bytes = g_bytes_get_data(g_ptr_array_index(attachments, i), &size);
        g_autoptr(GString) hex = g_string_new(NULL);
        for (gsize j = 0; j < size; j++)
            g_string_append_printf(hex, "%02x", bytes[j]);
        json_array_append_new(list, json_string(hex->str));
    }
    return list;
}

static void got_one(App *app)
{
    if (--app->n_awaited == 0 && !stay)
        g_main_loop_quit(app->loop);
}

static void on_ack(json_t *args, GPtrArray *attachments, const GError *error, void *user_data)
{
    if (error)
        print_line(json_pack("{ss,ss}", "what", "ack", "error", error->message));
    else
        print_line(
            json_pack("{ss,sO,so}", "what", "ack", "args", args, "attachments", attachments_to_hex(attachments)));
    got_one(user_data);
}

static GPtrArray *make_attachments(void)
{
    GPtrArray *attachments = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
    g_ptr_array_add(attachments, g_bytes_new_static("\x01\x02\x03", 3));
    return attachments;
}

static void on_connect(SioClient *client, void *user_data)
{
    g_autoptr(GPtrArray) attachments = make_attachments();
    g_autofree char *text = g_strnfill((gsize) size_bytes, 'x');
    print_line(json_pack("{ss,ss}", "what", "connected", "id", sio_client_get_id(client)));
    sio_client_emit_args(client, "message",
                         json_pack("[i,s,{s:[b]},o,s]", 1, "2", "3", 1, sio_placeholder_new(0), text), attachments);
    sio_client_emit_with_ack(client, "message-with-ack", json_pack("[s]", "ack me"), NULL, ACK_TIMEOUT_MS, on_ack,
                             user_data);
}

static void on_connect_error(SioClient *client G_GNUC_UNUSED, const GError *error, const json_t *data, guint retry_ms,
                             void *user_data)
{
    App *app = user_data;
    print_line(json_pack("{ss,ss,sb,sO*,si}", "what", "connect_error", "message", error->message, "refused",
                         g_error_matches(error, SIO_ERROR, SIO_ERROR_REFUSED), "data", data, "retry_ms",
                         (int) retry_ms));
    if (retry_ms > 0)
        return;
    app->exit_status = EXIT_FAILURE;
    g_main_loop_quit(app->loop);
}

static void on_event(SioClient *client, const SioEvent *event, void *user_data)
{
    print_line(json_pack("{ss,ss,sO,so}", "what", "event", "name", event->name, "args", event->args, "attachments",
                         attachments_to_hex(event->attachments)));
    if (event->ack_id >= 0)
        sio_client_ack(client, event->ack_id, json_incref(event->args), event->attachments);
    if (strcmp(event->name, "message-back") == 0)
        got_one(user_data);
}

static void on_disconnect(SioClient *client G_GNUC_UNUSED, SioDisconnectReason reason, guint retry_ms, void *user_data)
{
    const App *app = user_data;
    print_line(json_pack("{ss,ss,si}", "what", "disconnected", "reason", sio_disconnect_reason_to_string(reason),
                         "retry_ms", (int) retry_ms));
    if (retry_ms == 0)
        g_main_loop_quit(app->loop);
}

static bool read_options(int argc, char **argv, GError **error)
{
    g_autoptr(GOptionContext) context = g_option_context_new("- example client for Socket.IO v5");
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, &argc, &argv, error);
}

static int run(json_t *auth)
{
    static const SioClientCallbacks callbacks = { on_connect, on_connect_error, on_event, on_disconnect };
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GProxyResolver) proxy = proxy_url ? g_simple_proxy_resolver_new(proxy_url, NULL) : NULL;
    App app = { loop, 2, EXIT_SUCCESS };
    SioClientOptions options;
    sio_client_options_init(&options);
    options.engine.url = url;
    options.engine.path = path;
    options.engine.headers = (const char *const *) headers;
    options.engine.proxy = proxy;
    options.nsp = nsp;
    options.auth = auth;
    options.reconnect.attempts = (guint) attempts;
    options.reconnect.first_ms = 100;
    g_autoptr(SioClient) client = sio_client_new(&options, &callbacks, &app);
    sio_client_connect(client);
    g_main_loop_run(loop);
    sio_client_disconnect(client);
    return app.exit_status;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    if (!read_options(argc, argv, &error)) {
        g_printerr("echo-client: %s\n", error->message);
        return EXIT_FAILURE;
    }
    json_t *auth = auth_text ? json_loads(auth_text, 0, NULL) : NULL;
    if (auth_text && !json_is_object(auth)) {
        g_printerr("echo-client: --auth: not a JSON object\n");
        return EXIT_FAILURE;
    }
    const int status = run(auth);
    json_decref(auth);
    return status;
}
