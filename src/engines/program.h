/* engines/program.h: an engine that is a program of its own, spoken to over its standard input and output.
 * docs/engine-protocol.md is the protocol. Whoever exits, hangs, leaks or crashes there costs the piece of
 * work at hand and nothing else: the program is killed, and started again for the next piece. Killing it is
 * also what a cancel does. One thread at a time. */
#pragma once

#include "engines/engine.h"

#include <jansson.h>

typedef struct _DubProgram DubProgram;

#define DUB_PROGRAM_START_MS         60000              /* from its start to its first line: it loads its model */
#define DUB_PROGRAM_LINE_MOST_BYTES  (1024 * 1024)      /* of a reply */
#define DUB_PROGRAM_SOUND_MOST_BYTES (64 * 1024 * 1024) /* that follows one */

/**
 * dub_program_start:
 * @argv: found on PATH, or by its path; ended by NULL; copied
 * @environment: (nullable): "NAME=value", added to the few variables that programs need; copied
 * Waits until it is ready. %DUB_ERROR_ENGINE: it does not start, or says that it cannot work: its own words
 */
DubProgram *dub_program_start(const char *const *argv, const char *const *environment, GError **error);
/* The same with another bound than %DUB_PROGRAM_START_MS, for that start and all later ones. */
DubProgram *dub_program_start_within(const char *const *argv, const char *const *environment, unsigned start_ms,
                                     GError **error);
void dub_program_stop(DubProgram *self); /* no process is left; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubProgram, dub_program_stop)

const json_t *dub_program_hello(const DubProgram *self); /* (transfer none): its first line */

/**
 * dub_program_ask:
 * @message: (transfer none): an object; "id" and "bytes" are set here
 * @sound: (nullable): mono PCM that goes with it, as 16 bit
 * @reply: (out) (transfer full): an object
 * @reply_sound: (out) (transfer full) (nullable): mono, at the reply's "rate_hz"
 * @cpu_ns: (out): what the program used for it
 * Starts the program anew when it died before. Errors as of DubEngineClass.run. One that did not answer by
 * the protocol, in time, or before the cancel is ended, and starts again in the background; one that was
 * still loading goes on loading, and one that answered with an error of its own runs on.
 */
bool dub_program_ask(DubProgram *self, json_t *message, const DubPcm *sound, int64_t deadline_ns,
                     GCancellable *cancellable, json_t **reply, DubPcm **reply_sound, int64_t *cpu_ns, GError **error);

/* The common part of drivers whose engine is a program: the request as the protocol has it, and the reply
 * read back. */
DubEngineReply *dub_program_run(DubProgram *self, DubEngineStage stage, const DubEngineRequest *request,
                                GError **error);
/* What the program says it offers ("list"); of DubEngineOffer */
GPtrArray *dub_program_list(DubProgram *self, DubEngineStage stage, GCancellable *cancellable, GError **error);

/* Where our own engine programs are: @name is "airdub-engine-whisper"; beside the running program, else in
 * libexec. (transfer full); NULL: it is not installed */
char *dub_program_path(const char *name);
