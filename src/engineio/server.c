/* SPDX-License-Identifier: MIT
 * engineio/server.c: which request goes to which session, and what is refused. */
#include "engineio/patience.h"
#include "engineio/server-private.h"

#include <string.h>

void eio_server_options_init(EioServerOptions *options)
{
    *options = (EioServerOptions){
        .ping_interval_ms = 25000,
        .ping_timeout_ms = 20000,
        .upgrade_timeout_ms = 10000,
        .request_timeout_ms = 30000,
        .close_timeout_ms = 5000,
        .max_payload_bytes = 50 * 1024 * 1024,
        .max_buffered_bytes = 64 * 1024 * 1024,
        .polling = true,
        .websocket = true,
        .cors_origin = "*",
    };
}

/* libsoup up to 3.2 never closes an idle connection that its client has closed (fixed by its commit d20c6601): each one
 * would cost a file descriptor for ever. */
static bool leaks_idle_connections(void)
{
    return soup_get_major_version() == 3 && soup_get_minor_version() < 3;
}

static void on_request_started(SoupServer *soup G_GNUC_UNUSED, SoupServerMessage *request, void *data G_GNUC_UNUSED)
{
    if (leaks_idle_connections())
        soup_message_headers_replace(soup_server_message_get_response_headers(request), "Connection", "close");
}

/* ---- answers ---- */

static void add_cors(EioServer *self, SoupServerMessage *request)
{
    if (!self->options.cors_origin)
        return;
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(request);
    soup_message_headers_replace(headers, "Access-Control-Allow-Origin", self->options.cors_origin);
    if (strcmp(self->options.cors_origin, "*") == 0)
        return;
    soup_message_headers_replace(headers, "Access-Control-Allow-Credentials", "true");
    soup_message_headers_replace(headers, "Vary", "Origin");
}

static void answer_with(EioServer *self, SoupServerMessage *request, guint status, const char *type, GBytes *body)
{
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(request);
    soup_server_message_set_status(request, status, NULL);
    soup_message_headers_set_content_type(headers, type, NULL);
    soup_message_headers_replace(headers, "Cache-Control", "no-store");
    soup_message_body_append_bytes(soup_server_message_get_response_body(request), body);
    g_bytes_unref(body);
    add_cors(self, request);
    eio_patience_begin_answer(request);
}

void eio_server_answer(EioServer *self, SoupServerMessage *request, GBytes *body)
{
    answer_with(self, request, 200, "text/plain; charset=UTF-8", body);
}

void eio_server_refuse(EioServer *self, SoupServerMessage *request, guint status, EioRefusal code, const char *message)
{
    char *text = g_strdup_printf("{\"code\":%d,\"message\":\"%s\"}", code, message);
    answer_with(self, request, status, "application/json", g_bytes_new_take(text, strlen(text)));
}

static void answer_preflight(EioServer *self, SoupServerMessage *request)
{
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(request);
    add_cors(self, request);
    if (self->options.cors_origin) {
        const char *wanted = soup_message_headers_get_list(soup_server_message_get_request_headers(request),
                                                           "Access-Control-Request-Headers");
        soup_message_headers_replace(headers, "Access-Control-Allow-Methods", "GET,POST");
        soup_message_headers_replace(headers, "Access-Control-Allow-Headers", wanted ? wanted : "Content-Type");
        soup_message_headers_replace(headers, "Access-Control-Max-Age", "600");
    }
    soup_server_message_set_status(request, 204, NULL);
}

/* ---- checks, in the order in which their errors win ---- */

typedef enum { METHOD_GET, METHOD_POST, METHOD_OTHER } Method;

typedef struct {
    Method method;
    bool is_websocket;
    const char *sid;   /* NULL: a handshake */
    EioSocket *socket; /* of the sid; may be closed and waiting for its last GET */
} Request;

static Method read_method(SoupServerMessage *message)
{
    const char *method = soup_server_message_get_method(message);
    return strcmp(method, "GET") == 0 ? METHOD_GET : strcmp(method, "POST") == 0 ? METHOD_POST : METHOD_OTHER;
}

static const char *query_get(GHashTable *query, const char *name)
{
    return query ? g_hash_table_lookup(query, name) : NULL;
}

static bool wants_upgrade(SoupServerMessage *message)
{
    SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
    return soup_message_headers_header_contains(headers, "Upgrade", "websocket");
}

static bool refuse(EioServer *self, SoupServerMessage *message, EioRefusal code, const char *text)
{
    eio_server_refuse(self, message, 400, code, text);
    return false;
}

