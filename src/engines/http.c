/* engines/http.c: requests by libcurl's multi interface, because only there can a wait end when a
 * GCancellable says so. */
#include "engines/http.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "engines/http-text.h"

#include <curl/curl.h>
#include <string.h>

#define HEADERS_MOST_BYTES 65536
#define ERROR_MOST_BYTES   16384 /* of an error's body: enough for its message */
#define WORDS_MOST_BYTES   2000  /* of it, before secrets are taken out */
#define MESSAGE_MOST_BYTES 600
#define PAUSE_MOST_NS                                                                     \
    (60 * DUB_NS_PER_S) /* a server that wants more is asked again after it, all the same \
                         */
#define POLL_MOST_MS  1000
#define POLL_BLIND_MS 100 /* where the cancellable has no file descriptor to wait for */

struct _DubHttpClient {
    const DubHttpService *service;
    DubHttpUrl url;
    GPtrArray *secrets; /* ended by NULL */
    CURLM *multi;       /* keeps the connection */
    CURL *easy;
    struct curl_slist *headers;
    char *key_header; /* nullable */
    bool has_key;
    char problem[CURL_ERROR_SIZE];
    int64_t ready_ns; /* the server wants no request before */
    /* of the request at hand */
    const DubHttpRequest *request;
    int64_t deadline_ns;
    GByteArray *body;
    gsize n_header_bytes, most_bytes;
    bool too_large;
    long status; /* 0: no answer */
};

/* ── Settings ── */

bool dub_http_is_set(const DubHttpSettings *settings)
{
    return settings->url || settings->key;
}

unsigned dub_http_count(const DubEngineConfig *config)
{
    return ((const DubHttpSettings *) config->settings)->connections;
}

/* ── Errors: the only way out for texts of servers and libcurl ── */

static char *hide(const DubHttpClient *self, const char *text)
{
    return dub_secrets_hide(text, (const char *const *) self->secrets->pdata);
}

char *dub_http_client_quote(const DubHttpClient *self, const char *text)
{
    g_autofree char *start = g_strndup(text, WORDS_MOST_BYTES);
    g_autofree char *clean = hide(self, start);
    return dub_log_printable(clean, DUB_HTTP_QUOTED_MOST_BYTES);
}

/* (transfer full): one line for any terminal: no control characters, valid, bounded */
static char *make_line(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_new(NULL);
    for (const char *p = valid; *p && out->len < MESSAGE_MOST_BYTES; p = g_utf8_next_char(p)) {
        const gunichar c = g_utf8_get_char(p);
        g_string_append_unichar(out, g_unichar_iscntrl(c) ? ' ' : c);
    }
    return g_string_free(out, FALSE);
}

G_GNUC_PRINTF(4, 5)
static void *fail(const DubHttpClient *self, DubErrorCode code, GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *clean = hide(self, text);
    g_autofree char *line = make_line(clean);
    g_set_error(error, DUB_ERROR, code, "%s: %s", self->service->engine, line);
    return NULL;
}

void *dub_http_client_refuse(const DubHttpClient *self, GError **error)
{
    if (!error)
        return NULL;
    g_autoptr(GError) problem = g_steal_pointer(error);
    return fail(self, DUB_ERROR_ENGINE, error, "%s answers what nobody can read: %s", self->url.place,
                problem->message);
}

/* ── Opening ── */

static bool is_key(const char *key)
{
    for (const char *c = key; *c; c++)
        if (!g_ascii_isgraph(*c))
            return false;
    return strlen(key) <= DUB_HTTP_KEY_MOST_BYTES;
}

static void add_password(GPtrArray *secrets, const char *userinfo)
{
    dub_secrets_add(secrets, userinfo);
    const char *password = userinfo ? strchr(userinfo, ':') : NULL;
    g_autofree char *plain = password ? g_uri_unescape_string(password + 1, NULL) : NULL;
    dub_secrets_add(secrets, plain);
}

/* Where the proxy and its password go; @setting: its name, for messages */
static bool set_proxy(DubHttpClient *self, const char *proxy, const char *setting, GError **error)
{
    DubHttpUrl url = { 0 };
    if (proxy && !dub_http_url_parse(&url, proxy, setting, error))
        return false;
    add_password(self->secrets, url.password);
    curl_easy_setopt(self->easy, CURLOPT_PROXY, proxy ? url.base : ""); /* "": not even what the environment says */
    curl_easy_setopt(self->easy, CURLOPT_NOPROXY, "");
    dub_http_url_clear(&url);
    return true;
}

