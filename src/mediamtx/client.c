/* mediamtx/client.c: one call is one or more requests, one after the other: the pages of the list, then the publishers
 * whose query is not known yet. MediaMTX tells that of a connection, not of a path. */
#include "mediamtx/client.h"

#include "base/error.h"
#include "base/http.h"
#include "mediamtx/answer.h"

#include <libsoup/soup.h>
#include <string.h>

#define PAGE_ITEMS     500
#define MAX_PAGES      40
#define MAX_BODY_BYTES (8u << 20)
#define READ_BYTES     65536u

struct _DubMediamtxClient {
    SoupSession *session;
    GUri *base;
    char *authorization; /* "Basic …" or NULL */
    GCancellable *closing;
    GHashTable *queries; /* id of a publisher's connection -> its query; of those that the newest list has */
};

typedef struct { /* one call; the GTask owns it */
    SoupSession *session;
    GUri *base;
    char *authorization;
    char *name; /* NULL: list */
    GCancellable *cancellable;
    GCancellable *user, *closing; /* either cancels */
    gulong user_id, closing_id;
    SoupMessage *message;
    GInputStream *stream;
    GByteArray *body;
    GPtrArray *paths;
    guint page;
    GHashTable *queries;
    bool asks_query; /* of the publisher of paths[asked] */
    guint asked;
} Call;

static void request_page(GTask *task);
static void request_queries(GTask *task);

DubMediamtxClient *dub_mediamtx_client_new(const char *api_url, guint timeout_s, GError **error)
{
    const GUriFlags flags = SOUP_HTTP_URI_FLAGS | G_URI_FLAGS_HAS_PASSWORD;
    g_autoptr(GUri) uri = g_uri_parse(api_url, flags, NULL);
    const char *scheme = uri ? g_uri_get_scheme(uri) : "";
    if (!uri || !g_uri_get_host(uri) || !*g_uri_get_host(uri) ||
        (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
        g_autofree char *name = dub_url_printable(api_url);
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "control API: '%s' is not a URL such as http://localhost:9997", name);
        return NULL;
    }
    DubMediamtxClient *self = g_new0(DubMediamtxClient, 1);
    self->session = soup_session_new_with_options("timeout", MAX(timeout_s, 1), "max-conns-per-host", 2, NULL);
    self->authorization = dub_http_basic_authorization(uri);
    self->base =
        g_uri_build(SOUP_HTTP_URI_FLAGS, scheme, NULL, g_uri_get_host(uri), g_uri_get_port(uri), "/", NULL, NULL);
    self->closing = g_cancellable_new();
    self->queries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return self;
}

void dub_mediamtx_client_free(DubMediamtxClient *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->closing);
    g_object_unref(self->closing);
    g_object_unref(self->session);
    g_uri_unref(self->base);
    g_free(self->authorization);
    g_hash_table_unref(self->queries);
    g_free(self);
}

static void call_free(void *data)
{
    Call *call = data;
    if (call->user)
        g_cancellable_disconnect(call->user, call->user_id);
    g_cancellable_disconnect(call->closing, call->closing_id);
    g_clear_object(&call->user);
    g_object_unref(call->closing);
    g_object_unref(call->cancellable);
    g_object_unref(call->session);
    g_uri_unref(call->base);
    g_free(call->authorization);
    g_free(call->name);
    g_clear_object(&call->message);
    g_clear_object(&call->stream);
    g_byte_array_unref(call->body);
    g_ptr_array_unref(call->paths);
    g_hash_table_unref(call->queries);
    g_free(call);
}

static void cancel_other(GCancellable *source G_GNUC_UNUSED, GCancellable *other)
{
    g_cancellable_cancel(other);
}

static gulong chain(GCancellable *source, GCancellable *other)
{
    return g_cancellable_connect(source, G_CALLBACK(cancel_other), g_object_ref(other), g_object_unref);
}

static GTask *call_new(DubMediamtxClient *client, const char *name, GCancellable *cancellable,
                       GAsyncReadyCallback callback, void *user_data)
{
    GTask *task = g_task_new(NULL, NULL, callback, user_data);
    Call *call = g_new0(Call, 1);
    call->session = g_object_ref(client->session);
    call->base = g_uri_ref(client->base);
    call->authorization = g_strdup(client->authorization);
    call->name = g_strdup(name);
    call->queries = g_hash_table_ref(client->queries);
    call->cancellable = g_cancellable_new();
    call->closing = g_object_ref(client->closing);
    call->closing_id = chain(call->closing, call->cancellable);
    if (cancellable) {
        call->user = g_object_ref(cancellable);
        call->user_id = chain(cancellable, call->cancellable);
    }
    call->body = g_byte_array_new();
    call->paths = g_ptr_array_new_with_free_func((GDestroyNotify) dub_mediamtx_path_free);
    g_task_set_task_data(task, call, call_free);
    return task;
}