static bool check_transport(EioServer *self, SoupServerMessage *message, GHashTable *query, Request *request)
{
    const char *transport = query_get(query, "transport");
    request->is_websocket = g_strcmp0(transport, "websocket") == 0;
    if (!(request->is_websocket ? self->options.websocket
                                : g_strcmp0(transport, "polling") == 0 && self->options.polling))
        return refuse(self, message, EIO_REFUSE_TRANSPORT, "Transport unknown");
    if (g_strcmp0(query_get(query, "EIO"), EIO_PROTOCOL) != 0)
        return refuse(self, message, EIO_REFUSE_VERSION, "Unsupported protocol version");
    return true;
}

static bool check_session(EioServer *self, SoupServerMessage *message, Request *request)
{
    g_autoptr(EioSocket) found = eio_server_find(self, request->sid);
    if (found) {
        eio_socket_ref(found);
        eio_socket_check_time(found);
        eio_socket_poll_probe(found);
    }
    EioSocket *socket = request->socket = eio_server_find(self, request->sid); /* it may have ended just now */
    if (!socket || (!socket->is_open && (request->is_websocket || request->method != METHOD_GET)))
        return refuse(self, message, EIO_REFUSE_SID, "Session ID unknown");
    if (!request->is_websocket && socket->ws)
        return refuse(self, message, EIO_REFUSE_REQUEST, "Bad request");
    return true;
}

static bool check(EioServer *self, SoupServerMessage *message, GHashTable *query, Request *request)
{
    *request = (Request){ .method = read_method(message), .sid = query_get(query, "sid") };
    if (!check_transport(self, message, query, request))
        return false;
    if (request->sid && !check_session(self, message, request))
        return false;
    if (request->method == METHOD_OTHER || (request->method == METHOD_POST && (!request->sid || request->is_websocket)))
        return refuse(self, message, EIO_REFUSE_METHOD, "Bad handshake method");
    if (request->is_websocket != wants_upgrade(message))
        return refuse(self, message, EIO_REFUSE_REQUEST, "Bad request");
    return true;
}

/* ---- handshakes ---- */

static bool is_full(const EioServer *self)
{
    return self->options.max_connections > 0 && self->n_open >= self->options.max_connections;
}

/* One that has not said what it wants makes room for one that may. */
static bool has_room(EioServer *self)
{
    if (is_full(self) && self->callbacks.on_full)
        self->callbacks.on_full(self->user_data);
    return !is_full(self);
}

static bool admit(EioServer *self, SoupServerMessage *message)
{
    const char *reason = "Forbidden";
    if (self->closed) {
        eio_server_refuse(self, message, 503, EIO_REFUSE_FORBIDDEN, "Server is shutting down");
    } else if (!has_room(self)) {
        g_autofree char *text = g_strdup_printf("Server is full: %u connections", self->options.max_connections);
        eio_server_refuse(self, message, 503, EIO_REFUSE_FORBIDDEN, text);
    } else if (self->callbacks.on_handshake && !self->callbacks.on_handshake(message, &reason, self->user_data)) {
        eio_server_refuse(self, message, 403, EIO_REFUSE_FORBIDDEN, reason);
    } else {
        return true;
    }
    return false;
}

static void open_polling(EioServer *self, SoupServerMessage *message, GHashTable *query)
{
    g_autoptr(EioSocket) socket = eio_socket_new(self, message, query);
    g_autoptr(GBytes) open = eio_socket_make_open_packet(socket, self->options.websocket);
    g_autoptr(EioPacket) packet = eio_packet_new(EIO_PACKET_OPEN, EIO_TEXT, open);
    g_autoptr(GByteArray) payload = g_byte_array_new();
    eio_payload_append(payload, packet);
    eio_server_answer(self, message, g_byte_array_free_to_bytes(g_steal_pointer(&payload)));
    eio_socket_start(socket, NULL);
}

/* A WebSocket handshake whose 101 is on its way out. */
typedef struct {
    EioServer *server;
    EioSocket *socket; /* new, or the one to upgrade */
    bool is_probe;
} Upgrade;

static void upgrade_free(void *data, GClosure *closure G_GNUC_UNUSED)
{
    Upgrade *upgrade = data;
    eio_socket_unref(upgrade->socket);
    eio_server_unref(upgrade->server);
    g_free(upgrade);
}

