/* base/http.h: the few things every HTTP endpoint of ours needs, on a SoupServer. The server's loop thread only. */
#pragma once

#include "base/json.h"
#include "base/metrics.h"

#include <libsoup/soup.h>

#define DUB_HTTP_BODY_MOST_BYTES (64 * 1024) /* of a request: our largest, a hook's, has some hundred bytes */

/* Returns: (transfer full): a server on which no connection outlives its answer, with bounded bodies; who listens
 * brings connections to it. */
SoupServer *dub_http_server_new(void);

/**
 * dub_http_limit_bodies:
 * A request with a longer body than %DUB_HTTP_BODY_MOST_BYTES is answered with 413, whatever its path and method, and
 * none of its body is kept: libsoup gathers all of it before any handler is asked.
 * @except: (nullable): prefixes of paths that bound their bodies themselves, ended by NULL; static
 */
void dub_http_limit_bodies(SoupServer *server, const char *const *except);

/**
 * dub_http_require_token:
 * Requests of @prefixes, and of all paths below them, are answered with 401 unless they say "Authorization: Bearer
 * TOKEN", or
 * "?token=TOKEN" where a client cannot set headers. None of their body is read before.
 * @prefixes: "/v1", ended by NULL; static
 * @token: (nullable): everybody may; copied
 */
void dub_http_require_token(SoupServer *server, const char *const *prefixes, const char *token);

void dub_http_authorize(SoupMessage *message, const char *token); /* the other side of it; NULL is fine */

/* Returns: (transfer full) (nullable): "Basic …" of the URL's user and password, for that header; NULL: it has none */
char *dub_http_basic_authorization(const GUri *uri);

/**
 * dub_http_bind:
 * @host: "0.0.0.0", "::" (both families), "127.0.0.1", or a name
 * @port: 0 chooses a free one
 * @setting: the name of the variable or option that sets the port, for that message
 * @chosen: (out): the port
 * Returns: (transfer full): a socket that listens, or NULL with %DUB_ERROR_BUSY: "port 8080 is in use by another
 * program; choose another with PORT"
 */
GSocket *dub_http_bind(const char *host, guint port, const char *setting, guint *chosen, GError **error);

bool dub_http_is_loopback(const char *host); /* only programs of this machine reach what listens there */

/* Something that listens, for dub_http_tell_open(). */
typedef struct {
    const char *what; /* "RTMP publishing" */
    const char *host;
    guint port;
    const char *cure; /* "set RTMP_PUBLISH_KEY" */
    bool is_guarded;
} DubOpenDoor;
/* One warning that names all that others than this machine's programs can use as they like; none if there is nothing.
 */
void dub_http_tell_open(const char *program, const DubOpenDoor *doors, gsize n_doors);

/* Returns: (transfer full): "http://HOST:PORT", where a program of this machine reaches what listens on @host: at the
 * loopback address of its family if that is "0.0.0.0" or "::" */
char *dub_http_local_url(const char *host, guint port);

/* Returns: (transfer full): @url without user, password and query: fit for a log, an error, a metric. A path of a file
 * stays as it is. */
char *dub_url_printable(const char *url);

void dub_http_reply_json(SoupServerMessage *message, guint status, const DubJson *body); /* (transfer none) */
void dub_http_reply_text(SoupServerMessage *message, guint status, const char *content_type, const char *body);
/* {"error": {"code": …, "message": …}} with the right status for a DUB_ERROR */
void dub_http_reply_error(SoupServerMessage *message, guint status, const char *code, const char *text);
/* Adds GET /metrics. */
void dub_http_add_metrics(SoupServer *server, DubMetrics *metrics); /* @metrics must outlive @server */
