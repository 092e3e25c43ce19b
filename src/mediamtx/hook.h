/* mediamtx/hook.h: what the media server's hooks post to media-service:
 * {"path":"live/abc/in","query":"lang=es","sourceType":"rtmpConn","sourceId":"…"}. A codec; any thread. */
#pragma once

#include "mediamtx/path.h"

typedef struct { /* all owned */
    char *path;
    char *query; /* as the publisher gave it, still percent-encoded; "" for none */
    char *source_type, *source_id;
    char *stream_id;
    DubMediamtxDirection direction;
    GHashTable *parameters; /* of the query, decoded: char * -> char *; the first of a name counts */
} DubMediamtxHook;

void dub_mediamtx_hook_free(DubMediamtxHook *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubMediamtxHook, dub_mediamtx_hook_free)

#define DUB_MEDIAMTX_MAX_HOOK_BYTES 16384

/**
 * dub_mediamtx_hook_parse:
 * @text: the body; @length bytes
 * Returns: (transfer full): NULL with %DUB_ERROR_INVALID_ARGUMENT, whose message is the reason for the 422 and names
 * the field: "path: missing", "query: not a string", "path: 'x' is not live/<id>/in…"
 * query, sourceType and sourceId may be absent.
 */
DubMediamtxHook *dub_mediamtx_hook_parse(const char *text, gsize length, GError **error);

/* The same from the parts: for a publisher that the built-in server reports. @query may be NULL. */
DubMediamtxHook *dub_mediamtx_hook_new(const char *path, const char *query, const char *source_type,
                                       const char *source_id, GError **error);

/* Returns: (transfer full): the body, JSON whatever the parts hold: what is not UTF-8 is replaced. */
char *dub_mediamtx_hook_build(const char *path, const char *query, const char *source_type, const char *source_id);

const char *dub_mediamtx_hook_parameter(const DubMediamtxHook *self, const char *name); /* NULL when absent */