static void on_upgraded(SoupServerMessage *message, Upgrade *upgrade)
{
    EioServer *self = upgrade->server;
    EioSocket *socket = upgrade->socket;
    const EioWsOptions options = {
        .max_payload_bytes = self->options.max_payload_bytes,
        .max_buffered_bytes = self->options.max_buffered_bytes,
        .close_timeout_ms = self->options.close_timeout_ms,
    };
    eio_patience_forget(message);
    g_object_ref(message);
    eio_socket_ref(socket);
    g_autoptr(GIOStream) stream = soup_server_message_steal_connection(message);
    EioWs *ws = eio_ws_new(stream, NULL, &options, &eio_socket_ws_callbacks, socket);
    if (upgrade->is_probe)
        eio_socket_begin_probe(socket, ws);
    else if (self->closed || !has_room(self))
        eio_ws_close(ws, EIO_STATUS_TRY_LATER);
    else
        eio_socket_start(socket, ws);
    eio_socket_unref(socket);
    g_object_unref(message);
}

/* No extension is offered: compressing base64 audio costs more than it saves, and what inflates has no bound. */
static void begin_upgrade(EioServer *self, SoupServerMessage *message, EioSocket *socket, bool is_probe)
{
    add_cors(self, message);
    soup_message_headers_remove(soup_server_message_get_response_headers(message),
                                "Connection"); /* it will be "Upgrade" */
    if (!soup_websocket_server_process_handshake(message, NULL, NULL, NULL, NULL))
        return; /* libsoup has set the 400 */
    Upgrade *upgrade = g_new(Upgrade, 1);
    *upgrade = (Upgrade){ eio_server_ref(self), eio_socket_ref(socket), is_probe };
    g_signal_connect_data(message, "wrote-informational", G_CALLBACK(on_upgraded), upgrade, upgrade_free, 0);
}

static void open_websocket(EioServer *self, SoupServerMessage *message, GHashTable *query)
{
    g_autoptr(EioSocket) socket = eio_socket_new(self, message, query);
    begin_upgrade(self, message, socket, false);
}

/* ---- routes ---- */

static bool is_our_path(EioServer *self, const char *path)
{
    const gsize length = strlen(path);
    for (char **p = self->paths; *p; p++) {
        const gsize n = strlen(*p);
        if (strncmp(path, *p, n) == 0 && (length == n || (length == n + 1 && path[n] == '/')))
            return true;
    }
    return false;
}

static void refuse_too_large(EioServer *self, SoupServerMessage *message)
{
    soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Connection", "close");
    eio_server_refuse(self, message, 413, EIO_REFUSE_REQUEST, "Payload too large");
}

/* The body that has come so far, of a session's POST. */
typedef struct {
    EioServer *server;
    EioSocket *socket;
    gsize bytes;
} Upload;

static void upload_free(void *data, GClosure *closure G_GNUC_UNUSED)
{
    Upload *upload = data;
    eio_socket_unref(upload->socket);
    eio_server_unref(upload->server);
    g_free(upload);
}

static void on_chunk(SoupServerMessage *message, GBytes *chunk, Upload *upload)
{
    upload->bytes += g_bytes_get_size(chunk);
    if (upload->bytes <= upload->server->options.max_payload_bytes || soup_server_message_get_status(message) != 0)
        return;
    refuse_too_large(upload->server, message);
    eio_socket_close_for(upload->socket, EIO_CLOSE_TOO_LARGE);
}

static void begin_post(EioServer *self, SoupServerMessage *message, EioSocket *socket)
{
    if (!eio_socket_begin_post(socket, message)) {
        refuse(self, message, EIO_REFUSE_REQUEST, "Overlapping POST requests");
        return;
    }
    SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
    if (soup_message_headers_get_content_length(headers) > (goffset) self->options.max_payload_bytes) {
        refuse_too_large(self, message);
        eio_socket_close_for(socket, EIO_CLOSE_TOO_LARGE);
        return;
    }
    Upload *upload = g_new(Upload, 1);
    *upload = (Upload){ eio_server_ref(self), eio_socket_ref(socket), 0 };
    g_signal_connect_data(message, "got-chunk", G_CALLBACK(on_chunk), upload, upload_free, 0);
}