static bool take_settings(DubHttpClient *self, const DubHttpSettings *settings, GError **error)
{
    const DubHttpService *service = self->service;
    g_autofree char *url_setting = g_strconcat(service->prefix, "_URL", NULL);
    g_autofree char *proxy_setting = g_strconcat(service->prefix, "_PROXY", NULL);
    const char *url = settings->url ? settings->url : service->default_url;
    if (!dub_http_url_parse(&self->url, url, url_setting, error) ||
        !set_proxy(self, settings->proxy, proxy_setting, error))
        return false;
    add_password(self->secrets, self->url.password);
    if (settings->ca_file)
        curl_easy_setopt(self->easy, CURLOPT_CAINFO, settings->ca_file);
    if (!settings->key)
        return true;
    if (!is_key(settings->key)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "%s: not a key: it holds a blank or a character that keys do not have, or is too long",
                    service->key_setting);
        return false;
    }
    dub_secrets_add(self->secrets, settings->key);
    self->has_key = true;
    if (service->key_header)
        self->key_header = g_strconcat(service->key_header, settings->key, NULL);
    if (!self->url.encrypted && !self->url.local)
        dub_warning("%s: the key goes to %s unencrypted", service->engine, self->url.place);
    return true;
}

static size_t on_header(char *data G_GNUC_UNUSED, size_t size, size_t count, void *user_data)
{
    DubHttpClient *self = user_data;
    self->n_header_bytes += size * count;
    self->too_large = self->too_large || self->n_header_bytes > HEADERS_MOST_BYTES;
    return self->too_large ? 0 : size * count;
}

/* Looks at the bound before memory grows. An error's body is cut off, an answer's that is too large is
 * refused. */
static size_t on_body(char *data, size_t size, size_t count, void *user_data)
{
    DubHttpClient *self = user_data;
    const gsize n = size * count;
    long status = 0;
    curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &status);
    const gsize most = status / 100 == 2 ? self->most_bytes : ERROR_MOST_BYTES;
    const gsize taken = MIN(n, most - MIN(most, self->body->len));
    g_byte_array_append(self->body, (const guint8 *) data, (guint) taken);
    self->too_large = taken < n;
    return taken;
}

static void set_options(DubHttpClient *self)
{
    CURL *easy = self->easy;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1); /* one request at a time */
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A name that is being looked up when we stop waiting would hold us until the resolver gives up, 5 s and
     * more */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) DUB_HTTP_CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "airdub");
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, self->problem);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, self);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, self);
}

DubHttpClient *dub_http_client_new(const DubHttpService *service, const DubHttpSettings *settings, GError **error)
{
    g_autoptr(DubHttpClient) self = g_new0(DubHttpClient, 1);
    self->service = service;
    self->secrets = g_ptr_array_new_null_terminated(4, g_free, TRUE);
    self->body = g_byte_array_sized_new(ERROR_MOST_BYTES); /* its data is never NULL */
    self->multi = curl_multi_init();
    self->easy = curl_easy_init();
    if (!self->multi || !self->easy)
        return fail(self, DUB_ERROR_ENGINE, error, "libcurl does not start");
    set_options(self);
    return take_settings(self, settings, error) ? g_steal_pointer(&self) : NULL;
}

void dub_http_client_free(DubHttpClient *self)
{
    if (!self)
        return;
    curl_easy_cleanup(self->easy);
    curl_multi_cleanup(self->multi);
    curl_slist_free_all(self->headers);
    dub_http_url_clear(&self->url);
    g_ptr_array_unref(self->secrets);
    g_byte_array_unref(self->body);
    g_free(self->key_header);
    g_free(self);
}

/* ── Waiting ── */

/* What ended a wait for the server. */
typedef enum { WAIT_DONE, WAIT_CANCELLED, WAIT_DEADLINE } WaitEnd;

static int ms_until(int64_t when_ns)
{
    const int64_t left_ns = when_ns - dub_clock_now();
    return (int) CLAMP((left_ns + DUB_NS_PER_MS - 1) / DUB_NS_PER_MS, 0, POLL_MOST_MS);
}

/* One look at everything that may have happened, at most until @when_ns. libcurl watches its own sockets
 * meanwhile. */
