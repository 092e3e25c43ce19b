/* rtmp/path-name.c */
#include "rtmp/path-name.h"

#include "base/error.h"
#include "base/log.h"

#include <string.h>

static bool is_valid_segment(const char *segment)
{
    static const char others[] = "_-.~:";
    for (const char *c = segment; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr(others, *c))
            return false;
    }
    return strcmp(segment, ".") != 0 && strcmp(segment, "..") != 0;
}

/* Segments of @text up to its query; empty ones vanish, since clients differ in their slashes. */
static bool append_segments(GPtrArray *segments, const char *text)
{
    g_autofree char *plain = g_strndup(text, strcspn(text, "?"));
    g_auto(GStrv) parts = g_strsplit(plain, "/", -1);
    for (char **part = parts; *part; part++) {
        if (!is_valid_segment(*part))
            return false;
        if (**part)
            g_ptr_array_add(segments, g_strdup(*part));
    }
    return true;
}

static char *join_queries(const char *app, const char *key)
{
    const char *first = strchr(app, '?'), *second = strchr(key, '?');
    first = first ? first + 1 : "";
    second = second ? second + 1 : "";
    return g_strconcat(first, *first && *second ? "&" : "", second, NULL);
}

char *dub_rtmp_path_name(const char *app, const char *key, char **query, GError **error)
{
    g_autoptr(GPtrArray) segments = g_ptr_array_new_with_free_func(g_free);
    if (strlen(app) + strlen(key) > DUB_RTMP_MAX_PATH_BYTES + DUB_RTMP_MAX_QUERY_BYTES ||
        !append_segments(segments, app) || !append_segments(segments, key)) {
        g_autofree char *shown = dub_log_printable(key, 64);
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "path: '%s' holds more than letters, digits and _-.~/: or is too long", shown);
        return NULL;
    }
    g_ptr_array_add(segments, NULL);
    g_autofree char *name = g_strjoinv("/", (char **) segments->pdata);
    g_autofree char *joined = join_queries(app, key);
    if (!*name || strlen(name) > DUB_RTMP_MAX_PATH_BYTES || strlen(joined) > DUB_RTMP_MAX_QUERY_BYTES ||
        !g_utf8_validate(joined, -1, NULL)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                            *name ? "path: name or query is too long or not text" : "path: it is empty");
        return NULL;
    }
    *query = g_steal_pointer(&joined);
    return g_steal_pointer(&name);
}

char *dub_rtmp_query_take(char **query, const char *name)
{
    g_auto(GStrv) pairs = g_strsplit(*query, "&", -1);
    g_autoptr(GString) rest = g_string_new(NULL);
    const gsize length = strlen(name);
    char *value = NULL;
    for (char **pair = pairs; *pair; pair++) {
        if (strncmp(*pair, name, length) == 0 && (*pair)[length] == '=') {
            g_free(value);
            value = g_uri_unescape_string(*pair + length + 1, NULL);
        } else {
            g_string_append_printf(rest, "%s%s", rest->len > 0 ? "&" : "", *pair);
        }
    }
    g_free(*query);
    *query = g_string_free(g_steal_pointer(&rest), FALSE);
    return value;
}
