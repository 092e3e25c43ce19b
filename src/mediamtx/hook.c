/* mediamtx/hook.c */
#include "mediamtx/hook.h"

#include "base/error.h"

#include <string.h>

#define MAX_PATH_BYTES  255
#define MAX_QUERY_BYTES 4096
#define MAX_WORD_BYTES  128 /* sourceType, sourceId */
#define MAX_PARAMETERS  64

void dub_mediamtx_hook_free(DubMediamtxHook *self)
{
    if (!self)
        return;
    g_free(self->path);
    g_free(self->query);
    g_free(self->source_type);
    g_free(self->source_id);
    g_free(self->stream_id);
    g_clear_pointer(&self->parameters, g_hash_table_unref);
    g_free(self);
}

/* "+" is a space and %XX a byte. NULL when that is no text: such a parameter does not count. */
static char *decode(const char *text)
{
    g_autofree char *spaced = g_strdelimit(g_strdup(text), "+", ' ');
    char *decoded = g_uri_unescape_string(spaced, NULL);
    if (decoded && !g_utf8_validate(decoded, -1, NULL))
        g_clear_pointer(&decoded, g_free);
    return decoded;
}

static void add_parameter(GHashTable *parameters, const char *pair)
{
    g_auto(GStrv) sides = g_strsplit(pair, "=", 2);
    g_autofree char *name = decode(sides[0] ? sides[0] : "");
    g_autofree char *value = decode(sides[0] && sides[1] ? sides[1] : "");
    if (!name || !*name || !value || g_hash_table_contains(parameters, name))
        return;
    g_hash_table_insert(parameters, g_steal_pointer(&name), g_steal_pointer(&value));
}

static GHashTable *parse_query(const char *query)
{
    GHashTable *parameters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) pairs = g_strsplit(*query == '?' ? query + 1 : query, "&", MAX_PARAMETERS + 1);
    for (guint i = 0; pairs[i] && i < MAX_PARAMETERS; i++)
        add_parameter(parameters, pairs[i]);
    return parameters;
}

static bool check_length(const char *field, const char *value, gsize max, GError **error)
{
    if (strlen(value) <= max)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s: longer than %zu bytes", field, max);
    return false;
}

DubMediamtxHook *dub_mediamtx_hook_new(const char *path, const char *query, const char *source_type,
                                       const char *source_id, GError **error)
{
    g_autoptr(DubMediamtxHook) self = g_new0(DubMediamtxHook, 1);
    self->path = g_strdup(path);
    self->query = g_strdup(query ? query : "");
    self->source_type = g_strdup(source_type);
    self->source_id = g_strdup(source_id);
    if (!check_length("path", path, MAX_PATH_BYTES, error) ||
        !check_length("query", self->query, MAX_QUERY_BYTES, error) ||
        !check_length("sourceType", source_type, MAX_WORD_BYTES, error) ||
        !check_length("sourceId", source_id, MAX_WORD_BYTES, error) ||
        !dub_mediamtx_split_name(path, &self->stream_id, &self->direction, error))
        return NULL;
    self->parameters = parse_query(self->query);
    return g_steal_pointer(&self);
}

DubMediamtxHook *dub_mediamtx_hook_parse(const char *text, gsize length, GError **error)
{
    const char *path = NULL, *query = "", *source_type = "", *source_id = "";
    if (length > DUB_MEDIAMTX_MAX_HOOK_BYTES) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "body: longer than %d bytes",
                    DUB_MEDIAMTX_MAX_HOOK_BYTES);
        return NULL;
    }
    g_autoptr(DubJson) root = dub_json_parse(text, length, error);
    if (!root)
        return NULL;
    if (!json_is_object(root)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "body: not an object");
        return NULL;
    }
    if (!dub_json_get_string(root, "path", DUB_JSON_REQUIRED, &path, error) ||
        !dub_json_get_string(root, "query", DUB_JSON_OPTIONAL, &query, error) ||
        !dub_json_get_string(root, "sourceType", DUB_JSON_OPTIONAL, &source_type, error) ||
        !dub_json_get_string(root, "sourceId", DUB_JSON_OPTIONAL, &source_id, error))
        return NULL;
    return dub_mediamtx_hook_new(path, query, source_type, source_id, error);
}

static void set_text(json_t *object, const char *name, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value ? value : "", -1);
    json_object_set_new(object, name, json_string(valid));
}

char *dub_mediamtx_hook_build(const char *path, const char *query, const char *source_type, const char *source_id)
{
    g_autoptr(DubJson) root = json_object();
    set_text(root, "path", path);
    set_text(root, "query", query);
    set_text(root, "sourceType", source_type);
    set_text(root, "sourceId", source_id);
    return dub_json_to_text(root);
}

const char *dub_mediamtx_hook_parameter(const DubMediamtxHook *self, const char *name)
{
    return g_hash_table_lookup(self->parameters, name);
}
