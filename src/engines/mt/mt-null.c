/* engines/mt/mt-null.c: gives the text back as it came. */
#include "engines/mt/mt-driver.h"

static char **list_pairs(void)
{
    return g_new0(char *, 1);
}

static DubMt *open_null(const char *from G_GNUC_UNUSED, const char *to G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    DubMt *self = g_new0(DubMt, 1);
    self->klass = &dub_mt_null;
    return self;
}

static void close_null(DubMt *self)
{
    g_free(self);
}

static char *translate(DubMt *self G_GNUC_UNUSED, const char *text, unsigned timeout_ms G_GNUC_UNUSED,
                       GCancellable *cancellable G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    return g_strdup(text);
}

const DubMtClass dub_mt_null = {
    .info = {.name = "null", .package = NULL, .pairs = list_pairs},
    .open = open_null,
    .close = close_null,
    .translate = translate,
};
