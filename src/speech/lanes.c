/* speech/lanes.c: threads that take jobs from one queue. A lane sees its job and the engines, and nothing else; the
 * answer goes back as an idle source on the session's context. */
#include "speech/lanes.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "speech/kept.h"
#include "speech/process.h"

#include <gio/gio.h>
#include <string.h>

#define MOST_BUSY          0.9 /* of the lanes' time: what is left is for the unevenness of speech */
#define CONTEXT_MOST_BYTES 400 /* of what was said before, that engines are told */

struct _DubLanes {
    DubEngineSet *engines;
    unsigned n_lanes;
    unsigned n_sessions; /* owners' thread only */
    GThread *threads[DUB_LANES_MOST];
    GMutex lock; /* guards waiting, closing, and the sessions' busy slots and last words */
    GCond work;
    GQueue waiting; /* of Job: whose sound began first stands first */
    bool closing;
};

/* What goes on from fragment to fragment. One slot for each lane; fragment n uses slot n % n_slots, and one lane at a
 * time has it. So any lane can take any fragment, and what is learnt of a voice does not depend on scheduling. */
typedef struct {
    DubEngineMemory *memory;
    bool busy;
} Slot;

/* Owned by the caller and by each job in flight: a job outlives the session that was freed meanwhile. */
struct _DubSpeechSession {
    gatomicrefcount refs;
    DubLanes *lanes;
    GMainContext *context;
    DubSpeechDoneFunc on_done;
    void *user_data;
    char *voice;
    DubSpeechShape shape;
    DubKept *kept;         /* nullable */
    DubHearings *hearings; /* nullable */
    unsigned n_slots;
    Slot *slots;
    char *said;            /* the last transcript there is; NULL before */
    uint64_t said_in;      /* the fragment it was said in */
    int64_t last_began_ns; /* owner's thread only, both */
    GPtrArray *jobs;       /* of Job (not owned): not answered, not cancelled */
};

typedef struct {
    DubSpeechSession *session;
    Slot *slot;
    int64_t began_ns; /* when its sound began, assuming that it was submitted the moment it ended. The earliest is due
                         first */
    DubFragment *fragment;
    DubSpeechResult *result;
    DubSpeechControl control;
} Job;

static void session_unref(DubSpeechSession *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    for (unsigned i = 0; i < self->n_slots; i++)
        dub_engine_memory_free(self->slots[i].memory);
    g_free(self->slots);
    dub_hearings_unref(self->hearings);
    g_free(self->voice);
    g_free(self->said);
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

/* Lock held. */
static Job *first_runnable(DubLanes *self)
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
static Job *take_job(DubLanes *self)
{
    Job *job = NULL;
    g_mutex_lock(&self->lock);
    while (!self->closing && !(job = first_runnable(self)))
        g_cond_wait(&self->work, &self->lock);
    g_mutex_unlock(&self->lock);
    return job;
}

static void release(DubLanes *self, Slot *slot)
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

/* What was said before the fragment, as far as it is done; (transfer full) (nullable) */
static char *context_for(const Job *job)
{
    const DubSpeechSession *session = job->session;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&session->lanes->lock);
    return session->said && session->said_in < job->fragment->sequence_number ? g_strdup(session->said) : NULL;
}

/* The last words of @text that fit; where there are no blanks, the last characters. */
static const char *end_of(const char *text)
{
    const gsize length = strlen(text);
    if (length <= CONTEXT_MOST_BYTES)
        return text;
    const char *end = text + length - CONTEXT_MOST_BYTES;
    const char *blank = strchr(end, ' ');
    while ((*end & 0xc0) == 0x80)
        end++;
    return blank ? blank + 1 : end;
}

static void remember_said(Job *job)
{
    DubSpeechSession *session = job->session;
    const char *text = job->result->answer->transcript;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&session->lanes->lock);
    if (!*text || (session->said && session->said_in > job->fragment->sequence_number))
        return;
    g_free(session->said);
    session->said = g_strdup(end_of(text));
    session->said_in = job->fragment->sequence_number;
}

static DubSpeechResult *ask_engines(DubLanes *self, Job *job)
{
    g_autofree char *context = context_for(job);
    const DubSpeechPast past = { .memory = job->slot->memory, .context = context, .hearings = job->session->hearings };
    return dub_speech_process(self->engines, &past, job->fragment, &job->session->shape, &job->control);
}

static DubSpeechResult *ask(DubLanes *self, Job *job)
{
    DubKept *kept = job->session->kept;
    if (!kept)
        return ask_engines(self, job);
    g_autofree char *sound = dub_kept_sound(job->fragment);
    DubSpeechResult *result = dub_kept_find(kept, job->fragment, sound, job->slot->memory);
    if (result)
        return result;
    result = ask_engines(self, job);
    dub_kept_record(kept, job->fragment, sound, result, job->slot->memory);
    return result;
}

