/* media/http-input.h: the bytes behind an http(s) URL, read by libsoup in the thread that calls, which is the one that
 * made its access. No wait is longer than a server may be silent, nor than a cancel: then a socket's poll returns. Each
 * request has a session and a connection of its own, so nothing that was read in part can be taken for an answer to the
 * next, and closing an input closes all that it had. Certificates are verified; redirects are followed, 20 at most. */
#pragma once

#include "media/input.h"

bool dub_http_input_is_url(const char *url); /* begins with http:// or https:// */

/* What the requests of one source share. */
typedef struct _DubHttpAccess DubHttpAccess;

/* @url: its user and password go to this server alone, when it asks for them. @silence_ns: a body that stands still for
 * so long is an error; in whole seconds, rounded up. Returns: NULL with INVALID_ARGUMENT where @url is none */
DubHttpAccess *dub_http_access_new(const char *url, int64_t silence_ns, GCancellable *cancellable, GError **error);
void dub_http_access_free(DubHttpAccess *self); /* after all its inputs; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubHttpAccess, dub_http_access_free)

/**
 * dub_http_input_open:
 * @access: outlives the input
 * @first, @end: which of its bytes, from @first and before @end; @end -1: all up to its end
 * Returns: an input that can be sought in where the server takes Range requests; or NULL with NOT_FOUND, AUTH, NETWORK
 * (also for what a server answers from 500 on), TIMEOUT, CANCELLED. The same come from reading, and STALLED.
 */
DubInput *dub_http_input_open(DubHttpAccess *access, const char *url, int64_t first, int64_t end, GError **error);
const char *dub_http_input_url(DubInput *self); /* where it lies after all redirects, without user and password */
