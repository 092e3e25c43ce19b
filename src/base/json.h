/* base/json.h: jansson with our errors: every getter names the field it refused. Any thread, one object one thread. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef json_t DubJson;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubJson, json_decref)

#define DUB_JSON_MAX_DEPTH 64 /* far above any message of ours; bounds the parser's stack */

/**
 * dub_json_parse:
 * @text: @length bytes, need not be NUL-terminated
 * Returns: (transfer full): any JSON value; NULL with %DUB_ERROR_INVALID_ARGUMENT for bad syntax,
 * invalid UTF-8, NUL characters in strings, duplicate keys or nesting deeper than %DUB_JSON_MAX_DEPTH
 */
DubJson *dub_json_parse(const char *text, gsize length, GError **error);
char *dub_json_to_text(const DubJson *value); /* (transfer full) compact; free with g_free() */

/* Getters. @path is a dotted path from @object ("config.channels"); it is also how the error names the field.
 * "required": absent or null -> "<path>: missing". "optional": absent or null leaves *value as it is (the default).
 * A wrong type -> "<path>: not a string"; out of range -> "<path>: 3 is not within 1 and 2".
 * Strings belong to @object. All return false with %DUB_ERROR_INVALID_ARGUMENT. */
typedef enum { DUB_JSON_REQUIRED, DUB_JSON_OPTIONAL } DubJsonNeed;
bool dub_json_get_string(const DubJson *object, const char *path, DubJsonNeed need, const char **value, GError **error);
bool dub_json_get_int(const DubJson *object, const char *path, DubJsonNeed need, int64_t min, int64_t max,
                      int64_t *value, GError **error); /* 6000.0 is an integer, 6000.5 is not */
bool dub_json_get_double(const DubJson *object, const char *path, DubJsonNeed need, double *value, GError **error);
bool dub_json_get_bool(const DubJson *object, const char *path, DubJsonNeed need, bool *value, GError **error);
bool dub_json_get_object(const DubJson *object, const char *path, DubJsonNeed need, const DubJson **value,
                         GError **error);
bool dub_json_get_array(const DubJson *object, const char *path, DubJsonNeed need, const DubJson **value,
                        GError **error);
