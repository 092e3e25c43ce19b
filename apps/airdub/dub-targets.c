/* airdub/dub-targets.c: takes --to, --voice, --title and OUT apart. */
#include "airdub/dub-targets.h"

#include "base/error.h"

#include <string.h>
#include <unicode/uloc.h>

#define PLACEHOLDER "{lang}"
#define MOST        32

static void free_target(void *data)
{
    DubTarget *target = data;
    g_free(target->language);
    g_free(target->voice);
    g_free(target->title);
    g_free(target->out);
    g_free(target);
}

/* As players list it: they show the language too, but not all of them, and not in all containers. */
static char *default_title(const char *language)
{
    UErrorCode status = U_ZERO_ERROR;
    UChar name[80];
    const int32_t length = uloc_getDisplayLanguage(language, "en", name, G_N_ELEMENTS(name), &status);
    g_autofree char *text =
        U_SUCCESS(status) ? g_utf16_to_utf8((const gunichar2 *) name, length, NULL, NULL, NULL) : NULL;
    return g_strdup_printf("Dubbed: %s", text && *text ? text : language);
}

static char *put_in(const char *text, const char *language)
{
    g_auto(GStrv) parts = g_strsplit(text, PLACEHOLDER, -1);
    return g_strjoinv(language, parts);
}

/* "talks/talk.mp4" -> "talks/talk.es.mp4" */
static char *put_before_suffix(const char *path, const char *language)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    const gsize length = dot && dot > base ? (gsize) (dot - path) : strlen(path);
    return g_strdup_printf("%.*s.%s%s", (int) length, path, language, path + length);
}

static char *name_out(const DubTargetsWish *wish, const char *language, bool is_several, GError **error)
{
    const bool has_placeholder = strstr(wish->out, PLACEHOLDER) != NULL;
    const bool is_url = strstr(wish->out, "://") && !g_str_has_prefix(wish->out, "file://");
    if (wish->is_one_file && !has_placeholder)
        return g_strdup(wish->out);
    if (wish->is_one_file) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "%s: with --one-file there is one name; leave " PLACEHOLDER " out of it", wish->out);
        return NULL;
    }
    if (has_placeholder)
        return put_in(wish->out, language);
    if (!is_several)
        return g_strdup(wish->out);
    if (is_url) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "%s: several languages cannot go to one address; write " PLACEHOLDER
                    " where the language belongs in it",
                    wish->out);
        return NULL;
    }
    return put_before_suffix(wish->out, language);
}

static DubTarget *add_target(GPtrArray *targets, const DubTargetsWish *wish, const char *language, bool is_several,
                             GError **error)
{
    if (dub_targets_find(targets, language)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "--to: %s is there twice", language);
        return NULL;
    }
    g_autofree char *out = name_out(wish, language, is_several, error);
    if (!out)
        return NULL;
    DubTarget *target = g_new0(DubTarget, 1);
    target->language = g_strdup(language);
    target->title = wish->title ? put_in(wish->title, language) : default_title(language);
    target->out = g_steal_pointer(&out);
    g_ptr_array_add(targets, target);
    return target;
}

static bool add_targets(GPtrArray *targets, const DubTargetsWish *wish, GError **error)
{
    g_auto(GStrv) languages = g_strsplit(wish->languages, ",", -1);
    const guint n = g_strv_length(languages);
    if (n > MOST) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "--to: %u languages; at most %d at once", n, MOST);
        return false;
    }
    for (char **language = languages; *language; language++)
        if (!add_target(targets, wish, g_strstrip(*language), n > 1, error))
            return false;
    if (targets->len == 0)
        add_target(targets, wish, "", false, error); /* refused as no language, by who checks them */
    return targets->len > 0;
}

/* Of one language the whole may be a voice's name, also with "=" in it. */
static bool give_voices(GPtrArray *targets, const char *voices, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(voices, ",", -1);
    for (char **part = parts; *part; part++) {
        const char *equals = strchr(*part, '=');
        g_autofree char *language = equals ? g_strstrip(g_strndup(*part, (gsize) (equals - *part))) : NULL;
        DubTarget *target = language ? (DubTarget *) dub_targets_find(targets, language) : NULL;
        if (!target && targets->len == 1) {
            DubTarget *only = g_ptr_array_index(targets, 0);
            g_free(only->voice);
            only->voice = g_strdup(voices);
            return true;
        }
        if (!target) {
            const DubTarget *first = g_ptr_array_index(targets, 0);
            g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                        "--voice: '%.80s' does not say whose voice it is; write --voice %s=VOICE, with a language of "
                        "--to",
                        *part, first->language);
            return false;
        }
        g_free(target->voice);
        target->voice = g_strstrip(g_strdup(equals + 1));
    }
    return true;
}

GPtrArray *dub_targets_new(const DubTargetsWish *wish, GError **error)
{
    g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(free_target);
    if (!add_targets(targets, wish, error) || (wish->voices && !give_voices(targets, wish->voices, error)))
        return NULL;
    return g_steal_pointer(&targets);
}

const DubTarget *dub_targets_find(const GPtrArray *targets, const char *language)
{
    for (guint i = 0; i < targets->len; i++) {
        const DubTarget *target = g_ptr_array_index(targets, i);
        if (g_str_equal(target->language, language))
            return target;
    }
    return NULL;
}
