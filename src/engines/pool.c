/* engines/pool.c: free engines on a stack under a lock; threads wait for the top one. */
#include "engines/pool.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#define ENGINES_MOST 32
#define LOOK_US      20000 /* between two looks at the cancellable, while all engines are busy */
#define WARM_TEXT    "One, two, three, four, five."
#define USUAL_TEXT \
    "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen." /* a phrase's length */
#define WARM_MS      10000 /* Apertium reads its dictionaries at its first sentence */
#define WARM_SOUND_S 1

struct _DubEnginePool {
    const DubEngineClass *klass;
    DubEngineConfig config;
    char *from, *to, *model, *model_dir, *argument;
    GPtrArray *offers; /* of DubEngineOffer; voices only */
    unsigned n_engines;
    int64_t loading_cpu_ns;
    GMutex lock; /* guards what follows */
    GCond freed;
    GPtrArray *idle;    /* of DubEngine */
    unsigned n_pending; /* pieces that are worked on or wait for an engine ... */
    double pending;     /* ... and the amount of all of them */
    DubCost cost;
};

typedef struct {
    DubEnginePool *pool;
    GThread *thread;
    DubEngine *engine;
    GError *error;
    int64_t cpu_ns;
} Opening;

/* Not g_utf8_strlen(): nobody has checked yet that it is UTF-8, and that one reads on behind a character that is cut.
 */
static gsize count_characters(const char *text)
{
    gsize n = 0;
    for (; *text; text++)
        n += (*text & 0xc0) != 0x80;
    return n;
}

double dub_engine_pool_amount(const DubEnginePool *self, const DubEngineRequest *request)
{
    if (self->klass->stage == DUB_STAGE_ASR)
        return (double) dub_pcm_duration_ns(request->pcm) / DUB_NS_PER_S;
    return (double) count_characters(request->text);
}

static void account(DubEnginePool *self, const DubEngineRequest *request, int64_t begin_ns)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    dub_cost_add(&self->cost, dub_engine_pool_amount(self, request), dub_clock_now() - begin_ns);
}

/* ── Opening ── */

/* A warm-up that fails is told, and nothing more: whoever needs the engine hears why. @counts: what it takes is what
 * work takes */
static bool warm_up(DubEnginePool *self, DubEngine *engine, bool counts)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) silence =
        dub_pcm_new(MAX(self->klass->rate_hz, 8000), 1, MAX(self->klass->rate_hz, 8000) * WARM_SOUND_S);
    const bool hears = self->klass->stage == DUB_STAGE_ASR;
    const int64_t begin_ns = dub_clock_now();
    const DubEngineRequest request = { .pcm = hears ? silence : NULL,
                                       .text = hears    ? NULL
                                               : counts ? USUAL_TEXT
                                                        : WARM_TEXT,
                                       .from = self->from,
                                       .to = self->to,
                                       .deadline_ns = begin_ns + WARM_MS * DUB_NS_PER_MS };
    g_autoptr(DubEngineReply) reply = dub_engine_run(engine, &request, &error);
    if (!reply)
        dub_warning("%s: %s", self->klass->name, error->message);
    else if (counts)
        account(self, &request, begin_ns);
    return reply != NULL;
}

/* The first piece costs what is read and made for the first time, too: a second one tells what work takes. Silence
 * costs a recogniser nothing, and says nothing of what speech costs. */
static void warm_up_and_measure(DubEnginePool *self, DubEngine *engine)
{
    if (warm_up(self, engine, false) && self->klass->stage != DUB_STAGE_ASR)
        warm_up(self, engine, true);
}

static gpointer open_one(gpointer data)
{
    Opening *opening = data;
    DubEnginePool *self = opening->pool;
    opening->engine = dub_engine_open(self->klass, &self->config, &opening->error);
    /* What is asked over the network is neither slow the first time nor free of charge. */
    if (opening->engine && !(self->klass->flags & DUB_ENGINE_REMOTE))
        warm_up_and_measure(self, opening->engine);
    opening->cpu_ns = dub_clock_thread_cpu();
    return NULL;
}

static unsigned count_engines(const DubEnginePool *self)
{
    unsigned n = self->klass->flags & DUB_ENGINE_REMOTE ? DUB_ENGINE_CONNECTIONS : self->config.n_cores;
    if (self->klass->count)
        n = self->klass->count(&self->config);
    if (self->config.n_lanes) /* more would never work at once */
        n = MIN(n, self->config.n_lanes);
    return CLAMP(n, 1, ENGINES_MOST);
}

