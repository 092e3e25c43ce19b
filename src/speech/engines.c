/* speech/engines.c: lanes are threads that take jobs from a queue of their own. A lane sees its job and its tools, and
 * nothing else; the answer goes back as an idle source on the session's context. */
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
    unsigned index;
    DubAsr *asr;
    DubMt *mt;
    GThread *thread;
    GAsyncQueue *jobs; /* of Job; &quit_job ends the thread */
    GError *error;     /* why it could not be loaded */
} Lane;

struct _DubSpeechEngines {
    char *from, *to, *asr_driver, *mt_driver, *tts_driver, *asr_model;
    const char *tts_name;
    unsigned n_lanes;
    gint n_sessions; /* atomic: so far; spreads the first fragments of many sessions over the lanes */
    Lane *lanes;
    GAsyncQueue *loaded; /* of Lane: each comes once, loaded or failed */
};

/* Owned by the caller and by each job in flight: a job outlives the session that was freed meanwhile. */
struct _DubSpeechSession {
    gatomicrefcount refs;
    DubSpeechEngines *engines; /* used by the owner's thread only */
    GMainContext *context;
    GCancellable *cancellable;
    DubSpeechDoneFunc on_done;
    void *user_data;
    DubSpeechShape shape;
    unsigned n_lanes, offset;
    DubAsrStream **streams; /* one a lane: used by that lane only */
    DubTts **voices;        /* likewise */
    bool is_closed;         /* owner's thread only */
};

typedef struct {
    DubSpeechSession *session;
    DubFragment *fragment;
    DubSpeechResult *result;
} Job;

static Job quit_job;

static void session_unref(DubSpeechSession *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    for (unsigned i = 0; i < self->n_lanes; i++) {
        dub_asr_stream_free(self->streams[i]);
        dub_tts_close(self->voices[i]);
    }
    g_free(self->streams);
    g_free(self->voices);
    g_main_context_unref(self->context);
    g_object_unref(self->cancellable);
    g_free(self);
}

static void free_job(gpointer data)
{
    Job *job = data;
    dub_fragment_free(job->fragment);
    dub_speech_result_free(job->result);
    session_unref(job->session);
    g_free(job);
}

static gboolean on_job_done(gpointer data) /* session's context */
{
    Job *job = data;
    if (!job->session->is_closed)
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
    return warm != NULL;
}

static void run_job(const Lane *lane, Job *job)
{
    const DubSpeechSession *session = job->session;
    const DubSpeechTools tools = {lane->asr, session->streams[lane->index], lane->mt, session->voices[lane->index]};
    job->result = dub_speech_process(&tools, job->fragment, &session->shape, session->cancellable);
    answer(job);
}

static gpointer run_lane(gpointer data) /* lane thread */
{
    Lane *lane = data;
    const bool loaded = load_lane(lane);
    g_async_queue_push(lane->engines->loaded, lane);
    Job *job;
    while ((job = g_async_queue_pop(lane->jobs)) != &quit_job)
        if (loaded)
            run_job(lane, job);
    return NULL;
}

static bool start_lanes(DubSpeechEngines *self, GError **error)
{
    for (unsigned i = 0; i < self->n_lanes; i++) {
        Lane *lane = &self->lanes[i];
        lane->engines = self;
        lane->index = i;
        lane->jobs = g_async_queue_new();
        g_autofree char *name = g_strdup_printf("speech-lane-%u", i);
        lane->thread = g_thread_new(name, run_lane, lane);
    }
    unsigned n_failed = 0;
    for (unsigned i = 0; i < self->n_lanes; i++) {
        Lane *lane = g_async_queue_pop(self->loaded);
        if (lane->error && n_failed++ == 0)
            g_propagate_error(error, g_steal_pointer(&lane->error));
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
    const int64_t begin_ns = dub_clock_now();
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
    if (!check_voice(self, error) || !start_lanes(self, error))
        return NULL;
    dub_info("engines: %s, %s, %s for %s to %s in %u lanes, loaded in %" G_GINT64_FORMAT " ms",
             dub_speech_engines_asr_name(self), dub_speech_engines_mt_name(self), self->tts_name, self->from, self->to,
             self->n_lanes, (dub_clock_now() - begin_ns) / DUB_NS_PER_MS);
    return g_steal_pointer(&self);
}

static void close_lane(Lane *lane)
{
    if (!lane->thread)
        return;
    g_async_queue_push_front(lane->jobs, &quit_job);
    g_thread_join(lane->thread);
    Job *job;
    while ((job = g_async_queue_try_pop(lane->jobs)))
        free_job(job);
    g_async_queue_unref(lane->jobs);
    dub_asr_close(lane->asr);
    dub_mt_close(lane->mt);
    g_clear_error(&lane->error);
}

void dub_speech_engines_close(DubSpeechEngines *self)
{
    if (!self)
        return;
    for (unsigned i = 0; i < self->n_lanes; i++)
        close_lane(&self->lanes[i]);
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
    for (unsigned i = 0; i < self->n_lanes; i++) {
        self->streams[i] = dub_asr_stream_new();
        self->voices[i] = dub_tts_open(self->engines->tts_driver, self->engines->to, voice, error);
        if (!self->voices[i])
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
    self->cancellable = g_cancellable_new();
    self->on_done = on_done;
    self->user_data = user_data;
    self->shape = (DubSpeechShape) {config->rate_hz, config->channels, config->timeout_ms};
    self->n_lanes = engines->n_lanes;
    self->offset = (unsigned) g_atomic_int_add(&engines->n_sessions, 1) % self->n_lanes;
    self->streams = g_new0(DubAsrStream *, self->n_lanes);
    self->voices = g_new0(DubTts *, self->n_lanes);
    return open_voices(self, config->voice, error) ? g_steal_pointer(&self) : NULL;
}

void dub_speech_session_free(DubSpeechSession *self)
{
    if (!self)
        return;
    self->is_closed = true;
    g_cancellable_cancel(self->cancellable);
    session_unref(self);
}

void dub_speech_session_submit(DubSpeechSession *self, DubFragment *fragment)
{
    Job *job = g_new0(Job, 1);
    g_atomic_ref_count_inc(&self->refs);
    job->session = self;
    job->fragment = fragment;
    const unsigned lane = (unsigned) ((fragment->sequence_number + self->offset) % self->n_lanes);
    g_async_queue_push(self->engines->lanes[lane].jobs, job);
}
