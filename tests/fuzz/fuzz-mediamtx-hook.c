/* tests/fuzz/fuzz-mediamtx-hook.c: a hook's body and a path list's item are refused, or survive being built again. */
#include "mediamtx/hook.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_hook(const char *text, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubMediamtxHook) hook = dub_mediamtx_hook_parse(text, size, &error);
    g_assert_true(!hook == !!error);
    if (!hook)
        return;
    g_autofree char *built = dub_mediamtx_hook_build(hook->path, hook->query, hook->source_type, hook->source_id);
    g_autoptr(DubMediamtxHook) again = dub_mediamtx_hook_parse(built, strlen(built), NULL);
    g_assert_nonnull(again);
    g_assert_cmpstr(again->query, ==, hook->query);
    g_assert_cmpstr(again->stream_id, ==, hook->stream_id);
    g_assert_cmpuint(g_hash_table_size(again->parameters), ==, g_hash_table_size(hook->parameters));
}

static void check_item(const char *text, size_t size)
{
    g_autoptr(DubJson) json = dub_json_parse(text, size, NULL);
    g_autoptr(DubMediamtxPath) path = json ? dub_mediamtx_path_from_json(json, NULL) : NULL;
    if (!path)
        return;
    g_autoptr(DubJson) built = dub_mediamtx_path_to_json(path);
    g_autoptr(DubMediamtxPath) again = dub_mediamtx_path_from_json(built, NULL);
    g_assert_nonnull(again);
    g_assert_cmpstr(again->name, ==, path->name);
    g_assert_cmpuint(again->bytes_received, ==, path->bytes_received);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_hook((const char *) data, size);
    check_item((const char *) data, size);
    return 0;
}
