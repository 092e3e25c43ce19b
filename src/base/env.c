/* base/env.c: the environment into a struct, by a table. */
#include "base/env.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define HELP_NAME_WIDTH 30 /* characters; longer names push their own line only */

/* The value of the spec's first name that is set and not empty, or NULL. *used (transfer full): that name;
 * where none is set, the first. */
static const char *lookup(const DubEnvSpec *spec, char **environment, char **used)
{
    g_auto(GStrv) names = g_strsplit(spec->name, "|", -1);
    for (char **name = names; *name; name++) {
        const char *value = g_environ_getenv(environment, *name);
        if (value && *value) {
            *used = g_strdup(*name);
            return value;
        }
    }
    *used = g_strdup(names[0]);
    return NULL;
}

/* (transfer full): what @path holds, so far as it fits into the bound and one byte more; NULL with errno.
 * Pipes are read too: shells make them of <(command). */
static GByteArray *read_bounded(const char *path)
{
    const int fd = g_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    guint8 block[4096];
    gssize n = 1;
    while (n > 0 && bytes->len <= DUB_ENV_SECRET_MOST_BYTES) {
        n = read(fd, block, sizeof block);
        if (n > 0)
            g_byte_array_append(bytes, block, (guint) n);
    }
    const int problem = errno;
    close(fd);
    errno = problem;
    return n < 0 ? NULL : g_steal_pointer(&bytes);
}

static void drop_last(GByteArray *bytes, char c)
{
    if (bytes->len && bytes->data[bytes->len - 1] == c)
        g_byte_array_set_size(bytes, bytes->len - 1);
}

/* What is wrong with a secret's file, or NULL. An empty one is refused: a service without a secret may be
 * open to everybody. */
static const char *check_secret(const GByteArray *bytes)
{
    if (bytes->len > DUB_ENV_SECRET_MOST_BYTES)
        return "more than " G_STRINGIFY(DUB_ENV_SECRET_MOST_BYTES) " bytes, so it holds something else";
    if (!bytes->len)
        return "an empty file";
    return memchr(bytes->data, '\0', bytes->len) ? "a NUL byte in it, so it is no text" : NULL;
}

/* @name: of the variable that names the file */
static char *read_secret(const char *name, const char *path, GError **error)
{
    g_autoptr(GByteArray) bytes = read_bounded(path);
    const char *problem = bytes ? NULL : g_strerror(errno);
    if (bytes && bytes->len <= DUB_ENV_SECRET_MOST_BYTES) {
        drop_last(bytes, '\n');
        drop_last(bytes, '\r');
    }
    if (bytes)
        problem = check_secret(bytes);
    if (!problem)
        return g_strndup((const char *) bytes->data, bytes->len);
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s: %s: %s", name, path, problem);
    return NULL;
}

/* @used: the variable that gave @value; in and out */
static bool take_file(const char *name, char **environment, const char *value, char **used, char **secret,
                      GError **error)
{
    g_autofree char *with_file = g_strconcat(name, "_FILE", NULL);
    const char *path = g_environ_getenv(environment, with_file);
    if (!path || !*path)
        return true;
    if (value || *secret) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s and %s are both set; leave one out", *used,
                    with_file);
        return false;
    }
    *secret = read_secret(with_file, path, error);
    g_free(*used);
    *used = g_steal_pointer(&with_file);
    return *secret != NULL;
}

static bool load_secret(const DubEnvSpec *spec, char **environment, char **secret, GError **error)
{
    g_autofree char *used = NULL;
    const char *value = lookup(spec, environment, &used);
    g_auto(GStrv) names = g_strsplit(spec->name, "|", -1);
    for (char **name = names; *name; name++) {
        if (!take_file(*name, environment, value, &used, secret, error)) {
            g_clear_pointer(secret, g_free);
            return false;
        }
    }
    if (!*secret)
        *secret = g_strdup(value ? value : spec->fallback);
    return true;
}

bool dub_env_secret(const char *name, char **environment, char **secret, GError **error)
{
    const DubEnvSpec spec = { .name = name, .type = DUB_ENV_STRING, .secret = true };
    *secret = NULL;
    return load_secret(&spec, environment, secret, error);
}

static bool refuse(GError **error, const DubEnvSpec *spec, const char *name, const char *text, const char *what)
{
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s: %s is not %s", name,
                spec->secret ? "the value"
                : *text      ? text
                             : "an empty value",
                what);
    return false;
}

static bool is_within(const DubEnvSpec *spec, double value)
{
    return (spec->min == 0 && spec->max == 0) || (value >= spec->min && value <= spec->max);
}

static bool refuse_range(GError **error, const DubEnvSpec *spec, const char *name, const char *text)
{
    g_autofree char *range = g_strdup_printf("within %.15g and %.15g", spec->min, spec->max);
    return refuse(error, spec, name, text, range);
}

