/* speech/engines.c: lanes are threads that take jobs from one queue. A lane sees its job and its tools, and nothing else;
 * the answer goes back as an idle source on the session's context. */
#include "speech/engines.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "speech/process.h"

#include <gio/gio.h>
#include <string.h>

#define WARM_UP_TIMEOUT_MS 10000 /* Apertium reads its dictionaries at its first sentence */

typedef struct {
    DubSpeechEngines *engines;
    DubAsr *asr;
    DubMt *mt;
    GThread *thread;
    GError *error; /* why it could not be loaded */
    DubSpeechLoading loading;
} Lane;

struct _DubSpeechEngines {
    char *from, *to, *asr_driver, *mt_driver, *tts_driver, *asr_model;
    const char *tts_name;
    unsigned n_lanes;
    Lane *lanes;
    GAsyncQueue *loaded; /* of Lane: each comes once, loaded or failed */
    GMutex lock;         /* guards waiting, closing, and the sessions' busy slots */
    GCond work;
    GQueue waiting;      /* of Job: whose sound began first stands first */
    bool closing;
    DubSpeechLoading loading;
};

/* What goes on from fragment to fragment. As many a session as there are lanes, used in turn, each by one lane at a time:
 * so any lane can take any fragment, and what is learnt of a voice is the same at every run. */
typedef struct {
    DubAsrStream *stream;
    DubTts *voice;
    bool busy;
} Slot;

/* Owned by the caller and by each job in flight: a job outlives the session that was freed meanwhile. */
struct _DubSpeechSession {
    gatomicrefcount refs;
    DubSpeechEngines *engines; /* used by the owner's thread only */
    GMainContext *context;
    DubSpeechDoneFunc on_done;
    void *user_data;
    DubSpeechShape shape;
    unsigned n_slots;
    Slot *slots;
    int64_t last_began_ns; /* owner's thread only, both */
    GPtrArray *jobs;       /* of Job (not owned): not answered, not cancelled */
};

typedef struct {
    DubSpeechSession *session;
    Slot *slot;
    int64_t began_ns; /* its sound, if it came as soon as it was over: who began first is due first */
    DubFragment *fragment;
    DubSpeechResult *result;
    DubSpeechControl control;
} Job;

static void session_unref(DubSpeechSession *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    for (unsigned i = 0; i < self->n_slots; i++) {
        dub_asr_stream_free(self->slots[i].stream);
        dub_tts_close(self->slots[i].voice);
    }
    g_free(self->slots);
    g_ptr_array_unref(self->jobs);
    g_main_context_unref(self->context);
    g_free(self);
}

static void free_job(gpointer data)
{
    Job *job = data;
    dub_fragment_free(job->fragment);
    dub_speech_result_free(job->result);
    g_object_unref(job->control.cancellable);
    session_unref(job->session);
    g_free(job);
}

static gboolean on_job_done(gpointer data) /* session's context */
{
    Job *job = data;
    if (g_ptr_array_remove(job->session->jobs, job)) /* else nobody wants it any more */
        job->session->on_done(g_steal_pointer(&job->result), job->session->user_data);
    return G_SOURCE_REMOVE;
}

static void answer(Job *job)
{
    g_autoptr(GSource) source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, on_job_done, job, free_job);
    g_source_attach(source, job->session->context);
}

static bool load_lane(Lane *lane)
{
    const DubSpeechEngines *engines = lane->engines;
    lane->asr = dub_asr_open(engines->asr_driver, engines->from, engines->asr_model, &lane->error);
    if (!lane->asr)
        return false;
    lane->mt = dub_mt_open(engines->mt_driver, engines->from, engines->to, &lane->error);
    if (!lane->mt)
        return false;
    g_autofree char *warm = dub_mt_translate(lane->mt, "Yes.", WARM_UP_TIMEOUT_MS, NULL, &lane->error);
    lane->loading.threads_ns = dub_clock_thread_cpu(); /* the lane's thread has done nothing else */
    lane->loading.processes_ns = dub_mt_processes_cpu_ns(lane->mt);
    return warm != NULL;
}

/* Lock held. */
static Job *first_runnable(DubSpeechEngines *self)
{
    for (GList *l = self->waiting.head; l; l = l->next) {
        Job *job = l->data;
        if (job->slot->busy)
            continue;
        g_queue_delete_link(&self->waiting, l);
        job->slot->busy = true;
        return job;
    }
    return NULL;
}

/* Waits for work. Returns: NULL when the engines close. */
static Job *take_job(DubSpeechEngines *self)
{
    Job *job = NULL;
    g_mutex_lock(&self->lock);
    while (!self->closing && !(job = first_runnable(self)))
        g_cond_wait(&self->work, &self->lock);
    g_mutex_unlock(&self->lock);
    return job;
}

