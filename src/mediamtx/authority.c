/* mediamtx/authority.c: a request a question. Its answer's status is all that counts: its body is not read. */
#include "mediamtx/authority.h"

#include "base/error.h"
#include "base/http.h"
#include "base/json.h"
#include "base/log-limit.h"
#include "base/log.h"

#include <libsoup/soup.h>
#include <string.h>

#define LINES_LOGGED 1 /* in a minute, of each kind; the rest are counted */

struct _DubMediamtxAuthority {
    GUri *uri;
    char *authorization; /* "Basic …" or NULL */
    guint timeout_ms, max_asking;
    DubMediamtxVerdictFunc on_verdict;
    void *user_data;
    SoupSession *session;
    GMainContext *context;
    DubLogLimit *log_limit;
    GHashTable *asking; /* set of Question * */
};

typedef struct {
    DubMediamtxAuthority *authority; /* NULL: nobody wants to know any more */
    char *id;
    GCancellable *cancellable;
    GSource *timer;
    bool is_late;
} Question;

static void question_free(void *data)
{
    Question *self = data;
    if (self->timer)
        g_source_destroy(self->timer);
    g_clear_pointer(&self->timer, g_source_unref);
    g_object_unref(self->cancellable);
    g_free(self->id);
    g_free(self);
}

static GUri *parse(const char *url)
{
    g_autoptr(GUri) uri = g_uri_parse(url, SOUP_HTTP_URI_FLAGS | G_URI_FLAGS_HAS_PASSWORD, NULL);
    const char *scheme = uri ? g_uri_get_scheme(uri) : "";
    const bool is_http = strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
    return is_http && g_uri_get_host(uri) ? g_steal_pointer(&uri) : NULL;
}

DubMediamtxAuthority *dub_mediamtx_authority_new(const char *url, guint timeout_ms, guint max_asking,
                                                 DubMediamtxVerdictFunc on_verdict, void *user_data, GError **error)
{
    GUri *uri = parse(url);
    if (!uri) { /* which is not shown: it may hold a password */
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "not an http:// or https:// URL");
        return NULL;
    }
    DubMediamtxAuthority *self = g_new0(DubMediamtxAuthority, 1);
    self->uri = uri;
    self->authorization = dub_http_basic_authorization(uri);
    self->timeout_ms = timeout_ms;
    self->max_asking = max_asking;
    self->on_verdict = on_verdict;
    self->user_data = user_data;
    self->context = g_main_context_ref_thread_default();
    self->session =
        soup_session_new_with_options("max-conns", (int) max_asking, "max-conns-per-host", (int) max_asking, NULL);
    self->log_limit = dub_log_limit_new("authority", 0);
    self->asking = g_hash_table_new(NULL, NULL);
    return self;
}

void dub_mediamtx_authority_free(DubMediamtxAuthority *self)
{
    if (!self)
        return;
    GHashTableIter iter;
    void *key;
    g_hash_table_iter_init(&iter, self->asking);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        Question *question = key;
        question->authority = NULL; /* freed when its request has ended */
        g_source_destroy(question->timer);
        g_cancellable_cancel(question->cancellable);
    }
    g_hash_table_unref(self->asking);
    dub_log_limit_free(self->log_limit);
    g_object_unref(self->session);
    g_main_context_unref(self->context);
    g_free(self->authorization);
    g_uri_unref(self->uri);
    g_free(self);
}

static void log_failure(DubMediamtxAuthority *self, const char *why)
{
    g_autofree char *full = g_uri_to_string_partial(self->uri, G_URI_HIDE_USERINFO), *url = dub_url_printable(full);
    if (dub_log_limit_allows(self->log_limit, "questions without an answer", LINES_LOGGED))
        dub_warning("RTMP_AUTH_URL: %s: %s; who would publish or play is refused", url, why);
}

/* Returns: (nullable): NULL: yes */
static const char *judge(DubMediamtxAuthority *self, const Question *question, guint status, const GError *error)
{
    if (status / 100 == 2)
        return NULL;
    if (status / 100 == 4)
        return "The authority that decides who may publish and play refuses it.";
    g_autofree char *text = status ? g_strdup_printf("it answers %u", status) : NULL;
    log_failure(self, question->is_late ? "no answer in time" : text ? text : error->message);
    return "The authority that decides who may publish and play does not answer; try again.";
}

static void on_sent(GObject *session, GAsyncResult *result, void *data)
{
    Question *question = data;
    DubMediamtxAuthority *self = question->authority;
    SoupMessage *message = soup_session_get_async_result_message(SOUP_SESSION(session), result);
    g_autoptr(GError) error = NULL;
    g_autoptr(GInputStream) body = soup_session_send_finish(SOUP_SESSION(session), result, &error);
    if (self) {
        g_hash_table_remove(self->asking, question);
        const char *refusal = judge(self, question, body ? soup_message_get_status(message) : 0, error);
        self->on_verdict(question->id, refusal, self->user_data);
    }
    question_free(question);
}

static gboolean on_late(void *data)
{
    Question *question = data;
    question->is_late = true;
    g_cancellable_cancel(question->cancellable);
    return G_SOURCE_REMOVE;
}

static void set_text(json_t *object, const char *name, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);
    json_object_set_new(object, name, json_string(valid));
}

static GBytes *body_of(const DubMediamtxRequest *request)
{
    g_autoptr(DubJson) root = json_object();
    set_text(root, "ip", request->ip);
    set_text(root, "user", request->user);
    set_text(root, "password", request->password);
    set_text(root, "token", request->token);
    set_text(root, "action", request->action);
    set_text(root, "path", request->path);
    set_text(root, "protocol", request->protocol);
    set_text(root, "id", request->id);
    set_text(root, "query", request->query);
    char *text = dub_json_to_text(root);
    return g_bytes_new_take(text, strlen(text));
}

static SoupMessage *message_of(const DubMediamtxAuthority *self, const DubMediamtxRequest *request)
{
    g_autoptr(GBytes) body = body_of(request);
    SoupMessage *message = soup_message_new_from_uri(SOUP_METHOD_POST, self->uri);
    soup_message_set_request_body_from_bytes(message, "application/json", body);
    soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT); /* the password would go along */
    if (self->authorization)
        soup_message_headers_replace(soup_message_get_request_headers(message), "Authorization", self->authorization);
    return message;
}

void dub_mediamtx_authority_ask(DubMediamtxAuthority *self, const DubMediamtxRequest *request)
{
    if (g_hash_table_size(self->asking) >= self->max_asking) {
        log_failure(self, "too many questions at once");
        self->on_verdict(request->id, "Too many want to know at once whether they may; try again.", self->user_data);
        return;
    }
    Question *question = g_new0(Question, 1);
    question->authority = self;
    question->id = g_strdup(request->id);
    question->cancellable = g_cancellable_new();
    question->timer = g_timeout_source_new(self->timeout_ms);
    g_source_set_callback(question->timer, on_late, question, NULL);
    g_source_attach(question->timer, self->context);
    g_hash_table_add(self->asking, question);
    g_autoptr(SoupMessage) message = message_of(self, request);
    soup_session_send_async(self->session, message, G_PRIORITY_DEFAULT, question->cancellable, on_sent, question);
}