static bool read_uint(const DubEnvSpec *spec, const char *name, const char *text, unsigned *value, GError **error)
{
    guint64 number;
    g_autoptr(GError) problem = NULL;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT, &number, &problem)) {
        if (g_error_matches(problem, G_NUMBER_PARSER_ERROR, G_NUMBER_PARSER_ERROR_OUT_OF_BOUNDS) && spec->max > 0)
            return refuse_range(error, spec, name, text);
        return refuse(error, spec, name, text, "a whole number");
    }
    if (!is_within(spec, (double) number))
        return refuse_range(error, spec, name, text);
    *value = (unsigned) number;
    return true;
}

static bool read_double(const DubEnvSpec *spec, const char *name, const char *text, double *value, GError **error)
{
    char *end = NULL;
    const double number = g_ascii_strtod(text, &end);
    if (end == text || *end || !isfinite(number))
        return refuse(error, spec, name, text, "a number");
    if (!is_within(spec, number))
        return refuse_range(error, spec, name, text);
    *value = number;
    return true;
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (g_ascii_strcasecmp(text, *words) == 0)
            return true;
    }
    return false;
}

static bool read_bool(const DubEnvSpec *spec, const char *name, const char *text, bool *value, GError **error)
{
    static const char *const yes[] = { "1", "true", "yes", "on", NULL };
    static const char *const no[] = { "0", "false", "no", "off", NULL };
    *value = is_one_of(text, yes);
    return *value || is_one_of(text, no) || refuse(error, spec, name, text, "true or false");
}

static bool read_choice(const DubEnvSpec *spec, const char *name, const char *text, char **value, GError **error)
{
    g_auto(GStrv) words = g_strsplit(spec->choices, "|", -1);
    for (char **word = words; *word; word++) {
        if (g_ascii_strcasecmp(text, *word) == 0) {
            *value = g_strdup(*word); /* as the table spells it */
            return true;
        }
    }
    g_autofree char *list = g_strjoinv(", ", words);
    g_autofree char *what = g_strdup_printf("one of %s", list);
    return refuse(error, spec, name, text, what);
}

static bool load_one(const DubEnvSpec *spec, void *field, char **environment, GError **error)
{
    g_autofree char *name = NULL;
    if (spec->secret)
        return load_secret(spec, environment, field, error);
    const char *text = lookup(spec, environment, &name);
    text = text ? text : spec->fallback;
    if (spec->type == DUB_ENV_STRING) {
        *(char **) field = g_strdup(text);
        return true;
    }
    g_return_val_if_fail(text, false); /* a table without a default: our own mistake */
    switch (spec->type) {
    case DUB_ENV_STRING: break;
    case DUB_ENV_UINT: return read_uint(spec, name, text, field, error);
    case DUB_ENV_DOUBLE: return read_double(spec, name, text, field, error);
    case DUB_ENV_BOOL: return read_bool(spec, name, text, field, error);
    case DUB_ENV_CHOICE: return read_choice(spec, name, text, field, error);
    }
    return false;
}

bool dub_env_load(const DubEnvSpec *specs, gsize n_specs, void *settings, char **environment, GError **error)
{
    for (gsize i = 0; i < n_specs; i++) {
        if (!load_one(&specs[i], (char *) settings + specs[i].offset, environment, error)) {
            dub_env_clear(specs, n_specs, settings);
            return false;
        }
    }
    return true;
}

void dub_env_clear(const DubEnvSpec *specs, gsize n_specs, void *settings)
{
    for (gsize i = 0; i < n_specs; i++) {
        if (specs[i].type == DUB_ENV_STRING || specs[i].type == DUB_ENV_CHOICE)
            g_clear_pointer((char **) (void *) ((char *) settings + specs[i].offset), g_free);
    }
}

/* (transfer full): "PORT, STS_PORT", "API_KEY, API_KEY_FILE" */
static char *names_for_help(const DubEnvSpec *spec)
{
    g_auto(GStrv) names = g_strsplit(spec->name, "|", -1);
    g_autofree char *shown = g_strjoinv(", ", names);
    if (!spec->secret)
        return g_steal_pointer(&shown);
    g_autofree char *files = g_strjoinv("_FILE, ", names);
    return g_strconcat(shown, ", ", files, "_FILE", NULL);
}

static void append_default(GString *out, const DubEnvSpec *spec)
{
    if (spec->fallback && *spec->fallback && !spec->secret)
        g_string_append_printf(out, " [%s]", spec->fallback);
    if (spec->type == DUB_ENV_CHOICE)
        g_string_append_printf(out, " (%s)", spec->choices);
    else if (spec->max > 0)
        g_string_append_printf(out, " (%.15g…%.15g)", spec->min, spec->max);
}

char *dub_env_help(const DubEnvSpec *specs, gsize n_specs)
{
    GString *out = g_string_new(NULL);
    for (gsize i = 0; i < n_specs; i++) {
        g_autofree char *shown = names_for_help(&specs[i]);
        g_string_append_printf(out, "  %-*s %s", HELP_NAME_WIDTH, shown, specs[i].help ? specs[i].help : "");
        append_default(out, &specs[i]);
        g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}
