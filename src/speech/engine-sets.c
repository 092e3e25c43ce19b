/* speech/engine-sets.c: a table of pairs; each has the streams that lease it. */
#include "speech/engine-sets.h"

#include "base/error.h"

#include <string.h>

typedef struct {
    char *from, *to;
    DubLanes *lanes;   /* NULL while they load */
    GPtrArray *leases; /* of DubEngineLease (not owned) */
} Pair;

struct _DubEngineSets {
    gatomicrefcount refs; /* the owner's and one for each load that runs */
    DubEngineSettings *settings;
    GPtrArray *pairs; /* of Pair; NULL once it is freed */
};

struct _DubEngineLease {
    DubEngineSets *pairs;
    Pair *pair; /* NULL: it could not be had */
    GError *error;
    DubEngineLeaseFunc on_loaded;
    void *user_data;
    GSource *tell; /* on_loaded is due */
};

static void pair_free(void *data)
{
    Pair *pair = data;
    dub_lanes_free(pair->lanes);
    g_ptr_array_unref(pair->leases);
    g_free(pair->from);
    g_free(pair->to);
    g_free(pair);
}

DubEngineSets *dub_engine_sets_new(const DubEngineSettings *settings)
{
    DubEngineSets *self = g_new0(DubEngineSets, 1);
    g_atomic_ref_count_init(&self->refs);
    self->settings = dub_engine_settings_ref(settings);
    self->pairs = g_ptr_array_new_with_free_func(pair_free);
    return self;
}

static void pairs_unref(void *data)
{
    DubEngineSets *self = data;
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    dub_engine_settings_free(self->settings);
    g_free(self);
}

void dub_engine_sets_free(DubEngineSets *self)
{
    if (!self)
        return;
    g_clear_pointer(&self->pairs, g_ptr_array_unref);
    pairs_unref(self);
}

/* "es-419" -> "es": the engines know languages, the voices their regions. */
static char *language_of(const char *code)
{
    char *language = g_ascii_strdown(code, (gssize) strcspn(code, "-_"));
    return language;
}

static Pair *find_pair(const DubEngineSets *self, const char *from, const char *to)
{
    for (guint i = 0; i < self->pairs->len; i++) {
        Pair *pair = g_ptr_array_index(self->pairs, i);
        if (strcmp(pair->from, from) == 0 && strcmp(pair->to, to) == 0)
            return pair;
    }
    return NULL;
}

static gboolean on_tell(void *data)
{
    DubEngineLease *lease = data;
    g_clear_pointer(&lease->tell, g_source_unref);
    lease->on_loaded(lease->pair ? lease->pair->lanes : NULL, lease->error, lease->user_data);
    return G_SOURCE_REMOVE;
}

static void tell_soon(DubEngineLease *lease)
{
    lease->tell = g_idle_source_new();
    g_source_set_priority(lease->tell, G_PRIORITY_DEFAULT);
    g_source_set_callback(lease->tell, on_tell, lease, NULL);
    g_source_attach(lease->tell, g_main_context_get_thread_default());
}

typedef struct {
    DubEngineSets *pairs;
    char *from, *to;
} Load;

static void load_free(void *data)
{
    Load *load = data;
    pairs_unref(load->pairs);
    g_free(load->from);
    g_free(load->to);
    g_free(load);
}

static void run_load(GTask *task, G_GNUC_UNUSED gpointer source, gpointer data, G_GNUC_UNUSED GCancellable *cancellable)
{
    const Load *load = data;
    GError *error = NULL;
    DubEngineSet *engines = dub_engine_set_open(load->pairs->settings, load->from, load->to, &error);
    if (engines)
        g_task_return_pointer(task, dub_lanes_new(engines, load->pairs->settings->n_lanes),
                              (GDestroyNotify) dub_lanes_free);
    else
        g_task_return_error(task, error);
}

/* A pair that failed is forgotten, so that the next stream tries again: a package may have been installed. */
static void fail_pair(DubEngineSets *self, Pair *pair, const GError *error)
{
    for (guint i = 0; i < pair->leases->len; i++) {
        DubEngineLease *lease = g_ptr_array_index(pair->leases, i);
        lease->pair = NULL;
        lease->error = g_error_copy(error);
        tell_soon(lease);
    }
    g_ptr_array_remove(self->pairs, pair);
}

