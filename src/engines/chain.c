/* engines/chain.c: which engine is asked, and who is asked next. */
#include "engines/chain.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "engines/list.h"

#include <string.h>

#define MEMBERS_MOST      8
#define RESERVE_NS        (300 * DUB_NS_PER_MS) /* fitting, encoding, and the way back */
#define FAILURES_MOST     3                     /* in a row; from then on it rests */
#define REST_NS           (30 * DUB_NS_PER_S)
#define QUICK_SYNTHESISER "espeak-ng"

typedef struct {
    DubEnginePool *pool;
    int failures; /* in a row; guarded by the chain's lock, both */
    int64_t rests_until_ns;
} Member;

struct _DubEngineChain {
    DubEngineStage stage;
    Member members[MEMBERS_MOST];
    unsigned n_members;
    GMutex lock;
};

/* ── Opening ── */

static bool is_offered(const DubEngineOffer *offer, DubEngineStage stage, const char *from, const char *to)
{
    switch (stage) {
    case DUB_STAGE_ASR: return dub_engine_covers(offer->language, from);
    case DUB_STAGE_MT: return g_str_equal(offer->language, from) && g_str_equal(offer->target, to);
    case DUB_STAGE_TTS: return dub_engine_covers(offer->language, to);
    case DUB_N_STAGES: break;
    }
    return false;
}

/* Returns: false also with an error, when the engine is there and broken */
static bool can_do(const DubEngineClass *klass, const DubEngineConfig *config, GError **error)
{
    if (klass->flags & DUB_ENGINE_ANY_LANGUAGE)
        return true;
    g_autoptr(GPtrArray) offers = klass->list(config, NULL, error);
    for (guint i = 0; offers && i < offers->len; i++)
        if (is_offered(g_ptr_array_index(offers, i), klass->stage, config->from, config->to))
            return true;
    return false;
}

static void add_languages(GString *list, const DubEngineClass *klass, const GPtrArray *offers)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < offers->len; i++) {
        const DubEngineOffer *offer = g_ptr_array_index(offers, i);
        g_autofree char *name = offer->target ? g_strdup_printf("%s-%s", offer->language, offer->target)
                                              : g_strndup(offer->language, strcspn(offer->language, "-_"));
        if (g_hash_table_add(seen, g_strdup(name)))
            g_string_append_printf(list, "%s%s", list->len ? ", " : "", name);
    }
    g_string_append_printf(list, "%s(%s)", list->len ? " " : "", klass->name);
}

/* "en (pocketsphinx)", for a message that says what there is. */
static char *list_offers(const DubEngineSettings *settings, DubEngineStage stage)
{
    GString *all = g_string_new(NULL);
    for (const DubEngineClass *const *klass = dub_engine_list(); *klass; klass++) {
        if ((*klass)->stage != stage || ((*klass)->flags & DUB_ENGINE_BY_NAME))
            continue;
        const DubEngineConfig config = dub_engine_settings_config(settings, *klass, NULL, NULL, NULL);
        g_autoptr(GPtrArray) offers = (*klass)->list(&config, NULL, NULL);
        g_autoptr(GString) own = g_string_new(NULL);
        if (!offers || !offers->len)
            continue;
        add_languages(own, *klass, offers);
        g_string_append_printf(all, "%s%s", all->len ? "; " : "", own->str);
    }
    return g_string_free(all, FALSE);
}

static const char *what_is_missing(DubEngineStage stage)
{
    switch (stage) {
    case DUB_STAGE_ASR: return "no speech recognition for language";
    case DUB_STAGE_MT: return "no translation for";
    case DUB_STAGE_TTS: return "no voice speaks";
    case DUB_N_STAGES: break;
    }
    return "no engine for";
}

static void set_unsupported(GError **error, const DubEngineSettings *settings, DubEngineStage stage, const char *from,
                            const char *to)
{
    g_autofree char *offers = list_offers(settings, stage);
    g_autofree char *pair = g_strdup_printf("%s-%s", from, to);
    g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "%s \"%s\"; there is: %s%s", what_is_missing(stage),
                stage == DUB_STAGE_ASR  ? from
                : stage == DUB_STAGE_MT ? pair
                                        : to,
                *offers ? offers : "none installed",
                stage == DUB_STAGE_MT    ? " (more pairs: apt-cache search apertium-)"
                : stage == DUB_STAGE_TTS ? " (see airdub voices)"
                                         : "");
}

static bool add_member(DubEngineChain *self, const DubEngineClass *klass, const DubEngineConfig *config, GError **error)
{
    DubEnginePool *pool = dub_engine_pool_open(klass, config, error);
    if (!pool)
        return false;
    self->members[self->n_members++].pool = pool;
    return true;
}

