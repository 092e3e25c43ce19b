/* wire/traceparent.c */
#include "wire/traceparent.h"

#include <string.h>

#define LENGTH 55 /* of version 00 */

/* The field of @n digits at @text: lower-case hex, followed by @after. */
static bool is_hex(const char *text, gsize n, char after)
{
    return strspn(text, "0123456789abcdef") == n && text[n] == after;
}

static bool is_zero(const char *text, gsize n)
{
    return strspn(text, "0") >= n;
}

bool dub_traceparent_is_valid(const char *text)
{
    const gsize length = strnlen(text, 4 * LENGTH);
    if (length < LENGTH || length == 4 * LENGTH)
        return false;
    const bool is_first_version = g_str_has_prefix(text, "00");
    if (!is_hex(text, 2, '-') || g_str_has_prefix(text, "ff") || !is_hex(text + 3, 32, '-') ||
        !is_hex(text + 36, 16, '-'))
        return false;
    if (is_zero(text + 3, 32) || is_zero(text + 36, 16))
        return false;
    /* what a later version adds follows after one more hyphen */
    return is_hex(text + 53, 2, '\0') || (!is_first_version && is_hex(text + 53, 2, '-'));
}

const char *dub_traceparent_of(const DubJson *metadata)
{
    const char *text = json_string_value(json_object_get(metadata, "traceparent"));
    return text && dub_traceparent_is_valid(text) ? text : NULL;
}