static void on_load_done(G_GNUC_UNUSED GObject *source, GAsyncResult *result, G_GNUC_UNUSED gpointer user_data)
{
    GTask *task = G_TASK(result);
    const Load *load = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    DubLanes *lanes = g_task_propagate_pointer(task, &error);
    Pair *pair = load->pairs->pairs ? find_pair(load->pairs, load->from, load->to) : NULL;
    if (!pair) { /* the service is gone */
        dub_lanes_free(lanes);
        return;
    }
    if (!lanes) {
        fail_pair(load->pairs, pair, error);
        return;
    }
    pair->lanes = lanes;
    for (guint i = 0; i < pair->leases->len; i++)
        tell_soon(g_ptr_array_index(pair->leases, i));
}

static void start_loading(DubEngineSets *self, const Pair *pair)
{
    Load *load = g_new0(Load, 1);
    g_atomic_ref_count_inc(&self->refs);
    load->pairs = self;
    load->from = g_strdup(pair->from);
    load->to = g_strdup(pair->to);
    g_autoptr(GTask) task = g_task_new(NULL, NULL, on_load_done, NULL);
    g_task_set_task_data(task, load, load_free);
    g_task_run_in_thread(task, run_load);
}

static void run_free(GTask *task, G_GNUC_UNUSED gpointer source, gpointer data, G_GNUC_UNUSED GCancellable *cancellable)
{
    dub_lanes_free(data);
    g_task_return_boolean(task, TRUE);
}

/* Lanes are joined, and programs ended: not on the loop. */
static void free_elsewhere(DubLanes *lanes)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, NULL, NULL);
    g_task_set_task_data(task, lanes, NULL);
    g_task_run_in_thread(task, run_free);
}

/* Returns: false when every pair is in use */
static bool make_room(DubEngineSets *self)
{
    for (guint i = 0; self->pairs->len >= DUB_ENGINE_SETS_MOST && i < self->pairs->len; i++) {
        Pair *pair = g_ptr_array_index(self->pairs, i);
        if (!pair->lanes || pair->leases->len > 0)
            continue;
        free_elsewhere(g_steal_pointer(&pair->lanes));
        g_ptr_array_remove_index(self->pairs, i--);
    }
    return self->pairs->len < DUB_ENGINE_SETS_MOST;
}

static Pair *add_pair(DubEngineSets *self, const char *from, const char *to)
{
    Pair *pair = g_new0(Pair, 1);
    pair->from = g_strdup(from);
    pair->to = g_strdup(to);
    pair->leases = g_ptr_array_new();
    g_ptr_array_add(self->pairs, pair);
    start_loading(self, pair);
    return pair;
}

DubEngineLease *dub_engine_sets_lease(DubEngineSets *self, const char *from, const char *to,
                                      DubEngineLeaseFunc on_loaded, void *user_data)
{
    g_autofree char *source = language_of(from);
    g_autofree char *target = language_of(to);
    DubEngineLease *lease = g_new0(DubEngineLease, 1);
    lease->pairs = self;
    lease->on_loaded = on_loaded;
    lease->user_data = user_data;
    lease->pair = find_pair(self, source, target);
    if (!lease->pair && make_room(self))
        lease->pair = add_pair(self, source, target);
    if (lease->pair)
        g_ptr_array_add(lease->pair->leases, lease);
    else
        lease->error = g_error_new(DUB_ERROR, DUB_ERROR_BACKPRESSURE, "%d language pairs are in use already",
                                   DUB_ENGINE_SETS_MOST);
    if (!lease->pair || lease->pair->lanes)
        tell_soon(lease);
    return lease;
}

void dub_engine_lease_free(DubEngineLease *self)
{
    if (!self)
        return;
    if (self->tell)
        g_source_destroy(self->tell);
    g_clear_pointer(&self->tell, g_source_unref);
    if (self->pair)
        g_ptr_array_remove(self->pair->leases, self);
    g_clear_error(&self->error);
    g_free(self);
}
