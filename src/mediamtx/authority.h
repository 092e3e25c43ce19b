/* mediamtx/authority.h: asks over HTTP whether somebody may publish or read, in the shape of MediaMTX's
 * authHTTPAddress: POST of {"ip", "user", "password", "token", "action", "path", "protocol", "id", "query"}; an answer
 * of 2xx is a yes. One GLib main context: the thread's default in dub_mediamtx_authority_new(). */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct { /* none is NULL; valid during the call */
    const char *id;
    const char *ip, *user, *password, *token;
    const char *action; /* "publish" or "read" */
    const char *path, *protocol, *query;
} DubMediamtxRequest;

typedef struct _DubMediamtxAuthority DubMediamtxAuthority;

/* @id: of the request. @refusal: (nullable): fit for the peer and for a log; NULL: yes */
typedef void (*DubMediamtxVerdictFunc)(const char *id, const char *refusal, void *user_data);

/**
 * dub_mediamtx_authority_new:
 * @url: "http://…", with user and password in it where the authority wants them
 * @timeout_ms: from the question to the answer; then the answer is no
 * @max_asking: questions at once; to further ones the answer is no, at once
 * Returns: NULL with %DUB_ERROR_INVALID_ARGUMENT when @url is no http or https URL
 */
DubMediamtxAuthority *dub_mediamtx_authority_new(const char *url, guint timeout_ms, guint max_asking,
                                                 DubMediamtxVerdictFunc on_verdict, void *user_data, GError **error);
/* No verdict comes after it. NULL is fine. */
void dub_mediamtx_authority_free(DubMediamtxAuthority *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubMediamtxAuthority, dub_mediamtx_authority_free)

/* One verdict comes for each, perhaps before this returns. */
void dub_mediamtx_authority_ask(DubMediamtxAuthority *self, const DubMediamtxRequest *request);
