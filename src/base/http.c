/* base/http.c: listening with errors a person can act on, and the replies every endpoint shares. */
#include "base/http.h"

#include "base/error.h"
#include "base/log.h"
#include "base/secret.h"

#include <netinet/in.h>
#include <string.h>

#define LISTEN_BACKLOG 128

/* libsoup before 3.4 leaks the descriptor of an idle connection that its client closes: each answer ends its own. */
static void on_request_started(G_GNUC_UNUSED SoupServer *server, SoupServerMessage *message,
                               G_GNUC_UNUSED gpointer data)
{
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Connection", "close");
}

static void refuse_body(SoupServerMessage *message)
{
    soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
    soup_message_body_truncate(soup_server_message_get_request_body(message));
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Connection", "close");
    g_autofree char *text = g_strdup_printf("the request's body is longer than %d bytes", DUB_HTTP_BODY_MOST_BYTES);
    dub_http_reply_error(message, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE, "TOO_LARGE", text);
}

static bool is_bounded_elsewhere(SoupServerMessage *message, const char *const *except)
{
    const char *path = g_uri_get_path(soup_server_message_get_uri(message));
    for (; except && *except; except++)
        if (g_str_has_prefix(path, *except))
            return true;
    return false;
}

static void on_body_headers(SoupServerMessage *message, gpointer except)
{
    const goffset length = soup_message_headers_get_content_length(soup_server_message_get_request_headers(message));
    if (length > DUB_HTTP_BODY_MOST_BYTES && !is_bounded_elsewhere(message, except))
        refuse_body(message);
}

/* A body without a stated length grows chunk by chunk. */
static void on_body_chunk(SoupServerMessage *message, G_GNUC_UNUSED GBytes *chunk, gpointer except)
{
    if (soup_server_message_get_status(message) == 0 && !is_bounded_elsewhere(message, except) &&
        soup_server_message_get_request_body(message)->length > DUB_HTTP_BODY_MOST_BYTES)
        refuse_body(message);
}

static void on_limited_request(G_GNUC_UNUSED SoupServer *server, SoupServerMessage *message, gpointer except)
{
    g_signal_connect(message, "got-headers", G_CALLBACK(on_body_headers), except);
    g_signal_connect(message, "got-chunk", G_CALLBACK(on_body_chunk), except);
}

void dub_http_limit_bodies(SoupServer *server, const char *const *except)
{
    g_signal_connect(server, "request-started", G_CALLBACK(on_limited_request), (gpointer) except);
}

typedef struct {
    const char *const *prefixes;
    char *token;
} Lock;

static void lock_free(void *data, GClosure *closure G_GNUC_UNUSED)
{
    Lock *self = data;
    g_free(self->token);
    g_free(self);
}

static bool is_locked(const Lock *self, const char *path)
{
    for (const char *const *prefix = self->prefixes; *prefix; prefix++) {
        const gsize length = strlen(*prefix);
        if (strncmp(path, *prefix, length) == 0 && (path[length] == '\0' || path[length] == '/'))
            return true;
    }
    return false;
}

static bool opens(const Lock *self, SoupServerMessage *message)
{
    static const char scheme[] = "Bearer ";
    const char *header =
        soup_message_headers_get_one(soup_server_message_get_request_headers(message), "Authorization");
    if (header && g_ascii_strncasecmp(header, scheme, strlen(scheme)) == 0)
        return dub_secret_is(header + strlen(scheme), self->token);
    const char *query = g_uri_get_query(soup_server_message_get_uri(message));
    g_autoptr(GHashTable) parameters = query ? soup_form_decode(query) : NULL;
    return parameters && dub_secret_is(g_hash_table_lookup(parameters, "token"), self->token);
}

static void on_locked_headers(SoupServerMessage *message, void *data)
{
    const Lock *self = data;
    if (!is_locked(self, g_uri_get_path(soup_server_message_get_uri(message))) || opens(self, message))
        return;
    soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "WWW-Authenticate", "Bearer");
    dub_http_reply_error(message, SOUP_STATUS_UNAUTHORIZED, "AUTH_FAILED",
                         "API_TOKEN is set: say Authorization: Bearer TOKEN, or ?token=TOKEN");
}

