/* engines/pool.h: one driver, opened as often as it may work side by side, shared by all who need it.
 * open() blocks for as long as loading takes; run() blocks until an engine is free and done. Any thread. */
#pragma once

#include "engines/cost.h"
#include "engines/engine.h"

typedef struct _DubEnginePool DubEnginePool;

/* Opens all engines, side by side, and lets each do one small piece of work, so that the first real one finds it warm
 * and its cost is known. @config: copied. Errors as of DubEngineClass.open. */
DubEnginePool *dub_engine_pool_open(const DubEngineClass *klass, const DubEngineConfig *config, GError **error);
void dub_engine_pool_close(DubEnginePool *self); /* nobody may be in it; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubEnginePool, dub_engine_pool_close)

const DubEngineClass *dub_engine_pool_class(const DubEnginePool *self);
unsigned dub_engine_pool_count(const DubEnginePool *self);
int64_t dub_engine_pool_loading_cpu_ns(const DubEnginePool *self); /* of our own threads */
bool dub_engine_pool_has_voice(const DubEnginePool *self, const char *voice);

/* What the time of @request grows with: seconds of sound, or characters. */
double dub_engine_pool_amount(const DubEnginePool *self, const DubEngineRequest *request);
/* How long @amount takes by what was measured, with the work that is waiting already; 0: not known */
int64_t dub_engine_pool_estimate_ns(DubEnginePool *self, double amount);

int64_t dub_engine_pool_expected_ns(DubEnginePool *self, double amount); /* the same on the average */
int64_t dub_engine_pool_mean_ns(DubEnginePool *self, double amount);     /* what it takes on the average, by itself */

/* Waits for a free engine, not beyond the deadline, and runs it. Errors as of dub_engine_run(). */
DubEngineReply *dub_engine_pool_run(DubEnginePool *self, const DubEngineRequest *request, GError **error);