static void release(DubSpeechEngines *self, Slot *slot)
{
    g_mutex_lock(&self->lock);
    slot->busy = false;
    g_cond_signal(&self->work);
    g_mutex_unlock(&self->lock);
}

static gboolean on_job_overdue(gpointer data) /* session's context */
{
    g_cancellable_cancel(data);
    return G_SOURCE_REMOVE;
}

/* The lane is busy with the job: the session's loop is who ends it when its time is over. */
static GSource *start_timer(const Job *job)
{
    GSource *timer = g_timeout_source_new(job->session->shape.timeout_ms);
    g_source_set_callback(timer, on_job_overdue, g_object_ref(job->control.cancellable), g_object_unref);
    g_source_attach(timer, job->session->context);
    return timer;
}

static void run_job(const Lane *lane, Job *job)
{
    const DubSpeechSession *session = job->session;
    const DubSpeechTools tools = {lane->asr, job->slot->stream, lane->mt, job->slot->voice};
    g_autoptr(GSource) timer = session->shape.timeout_ms ? start_timer(job) : NULL;
    dub_log_set_tags((const char *const *) job->fragment->log_tags);
    job->result = dub_speech_process(&tools, job->fragment, &session->shape, &job->control);
    dub_log_set_tags(NULL);
    if (timer)
        g_source_destroy(timer);
    release(lane->engines, job->slot);
    answer(job);
}

static gpointer run_lane(gpointer data) /* lane thread */
{
    Lane *lane = data;
    DubSpeechEngines *engines = lane->engines;
    const bool loaded = load_lane(lane);
    g_async_queue_push(engines->loaded, lane);
    Job *job;
    while (loaded && (job = take_job(engines)))
        run_job(lane, job);
    return NULL;
}

static bool start_lanes(DubSpeechEngines *self, GError **error)
{
    for (unsigned i = 0; i < self->n_lanes; i++) {
        Lane *lane = &self->lanes[i];
        lane->engines = self;
        g_autofree char *name = g_strdup_printf("speech-lane-%u", i);
        lane->thread = g_thread_new(name, run_lane, lane);
    }
    unsigned n_failed = 0;
    for (unsigned i = 0; i < self->n_lanes; i++) {
        Lane *lane = g_async_queue_pop(self->loaded);
        if (lane->error && n_failed++ == 0)
            g_propagate_error(error, g_steal_pointer(&lane->error));
        self->loading.threads_ns += lane->loading.threads_ns;
        self->loading.processes_ns += lane->loading.processes_ns;
    }
    return n_failed == 0;
}

/* Asked before the lanes load for seconds; also names the driver. */
static bool check_voice(DubSpeechEngines *self, GError **error)
{
    g_autoptr(DubTts) tts = dub_tts_open(self->tts_driver, self->to, NULL, error);
    if (!tts)
        return false;
    self->tts_name = dub_tts_get_driver(tts)->name;
    g_autoptr(DubPcm) warm = dub_tts_synthesize(tts, "a", NULL, error);
    return warm != NULL;
}

DubSpeechEngines *dub_speech_engines_open(const DubSpeechEnginesConfig *config, GError **error)
{
    const int64_t begin_ns = dub_clock_now(), begin_cpu_ns = dub_clock_thread_cpu();
    g_autoptr(DubSpeechEngines) self = g_new0(DubSpeechEngines, 1);
    self->from = g_strdup(config->from);
    self->to = g_strdup(config->to);
    self->asr_driver = g_strdup(config->asr_driver);
    self->mt_driver = g_strdup(config->mt_driver);
    self->tts_driver = g_strdup(config->tts_driver);
    self->asr_model = g_strdup(config->asr_model);
    self->n_lanes = MIN(config->n_lanes ? config->n_lanes : g_get_num_processors(), DUB_LANES_MOST);
    self->lanes = g_new0(Lane, self->n_lanes);
    self->loaded = g_async_queue_new();
    g_mutex_init(&self->lock);
    g_cond_init(&self->work);
    if (!check_voice(self, error) || !start_lanes(self, error))
        return NULL;
    self->loading.threads_ns += dub_clock_thread_cpu() - begin_cpu_ns;
    dub_info("engines: %s, %s, %s for %s to %s in %u lanes, loaded in %" G_GINT64_FORMAT " ms",
             dub_speech_engines_asr_name(self), dub_speech_engines_mt_name(self), self->tts_name, self->from, self->to,
             self->n_lanes, (dub_clock_now() - begin_ns) / DUB_NS_PER_MS);
    return g_steal_pointer(&self);
}

static void stop_lanes(DubSpeechEngines *self)
{
    g_mutex_lock(&self->lock);
    self->closing = true;
    g_cond_broadcast(&self->work);
    g_mutex_unlock(&self->lock);
    for (unsigned i = 0; i < self->n_lanes && self->lanes[i].thread; i++)
        g_thread_join(self->lanes[i].thread);
}

