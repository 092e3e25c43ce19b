/* tests/fuzz/fuzz-mediamtx-answer.c: an answer of MediaMTX's control API is refused with a reason, or gives paths that
 * survive being written again. */
#include "base/json.h"
#include "mediamtx/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const DubMediamtxPath *path)
{
    g_autoptr(DubJson) built = dub_mediamtx_path_to_json(path);
    g_autoptr(DubMediamtxPath) again = dub_mediamtx_path_from_json(built, NULL);
    g_assert_nonnull(again);
    g_assert_cmpstr(again->name, ==, path->name);
    if (*path->source_type) /* without one there is no source */
        g_assert_cmpstr(again->source_id, ==, path->source_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(DubJson) root = dub_json_parse((const char *) data, size, NULL);
    if (!root)
        return 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func((GDestroyNotify) dub_mediamtx_path_free);
    int64_t page_count = -1;
    const bool is_read = dub_mediamtx_read_page(root, paths, &page_count, &error);
    g_assert_true(is_read == !error);
    g_assert_true(!is_read || page_count >= 0);
    for (guint i = 0; i < paths->len; i++)
        check_path(paths->pdata[i]);
    const char *query = dub_mediamtx_read_query(root);
    g_assert_true(!query || g_utf8_validate(query, -1, NULL));
    return 0;
}
