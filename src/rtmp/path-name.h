/* rtmp/path-name.h: app and stream key to a path's name. Any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define DUB_RTMP_MAX_PATH_BYTES  255
#define DUB_RTMP_MAX_QUERY_BYTES 2048

/**
 * dub_rtmp_path_name:
 * @app, @key: as the peer sent them; a '?' starts a query in either
 * @query: (out) (transfer full): both queries joined by '&', or ""
 * Returns: (transfer full): the name; NULL with %DUB_ERROR_INVALID_ARGUMENT
 */
char *dub_rtmp_path_name(const char *app, const char *key, char **query, GError **error);

/**
 * dub_rtmp_query_take:
 * @query: (inout): "a=b&c=d"; the pairs of that name are taken out of it
 * Returns: (transfer full) (nullable): the value of the last of them, percent-decoded
 */
char *dub_rtmp_query_take(char **query, const char *name);
