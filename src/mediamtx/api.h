/* mediamtx/api.h: the answering side of MediaMTX's control API, as much of it as our own client asks for, so that one
 * code path serves both servers: GET /v3/paths/list (page, itemsPerPage) and GET /v3/paths/get/NAME.
 * The server's loop thread only. */
#pragma once

#include "mediamtx/path.h"

#include <libsoup/soup.h>

/* Returns: (transfer full): DubMediamtxPath * of all paths, sorted by name; frees its items */
typedef GPtrArray *(*DubMediamtxPathsFunc)(void *user_data);

/* @user_data must outlive @server's handlers. */
void dub_mediamtx_api_mount(SoupServer *server, DubMediamtxPathsFunc paths, void *user_data);
