/* engines/mt/mt.c: chooses the driver that has the pair, and checks what it is given. */
#include "engines/mt/mt.h"

#include "base/error.h"
#include "engines/mt/mt-driver.h"

#include <string.h>

/* The first that has a pair is its default; null takes any pair, but only by its name. */
static const DubMtClass *const classes[] = {&dub_mt_apertium, &dub_mt_null};
static const DubMtDriver *const drivers[] = {&dub_mt_apertium.info, &dub_mt_null.info, NULL};

const DubMtDriver *const *dub_mt_drivers(void)
{
    return drivers;
}

static bool has_pair(const DubMtClass *klass, const char *pair)
{
    g_auto(GStrv) pairs = klass->info.pairs();
    return g_strv_contains((const char *const *) pairs, pair);
}

static char *list_pairs(void)
{
    GString *list = g_string_new(NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(classes); i++) {
        g_auto(GStrv) pairs = classes[i]->info.pairs();
        for (char **pair = pairs; *pair; pair++)
            g_string_append_printf(list, "%s%s (%s)", list->len ? ", " : "", *pair, classes[i]->info.name);
    }
    return g_string_free(list, FALSE);
}

static void set_no_pair(GError **error, const char *driver, const char *pair)
{
    g_autofree char *list = list_pairs();
    for (gsize i = 0; i < G_N_ELEMENTS(classes); i++)
        if (!driver || g_str_equal(driver, classes[i]->info.name)) {
            g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "no translation for \"%s\"; there is: %s "
                        "(more pairs: apt-cache search apertium-)", pair, *list ? list : "none installed");
            return;
        }
    g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "no translator is called \"%s\"", driver);
}

DubMt *dub_mt_open(const char *driver, const char *from, const char *to, GError **error)
{
    g_return_val_if_fail(from && to, NULL);

    g_autofree char *pair = g_strdup_printf("%s-%s", from, to);
    for (gsize i = 0; i < G_N_ELEMENTS(classes); i++) {
        if (driver && !g_str_equal(driver, classes[i]->info.name))
            continue;
        if (has_pair(classes[i], pair) || (driver && classes[i] == &dub_mt_null))
            return classes[i]->open(from, to, error);
    }
    set_no_pair(error, driver, pair);
    return NULL;
}

void dub_mt_close(DubMt *self)
{
    if (self)
        self->klass->close(self);
}

const DubMtDriver *dub_mt_get_driver(const DubMt *self)
{
    return &self->klass->info;
}

int64_t dub_mt_processes_cpu_ns(const DubMt *self)
{
    return self->klass->processes_cpu_ns ? self->klass->processes_cpu_ns(self) : 0;
}

char *dub_mt_translate(DubMt *self, const char *text, unsigned timeout_ms, GCancellable *cancellable, GError **error)
{
    g_return_val_if_fail(self && text, NULL);

    if (strlen(text) > DUB_MT_TEXT_MOST_BYTES || !g_utf8_validate(text, -1, NULL)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "text to translate: not UTF-8, or longer than %d bytes", DUB_MT_TEXT_MOST_BYTES);
        return NULL;
    }
    g_autofree char *stripped = g_strstrip(g_strdup(text));
    if (!*stripped)
        return g_strdup("");
    return self->klass->translate(self, stripped, timeout_ms, cancellable, error);
}