/* @argument: (out) (transfer full), as of dub_engine_find(): the config points to it.
 * Returns: NULL with an error that says why this one cannot work */
static const DubEngineClass *find_able(const DubEngineSettings *settings, DubEngineStage stage, const char *name,
                                       const char *from, const char *to, char **argument, DubEngineConfig *config,
                                       GError **error)
{
    g_autoptr(GError) broken = NULL;
    const DubEngineClass *klass = dub_engine_find(stage, name, argument, error);
    if (!klass)
        return NULL;
    *config = dub_engine_settings_config(settings, klass, from, to, *argument);
    if (can_do(klass, config, &broken) || (broken && (klass->flags & DUB_ENGINE_REMOTE)))
        return klass;
    if (broken)
        g_propagate_error(error, g_steal_pointer(&broken));
    else
        set_unsupported(error, settings, stage, from, to);
    return NULL;
}

/* Returns: false with an error that says why this one cannot work */
static bool add_named(DubEngineChain *self, const DubEngineSettings *settings, const char *name, const char *from,
                      const char *to, GError **error)
{
    g_autofree char *argument = NULL;
    DubEngineConfig config;
    const DubEngineClass *klass = find_able(settings, self->stage, name, from, to, &argument, &config, error);
    return klass && add_member(self, klass, &config, error);
}

