/* base/log-limit.c: a window of time, and what came in it by kind; the kinds are words of the program's own, so they
 * are few. */
#include "base/log-limit.h"

#include "base/log.h"

struct _DubLogLimit {
    const char *who;
    guint window_ms;
    GMainContext *context;
    GSource *end;      /* of the window; NULL: none is open */
    GHashTable *kinds; /* const char * -> Kind *, of this window */
};

typedef struct {
    guint written, counted;
} Kind;

DubLogLimit *dub_log_limit_new(const char *who, guint window_ms)
{
    DubLogLimit *self = g_new0(DubLogLimit, 1);
    self->who = who;
    self->window_ms = window_ms ? window_ms : DUB_LOG_LIMIT_MS;
    self->context = g_main_context_ref_thread_default();
    self->kinds = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    return self;
}

static void tell(DubLogLimit *self)
{
    GHashTableIter iter;
    void *name, *value;
    g_hash_table_iter_init(&iter, self->kinds);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        const Kind *kind = value;
        if (kind->counted > 0)
            dub_warning("%s: %s: %u more in %u s", self->who, (const char *) name, kind->counted,
                        self->window_ms / 1000);
    }
    g_hash_table_remove_all(self->kinds);
}

static void close_window(DubLogLimit *self)
{
    if (self->end)
        g_source_destroy(self->end);
    g_clear_pointer(&self->end, g_source_unref);
    tell(self);
}

static gboolean on_end(void *data)
{
    close_window(data);
    return G_SOURCE_REMOVE;
}

static void open_window(DubLogLimit *self)
{
    self->end = g_timeout_source_new(self->window_ms);
    g_source_set_callback(self->end, on_end, self, NULL);
    g_source_attach(self->end, self->context);
}

bool dub_log_limit_allows(DubLogLimit *self, const char *name, guint most)
{
    if (!self)
        return true;
    if (!self->end)
        open_window(self);
    Kind *kind = g_hash_table_lookup(self->kinds, name);
    if (!kind) {
        kind = g_new0(Kind, 1);
        g_hash_table_insert(self->kinds, (char *) name, kind);
    }
    const bool allowed = kind->written < most;
    *(allowed ? &kind->written : &kind->counted) += 1;
    return allowed;
}

void dub_log_limit_free(DubLogLimit *self)
{
    if (!self)
        return;
    close_window(self);
    g_hash_table_unref(self->kinds);
    g_main_context_unref(self->context);
    g_free(self);
}
