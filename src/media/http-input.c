/* media/http-input.c: soup_session_send() and g_input_stream_read(), both of which block. A seek only notes where the
 * next read begins: that one skips what lies between, or asks anew. */
#include "media/http-input.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/http.h"
#include "media/gst-error.h"

#include <libavutil/opt.h>
#include <string.h>
#include <sys/socket.h>

#define TIMEOUT_S       10u          /* to connect, and for the headers of an answer */
#define RETRIES         2            /* of a transfer that broke, where it can go on from there */
#define SKIP_MAX_BYTES  (256 * 1024) /* further ahead it is quicker to ask for what lies there */
#define SKIP_STEP_BYTES 16384
#define PLAYLIST_MAX_BYTES                                                                     \
    (8 * 1024 * 1024) /* a day in segments of 2 s; libavformat keeps ten times as much of each \
                       */
#define PLAYLIST_BEGINNING "#EXTM3U"

struct _DubHttpAccess {
    guint silence_s;
    GCancellable *cancellable;
    GMainContext *context; /* sessions have their sources there, and nobody runs it */
    SoupCookieJar *cookies;
    GUri *home; /* whose user and password are the next two */
    char *user, *password;
};

/* libavformat asks an AVIOContext for options of its child: that is how its own protocols tell where a redirect led. */
typedef struct {
    const AVClass *class;
    char *location;
} Facts;

typedef struct {
    DubInput base;
    Facts facts;
    DubHttpAccess *access;
    GUri *uri;
    int64_t first, end; /* of the resource; end -1: not known */
    int64_t at;         /* of the resource: what is read next */
    /* the request under way: */
    SoupSession *session;
    SoupMessage *message;
    GSocket *socket;
    GInputStream *body; /* NULL: none */
    int64_t body_at;    /* of the resource: what the body yields next */
    bool is_ranged;     /* the server takes Range requests */
    bool is_playlist;
    unsigned n_broken;
    int status; /* what reading ended with, if not 0 */
} HttpInput;

/* --- what libavformat may ask ------------------------------------------------------------------------------------ */

static const AVOption fact_options[] = {
    { "location",
      "where redirects led",
      offsetof(Facts, location),
      AV_OPT_TYPE_STRING,
      { .str = NULL },
      0,
      0,
      0,
      NULL },
    { 0 },
};

static const AVClass facts_class = { .class_name = "DubHttpFacts",
                                     .item_name = av_default_item_name,
                                     .option = fact_options,
                                     .version = LIBAVUTIL_VERSION_INT };

static void *next_child(void *object, void *previous)
{
    HttpInput *self = ((AVIOContext *) object)->opaque;
    return previous ? NULL : &self->facts;
}

static const AVClass io_class = { .class_name = "DubHttpInput",
                                  .item_name = av_default_item_name,
                                  .child_next = next_child,
                                  .version = LIBAVUTIL_VERSION_INT };

/* --- errors ------------------------------------------------------------------------------------------------------ */

static const struct {
    int io_error;
    const char *line;
} unreachable[] = {
    { G_IO_ERROR_CONNECTION_REFUSED, DUB_SAYS_REFUSED },
    { G_IO_ERROR_HOST_UNREACHABLE, DUB_SAYS_UNREACHABLE },
    { G_IO_ERROR_NETWORK_UNREACHABLE, DUB_SAYS_UNREACHABLE },
    { G_IO_ERROR_PARTIAL_INPUT, "the server closed the connection before the end" },
    { G_IO_ERROR_CONNECTION_CLOSED, "the server closed the connection before the end" }, /* "broken pipe" is the same */
};

static const char *line_of(const GError *problem)
{
    if (problem->domain == G_RESOLVER_ERROR)
        return DUB_SAYS_UNRESOLVED;
    for (gsize i = 0; i < G_N_ELEMENTS(unreachable); i++)
        if (g_error_matches(problem, G_IO_ERROR, unreachable[i].io_error))
            return unreachable[i].line;
    return problem->message; /* of TLS, of HTTP itself */
}