static void wait_for_something(DubHttpClient *self, int64_t when_ns)
{
    GPollFD fd = { 0 };
    GCancellable *cancellable = self->request->cancellable;
    const bool blind = cancellable && !g_cancellable_make_pollfd(cancellable, &fd);
    struct curl_waitfd extra = { .fd = fd.fd, .events = CURL_WAIT_POLLIN };
    const unsigned n_extra = cancellable && !blind ? 1 : 0;
    const int ms = ms_until(when_ns);
    curl_multi_poll(self->multi, n_extra ? &extra : NULL, n_extra, blind ? MIN(ms, POLL_BLIND_MS) : ms, NULL);
    if (n_extra)
        g_cancellable_release_fd(cancellable);
}

/* Nothing but time passes. */
static WaitEnd wait_until(DubHttpClient *self, int64_t when_ns)
{
    while (!g_cancellable_is_cancelled(self->request->cancellable)) {
        if (dub_clock_now() >= when_ns)
            return WAIT_DONE;
        wait_for_something(self, when_ns);
    }
    return WAIT_CANCELLED;
}

static bool take_result(CURLM *multi, CURLcode *result)
{
    int left;
    const CURLMsg *message = curl_multi_info_read(multi, &left);
    if (message && message->msg == CURLMSG_DONE)
        *result = message->data.result;
    return message && message->msg == CURLMSG_DONE;
}

static WaitEnd wait_for_answer(DubHttpClient *self, CURLcode *result)
{
    for (;;) {
        int running;
        curl_multi_perform(self->multi, &running);
        if (take_result(self->multi, result))
            return WAIT_DONE;
        if (g_cancellable_is_cancelled(self->request->cancellable))
            return WAIT_CANCELLED;
        if (dub_clock_now() >= self->deadline_ns)
            return WAIT_DEADLINE;
        wait_for_something(self, self->deadline_ns);
    }
}

/* ── Sending ── */

static void add_header(DubHttpClient *self, const char *text)
{
    struct curl_slist *longer = curl_slist_append(self->headers, text);
    g_assert(longer); /* as g_malloc() does */
    self->headers = longer;
}

static void set_headers(DubHttpClient *self)
{
    g_clear_pointer(&self->headers, curl_slist_free_all);
    add_header(self, "Expect:"); /* some servers never answer "100-continue" */
    if (self->key_header)
        add_header(self, self->key_header);
    if (self->request->body) {
        g_autofree char *type = g_strconcat("Content-Type: ", self->request->content_type, NULL);
        add_header(self, type);
    }
    curl_easy_setopt(self->easy, CURLOPT_HTTPHEADER, self->headers);
}

/* (transfer full) */
static curl_mime *make_parts(DubHttpClient *self)
{
    curl_mime *mime = curl_mime_init(self->easy);
    for (unsigned i = 0; i < self->request->n_parts; i++) {
        const DubHttpPart *part = &self->request->parts[i];
        curl_mimepart *made = curl_mime_addpart(mime);
        curl_mime_name(made, part->name);
        curl_mime_data(made, part->data, part->size);
        if (part->file_name)
            curl_mime_filename(made, part->file_name);
        if (part->content_type)
            curl_mime_type(made, part->content_type);
    }
    return mime;
}

static void set_body(DubHttpClient *self, curl_mime *mime)
{
    const DubHttpRequest *request = self->request;
    if (mime) {
        curl_easy_setopt(self->easy, CURLOPT_MIMEPOST, mime);
    } else if (request->body) {
        curl_easy_setopt(self->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(self->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_size);
        curl_easy_setopt(self->easy, CURLOPT_POSTFIELDS, request->body);
    } else {
        curl_easy_setopt(self->easy, CURLOPT_HTTPGET, 1L);
    }
}

/* Sends the request and takes the answer, whatever it is. */
static WaitEnd send_once(DubHttpClient *self, CURLcode *result)
{
    g_autofree char *url = dub_http_url_join(self->url.base, self->request->path);
    curl_mime *mime = self->request->n_parts ? make_parts(self) : NULL;
    curl_easy_setopt(self->easy, CURLOPT_URL, url);
    curl_easy_setopt(self->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) MAX(self->most_bytes, ERROR_MOST_BYTES));
    set_headers(self);
    set_body(self, mime);
    g_byte_array_set_size(self->body, 0);
    self->n_header_bytes = 0;
    self->too_large = false;
    self->problem[0] = '\0';
    curl_multi_add_handle(self->multi, self->easy);
    const WaitEnd end = wait_for_answer(self, result);
    self->status = 0;
    curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &self->status);
    curl_multi_remove_handle(self->multi, self->easy); /* closes the connection where the answer is not all here */
    curl_easy_setopt(self->easy, CURLOPT_MIMEPOST, NULL);
    curl_mime_free(mime);
    return end;
}

