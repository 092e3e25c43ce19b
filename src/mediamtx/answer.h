/* mediamtx/answer.h: what a MediaMTX's control API answers, beside a path by itself (mediamtx/path.h). Any thread. */
#pragma once

#include "mediamtx/path.h"

/**
 * dub_mediamtx_read_page:
 * @root: of /v3/paths/list
 * @paths: of DubMediamtxPath *; the page's are added
 * @page_count: (out): how many pages there are
 * Returns: false with %DUB_ERROR_PROTOCOL, which names the field; @paths may hold a part of the page then
 */
bool dub_mediamtx_read_page(const DubJson *root, GPtrArray *paths, int64_t *page_count, GError **error);

/* @root: of /v3/rtmpconns/get and the like. Returns: (transfer none) (nullable): the query of the connection's URL, in
 * @root */
const char *dub_mediamtx_read_query(const DubJson *root);