/* @reads: of the body, not of the answer's beginning */
static GError *error_of(const HttpInput *self, const GError *problem, bool reads)
{
    g_autofree char *url = g_uri_to_string(self->uri);
    g_autofree char *name = dub_url_printable(url);
    if (g_cancellable_is_cancelled(self->access->cancellable))
        return g_error_new_literal(DUB_ERROR, DUB_ERROR_CANCELLED, "interrupted");
    if (!g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        return g_error_new(DUB_ERROR, DUB_ERROR_NETWORK, "%s: %s", name, line_of(problem));
    if (reads)
        return g_error_new(DUB_ERROR, DUB_ERROR_STALLED, "%s: no more data for %u s", name, self->access->silence_s);
    return g_error_new(DUB_ERROR, DUB_ERROR_TIMEOUT, "%s: " DUB_SAYS_NO_ANSWER, name);
}

static GError *error_of_status(const HttpInput *self)
{
    const guint status = soup_message_get_status(self->message);
    g_autofree char *url = g_uri_to_string(self->uri);
    g_autofree char *name = dub_url_printable(url);
    switch (status) {
    case SOUP_STATUS_UNAUTHORIZED:
    case SOUP_STATUS_PAYMENT_REQUIRED:
    case SOUP_STATUS_FORBIDDEN:
    case SOUP_STATUS_PROXY_UNAUTHORIZED: return g_error_new(DUB_ERROR, DUB_ERROR_AUTH, "%s: " DUB_SAYS_NO_ACCESS, name);
    case SOUP_STATUS_NOT_FOUND:
    case SOUP_STATUS_GONE: return g_error_new(DUB_ERROR, DUB_ERROR_NOT_FOUND, "%s: " DUB_SAYS_NOT_FOUND, name);
    default:
        return g_error_new(DUB_ERROR, DUB_ERROR_NETWORK, "%s: the server answers %u %s", name, status,
                           soup_status_get_phrase(status));
    }
}

/* --- a request --------------------------------------------------------------------------------------------------- */

static void drop_request(HttpInput *self)
{
    if (self->body)
        g_input_stream_close(self->body, NULL, NULL);
    g_clear_object(&self->body);
    if (self->session)
        soup_session_abort(self->session);
    g_clear_object(&self->message);
    g_clear_object(&self->session);
    g_clear_object(&self->socket);
}

/* Until its headers are there a server has TIMEOUT_S; what its body may take longer is set on this socket. HTTP/2,
 * which libsoup 3.2 is young in, has nothing to offer to one request a connection. */
static void on_network_event(SoupMessage *message, GSocketClientEvent event, GIOStream *connection, void *user_data)
{
    static const char *const protocols[] = { "http/1.1", NULL };
    HttpInput *self = user_data;
    (void) message;
    if (event == G_SOCKET_CLIENT_CONNECTED && G_IS_SOCKET_CONNECTION(connection))
        g_set_object(&self->socket, g_socket_connection_get_socket(G_SOCKET_CONNECTION(connection)));
    else if (event == G_SOCKET_CLIENT_TLS_HANDSHAKING && G_IS_TLS_CONNECTION(connection))
        g_tls_connection_set_advertised_protocols(G_TLS_CONNECTION(connection), protocols);
}

static bool is_home(const DubHttpAccess *access, GUri *uri)
{
    return !strcmp(g_uri_get_scheme(uri), g_uri_get_scheme(access->home)) &&
           !g_strcmp0(g_uri_get_host(uri), g_uri_get_host(access->home)) &&
           g_uri_get_port(uri) == g_uri_get_port(access->home);
}

static gboolean on_authenticate(SoupMessage *message, SoupAuth *auth, gboolean retrying, void *user_data)
{
    const DubHttpAccess *access = user_data;
    if (retrying || !access->user || soup_auth_is_for_proxy(auth) || !is_home(access, soup_message_get_uri(message)))
        return FALSE;
    soup_auth_authenticate(auth, access->user, access->password ? access->password : "");
    return TRUE;
}

static void set_range(const HttpInput *self)
{
    SoupMessageHeaders *headers = soup_message_get_request_headers(self->message);
    if (self->at > 0 || self->end >= 0)
        soup_message_headers_set_range(headers, self->at, self->end >= 0 ? self->end - 1 : -1);
}

static void make_request(HttpInput *self)
{
    self->session = soup_session_new_with_options("timeout", TIMEOUT_S, "user-agent", "airdub", NULL);
    /* A part of a packed body cannot be unpacked, so none is asked for. */
    soup_session_remove_feature_by_type(self->session, SOUP_TYPE_CONTENT_DECODER);
    soup_session_add_feature(self->session, SOUP_SESSION_FEATURE(self->access->cookies));
    self->message = soup_message_new_from_uri(SOUP_METHOD_GET, self->uri);
    g_signal_connect(self->message, "network-event", G_CALLBACK(on_network_event), self);
    g_signal_connect(self->message, "authenticate", G_CALLBACK(on_authenticate), self->access);
    set_range(self);
}

/* Returns: where the body begins; -1: not at all where it was asked for */
static int64_t find_beginning(const HttpInput *self)
{
    goffset from = 0, to = 0, total = -1;
    if (soup_message_get_status(self->message) != SOUP_STATUS_PARTIAL_CONTENT)
        return 0;
    SoupMessageHeaders *headers = soup_message_get_response_headers(self->message);
    if (!soup_message_headers_get_content_range(headers, &from, &to, &total) || from != self->at ||
        (self->base.size >= 0 && total >= 0 && total != self->base.size))
        return -1;
    return from;
}

static bool ask(HttpInput *self, GError **error)
{
    g_autoptr(GError) problem = NULL;
    drop_request(self);
    make_request(self);
    self->body = soup_session_send(self->session, self->message, self->access->cancellable, &problem);
    if (!self->body) {
        g_propagate_error(error, error_of(self, problem, false));
        return false;
    }
    if (!SOUP_STATUS_IS_SUCCESSFUL(soup_message_get_status(self->message))) {
        g_propagate_error(error, error_of_status(self));
        return false;
    }
    self->body_at = find_beginning(self);
    if (self->body_at < 0) {
        g_autofree char *url = g_uri_to_string(self->uri);
        g_autofree char *name = dub_url_printable(url);
        g_set_error(error, DUB_ERROR, DUB_ERROR_NETWORK,
                    "%s: the server gives another part than it was asked for; has the file changed meanwhile?", name);
        return false;
    }
    if (self->body_at != self->at)
        self->is_ranged = false; /* all of it came: what lies before is skipped */
    if (self->socket)
        g_socket_set_timeout(self->socket, self->access->silence_s);
    return true;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static int end_with(HttpInput *self, GError *error, int status)
{
    drop_request(self);
    self->status = status;
    return dub_input_fail(&self->base, error, status);
}

static int fail_reading(HttpInput *self, GError *error)
{
    const bool is_cancelled = g_error_matches(error, DUB_ERROR, DUB_ERROR_CANCELLED);
    return end_with(self, error, is_cancelled ? AVERROR_EXIT : AVERROR(EIO));
}

/* libsoup 3.2 takes a connection that ends between two chunks for the end of the body. A server that said it would keep
 * the connection, and has not, was cut off. */
static bool is_cut_off(const HttpInput *self)
{
    SoupMessageHeaders *headers = soup_message_get_response_headers(self->message);
    char byte;
    return soup_message_headers_get_encoding(headers) == SOUP_ENCODING_CHUNKED &&
           soup_message_headers_header_contains(headers, "Connection", "keep-alive") && self->socket &&
           !g_socket_is_closed(self->socket) &&
           recv(g_socket_get_fd(self->socket), &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Returns: how many bytes; 0: the end; -1: it broke, with an error set, or is to be tried again without one */
static gssize read_body(HttpInput *self, void *data, gsize size, GError **error)
{
    g_autoptr(GError) problem = NULL;
    gssize n_read = g_input_stream_read(self->body, data, size, self->access->cancellable, &problem);
    if (n_read == 0 && is_cut_off(self)) {
        n_read = -1;
        g_set_error_literal(&problem, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT, "cut off");
    }
    if (n_read > 0) {
        self->body_at += n_read;
        self->n_broken = 0;
    }
    if (n_read >= 0)
        return n_read;
    const bool goes_on = self->is_ranged && self->n_broken++ < RETRIES;
    if (!goes_on || g_cancellable_is_cancelled(self->access->cancellable))
        g_propagate_error(error, error_of(self, problem, true));
    drop_request(self);
    return -1;
}

/* Brings the body to where the next read begins. Returns: whether it is there; if not, with an error set, or to be
 * tried again without one */
static bool approach(HttpInput *self, GError **error)
{
    char skipped[SKIP_STEP_BYTES];
    const int64_t ahead = self->at - self->body_at;
    if (self->body && ahead == 0)
        return true;
    if (!self->body || ahead < 0 || (ahead > SKIP_MAX_BYTES && self->is_ranged)) {
        ask(self, error);
        return false;
    }
    if (read_body(self, skipped, (gsize) MIN(ahead, SKIP_STEP_BYTES), error) == 0) {
        g_autofree char *url = g_uri_to_string(self->uri);
        g_autofree char *name = dub_url_printable(url);
        g_set_error(error, DUB_ERROR, DUB_ERROR_NETWORK, "%s: it is shorter than it was", name);
    }
    return false;
}

static bool is_at_end(const HttpInput *self)
{
    return (self->end >= 0 && self->at >= self->end) ||
           (self->base.size >= 0 && self->at >= self->first + self->base.size);
}

static int check_playlist(HttpInput *self, const uint8_t *data, gssize n_read)
{
    if (self->at == 0 && (gsize) n_read >= strlen(PLAYLIST_BEGINNING))
        self->is_playlist = !memcmp(data, PLAYLIST_BEGINNING, strlen(PLAYLIST_BEGINNING));
    if (!self->is_playlist || self->at + n_read <= PLAYLIST_MAX_BYTES)
        return 0;
    g_autofree char *url = g_uri_to_string(self->uri);
    g_autofree char *name = dub_url_printable(url);
    return end_with(self,
                    g_error_new(DUB_ERROR, DUB_ERROR_CORRUPT, "%s: its playlist is longer than %d MB", name,
                                PLAYLIST_MAX_BYTES >> 20),
                    AVERROR_INVALIDDATA);
}

static int read_bytes(void *opaque, uint8_t *data, int size)
{
    HttpInput *self = opaque;
    GError *error = NULL;
    if (self->status)
        return self->status;
    if (is_at_end(self))
        return AVERROR_EOF;
    const gsize most = self->end >= 0 ? (gsize) MIN(size, self->end - self->at) : (gsize) size;
    gssize n_read = -1;
    while (n_read < 0 && !error)
        if (approach(self, &error))
            n_read = read_body(self, data, most, &error);
    if (error)
        return fail_reading(self, error);
    const int status = check_playlist(self, data, n_read);
    self->at += n_read;
    return status < 0 ? status : n_read > 0 ? (int) n_read : AVERROR_EOF;
}

static int64_t seek_to(void *opaque, int64_t offset, int whence)
{
    HttpInput *self = opaque;
    const int64_t from = whence == SEEK_CUR ? self->at - self->first : whence == SEEK_END ? self->base.size : 0;
    if (from + offset < 0)
        return AVERROR(EINVAL);
    self->at = self->first + from + offset;
    return from + offset;
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

static void learn_size(HttpInput *self)
{
    SoupMessageHeaders *headers = soup_message_get_response_headers(self->message);
    const char *ranges = soup_message_headers_get_one(headers, "Accept-Ranges");
    self->base.size = -1;
    if (self->first > 0 || self->end >= 0 || /* a part is read through */
        soup_message_headers_get_encoding(headers) != SOUP_ENCODING_CONTENT_LENGTH)
        return;
    self->base.size = soup_message_headers_get_content_length(headers);
    self->is_ranged = self->base.is_seekable = ranges && !g_ascii_strcasecmp(ranges, "bytes");
}

/* The playlist's addresses are relative to where redirects led. */
static void learn_location(HttpInput *self)
{
    g_uri_unref(self->uri);
    self->uri = g_uri_ref(soup_message_get_uri(self->message));
    self->facts = (Facts){ &facts_class, g_uri_to_string_partial(self->uri, G_URI_HIDE_USERINFO) };
}

static GUri *parse(const char *url, GError **error)
{
    g_autoptr(GError) problem = NULL;
    GUri *uri = g_uri_parse(url, SOUP_HTTP_URI_FLAGS | G_URI_FLAGS_HAS_PASSWORD, &problem);
    if (uri && g_uri_get_host(uri) && *g_uri_get_host(uri))
        return uri;
    g_clear_pointer(&uri, g_uri_unref);
    g_autofree char *name = dub_url_printable(url);
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s: is no URL of a server", name);
    return NULL;
}

static GUri *without_user(GUri *uri)
{
    return g_uri_build(SOUP_HTTP_URI_FLAGS, g_uri_get_scheme(uri), NULL, g_uri_get_host(uri), g_uri_get_port(uri),
                       g_uri_get_path(uri), g_uri_get_query(uri), NULL);
}

static void free_input(DubInput *input)
{
    HttpInput *self = (HttpInput *) input;
    drop_request(self);
    g_uri_unref(self->uri);
    g_free(self->facts.location);
    g_free(self);
}

static const DubInputClass http_class = { read_bytes, seek_to, free_input };

DubInput *dub_http_input_open(DubHttpAccess *access, const char *url, int64_t first, int64_t end, GError **error)
{
    g_autoptr(GUri) uri = parse(url, error);
    if (!uri)
        return NULL;
    HttpInput *self = g_new0(HttpInput, 1);
    self->access = access;
    self->uri = without_user(uri);
    self->first = self->at = first;
    self->end = end;
    self->base.size = -1;
    if (!ask(self, error)) {
        free_input(&self->base);
        return NULL;
    }
    learn_size(self);
    learn_location(self);
    dub_input_init(&self->base, &http_class);
    self->base.io->av_class = &io_class;
    return &self->base;
}

bool dub_http_input_is_url(const char *url)
{
    return !g_ascii_strncasecmp(url, "http://", 7) || !g_ascii_strncasecmp(url, "https://", 8);
}

const char *dub_http_input_url(DubInput *self)
{
    return ((HttpInput *) self)->facts.location;
}

/* --- what requests share
 * -------------------------------------------------------------------------------------------------- */

DubHttpAccess *dub_http_access_new(const char *url, int64_t silence_ns, GCancellable *cancellable, GError **error)
{
    g_autoptr(GUri) uri = parse(url, error);
    if (!uri)
        return NULL;
    DubHttpAccess *self = g_new0(DubHttpAccess, 1);
    self->silence_s = (guint) ((silence_ns + DUB_NS_PER_S - 1) / DUB_NS_PER_S);
    self->cancellable = g_object_ref(cancellable);
    self->cookies = soup_cookie_jar_new();
    self->home = without_user(uri);
    self->user = g_strdup(g_uri_get_user(uri));
    self->password = g_strdup(g_uri_get_password(uri));
    self->context = g_main_context_new();
    g_main_context_push_thread_default(self->context);
    return self;
}

void dub_http_access_free(DubHttpAccess *self)
{
    if (!self)
        return;
    while (g_main_context_iteration(self->context, FALSE)) { /* what libsoup left to do on it */
    }
    g_main_context_pop_thread_default(self->context);
    g_main_context_unref(self->context);
    g_object_unref(self->cookies);
    g_object_unref(self->cancellable);
    g_uri_unref(self->home);
    g_free(self->user);
    g_free(self->password);
    g_free(self);
}
