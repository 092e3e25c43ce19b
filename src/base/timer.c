/* base/timer.c */
#include "base/timer.h"

static gboolean dispatch(G_GNUC_UNUSED GSource *source, GSourceFunc callback, void *user_data)
{
    return callback(user_data);
}

GSource *dub_timer_new(GSourceFunc callback, void *user_data, GDestroyNotify destroy)
{
    static GSourceFuncs funcs = { .dispatch = dispatch };
    GSource *self = g_source_new(&funcs, sizeof(GSource));
    if (callback)
        g_source_set_callback(self, callback, user_data, destroy);
    return self;
}

void dub_timer_drop(GSource **source)
{
    if (*source)
        g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}