static void fail(GTask *task, DubErrorCode code, const char *text)
{
    const Call *call = g_task_get_task_data(task);
    g_autofree char *server = g_uri_to_string_partial(call->base, G_URI_HIDE_PASSWORD);
    g_task_return_new_error(task, DUB_ERROR, (int) code, "the media server's control API at %s: %s", server, text);
    g_object_unref(task);
}

static void fail_io(GTask *task, const GError *error)
{
    DubErrorCode code = DUB_ERROR_NETWORK;
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        code = DUB_ERROR_CANCELLED;
    else if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        code = DUB_ERROR_TIMEOUT;
    fail(task, code, error->message);
}

static bool check_status(GTask *task)
{
    const Call *call = g_task_get_task_data(task);
    const guint status = soup_message_get_status(call->message);
    if (status == SOUP_STATUS_OK)
        return true;
    g_autofree char *text = g_strdup_printf("HTTP %u", status);
    if (status == SOUP_STATUS_UNAUTHORIZED || status == SOUP_STATUS_FORBIDDEN)
        fail(task, DUB_ERROR_AUTH, "it wants a user and password: put them into the URL, or allow this address");
    else if (status == SOUP_STATUS_NOT_FOUND && call->name)
        fail(task, DUB_ERROR_NOT_FOUND, "no such path");
    else
        fail(task, DUB_ERROR_PROTOCOL, text);
    return false;
}

static void finish_get(GTask *task, const DubJson *root)
{
    GError *error = NULL;
    DubMediamtxPath *path = dub_mediamtx_path_from_json(root, &error);
    if (path)
        g_task_return_pointer(task, path, (GDestroyNotify) dub_mediamtx_path_free);
    else
        g_task_return_error(task, error);
    g_object_unref(task);
}

static void finish_page(GTask *task, const DubJson *root)
{
    Call *call = g_task_get_task_data(task);
    int64_t page_count = 0;
    g_autoptr(GError) error = NULL;
    if (!dub_mediamtx_read_page(root, call->paths, &page_count, &error)) {
        fail(task, DUB_ERROR_PROTOCOL, error->message);
    } else if (page_count > MAX_PAGES) {
        fail(task, DUB_ERROR_PROTOCOL, "too many paths");
    } else if (++call->page < page_count) {
        request_page(task);
    } else {
        request_queries(task);
    }
}

/* @text: NULL: the connection is gone, or of a kind without a query */
static void finish_query(GTask *task, const char *text)
{
    Call *call = g_task_get_task_data(task);
    const DubMediamtxPath *path = call->paths->pdata[call->asked];
    g_hash_table_replace(call->queries, g_strdup(path->source_id), g_strdup(text ? text : ""));
    call->asks_query = false;
    request_queries(task);
}

static void read_query(GTask *task, const DubJson *root)
{
    finish_query(task, dub_mediamtx_read_query(root));
}

static void finish_body(GTask *task)
{
    const Call *call = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubJson) root = dub_json_parse((const char *) call->body->data, call->body->len, &error);
    if (!root)
        fail(task, DUB_ERROR_PROTOCOL, error->message);
    else if (call->asks_query)
        read_query(task, root);
    else if (call->name)
        finish_get(task, root);
    else
        finish_page(task, root);
}

static void on_bytes(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GTask *task = user_data;
    Call *call = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = g_input_stream_read_bytes_finish(G_INPUT_STREAM(source), result, &error);
    gsize size = 0;
    const void *data = bytes ? g_bytes_get_data(bytes, &size) : NULL;
    if (!bytes) {
        fail_io(task, error);
    } else if (size == 0) {
        finish_body(task);
    } else if (call->body->len + size > MAX_BODY_BYTES) {
        fail(task, DUB_ERROR_PROTOCOL, "its answer is too long");
    } else {
        g_byte_array_append(call->body, data, (guint) size);
        g_input_stream_read_bytes_async(call->stream, READ_BYTES, G_PRIORITY_DEFAULT, call->cancellable, on_bytes,
                                        task);
    }
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GTask *task = user_data;
    Call *call = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_clear_object(&call->stream);
    call->stream = soup_session_send_finish(SOUP_SESSION(source), result, &error);
    if (!call->stream)
        fail_io(task, error);
    else if (call->asks_query && soup_message_get_status(call->message) != SOUP_STATUS_OK)
        finish_query(task, NULL);
    else if (check_status(task))
        g_input_stream_read_bytes_async(call->stream, READ_BYTES, G_PRIORITY_DEFAULT, call->cancellable, on_bytes,
                                        task);
}