static bool open_named(DubEngineChain *self, const DubEngineSettings *settings, const char *providers, const char *from,
                       const char *to, GError **error)
{
    g_auto(GStrv) names = g_strsplit(providers, ",", -1);
    g_autoptr(GError) failure = NULL;
    for (char **name = names; *name && self->n_members < MEMBERS_MOST; name++) {
        if (failure)
            dub_warning("%s; going on without it", failure->message);
        g_clear_error(&failure);
        add_named(self, settings, g_strstrip(*name), from, to, &failure);
    }
    if (failure && self->n_members)
        dub_warning("%s; going on without it", failure->message);
    if (self->n_members)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

static bool is_default(const DubEngineChain *self, const DubEngineClass *klass)
{
    if (klass->stage != self->stage || (klass->flags & (DUB_ENGINE_BY_NAME | DUB_ENGINE_REMOTE)))
        return false;
    return !self->n_members || (self->stage == DUB_STAGE_TTS && g_str_equal(klass->name, QUICK_SYNTHESISER));
}

/* The first that can do it; behind a voice that may be slow the quick one. */
static bool open_default(DubEngineChain *self, const DubEngineSettings *settings, const char *from, const char *to,
                         GError **error)
{
    g_autoptr(GError) failure = NULL;
    for (const DubEngineClass *const *klass = dub_engine_list(); *klass; klass++) {
        if (!is_default(self, *klass))
            continue;
        g_autoptr(GError) problem = NULL;
        const DubEngineConfig config = dub_engine_settings_config(settings, *klass, from, to, NULL);
        if (can_do(*klass, &config, &problem))
            add_member(self, *klass, &config, &problem);
        if (problem)
            dub_warning("%s", problem->message);
        if (problem && !failure)
            failure = g_steal_pointer(&problem);
    }
    if (self->n_members)
        return true;
    if (failure)
        g_propagate_error(error, g_steal_pointer(&failure));
    else
        set_unsupported(error, settings, self->stage, from, to);
    return false;
}

/* Settings written for another system are no reason not to start: what is here does the work, and says so. */
static bool open_instead(DubEngineChain *self, const DubEngineSettings *settings, const char *providers,
                         const char *from, const char *to, GError **error)
{
    if (!dub_engine_is_borrowed(self->stage, providers) || !g_error_matches(*error, DUB_ERROR, DUB_ERROR_UNSUPPORTED))
        return false;
    g_autoptr(GError) failure = g_steal_pointer(error);
    if (!open_default(self, settings, from, to, error))
        return false;
    dub_warning("%s is not there (%s); %s takes its place", providers, failure->message, dub_engine_chain_name(self));
    return true;
}

DubEngineChain *dub_engine_chain_open(const DubEngineSettings *settings, DubEngineStage stage, const char *from,
                                      const char *to, GError **error)
{
    g_autoptr(DubEngineChain) self = g_new0(DubEngineChain, 1);
    self->stage = stage;
    g_mutex_init(&self->lock);
    const char *providers = settings->providers[stage];
    g_autoptr(GError) failure = NULL;
    const bool opened = providers ? open_named(self, settings, providers, from, to, &failure) ||
                                        open_instead(self, settings, providers, from, to, &failure)
                                  : open_default(self, settings, from, to, &failure);
    if (opened)
        return g_steal_pointer(&self);
    g_propagate_error(error, g_steal_pointer(&failure));
    return NULL;
}

/* ── Asking beforehand ── */

typedef struct {
    const DubEngineSettings *settings;
    DubEngineStage stage;
    const char *from, *to, *voice;
    bool is_able, has_voice;
} Check;

static void note_able(Check *check, const DubEngineClass *klass, const DubEngineConfig *config)
{
    check->is_able = true;
    check->has_voice |= !check->voice || check->stage != DUB_STAGE_TTS || (klass->flags & DUB_ENGINE_ANY_LANGUAGE);
    if (check->has_voice)
        return;
    g_autoptr(GPtrArray) offers = klass->list(config, NULL, NULL);
    for (guint i = 0; offers && i < offers->len; i++)
        check->has_voice |= g_str_equal(((const DubEngineOffer *) g_ptr_array_index(offers, i))->name, check->voice);
    check->has_voice |= !offers; /* a server that does not answer now may know it */
}

/* Returns: the error of the last that cannot */
static GError *check_named(Check *check, const char *providers)
{
    g_auto(GStrv) names = g_strsplit(providers, ",", -1);
    GError *error = NULL;
    for (char **name = names; *name; name++) {
        g_autofree char *argument = NULL;
        DubEngineConfig config;
        g_clear_error(&error);
        const DubEngineClass *klass = find_able(check->settings, check->stage, g_strstrip(*name), check->from,
                                                check->to, &argument, &config, &error);
        if (klass)
            note_able(check, klass, &config);
    }
    return error;
}

static GError *check_defaults(Check *check)
{
    const DubEngineChain none = { .stage = check->stage };
    GError *error = NULL;
    for (const DubEngineClass *const *klass = dub_engine_list(); *klass; klass++) {
        const DubEngineConfig config =
            dub_engine_settings_config(check->settings, *klass, check->from, check->to, NULL);
        if (is_default(&none, *klass) && can_do(*klass, &config, NULL))
            note_able(check, *klass, &config);
    }
    if (!check->is_able)
        set_unsupported(&error, check->settings, check->stage, check->from, check->to);
    return error;
}

bool dub_engine_chain_check(const DubEngineSettings *settings, DubEngineStage stage, const char *from, const char *to,
                            const char *voice, GError **error)
{
    Check check = { .settings = settings, .stage = stage, .from = from, .to = to, .voice = voice };
    const char *providers = settings->providers[stage];
    g_autoptr(GError) problem = providers ? check_named(&check, providers) : NULL;
    const bool asks_defaults = !providers || (problem && dub_engine_is_borrowed(stage, providers) &&
                                              g_error_matches(problem, DUB_ERROR, DUB_ERROR_UNSUPPORTED));
    if (!check.is_able && asks_defaults) {
        g_clear_error(&problem);
        problem = check_defaults(&check);
    }
    if (check.is_able && check.has_voice)
        return true;
    if (check.is_able)
        g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND,
                    "no voice is called \"%s\"; \"airdub voices\" lists those there are", voice);
    else
        g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

void dub_engine_chain_close(DubEngineChain *self)
{
    if (!self)
        return;
    for (unsigned i = 0; i < self->n_members; i++)
        dub_engine_pool_close(self->members[i].pool);
    g_mutex_clear(&self->lock);
    g_free(self);
}

/* ── Running ── */

static double total_amount(const DubEnginePool *pool, const DubEngineRequest *requests, gsize n_requests)
{
    double amount = 0;
    for (gsize i = 0; i < n_requests; i++)
        amount += dub_engine_pool_amount(pool, &requests[i]);
    return amount;
}

static bool rests(DubEngineChain *self, const Member *member)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    return dub_clock_now() < member->rests_until_ns;
}

static void note(DubEngineChain *self, Member *member, bool worked)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    member->failures = worked ? 0 : member->failures + 1;
    if (member->failures < FAILURES_MOST)
        return;
    member->rests_until_ns = dub_clock_now() + REST_NS;
    member->failures = FAILURES_MOST - 1; /* after the rest one failure is enough */
}

/* When the engine has to be done, so that the one behind it could still do it all. */
static int64_t own_deadline(const Member *next, const DubEngineRequest *requests, gsize n_requests)
{
    const int64_t deadline_ns = requests[0].deadline_ns;
    if (!deadline_ns || !next)
        return deadline_ns;
    const double amount = total_amount(next->pool, requests, n_requests);
    return deadline_ns - dub_engine_pool_estimate_ns(next->pool, amount) - RESERVE_NS;
}

