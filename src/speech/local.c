/* speech/local.c: a session on engines of this process, and the order of its answers. */
#include "speech/local.h"

#include "base/clock.h"

#include <gio/gio.h>

typedef struct {
    DubSpeech base;
    char *from, *to, *voice;
    unsigned rate_hz, channels, max_inflight, timeout_ms;
    int64_t segment_ns;
    DubKept *kept; /* nullable */
    DubEngineSets *sets;
    DubHearings *hearings; /* nullable */
    DubEngineLease *lease; /* NULL before start */
    DubLanes *lanes;       /* NULL while they load */
    DubSpeechSession *session;
    GHashTable *waiting; /* sequence number -> DubSpeechResult whose predecessors are not out; bounded by in flight */
    uint64_t n_submitted, n_delivered;
    bool is_ended;
    GSource *completing;
    bool *is_freed; /* set when a callback frees us, so that a loop over results can stop */
} Local;

static gboolean on_completed(gpointer data)
{
    Local *self = data;
    g_clear_pointer(&self->completing, g_source_unref);
    if (self->base.callbacks.on_complete)
        self->base.callbacks.on_complete(self->base.user_data);
    return G_SOURCE_REMOVE;
}

/* Never from inside a call: dub_speech_end() may be what completes it. */
static void complete_if_done(Local *self)
{
    if (!self->is_ended || self->n_delivered < self->n_submitted || self->completing)
        return;
    self->completing = g_idle_source_new();
    g_source_set_priority(self->completing, G_PRIORITY_DEFAULT);
    g_source_set_callback(self->completing, on_completed, self, NULL);
    g_source_attach(self->completing, g_main_context_get_thread_default());
}

static DubSpeechResult *steal_next(Local *self)
{
    gpointer key = NULL, result = NULL;
    if (!g_hash_table_steal_extended(self->waiting, &self->n_delivered, &key, &result))
        return NULL;
    g_free(key);
    return result;
}

static void on_fragment_done(DubSpeechResult *result, void *user_data)
{
    Local *self = user_data;
    g_hash_table_insert(self->waiting, g_memdup2(&result->sequence_number, sizeof(uint64_t)), result);

    bool freed = false;
    self->is_freed = &freed;
    DubSpeechResult *next;
    while ((next = steal_next(self))) {
        self->n_delivered++;
        self->base.callbacks.on_result(next, self->base.user_data);
        if (freed)
            return;
    }
    self->is_freed = NULL;
    complete_if_done(self);
}

static void fail(Local *self, const GError *error)
{
    if (self->base.callbacks.on_failed)
        self->base.callbacks.on_failed(error, self->base.user_data);
}

static void begin_session(Local *self)
{
    const DubSpeechSessionConfig config = { .voice = self->voice,
                                            .rate_hz = self->rate_hz,
                                            .channels = self->channels,
                                            .timeout_ms = self->timeout_ms,
                                            .kept = self->kept,
                                            .hearings = self->hearings };
    g_autoptr(GError) error = NULL;
    self->session = dub_speech_session_new(self->lanes, &config, on_fragment_done, self, &error);
    if (!self->session) {
        fail(self, error);
        return;
    }
    if (self->base.callbacks.on_expected)
        self->base.callbacks.on_expected(dub_engine_set_estimate_ns(dub_lanes_engines(self->lanes), self->segment_ns),
                                         self->base.user_data);
    if (self->base.callbacks.on_ready)
        self->base.callbacks.on_ready(self->max_inflight, self->base.user_data);
}

static void on_lanes(DubLanes *lanes, const GError *error, void *user_data)
{
    Local *self = user_data;
    self->lanes = lanes;
    if (lanes)
        begin_session(self);
    else
        fail(self, error);
}

static void start(DubSpeech *base)
{
    Local *self = (Local *) base;
    g_return_if_fail(!self->lease);

    self->lease = dub_engine_sets_lease(self->sets, self->from, self->to, on_lanes, self);
}

static void submit(DubSpeech *base, DubFragment *fragment)
{
    Local *self = (Local *) base;
    if (!self->session || self->is_ended || fragment->sequence_number != self->n_submitted) {
        g_critical("local speech: fragment %" G_GUINT64_FORMAT " submitted out of turn", fragment->sequence_number);
        dub_fragment_free(fragment);
        return;
    }
    self->n_submitted++;
    dub_speech_session_submit(self->session, fragment);
}

static void end(DubSpeech *base)
{
    Local *self = (Local *) base;
    self->is_ended = true;
    complete_if_done(self);
}

static void free_local(DubSpeech *base)
{
    Local *self = (Local *) base;
    if (self->is_freed)
        *self->is_freed = true;
    dub_speech_session_free(self->session);
    dub_engine_lease_free(self->lease);
    if (self->completing) {
        g_source_destroy(self->completing);
        g_source_unref(self->completing);
    }
    g_hash_table_unref(self->waiting);
    dub_hearings_unref(self->hearings);
    g_free(self->from);
    g_free(self->to);
    g_free(self->voice);
    g_free(self);
}

static const DubSpeechClass local_class = {
    .name = "local",
    .start = start,
    .submit = submit,
    .end = end,
    .free = free_local,
};

DubSpeech *dub_speech_local_new(const DubSpeechConfig *config, DubEngineSets *sets, DubHearings *hearings,
                                const DubSpeechCallbacks *callbacks, void *user_data)
{
    Local *self = g_new0(Local, 1);
    self->base = (DubSpeech){ &local_class, *callbacks, user_data };
    self->from = g_strdup(config->source_language);
    self->to = g_strdup(config->target_language);
    self->voice = g_strdup(config->voice);
    self->rate_hz = config->rate_hz;
    self->channels = config->channels;
    self->max_inflight = CLAMP(config->max_inflight, 1, 10);
    self->timeout_ms = config->timeout_ms;
    self->segment_ns = config->segment_ms * DUB_NS_PER_MS;
    self->kept = config->kept;
    self->sets = sets;
    self->hearings = hearings ? dub_hearings_ref(hearings) : NULL;
    self->waiting = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, (GDestroyNotify) dub_speech_result_free);
    return &self->base;
}
