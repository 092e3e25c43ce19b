/* speech/local.c: a session on engines of this process, and the order of its answers. */
#include "speech/local.h"

#include "base/error.h"

#include <gio/gio.h>

typedef struct {
    char *from, *to;
} Languages;

typedef struct {
    DubSpeech base;
    Languages languages;
    char *voice;
    unsigned rate_hz, channels, max_inflight, timeout_ms;
    DubSpeechEngines *engines;
    bool owns_engines;
    GCancellable *opening; /* cancelled when freed meanwhile */
    DubSpeechSession *session;
    GHashTable *waiting; /* sequence number -> DubSpeechResult whose predecessors are not out; bounded by in flight */
    uint64_t n_submitted, n_delivered;
    bool is_ended;
    GSource *completing;
    bool *is_freed; /* set when a callback frees us, so that a loop over results can stop */
} Local;

static void free_languages(gpointer data)
{
    Languages *languages = data;
    g_free(languages->from);
    g_free(languages->to);
    g_free(languages);
}

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
    const DubSpeechSessionConfig config = {self->voice, self->rate_hz, self->channels, self->timeout_ms};
    g_autoptr(GError) error = NULL;
    self->session = dub_speech_session_new(self->engines, &config, on_fragment_done, self, &error);
    if (!self->session)
        fail(self, error);
    else if (self->base.callbacks.on_ready)
        self->base.callbacks.on_ready(self->max_inflight, self->base.user_data);
}

static void open_engines(GTask *task, gpointer source G_GNUC_UNUSED, gpointer data,
                         GCancellable *cancellable G_GNUC_UNUSED) /* a thread of GTask's pool */
{
    const Languages *languages = data;
    const DubSpeechEnginesConfig config = {.from = languages->from, .to = languages->to};
    GError *error = NULL;
    DubSpeechEngines *engines = dub_speech_engines_open(&config, &error);
    if (engines)
        g_task_return_pointer(task, engines, (GDestroyNotify) dub_speech_engines_close);
    else
        g_task_return_error(task, error);
}

static void on_engines_opened(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    DubSpeechEngines *engines = g_task_propagate_pointer(G_TASK(result), &error);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* freed meanwhile */
    Local *self = user_data;
    if (!engines) {
        fail(self, error);
        return;
    }
    self->engines = engines;
    self->owns_engines = true;
    begin_session(self);
}

static gboolean on_started(gpointer data)
{
    GTask *task = data;
    if (!g_task_return_error_if_cancelled(task))
        g_task_return_boolean(task, TRUE);
    return G_SOURCE_REMOVE;
}

static void on_session_due(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    if (g_task_propagate_boolean(G_TASK(result), NULL)) /* false: freed meanwhile */
        begin_session(user_data);
}

static void start(DubSpeech *base)
{
    Local *self = (Local *) base;
    g_return_if_fail(!self->opening);

    self->opening = g_cancellable_new();
    if (self->engines) { /* the answer must not come from inside this call */
        GTask *task = g_task_new(NULL, self->opening, on_session_due, self);
        g_autoptr(GSource) source = g_idle_source_new();
        g_task_attach_source(task, source, on_started);
        g_object_unref(task);
        return;
    }
    Languages *languages = g_new0(Languages, 1);
    languages->from = g_strdup(self->languages.from);
    languages->to = g_strdup(self->languages.to);
    g_autoptr(GTask) task = g_task_new(NULL, self->opening, on_engines_opened, self);
    g_task_set_task_data(task, languages, free_languages);
    g_task_run_in_thread(task, open_engines);
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
    if (self->opening)
        g_cancellable_cancel(self->opening);
    g_clear_object(&self->opening);
    dub_speech_session_free(self->session);
    if (self->owns_engines)
        dub_speech_engines_close(self->engines);
    if (self->completing) {
        g_source_destroy(self->completing);
        g_source_unref(self->completing);
    }
    g_hash_table_unref(self->waiting);
    g_free(self->languages.from);
    g_free(self->languages.to);
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

DubSpeech *dub_speech_local_new(const DubSpeechConfig *config, DubSpeechEngines *engines,
                                const DubSpeechCallbacks *callbacks, void *user_data)
{
    Local *self = g_new0(Local, 1);
    self->base = (DubSpeech) {&local_class, *callbacks, user_data};
    self->languages.from = g_strdup(config->source_language);
    self->languages.to = g_strdup(config->target_language);
    self->voice = g_strdup(config->voice);
    self->rate_hz = config->rate_hz;
    self->channels = config->channels;
    self->max_inflight = CLAMP(config->max_inflight, 1, 10);
    self->timeout_ms = config->timeout_ms;
    self->engines = engines;
    self->waiting = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, (GDestroyNotify) dub_speech_result_free);
    return &self->base;
}