static void send_request(GTask *task, const char *path, const char *query)
{
    Call *call = g_task_get_task_data(task);
    g_autoptr(GUri) uri = g_uri_build(SOUP_HTTP_URI_FLAGS, g_uri_get_scheme(call->base), NULL,
                                      g_uri_get_host(call->base), g_uri_get_port(call->base), path, query, NULL);
    g_clear_object(&call->message);
    call->message = soup_message_new_from_uri(SOUP_METHOD_GET, uri);
    soup_message_add_flags(call->message, SOUP_MESSAGE_NO_REDIRECT);
    if (call->authorization)
        soup_message_headers_replace(soup_message_get_request_headers(call->message), "Authorization",
                                     call->authorization);
    g_byte_array_set_size(call->body, 0);
    soup_session_send_async(call->session, call->message, G_PRIORITY_DEFAULT, call->cancellable, on_answer, task);
}

static void request_page(GTask *task)
{
    const Call *call = g_task_get_task_data(task);
    g_autofree char *query = g_strdup_printf("page=%u&itemsPerPage=%d", call->page, PAGE_ITEMS);
    send_request(task, "/v3/paths/list", query);
}

/* Where the control API has the connections of that kind; NULL: their publishers have no query. */
static const char *connections_of(const char *source_type)
{
    static const struct {
        const char *type, *call;
    } kinds[] = { { "rtmpConn", "rtmpconns" },         { "rtmpsConn", "rtmpsconns" },
                  { "srtConn", "srtconns" },           { "rtspSession", "rtspsessions" },
                  { "rtspsSession", "rtspssessions" }, { "webRTCSession", "webrtcsessions" } };
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].type, source_type) == 0)
            return kinds[i].call;
    }
    return NULL;
}

static bool is_input(const DubMediamtxPath *path)
{
    g_autofree char *stream_id = NULL;
    DubMediamtxDirection direction;
    return dub_mediamtx_split_name(path->name, &stream_id, &direction, NULL) && direction == DUB_MEDIAMTX_INPUT;
}

static gboolean is_unlisted(gpointer id, G_GNUC_UNUSED gpointer query, gpointer user_data)
{
    const GPtrArray *paths = user_data;
    for (guint i = 0; i < paths->len; i++) {
        if (strcmp(((const DubMediamtxPath *) paths->pdata[i])->source_id, id) == 0)
            return FALSE;
    }
    return TRUE;
}

/* Asks for the next query that is not known; each publisher is asked about once. The list is whole when none is left.
 */
static void request_queries(GTask *task)
{
    Call *call = g_task_get_task_data(task);
    for (; call->asked < call->paths->len; call->asked++) {
        DubMediamtxPath *path = call->paths->pdata[call->asked];
        const char *connections = connections_of(path->source_type);
        if (!path->ready || *path->query || !*path->source_id || !connections || !is_input(path))
            continue;
        const char *known = g_hash_table_lookup(call->queries, path->source_id);
        if (!known) {
            g_autofree char *id = g_uri_escape_string(path->source_id, NULL, FALSE);
            g_autofree char *request = g_strdup_printf("/v3/%s/get/%s", connections, id);
            call->asks_query = true;
            send_request(task, request, NULL);
            return;
        }
        g_free(path->query);
        path->query = g_strdup(known);
    }
    g_hash_table_foreach_remove(call->queries, is_unlisted, call->paths);
    g_task_return_pointer(task, g_ptr_array_ref(call->paths), (GDestroyNotify) g_ptr_array_unref);
    g_object_unref(task);
}

void dub_mediamtx_client_list_async(DubMediamtxClient *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                    void *user_data)
{
    request_page(call_new(self, NULL, cancellable, callback, user_data));
}

GPtrArray *dub_mediamtx_client_list_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

void dub_mediamtx_client_get_async(DubMediamtxClient *self, const char *name, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, void *user_data)
{
    g_autofree char *escaped = g_uri_escape_string(name, "/", FALSE);
    g_autofree char *path = g_strconcat("/v3/paths/get/", escaped, NULL);
    send_request(call_new(self, name, cancellable, callback, user_data), path, NULL);
}

DubMediamtxPath *dub_mediamtx_client_get_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