static void on_lockable_request(G_GNUC_UNUSED SoupServer *server, SoupServerMessage *message, void *lock)
{
    g_signal_connect(message, "got-headers", G_CALLBACK(on_locked_headers), lock);
}

void dub_http_require_token(SoupServer *server, const char *const *prefixes, const char *token)
{
    if (!token)
        return;
    Lock *lock = g_new(Lock, 1);
    *lock = (Lock){ prefixes, g_strdup(token) };
    g_signal_connect_data(server, "request-started", G_CALLBACK(on_lockable_request), lock, lock_free, 0);
}

void dub_http_authorize(SoupMessage *message, const char *token)
{
    g_autofree char *value = token ? g_strconcat("Bearer ", token, NULL) : NULL;
    if (value)
        soup_message_headers_replace(soup_message_get_request_headers(message), "Authorization", value);
}

char *dub_http_basic_authorization(const GUri *uri)
{
    const char *user = g_uri_get_user((GUri *) uri), *password = g_uri_get_password((GUri *) uri);
    if (!user)
        return NULL;
    g_autofree char *both = g_strconcat(user, ":", password ? password : "", NULL);
    g_autofree char *encoded = g_base64_encode((const guchar *) both, strlen(both));
    return g_strconcat("Basic ", encoded, NULL);
}

SoupServer *dub_http_server_new(void)
{
    SoupServer *server = soup_server_new("server-header", "airdub", NULL);
    g_signal_connect(server, "request-started", G_CALLBACK(on_request_started), NULL);
    dub_http_limit_bodies(server, NULL);
    return server;
}

/* One socket, one address: of a name with both, the one that every client tries. */
static GInetAddress *prefer_ipv4(GList *addresses)
{
    for (GList *l = addresses; l; l = l->next) {
        if (g_inet_address_get_family(l->data) == G_SOCKET_FAMILY_IPV4)
            return g_object_ref(l->data);
    }
    return g_object_ref(addresses->data);
}

static GInetAddress *resolve(const char *host, GError **error)
{
    GInetAddress *literal = g_inet_address_new_from_string(host);
    if (literal)
        return literal;
    g_autoptr(GError) problem = NULL;
    g_autoptr(GResolver) resolver = g_resolver_get_default();
    GList *found = g_resolver_lookup_by_name(resolver, host, NULL, &problem);
    if (!found) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "cannot listen on host %s: %s", host,
                    problem->message);
        return NULL;
    }
    GInetAddress *chosen = prefer_ipv4(found);
    g_resolver_free_addresses(found);
    return chosen;
}

static DubErrorCode code_of(const GError *problem)
{
    return g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE) ? DUB_ERROR_BUSY : DUB_ERROR_NETWORK;
}

static void set_listen_error(GError **error, const GError *problem, const char *host, guint port, const char *setting)
{
    const DubErrorCode code = code_of(problem);
    if (code == DUB_ERROR_BUSY)
        g_set_error(error, DUB_ERROR, code, "port %u is in use by another program; choose another with %s", port,
                    setting);
    else
        g_set_error(error, DUB_ERROR, code, "cannot listen on %s port %u: %s; choose another with %s", host, port,
                    problem->message, setting);
}

/* Our own socket rather than soup_server_listen(): "::" has to take both families, which libsoup turns off. */
static GSocket *open_listener(GInetAddress *address, guint port, GError **error)
{
    g_autoptr(GSocket) socket =
        g_socket_new(g_inet_address_get_family(address), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);
    if (!socket)
        return NULL;
    if (g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6 && g_inet_address_get_is_any(address) &&
        !g_socket_set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0, error))
        return NULL;
    g_autoptr(GSocketAddress) full = g_inet_socket_address_new(address, (guint16) port);
    g_socket_set_listen_backlog(socket, LISTEN_BACKLOG);
    if (!g_socket_bind(socket, full, TRUE, error) || !g_socket_listen(socket, error))
        return NULL;
    return g_steal_pointer(&socket);
}

static guint port_of(GSocket *socket, GError **error)
{
    g_autoptr(GSocketAddress) local = g_socket_get_local_address(socket, error);
    return local ? g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(local)) : 0;
}