const char *dub_http_client_header(const DubHttpClient *self, const char *name)
{
    struct curl_header *header = NULL;
    const CURLHcode code = curl_easy_header(self->easy, name, 0, CURLH_HEADER, -1, &header);
    return code == CURLHE_OK ? header->value : NULL;
}

/* ── What the answer means ── */

static int64_t wait_asked_ns(const DubHttpClient *self)
{
    const char *value = dub_http_client_header(self, "Retry-After");
    return value ? dub_http_retry_after_ns(value, dub_http_client_header(self, "Date"), dub_clock_unix_ms()) : -1;
}

static bool body_holds(const DubHttpClient *self, const char *word)
{
    return g_strstr_len((const char *) self->body->data, (gssize) self->body->len, word) != NULL;
}

/* OpenAI says 429 and ElevenLabs 401 where money is what is missing. */
static bool is_out_of_quota(const DubHttpClient *self)
{
    return self->status == 402 || self->status == 456 || body_holds(self, "insufficient_quota") ||
           body_holds(self, "quota_exceeded");
}

static DubErrorCode code_of_status(const DubHttpClient *self)
{
    if (is_out_of_quota(self))
        return DUB_ERROR_NO_SPACE;
    switch (self->status) {
    case 401:
    case 403:
    case 407: return DUB_ERROR_AUTH;
    case 404: return DUB_ERROR_NOT_FOUND;
    case 408:
    case 502:
    case 504: return DUB_ERROR_NETWORK;
    case 429:
    case 529: return DUB_ERROR_BACKPRESSURE;
    case 503: return wait_asked_ns(self) >= 0 ? DUB_ERROR_BACKPRESSURE : DUB_ERROR_NETWORK;
    default: return self->status / 100 == 4 ? DUB_ERROR_INVALID_ARGUMENT : DUB_ERROR_ENGINE;
    }
}

/* (transfer full): 403, or 403: "what the server says" */
static char *describe_status(const DubHttpClient *self)
{
    const char *type = NULL;
    curl_easy_getinfo(self->easy, CURLINFO_CONTENT_TYPE, &type);
    g_autofree char *words = dub_http_server_words((const char *) self->body->data, self->body->len, type);
    if (!words)
        return g_strdup_printf("%ld", self->status);
    g_autofree char *quoted = dub_http_client_quote(self, words);
    return g_strdup_printf("%ld: \"%s\"", self->status, quoted);
}

/* The place a redirect leads to, without anything that may be secret in it; (transfer full) */
static char *redirect_place(const DubHttpClient *self)
{
    const char *location = NULL;
    DubHttpUrl url;
    curl_easy_getinfo(self->easy, CURLINFO_REDIRECT_URL, &location);
    g_autofree char *start = g_strndup(location ? location : "", location ? strcspn(location, "?#") : 0);
    if (!dub_http_url_parse(&url, start, "", NULL))
        return g_strdup("elsewhere");
    char *place = g_steal_pointer(&url.place);
    dub_http_url_clear(&url);
    return place;
}

static void *fail_by_status(DubHttpClient *self, GError **error)
{
    const DubHttpService *service = self->service;
    const char *place = self->url.place;
    const DubErrorCode code = code_of_status(self);
    g_autofree char *said = describe_status(self);
    switch ((int) code) {
    case DUB_ERROR_NO_SPACE: return fail(self, code, error, "the quota at %s is used up (%s)", place, said);
    case DUB_ERROR_AUTH:
        return fail(self, code, error, "%s %s (%s); check %s", place, self->has_key ? "refuses the key" : "wants a key",
                    said, service->key_setting);
    case DUB_ERROR_NOT_FOUND:
        if (self->request->about)
            return fail(self, code, error, "%s has no %s (%s)", place, self->request->about, said);
        return fail(self, code, error, "%s has no %s (%s); check %s_URL", place, self->request->path, said,
                    service->prefix);
    case DUB_ERROR_BACKPRESSURE: {
        const int64_t wait_ns = wait_asked_ns(self);
        if (wait_ns < 0)
            return fail(self, code, error, "%s is asked too often (%s)", place, said);
        return fail(self, code, error, "%s is asked too often (%s); it wants a pause of %.1f s", place, said,
                    (double) wait_ns / DUB_NS_PER_S);
    }
    default: break;
    }
    if (self->status / 100 == 3) {
        g_autofree char *to = redirect_place(self);
        return fail(self, code, error,
                    "%s sends us to %s (%ld), which is not followed, because the key would go "
                    "along; if that is the right place, put it into %s_URL",
                    place, to, self->status, service->prefix);
    }
    if (self->status == 413)
        return fail(self, code, error, "the request is too large for %s (%s)", place, said);
    if (code == DUB_ERROR_INVALID_ARGUMENT)
        return fail(self, code, error, "%s refuses the request (%s)", place, said);
    return fail(self, code, error, "%s failed (%s)", place, said);
}