static bool open_all(DubEnginePool *self, GError **error)
{
    Opening openings[ENGINES_MOST] = { 0 };
    for (unsigned i = 0; i < self->n_engines; i++) {
        openings[i].pool = self;
        openings[i].thread = g_thread_new("engine-open", open_one, &openings[i]);
    }
    g_autoptr(GError) failure = NULL;
    for (unsigned i = 0; i < self->n_engines; i++) {
        g_thread_join(openings[i].thread);
        self->loading_cpu_ns += openings[i].cpu_ns;
        if (openings[i].engine)
            g_ptr_array_add(self->idle, openings[i].engine);
        else if (!failure)
            failure = g_steal_pointer(&openings[i].error);
        g_clear_error(&openings[i].error);
    }
    if (!failure)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

/* A server that does not list its voices may still speak. */
static bool list_voices(DubEnginePool *self, GError **error)
{
    g_autoptr(GError) failure = NULL;
    self->offers = self->klass->list(&self->config, NULL, &failure);
    if (self->offers)
        return true;
    if (!(self->klass->flags & DUB_ENGINE_REMOTE)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    dub_warning("%s: its voices are not known: %s", self->klass->name, failure->message);
    return true;
}

DubEnginePool *dub_engine_pool_open(const DubEngineClass *klass, const DubEngineConfig *config, GError **error)
{
    g_autoptr(DubEnginePool) self = g_new0(DubEnginePool, 1);
    self->klass = klass;
    self->config = *config;
    self->config.from = self->from = g_strdup(config->from);
    self->config.to = self->to = g_strdup(config->to);
    self->config.model = self->model = g_strdup(config->model);
    self->config.model_dir = self->model_dir = g_strdup(config->model_dir);
    self->config.argument = self->argument = g_strdup(config->argument);
    self->config.n_cores = MAX(config->n_cores, 1);
    g_mutex_init(&self->lock);
    g_cond_init(&self->freed);
    self->idle = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_close);
    self->n_engines = count_engines(self);
    if (klass->stage == DUB_STAGE_TTS && !list_voices(self, error))
        return NULL;
    return open_all(self, error) ? g_steal_pointer(&self) : NULL;
}

void dub_engine_pool_close(DubEnginePool *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->idle);
    g_clear_pointer(&self->offers, g_ptr_array_unref);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->freed);
    g_free(self->from);
    g_free(self->to);
    g_free(self->model);
    g_free(self->model_dir);
    g_free(self->argument);
    g_free(self);
}

const DubEngineClass *dub_engine_pool_class(const DubEnginePool *self)
{
    return self->klass;
}

unsigned dub_engine_pool_count(const DubEnginePool *self)
{
    return self->n_engines;
}

int64_t dub_engine_pool_loading_cpu_ns(const DubEnginePool *self)
{
    return self->loading_cpu_ns;
}

bool dub_engine_pool_has_voice(const DubEnginePool *self, const char *voice)
{
    if (!self->offers || (self->klass->flags & DUB_ENGINE_ANY_LANGUAGE))
        return true;
    for (guint i = 0; i < self->offers->len; i++) {
        const DubEngineOffer *offer = g_ptr_array_index(self->offers, i);
        if (g_str_equal(offer->name, voice))
            return true;
    }
    return false;
}

/* ── Running ── */

int64_t dub_engine_pool_estimate_ns(DubEnginePool *self, double amount)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    /* The work before ours is spread over all engines; on the average half of what runs is done. */
    return dub_cost_estimate_ns(&self->cost, amount + self->pending / self->n_engines / 2);
}

int64_t dub_engine_pool_expected_ns(DubEnginePool *self, double amount)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    return dub_cost_mean_ns(&self->cost, amount + self->pending / self->n_engines / 2);
}

int64_t dub_engine_pool_mean_ns(DubEnginePool *self, double amount)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    return dub_cost_mean_ns(&self->cost, amount);
}

static bool is_over(const DubEngineRequest *request, GError **error)
{
    if (g_cancellable_is_cancelled(request->cancellable)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CANCELLED, "cancelled while it waited for an engine");
        return true;
    }
    if (request->deadline_ns && dub_clock_now() >= request->deadline_ns) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_TIMEOUT, "no engine was free in time");
        return true;
    }
    return false;
}

/* Lock held. Nothing at work is exactly nothing, whatever the sums have lost. */
static void forget(DubEnginePool *self, double amount)
{
    self->n_pending--;
    self->pending = self->n_pending ? self->pending - amount : 0;
}

static DubEngine *take(DubEnginePool *self, const DubEngineRequest *request, double amount, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    self->n_pending++;
    self->pending += amount;
    bool over;
    while (!(over = is_over(request, error)) && !self->idle->len)
        g_cond_wait_until(&self->freed, &self->lock, g_get_monotonic_time() + LOOK_US);
    if (!over)
        return g_ptr_array_steal_index(self->idle, self->idle->len - 1);
    forget(self, amount);
    if (self->idle->len) /* we may have been woken for it */
        g_cond_signal(&self->freed);
    return NULL;
}

static void give_back(DubEnginePool *self, DubEngine *engine, double amount)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    g_ptr_array_add(self->idle, engine);
    forget(self, amount);
    g_cond_signal(&self->freed);
}

/* Voices differ from engine to engine: one that this engine does not have becomes the language's own. */
static const char *own_voice(const DubEnginePool *self, const char *voice)
{
    return voice && dub_engine_pool_has_voice(self, voice) ? voice : NULL;
}

DubEngineReply *dub_engine_pool_run(DubEnginePool *self, const DubEngineRequest *request, GError **error)
{
    const double amount = dub_engine_pool_amount(self, request);
    DubEngineRequest own = *request;
    own.from = self->from;
    own.to = self->to;
    own.voice = own_voice(self, request->voice);
    DubEngine *engine = take(self, &own, amount, error);
    if (!engine)
        return NULL;
    const int64_t begin_ns = dub_clock_now();
    DubEngineReply *reply = dub_engine_run(engine, &own, error);
    if (reply)
        account(self, &own, begin_ns);
    give_back(self, engine, amount);
    return reply;
}