GSocket *dub_http_bind(const char *host, guint port, const char *setting, guint *chosen, GError **error)
{
    g_return_val_if_fail(port <= 65535, NULL);
    g_autoptr(GInetAddress) address = resolve(host, error);
    if (!address)
        return NULL;
    g_autoptr(GError) problem = NULL;
    g_autoptr(GSocket) socket = open_listener(address, port, &problem);
    *chosen = socket ? port_of(socket, &problem) : 0;
    if (*chosen)
        return g_steal_pointer(&socket);
    set_listen_error(error, problem, host, port, setting);
    return NULL;
}

bool dub_http_is_loopback(const char *host)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);
    return address ? g_inet_address_get_is_loopback(address) : strcmp(host, "localhost") == 0;
}

void dub_http_tell_open(const char *program, const DubOpenDoor *doors, gsize n_doors)
{
    g_autoptr(GString) open = g_string_new(NULL);
    for (gsize i = 0; i < n_doors; i++) {
        if (doors[i].is_guarded || dub_http_is_loopback(doors[i].host))
            continue;
        g_string_append_printf(open, strchr(doors[i].host, ':') ? "%s%s on [%s]:%u (%s)" : "%s%s on %s:%u (%s)",
                               open->len > 0 ? ", " : "", doors[i].what, doors[i].host, doors[i].port, doors[i].cure);
    }
    if (open->len > 0)
        dub_warning("%s: open to anyone: %s", program, open->str);
}

void dub_http_reply_text(SoupServerMessage *message, guint status, const char *content_type, const char *body)
{
    soup_server_message_set_status(message, status, NULL);
    soup_server_message_set_response(message, content_type, SOUP_MEMORY_COPY, body, strlen(body));
}

char *dub_http_local_url(const char *host, guint port)
{
    if (strcmp(host, "0.0.0.0") == 0)
        host = "127.0.0.1";
    else if (strcmp(host, "::") == 0)
        host = "::1";
    return g_strdup_printf(strchr(host, ':') ? "http://[%s]:%u" : "http://%s:%u", host, port);
}

void dub_http_reply_json(SoupServerMessage *message, guint status, const DubJson *body)
{
    g_autofree char *text = dub_json_to_text(body);
    dub_http_reply_text(message, status, "application/json", text);
}

void dub_http_reply_error(SoupServerMessage *message, guint status, const char *code, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1); /* jansson refuses anything else */
    g_autoptr(DubJson) body = json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", valid);
    dub_http_reply_json(message, status, body);
}

static void on_metrics(G_GNUC_UNUSED SoupServer *server, SoupServerMessage *message, const char *path,
                       G_GNUC_UNUSED GHashTable *query, gpointer user_data)
{
    const char *method = soup_server_message_get_method(message);
    if (strcmp(path, "/metrics") != 0) {
        dub_http_reply_error(message, SOUP_STATUS_NOT_FOUND, "NOT_FOUND", "no such page; try /metrics");
        return;
    }
    if (method != SOUP_METHOD_GET && method != SOUP_METHOD_HEAD) {
        soup_message_headers_replace(soup_server_message_get_response_headers(message), "Allow", "GET, HEAD");
        dub_http_reply_error(message, SOUP_STATUS_METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED",
                             "/metrics is read with GET");
        return;
    }
    g_autofree char *text = dub_metrics_to_text(user_data);
    dub_http_reply_text(message, SOUP_STATUS_OK, "text/plain; version=0.0.4; charset=utf-8", text);
}

void dub_http_add_metrics(SoupServer *server, DubMetrics *metrics)
{
    soup_server_add_handler(server, "/metrics", on_metrics, metrics, NULL);
}

char *dub_url_printable(const char *url)
{
    if (!strstr(url, "://"))
        return g_strdup(url);
    g_autoptr(GUri) parsed = g_uri_parse(url, G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_ENCODED, NULL);
    if (!parsed)
        return g_strdup("(malformed URL)");
    return g_uri_to_string_partial(parsed, G_URI_HIDE_USERINFO | G_URI_HIDE_QUERY | G_URI_HIDE_FRAGMENT);
}