static void *fail_by_result(DubHttpClient *self, CURLcode result, GError **error)
{
    const char *place = self->url.place;
    const char *why = *self->problem ? self->problem : curl_easy_strerror(result);
    if (self->too_large || result == CURLE_FILESIZE_EXCEEDED)
        return fail(self, DUB_ERROR_ENGINE, error, "the answer of %s is larger than %" G_GSIZE_FORMAT " bytes", place,
                    self->n_header_bytes > HEADERS_MOST_BYTES ? (gsize) HEADERS_MOST_BYTES : self->most_bytes);
    switch ((int) result) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return fail(self, DUB_ERROR_NETWORK, error,
                    "%s is not trusted: %s; a certificate of your own goes into "
                    "%s_CA_FILE",
                    place, why, self->service->prefix);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        return fail(self, DUB_ERROR_ENGINE, error, "%s does not speak HTTP: %s", place, why);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR: return fail(self, DUB_ERROR_NETWORK, error, "no connection to %s: %s", place, why);
    default: return fail(self, DUB_ERROR_NETWORK, error, "the connection to %s broke: %s", place, why);
    }
}

/* ── Again ── */

/* Whether the server says that it has not done the work; a gateway (502, 504) does not know. */
static bool is_worth_another_try(const DubHttpClient *self)
{
    return self->status == 500 || self->status == 503 ||
           (!self->has_key && (self->status == 502 || self->status == 504));
}

/* Returns: when to ask again, or 0: not at all. Remembers what the server wants. */
static int64_t next_try_ns(DubHttpClient *self)
{
    const int64_t now_ns = dub_clock_now();
    const int64_t wait_ns =
        self->status == 429 || self->status == 503 || self->status == 529 ? wait_asked_ns(self) : -1;
    if (is_out_of_quota(self))
        return 0;
    if (wait_ns < 0)
        return is_worth_another_try(self) ? now_ns : 0;
    self->ready_ns = now_ns + MIN(wait_ns, PAUSE_MOST_NS);
    return now_ns + wait_ns < self->deadline_ns ? self->ready_ns : 0;
}

static void *fail_by_wait(DubHttpClient *self, WaitEnd end, int64_t began_ns, GError **error)
{
    if (end == WAIT_CANCELLED)
        return fail(self, DUB_ERROR_CANCELLED, error, "cancelled");
    return fail(self, DUB_ERROR_TIMEOUT, error, "no answer from %s within %.1f s", self->url.place,
                (double) (dub_clock_now() - began_ns) / DUB_NS_PER_S);
}

/* A server that wants to be left alone is, by the next request too. Nothing is sent that nobody wants any
 * more. */
static bool wait_until_ready(DubHttpClient *self, int64_t began_ns, GError **error)
{
    if (self->ready_ns >= self->deadline_ns) {
        fail(self, DUB_ERROR_BACKPRESSURE, error, "%s wants a pause of %.1f s more", self->url.place,
             (double) (self->ready_ns - began_ns) / DUB_NS_PER_S);
        return false;
    }
    WaitEnd end = wait_until(self, self->ready_ns);
    if (end == WAIT_DONE && dub_clock_now() >= self->deadline_ns)
        end = WAIT_DEADLINE;
    if (end != WAIT_DONE)
        fail_by_wait(self, end, began_ns, error);
    return end == WAIT_DONE;
}

static void log_answer(const DubHttpClient *self, int64_t began_ns)
{
    dub_debug("%s: %s: %ld, %u bytes, %.0f ms", self->service->engine, self->url.place, self->status, self->body->len,
              (double) (dub_clock_now() - began_ns) / DUB_NS_PER_MS);
}

