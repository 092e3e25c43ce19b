/* engines/http.h: a server that a driver asks over HTTP, by libcurl.
 * One thread at a time, not always the same; calls block. Times are ns, deadlines on dub_clock_now().
 * The connection stays open between requests. TLS is checked, redirects are not followed, and no variable of
 * the environment but the driver's own settings has a say (no HTTP_PROXY, no .netrc). No error and no line of
 * the log holds a key or a password, not even where the server quotes it. */
#pragma once

#include "base/json.h"
#include "engines/engine.h"

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct _DubHttpClient DubHttpClient;

#define DUB_HTTP_MOST_MS          120000 /* a request without a deadline */
#define DUB_HTTP_CONNECT_MS       8000   /* until the connection stands */
#define DUB_HTTP_LIST_MS          10000  /* that list() may take for each question */
#define DUB_HTTP_JSON_MOST_BYTES  (4 * 1024 * 1024)
#define DUB_HTTP_SOUND_MOST_BYTES (10 * 1024 * 1024) /* a minute at 48 kHz, 16 bit stereo, and some */
#define DUB_HTTP_KEY_MOST_BYTES   4096

/* ── Settings ── */

/* The first member of such a driver's settings. */
typedef struct {
    char *url, *key; /* nullable */
    char *proxy;     /* nullable */
    char *ca_file;   /* nullable */
    unsigned connections;
} DubHttpSettings;

/* The rows of it. @prefix: "MT_OPENAI"; @key_name: of the key's variable; the last two are for --help */
#define DUB_HTTP_ROWS(prefix, key_name, key_help, url_help)                                           \
    { .name = key_name, .offset = offsetof(DubHttpSettings, key), .help = key_help, .secret = true }, \
        { .name = prefix "_URL", .offset = offsetof(DubHttpSettings, url), .help = url_help },        \
        { .name = prefix "_PROXY",                                                                    \
          .offset = offsetof(DubHttpSettings, proxy),                                                 \
          .help = "proxy on the way there: http://HOST:PORT; none if not set" },                      \
        { .name = prefix "_CA_FILE",                                                                  \
          .offset = offsetof(DubHttpSettings, ca_file),                                               \
          .help = "certificates to trust beside the system's: a PEM file" },                          \
    {                                                                                                 \
        .name = prefix "_CONNECTIONS", .type = DUB_ENV_UINT, .min = 1, .max = 32, .fallback = "8",    \
        .offset = offsetof(DubHttpSettings, connections), .help = "requests at once"                  \
    }
#define DUB_HTTP_N_ROWS 5
G_STATIC_ASSERT(DUB_ENV_STRING == 0); /* what the rows leave out */

bool dub_http_is_set(const DubHttpSettings *settings);  /* a server or a key is named */
unsigned dub_http_count(const DubEngineConfig *config); /* for DubEngineClass.count */

/* What is the same for every client of a driver; static. */
typedef struct {
    const char *engine;      /* "deepl": every message begins with it */
    const char *prefix;      /* "DEEPL": names of settings in messages begin with it */
    const char *key_setting; /* "DEEPL_AUTH_KEY" */
    const char *key_header;  /* "Authorization: Bearer "; NULL: the driver sends the key in its own way */
    const char *default_url; /* where settings->url is NULL */
} DubHttpService;

/* %DUB_ERROR_INVALID_ARGUMENT: a URL that is none, a key with characters that no key has */
DubHttpClient *dub_http_client_new(const DubHttpService *service, const DubHttpSettings *settings, GError **error);
void dub_http_client_free(DubHttpClient *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubHttpClient, dub_http_client_free)

/* ── A request ── */

typedef struct {
    const char *name;
    const char *file_name, *content_type; /* NULL: a plain field */
    const void *data;
    gsize size;
} DubHttpPart;

typedef struct {
    const char *path;         /* "/v2/translate": comes after the service's URL; already escaped */
    const char *content_type; /* of @body */
    const void *body;         /* NULL, and no parts: GET */
    gsize body_size;
    const DubHttpPart *parts; /* multipart/form-data */
    unsigned n_parts;
    const char *about;         /* what is not there when the server says 404: "voice alloy"; NULL: the path */
    gsize most_bytes;          /* of the answer; 0: %DUB_HTTP_JSON_MOST_BYTES */
    int64_t deadline_ns;       /* 0: %DUB_HTTP_MOST_MS from now */
    GCancellable *cancellable; /* nullable */
} DubHttpRequest;

/**
 * dub_http_client_ask:
 * @type: (out) (optional) (transfer none): the answer's content type, nullable, until the next request
 *
 * Sends it once. It is sent again, once, after an idle connection turned out to be dead, after 500 and 503,
 * after a Retry-After that ends before the deadline, and, where no key is sent and so nobody pays, after 502
 * and 504, which leave open whether the work was done. A server that said when to come back is not asked
 * before.
 *
 * Returns: (transfer full): the body of a 2xx answer, or NULL with
 *
 * - %DUB_ERROR_CANCELLED: within 300 ms
 * - %DUB_ERROR_TIMEOUT: the deadline
 * - %DUB_ERROR_AUTH: 401, 403, 407
 * - %DUB_ERROR_NOT_FOUND: 404
 * - %DUB_ERROR_NO_SPACE: no quota is left: 402, 456, and 401 or 429 that say so
 * - %DUB_ERROR_BACKPRESSURE: 429, 529, 503 with Retry-After; the message says how long the pause should be
 * - %DUB_ERROR_INVALID_ARGUMENT: any other 4xx
 * - %DUB_ERROR_NETWORK: no connection, or one that broke; 408, 502, 503, 504
 * - %DUB_ERROR_ENGINE: any other 5xx, a redirect, an answer that is too large
 */
GBytes *dub_http_client_ask(DubHttpClient *self, const DubHttpRequest *request, const char **type, GError **error);

/* The same where the answer is JSON; %DUB_ERROR_ENGINE where it is not, or is an error under 200. */
DubJson *dub_http_client_ask_json(DubHttpClient *self, const DubHttpRequest *request, GError **error);

/* The same where the answer is sound; %DUB_ERROR_ENGINE where it is something else. */
GBytes *dub_http_client_ask_sound(DubHttpClient *self, const DubHttpRequest *request, GError **error);

/* For list(): the answer of GET @path as JSON, within %DUB_HTTP_LIST_MS */
DubJson *dub_http_client_ask_list(DubHttpClient *self, const char *path, GCancellable *cancellable, GError **error);

/* For list(): whether somebody answers @path and takes the key. That there is no such path is an answer. */
bool dub_http_client_check(DubHttpClient *self, const char *path, GCancellable *cancellable, GError **error);

/* A header of the last answer, or NULL; valid until the next request */
const char *dub_http_client_header(const DubHttpClient *self, const char *name);

/* Makes an error of a reader of answers ("translations: missing") one of the engine, without secrets.
 * Returns: NULL */
void *dub_http_client_refuse(const DubHttpClient *self, GError **error);

/* (transfer full): @text without secrets, printable, short: for what servers say that ends up in messages */
char *dub_http_client_quote(const DubHttpClient *self, const char *text);
