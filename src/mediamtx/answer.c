/* mediamtx/answer.c */
#include "mediamtx/answer.h"

#include "base/error.h"

bool dub_mediamtx_read_page(const DubJson *root, GPtrArray *paths, int64_t *page_count, GError **error)
{
    const DubJson *items = NULL;
    if (!json_is_object(root)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "not an object");
        return false;
    }
    if (!dub_json_get_int(root, "pageCount", DUB_JSON_REQUIRED, 0, INT32_MAX, page_count, error) ||
        !dub_json_get_array(root, "items", DUB_JSON_REQUIRED, &items, error))
        return false;
    for (gsize i = 0; i < json_array_size(items); i++) {
        DubMediamtxPath *path = dub_mediamtx_path_from_json(json_array_get(items, i), error);
        if (!path)
            return false;
        g_ptr_array_add(paths, path);
    }
    return true;
}

const char *dub_mediamtx_read_query(const DubJson *root)
{
    const char *query = NULL;
    return json_is_object(root) && dub_json_get_string(root, "query", DUB_JSON_OPTIONAL, &query, NULL) ? query : NULL;
}
