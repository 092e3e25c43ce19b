/* mediamtx/api.c */
#include "mediamtx/api.h"

#include "base/http.h"

#include <string.h>

#define LIST_PATH          "/v3/paths/list"
#define GET_PREFIX         "/v3/paths/get"
#define DEFAULT_PAGE_ITEMS 100

typedef struct {
    DubMediamtxPathsFunc paths;
    void *user_data;
} Api;

static void reply_error(SoupServerMessage *message, guint status, const char *text)
{
    g_autoptr(DubJson) body = json_pack("{s:s, s:s}", "status", "error", "error", text);
    dub_http_reply_json(message, status, body);
}

static bool is_get(SoupServerMessage *message)
{
    if (strcmp(soup_server_message_get_method(message), SOUP_METHOD_GET) == 0)
        return true;
    reply_error(message, SOUP_STATUS_METHOD_NOT_ALLOWED, "method not allowed");
    return false;
}

/* As MediaMTX reads them: up to 31 bits, no sign. */
static bool read_number(GHashTable *query, const char *name, guint64 fallback, guint64 min, guint64 *value)
{
    const char *text = query ? g_hash_table_lookup(query, name) : NULL;
    *value = fallback;
    return !text || !*text || g_ascii_string_to_unsigned(text, 10, min, G_MAXINT32, value, NULL);
}

static json_t *page_of(const GPtrArray *paths, guint64 page, guint64 page_items)
{
    json_t *items = json_array();
    const guint64 first = MIN(page * page_items, paths->len); /* 31 bits each: no overflow */
    const guint64 end = MIN(first + page_items, paths->len);
    for (guint64 i = first; i < end; i++)
        json_array_append_new(items, dub_mediamtx_path_to_json(paths->pdata[i]));
    return items;
}

static void on_list(SoupServer *server G_GNUC_UNUSED, SoupServerMessage *message, const char *path, GHashTable *query,
                    gpointer user_data)
{
    const Api *api = user_data;
    guint64 page, page_items;
    if (!is_get(message))
        return;
    if (strcmp(path, LIST_PATH) != 0) {
        reply_error(message, SOUP_STATUS_NOT_FOUND, "not found");
        return;
    }
    if (!read_number(query, "itemsPerPage", DEFAULT_PAGE_ITEMS, 1, &page_items) ||
        !read_number(query, "page", 0, 0, &page)) {
        reply_error(message, SOUP_STATUS_BAD_REQUEST, "invalid page or items per page");
        return;
    }
    g_autoptr(GPtrArray) paths = api->paths(api->user_data);
    g_autoptr(DubJson) body =
        json_pack("{s:i, s:i, s:o}", "itemCount", (int) paths->len, "pageCount",
                  (int) ((paths->len + page_items - 1) / page_items), "items", page_of(paths, page, page_items));
    dub_http_reply_json(message, SOUP_STATUS_OK, body);
}

static void on_get(SoupServer *server G_GNUC_UNUSED, SoupServerMessage *message, const char *path,
                   GHashTable *query G_GNUC_UNUSED, gpointer user_data)
{
    const Api *api = user_data;
    if (!is_get(message))
        return;
    const char *name = path + strlen(GET_PREFIX);
    if (name[0] != '/' || !name[1]) {
        reply_error(message, SOUP_STATUS_BAD_REQUEST, "invalid name");
        return;
    }
    g_autoptr(GPtrArray) paths = api->paths(api->user_data);
    for (guint i = 0; i < paths->len; i++) {
        if (strcmp(((const DubMediamtxPath *) paths->pdata[i])->name, name + 1) != 0)
            continue;
        g_autoptr(DubJson) body = dub_mediamtx_path_to_json(paths->pdata[i]);
        dub_http_reply_json(message, SOUP_STATUS_OK, body);
        return;
    }
    reply_error(message, SOUP_STATUS_NOT_FOUND, "path not found");
}

static Api *api_new(DubMediamtxPathsFunc paths, void *user_data)
{
    Api *api = g_new(Api, 1);
    *api = (Api){ paths, user_data };
    return api;
}

void dub_mediamtx_api_mount(SoupServer *server, DubMediamtxPathsFunc paths, void *user_data)
{
    soup_server_add_handler(server, LIST_PATH, on_list, api_new(paths, user_data), g_free);
    soup_server_add_handler(server, GET_PREFIX, on_get, api_new(paths, user_data), g_free);
}
