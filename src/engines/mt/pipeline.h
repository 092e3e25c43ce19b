/* engines/mt/pipeline.h: programs chained by pipes that answer one message after the other, each ended by a NUL byte.
 * One thread at a time. The programs are started and ended as engines/child.h says; when we are killed, their input
 * ends and they end one after the other. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

typedef struct _DubPipeline DubPipeline;

#define DUB_PIPELINE_STAGES_MOST       32
#define DUB_PIPELINE_ANSWER_MOST_BYTES (1024 * 1024)

/* @stages: of char ** (argument vectors), 1…%DUB_PIPELINE_STAGES_MOST. %DUB_ERROR_ENGINE names the program that does
 * not start. */
DubPipeline *dub_pipeline_start(GPtrArray *stages, GError **error);
void dub_pipeline_stop(DubPipeline *self); /* no process is left after it; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubPipeline, dub_pipeline_stop)

/* What the programs have used so far: ns of CPU. One that died counts as long as it is not waited for: until stop. */
int64_t dub_pipeline_cpu_ns(const DubPipeline *self);

/* Sends @message and waits for the answer: at most until @deadline_ns on dub_clock_now(). After any error the pipeline
 * is out of step and can only be stopped. %DUB_ERROR_ENGINE: a program died. %DUB_ERROR_TIMEOUT, _CANCELLED. */
char *dub_pipeline_ask(DubPipeline *self, const char *message, int64_t deadline_ns, GCancellable *cancellable,
                       GError **error);