GBytes *dub_http_client_ask(DubHttpClient *self, const DubHttpRequest *request, const char **type, GError **error)
{
    const int64_t began_ns = dub_clock_now();
    self->request = request;
    self->deadline_ns = began_ns + DUB_HTTP_MOST_MS * DUB_NS_PER_MS;
    if (request->deadline_ns)
        self->deadline_ns = MIN(self->deadline_ns, request->deadline_ns);
    self->most_bytes = request->most_bytes ? request->most_bytes : DUB_HTTP_JSON_MOST_BYTES;
    for (int attempt = 0;; attempt++) {
        CURLcode result = CURLE_OK;
        if (!wait_until_ready(self, began_ns, error))
            return NULL;
        const WaitEnd end = send_once(self, &result);
        log_answer(self, began_ns);
        if (end != WAIT_DONE)
            return fail_by_wait(self, end, began_ns, error);
        if (self->status / 100 == 2 && result == CURLE_OK)
            break;
        if (self->status / 100 == 2 || !self->status)
            return fail_by_result(self, result, error);
        const int64_t next_ns = next_try_ns(self);
        if (attempt > 0 || !next_ns)
            return fail_by_status(self, error);
    }
    if (type)
        curl_easy_getinfo(self->easy, CURLINFO_CONTENT_TYPE, type);
    return g_bytes_new(self->body->data, self->body->len);
}

/* Some servers say 200 and mean an error: {"error": …} with something in it. */
static bool has_error(const DubJson *json)
{
    const DubJson *error = json_object_get(json, "error");
    return json_object_size(error) > 0 || json_string_length(error) > 0;
}

DubJson *dub_http_client_ask_json(DubHttpClient *self, const DubHttpRequest *request, GError **error)
{
    const char *type = NULL;
    g_autoptr(GBytes) body = dub_http_client_ask(self, request, &type, error);
    if (!body)
        return NULL;
    if (!dub_http_type_is_json(type)) {
        g_autofree char *quoted = dub_http_client_quote(self, type);
        return fail(self, DUB_ERROR_ENGINE, error, "%s answers with %s instead of JSON; check %s_URL", self->url.place,
                    quoted, self->service->prefix);
    }
    gsize length = 0;
    const char *text = g_bytes_get_data(body, &length);
    g_autoptr(DubJson) json = dub_json_parse(text ? text : "", length, error);
    if (!json)
        return dub_http_client_refuse(self, error);
    if (has_error(json)) {
        g_autofree char *said = describe_status(self);
        return fail(self, DUB_ERROR_ENGINE, error, "%s failed (%s)", self->url.place, said);
    }
    return g_steal_pointer(&json);
}

GBytes *dub_http_client_ask_sound(DubHttpClient *self, const DubHttpRequest *request, GError **error)
{
    const char *type = NULL;
    g_autoptr(GBytes) body = dub_http_client_ask(self, request, &type, error);
    if (!body)
        return NULL;
    if (!type || g_ascii_strncasecmp(type, "audio/", 6) == 0 ||
        g_ascii_strncasecmp(type, "application/octet-stream", 24) == 0)
        return g_steal_pointer(&body);
    g_autofree char *said = describe_status(self);
    g_autofree char *quoted = dub_http_client_quote(self, type);
    return fail(self, DUB_ERROR_ENGINE, error, "%s answers with %s instead of sound (%s)", self->url.place, quoted,
                said);
}

DubJson *dub_http_client_ask_list(DubHttpClient *self, const char *path, GCancellable *cancellable, GError **error)
{
    const DubHttpRequest request = { .path = path,
                                     .deadline_ns = dub_clock_now() + DUB_HTTP_LIST_MS * DUB_NS_PER_MS,
                                     .cancellable = cancellable };
    return dub_http_client_ask_json(self, &request, error);
}

bool dub_http_client_check(DubHttpClient *self, const char *path, GCancellable *cancellable, GError **error)
{
    g_autoptr(GError) problem = NULL;
    const DubHttpRequest request = { .path = path,
                                     .deadline_ns = dub_clock_now() + DUB_HTTP_LIST_MS * DUB_NS_PER_MS,
                                     .cancellable = cancellable };
    g_autoptr(GBytes) body = dub_http_client_ask(self, &request, NULL, &problem);
    if (body || problem->code == DUB_ERROR_NOT_FOUND || problem->code == DUB_ERROR_INVALID_ARGUMENT)
        return true;
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}