static void clear_lane(Lane *lane)
{
    dub_asr_close(lane->asr);
    dub_mt_close(lane->mt);
    g_clear_error(&lane->error);
}

void dub_speech_engines_close(DubSpeechEngines *self)
{
    if (!self)
        return;
    stop_lanes(self);
    g_queue_clear_full(&self->waiting, free_job);
    for (unsigned i = 0; i < self->n_lanes; i++)
        clear_lane(&self->lanes[i]);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->work);
    g_free(self->lanes);
    g_async_queue_unref(self->loaded);
    g_free(self->from);
    g_free(self->to);
    g_free(self->asr_driver);
    g_free(self->mt_driver);
    g_free(self->tts_driver);
    g_free(self->asr_model);
    g_free(self);
}

unsigned dub_speech_engines_n_lanes(const DubSpeechEngines *self)
{
    return self->n_lanes;
}

DubSpeechLoading dub_speech_engines_loading(const DubSpeechEngines *self)
{
    return self->loading;
}

const char *dub_speech_engines_asr_name(const DubSpeechEngines *self)
{
    return dub_asr_get_driver(self->lanes[0].asr)->name;
}

const char *dub_speech_engines_mt_name(const DubSpeechEngines *self)
{
    return dub_mt_get_driver(self->lanes[0].mt)->name;
}

const char *dub_speech_engines_tts_name(const DubSpeechEngines *self)
{
    return self->tts_name;
}

static bool open_voices(DubSpeechSession *self, const char *voice, GError **error)
{
    for (unsigned i = 0; i < self->n_slots; i++) {
        self->slots[i].stream = dub_asr_stream_new();
        self->slots[i].voice = dub_tts_open(self->engines->tts_driver, self->engines->to, voice, error);
        if (!self->slots[i].voice)
            return false;
    }
    return true;
}

DubSpeechSession *dub_speech_session_new(DubSpeechEngines *engines, const DubSpeechSessionConfig *config,
                                         DubSpeechDoneFunc on_done, void *user_data, GError **error)
{
    g_autoptr(DubSpeechSession) self = g_new0(DubSpeechSession, 1);
    g_atomic_ref_count_init(&self->refs);
    self->engines = engines;
    self->context = g_main_context_ref_thread_default();
    self->jobs = g_ptr_array_new();
    self->on_done = on_done;
    self->user_data = user_data;
    self->shape = (DubSpeechShape) {config->rate_hz, config->channels, config->timeout_ms};
    self->n_slots = engines->n_lanes;
    self->slots = g_new0(Slot, self->n_slots);
    return open_voices(self, config->voice, error) ? g_steal_pointer(&self) : NULL;
}

void dub_speech_session_free(DubSpeechSession *self)
{
    if (!self)
        return;
    for (guint i = 0; i < self->jobs->len; i++)
        g_cancellable_cancel(((Job *) g_ptr_array_index(self->jobs, i))->control.cancellable);
    g_ptr_array_set_size(self->jobs, 0);
    session_unref(self);
}

static int compare_began(gconstpointer a, gconstpointer b, G_GNUC_UNUSED gpointer user_data)
{
    const int64_t x = ((const Job *) a)->began_ns, y = ((const Job *) b)->began_ns;
    return (x > y) - (x < y);
}

void dub_speech_session_submit(DubSpeechSession *self, DubFragment *fragment)
{
    DubSpeechEngines *engines = self->engines;
    Job *job = g_new0(Job, 1);
    g_atomic_ref_count_inc(&self->refs);
    job->session = self;
    job->slot = &self->slots[fragment->sequence_number % self->n_slots];
    /* Its own keep their order, however fast they come. */
    self->last_began_ns = MAX(dub_clock_now() - dub_pcm_duration_ns(fragment->pcm), self->last_began_ns + 1);
    job->began_ns = self->last_began_ns;
    job->fragment = fragment;
    job->control.cancellable = g_cancellable_new();
    g_ptr_array_add(self->jobs, job);
    g_mutex_lock(&engines->lock);
    g_queue_insert_sorted(&engines->waiting, job, compare_began, NULL);
    g_cond_signal(&engines->work);
    g_mutex_unlock(&engines->lock);
}

static Job *find_job(const DubSpeechSession *self, uint64_t sequence_number)
{
    for (guint i = 0; i < self->jobs->len; i++) {
        Job *job = g_ptr_array_index(self->jobs, i);
        if (job->fragment->sequence_number == sequence_number)
            return job;
    }
    return NULL;
}

const char *dub_speech_session_cancel(DubSpeechSession *self, uint64_t sequence_number)
{
    Job *job = find_job(self, sequence_number);
    if (!job)
        return "asr";
    const char *stage = g_atomic_pointer_get(&job->control.stage);
    g_cancellable_cancel(job->control.cancellable);
    g_ptr_array_remove(self->jobs, job);
    return stage ? stage : "asr";
}