static bool fits(const Member *member, const DubEngineRequest *requests, gsize n_requests, int64_t deadline_ns)
{
    const double amount = total_amount(member->pool, requests, n_requests);
    /* The mean, not the worst: the deadline leaves the next one its time, so a try that fails costs the viewer nothing.
     * And who is never tried is never measured again. */
    return !deadline_ns || dub_clock_now() + dub_engine_pool_expected_ns(member->pool, amount) <= deadline_ns;
}

static GPtrArray *run_member(const Member *member, const DubEngineRequest *requests, gsize n_requests,
                             int64_t deadline_ns, GError **error)
{
    g_autoptr(GPtrArray) replies = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_reply_free);
    for (gsize i = 0; i < n_requests; i++) {
        DubEngineRequest request = requests[i];
        request.deadline_ns = deadline_ns;
        DubEngineReply *reply = dub_engine_pool_run(member->pool, &request, error);
        if (!reply)
            return NULL;
        g_ptr_array_add(replies, reply);
    }
    return g_steal_pointer(&replies);
}

/* Whoever has the voice that is asked for comes first. The order is otherwise that of the settings. */
static unsigned sort_members(DubEngineChain *self, const DubEngineRequest *requests, gsize n_requests,
                             const DubEngineClass *only, Member **order)
{
    const char *voice = n_requests ? requests[0].voice : NULL;
    unsigned n = 0;
    for (int with_voice = 1; with_voice >= 0; with_voice--)
        for (unsigned i = 0; i < self->n_members; i++) {
            Member *member = &self->members[i];
            const bool has_it = !voice || dub_engine_pool_has_voice(member->pool, voice);
            if (has_it == with_voice && (!only || dub_engine_pool_class(member->pool) == only))
                order[n++] = member;
        }
    return n;
}

GPtrArray *dub_engine_chain_run(DubEngineChain *self, const DubEngineRequest *requests, gsize n_requests,
                                const DubEngineClass *only, GError **error)
{
    Member *order[MEMBERS_MOST];
    const unsigned n = sort_members(self, requests, n_requests, only, order);
    g_autoptr(GError) failure = NULL;
    if (!n)
        g_set_error(&failure, DUB_ERROR, DUB_ERROR_ENGINE, "%s is none of the engines that do this", only->name);
    for (unsigned i = 0; i < n && n_requests; i++) {
        Member *next = i + 1 < n ? order[i + 1] : NULL;
        const int64_t deadline_ns = own_deadline(next, requests, n_requests);
        if (next && (rests(self, order[i]) || !fits(order[i], requests, n_requests, deadline_ns)))
            continue;
        g_clear_error(&failure);
        GPtrArray *replies = run_member(order[i], requests, n_requests, deadline_ns, &failure);
        if (replies || g_cancellable_is_cancelled(requests[0].cancellable)) {
            if (replies)
                note(self, order[i], true);
            else
                g_propagate_error(error, g_steal_pointer(&failure));
            return replies;
        }
        if (!g_error_matches(failure, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT)) /* which is the request's fault */
            note(self, order[i], false);
        if (next)
            dub_warning("%s; %s takes over", failure->message, dub_engine_pool_class(next->pool)->name);
    }
    if (failure)
        g_propagate_error(error, g_steal_pointer(&failure));
    return failure || n_requests ? NULL : g_ptr_array_new();
}

const char *dub_engine_chain_name(const DubEngineChain *self)
{
    return dub_engine_pool_class(self->members[0].pool)->name;
}

unsigned dub_engine_chain_count(const DubEngineChain *self)
{
    unsigned most = 1;
    for (unsigned i = 0; i < self->n_members; i++)
        most = MAX(most, dub_engine_pool_count(self->members[i].pool));
    return most;
}

int64_t dub_engine_chain_loading_cpu_ns(const DubEngineChain *self)
{
    int64_t sum_ns = 0;
    for (unsigned i = 0; i < self->n_members; i++)
        sum_ns += dub_engine_pool_loading_cpu_ns(self->members[i].pool);
    return sum_ns;
}

bool dub_engine_chain_has_voice(const DubEngineChain *self, const char *voice)
{
    for (unsigned i = 0; i < self->n_members; i++)
        if (dub_engine_pool_has_voice(self->members[i].pool, voice))
            return true;
    return false;
}

int64_t dub_engine_chain_estimate_ns(DubEngineChain *self, double amount)
{
    return dub_engine_pool_estimate_ns(self->members[0].pool, amount);
}

int64_t dub_engine_chain_least_ns(DubEngineChain *self, double amount)
{
    int64_t least_ns = 0;
    for (unsigned i = 0; i < self->n_members; i++) {
        const int64_t own_ns = dub_engine_pool_mean_ns(self->members[i].pool, amount);
        if (own_ns && (!least_ns || own_ns < least_ns))
            least_ns = own_ns;
    }
    return least_ns;
}
