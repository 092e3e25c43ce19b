/* engines/set.h: the engines of one pair of languages: a chain for each stage, and the words that go with the pair. Any
 * thread; opening blocks for seconds. */
#pragma once

#include "engines/chain.h"
#include "text/profanity.h"

typedef struct _DubEngineSet DubEngineSet;

/* Errors as of dub_engine_chain_open(), and of dub_glossary_load(). */
DubEngineSet *dub_engine_set_open(const DubEngineSettings *settings, const char *from, const char *to, GError **error);
/* Whether it could be opened, see dub_engine_chain_check(). Asks all stages, may start programs. @voice: nullable */
bool dub_engine_set_check(const DubEngineSettings *settings, const char *from, const char *to, const char *voice,
                          GError **error);
void dub_engine_set_close(DubEngineSet *self); /* nobody may be in it; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubEngineSet, dub_engine_set_close)

DubEngineChain *dub_engine_set_chain(const DubEngineSet *self, DubEngineStage stage); /* (transfer none) */
const char *dub_engine_set_from(const DubEngineSet *self);
const char *dub_engine_set_to(const DubEngineSet *self);
const DubGlossary *dub_engine_set_glossary(const DubEngineSet *self); /* NULL: none */
/* What the settings say of swear words. @for_ears: nothing can be masked for them. (transfer full) */
char *dub_engine_set_clean(const DubEngineSet *self, const char *text, bool for_ears);
int64_t dub_engine_set_loading_cpu_ns(const DubEngineSet *self); /* of our own threads */

/* How many fragments can be worked on at once. */
unsigned dub_engine_set_count(const DubEngineSet *self);

/* What all stages take for @sound_ns of dense speech, by what was measured until now and, before anything was, by what
 * a slow machine takes. */
int64_t dub_engine_set_estimate_ns(DubEngineSet *self, int64_t sound_ns);
/* The same by the quickest engine of each stage: what keeps a machine busy that has no time for better ones. 0: not
 * measured yet. */
int64_t dub_engine_set_least_ns(DubEngineSet *self, int64_t sound_ns);
