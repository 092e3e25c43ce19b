/* apps/media-service/leases.c: what the table of leases asks goes to the store, and time comes from a timer that runs
 * before everything else: a process that stood still stops first, and only then looks at what has come meanwhile. */
#include "leases.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "metrics.h"
#include "worker/lease-store.h"

struct _MediaLeases {
    MediaLeasesCallbacks callbacks;
    void *user_data;
    DubMetrics *metrics;
    DubLeases *table;
    DubLeaseStore *store;
    GSource *timer;
    guint depth;            /* inside the table, which is not to be called back */
    GPtrArray *won, *drops; /* char *: stream ids, until it is left */
};

static void set_timer(MediaLeases *self)
{
    const int64_t due_ns = dub_leases_due(self->table);
    g_source_set_ready_time(self->timer, due_ns == G_MAXINT64 ? -1 : due_ns / DUB_NS_PER_US + 1);
    media_metrics_leases(self->metrics, dub_leases_held(self->table), !dub_lease_store_problem(self->store));
}

static void drop(MediaLeases *self, const char *stream_id)
{
    dub_leases_drop(self->table, stream_id, dub_clock_now());
}

static void leave(MediaLeases *self)
{
    if (--self->depth)
        return;
    while (self->won->len) {
        g_autofree char *id = g_ptr_array_steal_index(self->won, 0);
        if (media_leases_is_ours(self, id))
            self->callbacks.won(id, self->user_data);
    }
    while (self->drops->len) {
        g_autofree char *id = g_ptr_array_steal_index(self->drops, 0);
        drop(self, id);
    }
    set_timer(self);
}

static void on_send(const DubLeaseRequest *request, void *user_data)
{
    dub_lease_store_send(((MediaLeases *) user_data)->store, request);
}

static void on_news(const char *stream_id, DubLeaseNews news, void *user_data)
{
    MediaLeases *self = user_data;
    switch (news) {
    case DUB_LEASE_NEWS_WON:
        dub_info("stream %s: its lease is ours, token %" G_GINT64_FORMAT, stream_id,
                 dub_leases_token(self->table, stream_id));
        media_metrics_lease_event(self->metrics, "won");
        g_ptr_array_add(self->won, g_strdup(stream_id));
        return;
    case DUB_LEASE_NEWS_LOST:
        dub_warning("stream %s: its lease is lost: the store did not renew it in time; another service may have it",
                    stream_id);
        media_metrics_lease_event(self->metrics, "lost");
        self->callbacks.lost(stream_id, self->user_data);
        return;
    case DUB_LEASE_NEWS_OTHERS: media_metrics_lease_event(self->metrics, "others"); return;
    }
}

static void on_answer(const DubLeaseAnswer *answer, void *user_data)
{
    MediaLeases *self = user_data;
    self->depth++;
    dub_leases_answer(self->table, answer, dub_clock_now());
    leave(self);
}

static void on_link(bool is_up, void *user_data)
{
    MediaLeases *self = user_data;
    self->depth++;
    if (is_up)
        dub_leases_hurry(self->table, dub_clock_now());
    leave(self);
}

static gboolean on_due(gpointer data)
{
    MediaLeases *self = data;
    self->depth++;
    dub_leases_tick(self->table, dub_clock_now());
    leave(self);
    return G_SOURCE_CONTINUE;
}

MediaLeases *media_leases_new(const MediaConfig *config, const char *holder, DubMetrics *metrics,
                              const MediaLeasesCallbacks *callbacks, void *user_data, GError **error)
{
    static const DubLeasesEffects effects = { on_send, on_news };
    static const DubLeaseStoreCallbacks store_callbacks = { on_answer, on_link };
    const DubLeaseStoreConfig store = { config->lease_url, holder, config->lease_ttl_ms };
    MediaLeases *self = g_new0(MediaLeases, 1);
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->metrics = metrics;
    self->won = g_ptr_array_new_with_free_func(g_free);
    self->drops = g_ptr_array_new_with_free_func(g_free);
    self->table = dub_leases_new(config->max_streams, config->lease_ttl_ms * DUB_NS_PER_MS, &effects, self);
    self->timer = dub_timer_new(on_due, self, NULL);
    g_source_set_priority(self->timer, G_PRIORITY_HIGH);
    g_source_attach(self->timer, g_main_context_get_thread_default());
    self->store = dub_lease_store_new(&store, &store_callbacks, self, error);
    if (!self->store) {
        media_leases_free(self);
        return NULL;
    }
    set_timer(self);
    return self;
}

void media_leases_free(MediaLeases *self)
{
    if (!self)
        return;
    dub_lease_store_free(self->store);
    g_source_destroy(self->timer);
    g_source_unref(self->timer);
    dub_leases_free(self->table);
    g_ptr_array_unref(self->won);
    g_ptr_array_unref(self->drops);
    g_free(self);
}

DubLeasesAnswer media_leases_want(MediaLeases *self, const char *stream_id, bool looks_free)
{
    self->depth++;
    const DubLeasesAnswer answer = dub_leases_want(self->table, stream_id, looks_free, dub_clock_now());
    leave(self);
    return answer;
}

void media_leases_drop(MediaLeases *self, const char *stream_id)
{
    if (self->depth)
        g_ptr_array_add(self->drops, g_strdup(stream_id));
    else
        drop(self, stream_id);
    set_timer(self);
}

bool media_leases_is_ours(const MediaLeases *self, const char *stream_id)
{
    return dub_leases_is_ours(self->table, stream_id, dub_clock_now());
}

const char *media_leases_previous(const MediaLeases *self, const char *stream_id)
{
    return dub_leases_previous(self->table, stream_id);
}

void media_leases_stop_taking(MediaLeases *self)
{
    dub_leases_stop_taking(self->table);
}

bool media_leases_is_idle(const MediaLeases *self)
{
    return dub_lease_store_is_idle(self->store);
}

const char *media_leases_problem(const MediaLeases *self)
{
    return dub_lease_store_problem(self->store);
}
