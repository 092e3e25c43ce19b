/* engines/set.c: three chains, opened side by side. */
#include "engines/set.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <string.h>

#define CHARACTERS_A_SECOND 15.0 /* of dense speech, in either language */
#define UNKNOWN_SHARE       0.2  /* of the sound's length, for a stage that has not been measured yet */

struct _DubEngineSet {
    char *from, *to;
    DubEngineChain *chains[DUB_N_STAGES];
    DubGlossary *glossary;
    DubProfanity *profanity; /* of the language spoken in the end */
    DubProfanityPolicy policy;
};

typedef struct {
    const DubEngineSettings *settings;
    const DubEngineSet *set;
    DubEngineStage stage;
    GThread *thread;
    DubEngineChain *chain;
    GError *error;
} Opening;

static gpointer open_chain(gpointer data)
{
    Opening *opening = data;
    opening->chain =
        dub_engine_chain_open(opening->settings, opening->stage, opening->set->from, opening->set->to, &opening->error);
    return NULL;
}

static bool open_chains(DubEngineSet *self, const DubEngineSettings *settings, GError **error)
{
    Opening openings[DUB_N_STAGES] = { 0 };
    for (int stage = 0; stage < DUB_N_STAGES; stage++) {
        openings[stage].settings = settings;
        openings[stage].set = self;
        openings[stage].stage = stage;
        openings[stage].thread = g_thread_new("engines-open", open_chain, &openings[stage]);
    }
    g_autoptr(GError) failure = NULL;
    for (int stage = 0; stage < DUB_N_STAGES; stage++) {
        g_thread_join(openings[stage].thread);
        self->chains[stage] = openings[stage].chain;
        if (openings[stage].error && !failure)
            failure = g_steal_pointer(&openings[stage].error);
        g_clear_error(&openings[stage].error);
    }
    if (!failure)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

/* Is every name of @spec that of a glossary which came with airdub, if for other languages? */
static bool is_known(const char *spec)
{
    g_auto(GStrv) names = g_strsplit(spec, ",", -1);
    g_auto(GStrv) known = dub_glossary_list(); /* "sports en-es" */
    g_autofree char *all = g_strjoinv("\n", known);
    g_autofree char *lines = g_strconcat("\n", all, NULL);
    for (char **name = names; *name; name++) {
        g_autofree char *line = g_strdup_printf("\n%s ", g_strstrip(*name));
        if (!strstr(lines, line))
            return false;
    }
    return true;
}

/* A service that dubs into several languages has one setting: a pair that its glossary does not know goes without. */
static bool load_glossary(DubEngineSet *self, const char *spec, GError **error)
{
    g_autoptr(GError) problem = NULL;
    self->glossary = dub_glossary_load(spec, self->from, self->to, &problem);
    if (self->glossary)
        return true;
    if (g_error_matches(problem, DUB_ERROR, DUB_ERROR_NOT_FOUND) && is_known(spec)) {
        dub_warning("%s; going on without", problem->message);
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

static bool load_words(DubEngineSet *self, const DubEngineSettings *settings, GError **error)
{
    if (settings->glossary && !load_glossary(self, settings->glossary, error))
        return false;
    dub_profanity_policy_from_string(settings->profanity, &self->policy);
    if (self->policy == DUB_PROFANITY_KEEP)
        return true;
    self->profanity = dub_profanity_load(self->to, error);
    return self->profanity != NULL;
}

DubEngineSet *dub_engine_set_open(const DubEngineSettings *settings, const char *from, const char *to, GError **error)
{
    const int64_t begin_ns = dub_clock_now();
    g_autoptr(DubEngineSet) self = g_new0(DubEngineSet, 1);
    self->from = g_strdup(from);
    self->to = g_strdup(to);
    if (!load_words(self, settings, error) || !open_chains(self, settings, error))
        return NULL;
    dub_info("engines: %s, %s, %s for %s to %s, loaded in %" G_GINT64_FORMAT " ms",
             dub_engine_chain_name(self->chains[DUB_STAGE_ASR]), dub_engine_chain_name(self->chains[DUB_STAGE_MT]),
             dub_engine_chain_name(self->chains[DUB_STAGE_TTS]), from, to,
             (dub_clock_now() - begin_ns) / DUB_NS_PER_MS);
    return g_steal_pointer(&self);
}

bool dub_engine_set_check(const DubEngineSettings *settings, const char *from, const char *to, const char *voice,
                          GError **error)
{
    for (int stage = 0; stage < DUB_N_STAGES; stage++)
        if (!dub_engine_chain_check(settings, (DubEngineStage) stage, from, to, voice, error))
            return false;
    return true;
}

void dub_engine_set_close(DubEngineSet *self)
{
    if (!self)
        return;
    for (int stage = 0; stage < DUB_N_STAGES; stage++)
        dub_engine_chain_close(self->chains[stage]);
    dub_glossary_unref(self->glossary);
    dub_profanity_free(self->profanity);
    g_free(self->from);
    g_free(self->to);
    g_free(self);
}

DubEngineChain *dub_engine_set_chain(const DubEngineSet *self, DubEngineStage stage)
{
    return self->chains[stage];
}

const DubGlossary *dub_engine_set_glossary(const DubEngineSet *self)
{
    return self->glossary;
}

char *dub_engine_set_clean(const DubEngineSet *self, const char *text, bool for_ears)
{
    const bool drops = for_ears && self->policy == DUB_PROFANITY_MASK;
    return self->profanity ? dub_profanity_apply(self->profanity, drops ? DUB_PROFANITY_DROP : self->policy, text)
                           : g_strdup(text);
}

const char *dub_engine_set_from(const DubEngineSet *self)
{
    return self->from;
}

const char *dub_engine_set_to(const DubEngineSet *self)
{
    return self->to;
}

int64_t dub_engine_set_loading_cpu_ns(const DubEngineSet *self)
{
    int64_t sum_ns = 0;
    for (int stage = 0; stage < DUB_N_STAGES; stage++)
        sum_ns += dub_engine_chain_loading_cpu_ns(self->chains[stage]);
    return sum_ns;
}

unsigned dub_engine_set_count(const DubEngineSet *self)
{
    unsigned most = 1;
    for (int stage = 0; stage < DUB_N_STAGES; stage++)
        most = MAX(most, dub_engine_chain_count(self->chains[stage]));
    return most;
}

static double amount_of(DubEngineStage stage, int64_t sound_ns)
{
    const double seconds = (double) sound_ns / DUB_NS_PER_S;
    return stage == DUB_STAGE_ASR ? seconds : seconds * CHARACTERS_A_SECOND;
}

int64_t dub_engine_set_estimate_ns(DubEngineSet *self, int64_t sound_ns)
{
    int64_t sum_ns = 0;
    for (int stage = 0; stage < DUB_N_STAGES; stage++) {
        const int64_t stage_ns =
            dub_engine_chain_estimate_ns(self->chains[stage], amount_of((DubEngineStage) stage, sound_ns));
        sum_ns += stage_ns ? stage_ns : (int64_t) (UNKNOWN_SHARE * (double) sound_ns);
    }
    return sum_ns;
}

int64_t dub_engine_set_least_ns(DubEngineSet *self, int64_t sound_ns)
{
    int64_t sum_ns = 0;
    for (int stage = 0; stage < DUB_N_STAGES; stage++) {
        const int64_t stage_ns =
            dub_engine_chain_least_ns(self->chains[stage], amount_of((DubEngineStage) stage, sound_ns));
        if (!stage_ns)
            return 0;
        sum_ns += stage_ns;
    }
    return sum_ns;
}
