/* mediamtx/client.h: asks a MediaMTX (or our built-in server) which paths it has, over its control API.
 * One GLib main context: the thread's default when a call starts; its callback comes there. Answers are bounded. */
#pragma once

#include "mediamtx/path.h"

#include <gio/gio.h>

typedef struct _DubMediamtxClient DubMediamtxClient;

/**
 * dub_mediamtx_client_new:
 * @api_url: "http://mediamtx:9997"; "http://user:password@…" where the server asks for one
 * @timeout_s: without a byte; at least 1
 * Returns: NULL with %DUB_ERROR_INVALID_ARGUMENT when @api_url is no http or https URL
 */
DubMediamtxClient *dub_mediamtx_client_new(const char *api_url, guint timeout_s, GError **error);
/* Calls under way still answer, with %DUB_ERROR_CANCELLED. NULL is fine. */
void dub_mediamtx_client_free(DubMediamtxClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubMediamtxClient, dub_mediamtx_client_free)

/* All pages of /v3/paths/list, put together, and the query of each stream's publisher, which MediaMTX tells of the
 * connection: it is asked about each once. The callback's source object is NULL. */
void dub_mediamtx_client_list_async(DubMediamtxClient *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                    void *user_data);
/**
 * dub_mediamtx_client_list_finish:
 * Returns: (transfer full): DubMediamtxPath *, frees its items; NULL with %DUB_ERROR_NETWORK (not reachable),
 * %DUB_ERROR_TIMEOUT, %DUB_ERROR_AUTH (401, 403), %DUB_ERROR_PROTOCOL (what came is no such list) or
 * %DUB_ERROR_CANCELLED
 */
GPtrArray *dub_mediamtx_client_list_finish(GAsyncResult *result, GError **error);

void dub_mediamtx_client_get_async(DubMediamtxClient *self, const char *name, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, void *user_data);
/* Returns: (transfer full): NULL also with %DUB_ERROR_NOT_FOUND */
DubMediamtxPath *dub_mediamtx_client_get_finish(GAsyncResult *result, GError **error);
