/* mediamtx/path.h: a path of the media server as its control API shows it, and our names in it. Any thread. */
#pragma once

#include "base/json.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct { /* all owned */
    char *name;
    bool ready;
    int64_t ready_unix_ms; /* 0 when not ready or not told */
    char *source_type;     /* "rtmpConn"; "" without a source */
    char *source_id;       /* of the publisher's connection; "" without a source */
    char *query; /* of the publisher's URL. Ours tells it with the path; for MediaMTX, dub_mediamtx_client_list_async()
                    asks */
    char **tracks; /* "H264", "MPEG-4 Audio" */
    char **reader_ids;
    uint64_t bytes_received, bytes_sent;
} DubMediamtxPath;

void dub_mediamtx_path_free(DubMediamtxPath *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubMediamtxPath, dub_mediamtx_path_free)

/**
 * dub_mediamtx_path_from_json:
 * @item: of /v3/paths/list, or the whole of /v3/paths/get; releases before and after "available" replaced "ready"
 * Returns: (transfer full): NULL with %DUB_ERROR_PROTOCOL, which names the field
 */
DubMediamtxPath *dub_mediamtx_path_from_json(const DubJson *item, GError **error);
DubJson *dub_mediamtx_path_to_json(const DubMediamtxPath *self); /* (transfer full): both spellings */

typedef enum { DUB_MEDIAMTX_INPUT, DUB_MEDIAMTX_OUTPUT } DubMediamtxDirection;

#define DUB_MEDIAMTX_MAX_STREAM_ID_BYTES 64

/**
 * dub_mediamtx_split_name:
 * @name: "live/x/in"
 * @stream_id: (out) (transfer full): "x": 1…64 letters, digits and "_-.~:", neither "." nor ".."
 * Returns: false with %DUB_ERROR_INVALID_ARGUMENT when @name is not live/<id>/in or live/<id>/out
 */
bool dub_mediamtx_split_name(const char *name, char **stream_id, DubMediamtxDirection *direction, GError **error);
