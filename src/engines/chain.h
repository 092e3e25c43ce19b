/* engines/chain.h: the engines of one stage, in the order in which they are asked. The next takes over where one fails,
 * or will not be done by the deadline by what it has cost until now. Any thread; open and run block. */
#pragma once

#include "engines/pool.h"
#include "engines/settings.h"

typedef struct _DubEngineChain DubEngineChain;

/**
 * dub_engine_chain_open:
 * Opens what @settings name for the stage, else the best there is for the language; speech has a second, quick voice
 * behind a slow one. An engine that cannot be opened is left out with a warning while another can.
 * Returns: %DUB_ERROR_UNSUPPORTED: nothing does this language, the message lists what there is; %DUB_ERROR_ENGINE
 */
DubEngineChain *dub_engine_chain_open(const DubEngineSettings *settings, DubEngineStage stage, const char *from,
                                      const char *to, GError **error);
/* Whether it could be opened, as far as that is known without loading anything: the language is there, and who has
 * @voice (nullable; TTS). Errors as of dub_engine_chain_open(), and %DUB_ERROR_NOT_FOUND: no such voice */
bool dub_engine_chain_check(const DubEngineSettings *settings, DubEngineStage stage, const char *from, const char *to,
                            const char *voice, GError **error);
void dub_engine_chain_close(DubEngineChain *self); /* nobody may be in it; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubEngineChain, dub_engine_chain_close)

/**
 * dub_engine_chain_run:
 * @requests: @n_requests of them, done one after the other by one and the same engine
 * @only: (nullable): no other engine than this
 * Returns: (transfer full): of DubEngineReply, one for each; NULL with the error of the last engine that was asked
 */
GPtrArray *dub_engine_chain_run(DubEngineChain *self, const DubEngineRequest *requests, gsize n_requests,
                                const DubEngineClass *only, GError **error);

const char *dub_engine_chain_name(const DubEngineChain *self); /* of the first engine; static */
unsigned dub_engine_chain_count(const DubEngineChain *self);   /* engines side by side: the most of any member */
int64_t dub_engine_chain_loading_cpu_ns(const DubEngineChain *self);
bool dub_engine_chain_has_voice(const DubEngineChain *self, const char *voice);
/* What a piece of @amount takes the first engine, see dub_engine_pool_amount(); 0: not known yet */
int64_t dub_engine_chain_estimate_ns(DubEngineChain *self, double amount);
/* What it takes on the average by the engine that takes least, which does the work when there is no time for the
 * others. */
int64_t dub_engine_chain_least_ns(DubEngineChain *self, double amount);