/* Headers are in, the body is not: the only time at which an upload can be refused before it fills memory. */
static void on_headers(SoupServer *soup G_GNUC_UNUSED, SoupServerMessage *message, const char *path, GHashTable *query,
                       void *data)
{
    EioServer *self = data;
    Request request;
    soup_message_headers_remove(soup_server_message_get_request_headers(message),
                                "Range"); /* libsoup would cut payloads */
    if (!is_our_path(self, path)) {
        soup_server_message_set_status(message, 404, NULL);
    } else if (strcmp(soup_server_message_get_method(message), "OPTIONS") == 0) {
        answer_preflight(self, message);
    } else if (check(self, message, query, &request) && request.method == METHOD_POST) {
        begin_post(self, message, request.socket);
    }
    if (soup_server_message_get_status(message) != 0) /* refused: its body interests nobody */
        soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
}

static void on_request(SoupServer *soup G_GNUC_UNUSED, SoupServerMessage *message, const char *path G_GNUC_UNUSED,
                       GHashTable *query, void *data)
{
    EioServer *self = data;
    Request request;
    if (!check(self, message, query, &request))
        return;
    if (request.method == METHOD_POST)
        eio_socket_finish_post(request.socket, message);
    else if (request.sid && request.is_websocket)
        begin_upgrade(self, message, request.socket, true);
    else if (request.sid)
        eio_socket_begin_get(request.socket, message);
    else if (!admit(self, message))
        return;
    else if (request.is_websocket)
        open_websocket(self, message, query);
    else
        open_polling(self, message, query);
}

/* ---- life ---- */

static char **strip_slashes(const char *const *paths)
{
    char **stripped = g_strdupv((char **) paths);
    for (char **p = stripped; *p; p++) {
        const gsize n = strlen(*p);
        if (n > 1 && (*p)[n - 1] == '/')
            (*p)[n - 1] = '\0';
    }
    return stripped;
}

EioServer *eio_server_new(SoupServer *soup, const char *const *paths, const EioServerOptions *options,
                          const EioServerCallbacks *callbacks, void *user_data)
{
    g_return_val_if_fail(paths && *paths && callbacks->on_open && callbacks->on_message && callbacks->on_close, NULL);
    EioServer *self = g_new0(EioServer, 1);
    g_ref_count_init(&self->refs);
    self->soup = g_object_ref(soup);
    self->context = g_main_context_ref_thread_default();
    self->paths = strip_slashes(paths);
    self->options = *options;
    self->options.cors_origin = g_strdup(options->cors_origin);
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->sockets = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) eio_socket_unref);
    eio_patience_set(soup, options->request_timeout_ms);
    self->started_id = g_signal_connect(soup, "request-started", G_CALLBACK(on_request_started), self);
    for (char **p = self->paths; *p; p++) {
        soup_server_add_early_handler(soup, *p, on_headers, self, NULL);
        soup_server_add_handler(soup, *p, on_request, self, NULL);
    }
    return self;
}

EioServer *eio_server_ref(EioServer *self)
{
    g_ref_count_inc(&self->refs);
    return self;
}

void eio_server_unref(EioServer *self)
{
    if (!g_ref_count_dec(&self->refs))
        return;
    g_hash_table_unref(self->sockets);
    g_strfreev(self->paths);
    g_free((char *) self->options.cors_origin);
    g_main_context_unref(self->context);
    g_object_unref(self->soup);
    g_free(self);
}

static void close_all(EioServer *self, void (*close)(EioSocket *))
{
    g_autoptr(GPtrArray) sockets = g_ptr_array_new_with_free_func((GDestroyNotify) eio_socket_unref);
    GHashTableIter iter;
    void *socket;
    g_hash_table_iter_init(&iter, self->sockets);
    while (g_hash_table_iter_next(&iter, NULL, &socket))
        g_ptr_array_add(sockets, eio_socket_ref(socket));
    for (guint i = 0; i < sockets->len; i++)
        close(g_ptr_array_index(sockets, i));
}

void eio_server_close(EioServer *self)
{
    self->closed = true;
    close_all(self, eio_socket_close);
}

void eio_server_free(EioServer *self)
{
    if (!self)
        return;
    g_return_if_fail(self->dispatching == 0);
    eio_server_close(self);
    close_all(self, eio_socket_drop);
    g_signal_handler_disconnect(self->soup, self->started_id);
    for (char **p = self->paths; *p; p++)
        soup_server_remove_handler(self->soup, *p);
    eio_server_unref(self);
}

guint eio_server_count(const EioServer *self)
{
    return self->n_open;
}

EioSocket *eio_server_find(const EioServer *self, const char *sid)
{
    return sid ? g_hash_table_lookup(self->sockets, sid) : NULL;
}
