/* base/env.c: the environment into a struct, by a table. */
#include "base/env.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

#define HELP_NAME_WIDTH 30 /* characters; longer names push their own line only */

/* The first of the spec's names that is set and not empty; *used is that name (transfer full). */
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
    return spec->fallback;
}

static bool refuse(GError **error, const DubEnvSpec *spec, const char *name, const char *text, const char *what)
{
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s: %s is not %s", name,
                spec->secret ? "the value" : *text ? text : "an empty value", what);
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
    const char *text = lookup(spec, environment, &name);
    if (spec->type == DUB_ENV_STRING) {
        *(char **) field = g_strdup(text);
        return true;
    }
    g_return_val_if_fail(text, false); /* a table without a default: our own mistake */
    switch (spec->type) {
    case DUB_ENV_STRING: break;
    case DUB_ENV_UINT:   return read_uint(spec, name, text, field, error);
    case DUB_ENV_DOUBLE: return read_double(spec, name, text, field, error);
    case DUB_ENV_BOOL:   return read_bool(spec, name, text, field, error);
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
        g_auto(GStrv) names = g_strsplit(specs[i].name, "|", -1);
        g_autofree char *shown = g_strjoinv(", ", names);
        g_string_append_printf(out, "  %-*s %s", HELP_NAME_WIDTH, shown, specs[i].help ? specs[i].help : "");
        append_default(out, &specs[i]);
        g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}