static void run_job(DubLanes *self, Job *job)
{
    const DubSpeechSession *session = job->session;
    g_autoptr(GSource) timer = session->shape.timeout_ms ? start_timer(job) : NULL;
    dub_log_set_tags((const char *const *) job->fragment->log_tags);
    job->result = ask(self, job);
    dub_log_set_tags(NULL);
    if (timer)
        g_source_destroy(timer);
    remember_said(job);
    release(self, job->slot);
    answer(job);
}

static gpointer run_lane(gpointer data) /* lane thread */
{
    DubLanes *self = data;
    Job *job;
    while ((job = take_job(self)))
        run_job(self, job);
    return NULL;
}

DubLanes *dub_lanes_new(DubEngineSet *engines, unsigned n_lanes)
{
    DubLanes *self = g_new0(DubLanes, 1);
    self->engines = engines;
    self->n_lanes = CLAMP(n_lanes ? n_lanes : dub_engine_set_count(engines), 1, DUB_LANES_MOST);
    g_mutex_init(&self->lock);
    g_cond_init(&self->work);
    for (unsigned i = 0; i < self->n_lanes; i++)
        self->threads[i] = g_thread_new("lane", run_lane, self);
    return self;
}

static void stop_threads(DubLanes *self)
{
    g_mutex_lock(&self->lock);
    self->closing = true;
    g_cond_broadcast(&self->work);
    g_mutex_unlock(&self->lock);
    for (unsigned i = 0; i < self->n_lanes; i++)
        g_thread_join(self->threads[i]);
}

void dub_lanes_free(DubLanes *self)
{
    if (!self)
        return;
    stop_threads(self);
    g_queue_clear_full(&self->waiting, free_job);
    dub_engine_set_close(self->engines);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->work);
    g_free(self);
}

unsigned dub_lanes_count(const DubLanes *self)
{
    return self->n_lanes;
}

DubEngineSet *dub_lanes_engines(const DubLanes *self)
{
    return self->engines;
}

bool dub_lanes_admits(DubLanes *self, int64_t fragment_ns, GError **error)
{
    const int64_t least_ns = dub_engine_set_least_ns(self->engines, fragment_ns);
    /* Who is alone makes nobody else late. Nobody would ever learn, either, that the machine is quick again. */
    if (least_ns <= 0 || self->n_sessions == 0)
        return true;
    const double carried = (double) fragment_ns * self->n_lanes * MOST_BUSY / (double) least_ns;
    if (self->n_sessions + 1 <= carried)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_BACKPRESSURE,
                "%u streams are being dubbed, and a fragment takes %.1f s: one more would make all late",
                self->n_sessions, (double) least_ns / DUB_NS_PER_S);
    return false;
}

/* NULL and "default" are the language's own voice. */
static const char *named_voice(const char *voice)
{
    return voice && *voice && !g_str_equal(voice, "default") ? voice : NULL;
}

bool dub_lanes_check_voice(const DubLanes *self, const char *voice, GError **error)
{
    const char *name = named_voice(voice);
    if (!name || dub_engine_chain_has_voice(dub_engine_set_chain(self->engines, DUB_STAGE_TTS), name))
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND,
                "no voice is called \"%s\"; \"airdub voices\" lists those there are", name);
    return false;
}

DubSpeechSession *dub_speech_session_new(DubLanes *lanes, const DubSpeechSessionConfig *config,
                                         DubSpeechDoneFunc on_done, void *user_data, GError **error)
{
    if (!dub_lanes_check_voice(lanes, config->voice, error))
        return NULL;
    DubSpeechSession *self = g_new0(DubSpeechSession, 1);
    g_atomic_ref_count_init(&self->refs);
    self->lanes = lanes;
    lanes->n_sessions++;
    self->context = g_main_context_ref_thread_default();
    self->jobs = g_ptr_array_new();
    self->on_done = on_done;
    self->user_data = user_data;
    self->voice = g_strdup(named_voice(config->voice));
    self->kept = config->kept;
    self->shape = (DubSpeechShape){ .rate_hz = config->rate_hz,
                                    .channels = config->channels,
                                    .timeout_ms = config->timeout_ms,
                                    .voice = self->voice };
    self->hearings = config->hearings ? dub_hearings_ref(config->hearings) : NULL;
    self->n_slots = lanes->n_lanes;
    self->slots = g_new0(Slot, self->n_slots);
    for (unsigned i = 0; i < self->n_slots; i++)
        self->slots[i].memory = dub_engine_memory_new();
    return self;
}

void dub_speech_session_free(DubSpeechSession *self)
{
    if (!self)
        return;
    self->lanes->n_sessions--;
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
    DubLanes *lanes = self->lanes;
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
    g_mutex_lock(&lanes->lock);
    g_queue_insert_sorted(&lanes->waiting, job, compare_began, NULL);
    g_cond_signal(&lanes->work);
    g_mutex_unlock(&lanes->lock);
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
