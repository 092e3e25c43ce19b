/* base/json.c: jansson behind getters that name the field they refuse. */
#include "base/json.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

#define MAX_DEPTH_TEXT G_STRINGIFY(DUB_JSON_MAX_DEPTH)

/* Returns: the quote that ends the string whose first character is @p, or NULL. */
static const char *end_of_string(const char *p, const char *end)
{
    const char *const first = p;
    while ((p = memchr(p, '"', (size_t) (end - p)))) {
        const char *backslash = p;
        while (backslash > first && backslash[-1] == '\\')
            backslash--;
        if ((p - backslash) % 2 == 0)
            return p;
        p++;
    }
    return NULL;
}

/* Before the parser runs, because jansson's own bound (2048 levels) is far above what we want on a thread's stack. */
static bool is_too_deep(const char *text, gsize length)
{
    unsigned depth = 0;
    for (const char *p = text, *end = text + length; p < end; p++) {
        if (*p == '"') {
            p = end_of_string(p + 1, end);
            if (!p)
                return false; /* the parser says it better */
        } else if (*p == '[' || *p == '{') {
            if (++depth > DUB_JSON_MAX_DEPTH)
                return true;
        } else if ((*p == ']' || *p == '}') && depth > 0) {
            depth--;
        }
    }
    return false;
}

DubJson *dub_json_parse(const char *text, gsize length, GError **error)
{
    if (!length)
        text = ""; /* it may be NULL, and no address may be reckoned from that */
    if (is_too_deep(text, length)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                            "JSON: nested deeper than " MAX_DEPTH_TEXT " levels");
        return NULL;
    }
    json_error_t problem;
    DubJson *value = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (!value) {
        /* jansson quotes the text near the problem, which a peer wrote: it need not be UTF-8 */
        g_autofree char *reason = g_utf8_make_valid(problem.text, -1);
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "JSON: line %d, column %d: %s", problem.line,
                    problem.column, reason);
    }
    return value;
}

char *dub_json_to_text(const DubJson *value)
{
    /* 15 digits: every integer up to 2^49 exactly, and no 0.10000000000000001 on the wire */
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (error) {
        g_warn_if_fail(!*error);
        *error = g_error_new_valist(DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, format, args);
    }
    va_end(args);
    return false;
}

/* Walks @path. *found is NULL for an optional value that is absent or null. */
static bool find(const DubJson *object, const char *path, DubJsonNeed need, const DubJson **found, GError **error)
{
    const DubJson *at = object;
    *found = NULL;
    for (const char *key = path; at && !json_is_null(at);) {
        if (!json_is_object(at)) {
            if (key == path)
                return refuse(error, "payload: not an object");
            return refuse(error, "%.*s: not an object", (int) (key - path - 1), path);
        }
        const size_t length = strcspn(key, ".");
        at = json_object_getn(at, key, length);
        if (!key[length])
            break;
        key += length + 1;
    }
    if (at && !json_is_null(at))
        *found = at;
    else if (need == DUB_JSON_REQUIRED)
        return refuse(error, "%s: missing", path);
    return true;
}

bool dub_json_get_string(const DubJson *object, const char *path, DubJsonNeed need, const char **value, GError **error)
{
    const DubJson *found;
    if (!find(object, path, need, &found, error))
        return false;
    if (!found)
        return true;
    if (!json_is_string(found))
        return refuse(error, "%s: not a string", path);
    if (strlen(json_string_value(found)) != json_string_length(found))
        return refuse(error, "%s: holds a NUL character", path); /* what follows it would be lost */
    *value = json_string_value(found);
    return true;
}

/* JavaScript knows one kind of number, so 6000.0 is as good as 6000. */
static bool is_whole(const DubJson *number, int64_t *value)
{
    if (json_is_integer(number)) {
        *value = json_integer_value(number);
        return true;
    }
    if (!json_is_real(number))
        return false;
    const double real = json_real_value(number);
    if (real != trunc(real) || fabs(real) >= 0x1p63)
        return false;
    *value = (int64_t) real;
    return true;
}

bool dub_json_get_int(const DubJson *object, const char *path, DubJsonNeed need, int64_t min, int64_t max,
                      int64_t *value, GError **error)
{
    const DubJson *found;
    int64_t number;
    if (!find(object, path, need, &found, error))
        return false;
    if (!found)
        return true;
    if (!is_whole(found, &number))
        return refuse(error, "%s: not an integer", path);
    if (number < min || number > max)
        return refuse(error, "%s: %" G_GINT64_FORMAT " is not within %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT, path,
                      number, min, max);
    *value = number;
    return true;
}

bool dub_json_get_double(const DubJson *object, const char *path, DubJsonNeed need, double *value, GError **error)
{
    const DubJson *found;
    if (!find(object, path, need, &found, error))
        return false;
    if (!found)
        return true;
    if (!json_is_number(found))
        return refuse(error, "%s: not a number", path);
    *value = json_number_value(found);
    return true;
}

bool dub_json_get_bool(const DubJson *object, const char *path, DubJsonNeed need, bool *value, GError **error)
{
    const DubJson *found;
    if (!find(object, path, need, &found, error))
        return false;
    if (!found)
        return true;
    if (!json_is_boolean(found))
        return refuse(error, "%s: not true or false", path);
    *value = json_is_true(found);
    return true;
}

/* @complaint: what it is not */
static bool get_container(const DubJson *object, const char *path, DubJsonNeed need, json_type type,
                          const char *complaint, const DubJson **value, GError **error)
{
    const DubJson *found;
    if (!find(object, path, need, &found, error))
        return false;
    if (!found)
        return true;
    if (json_typeof(found) != type)
        return refuse(error, "%s: not %s", path, complaint);
    *value = found;
    return true;
}

bool dub_json_get_object(const DubJson *object, const char *path, DubJsonNeed need, const DubJson **value,
                         GError **error)
{
    return get_container(object, path, need, JSON_OBJECT, "an object", value, error);
}

bool dub_json_get_array(const DubJson *object, const char *path, DubJsonNeed need, const DubJson **value,
                        GError **error)
{
    return get_container(object, path, need, JSON_ARRAY, "an array", value, error);
}
