/* engines/exec.c: anybody's program as an engine: exec:PROGRAM [ARGUMENT…] (docs/engine-protocol.md). */
#include "base/error.h"
#include "engines/drivers.h"
#include "engines/program.h"

typedef struct {
    DubEngine base;
    DubProgram *program;
} Exec;

static DubProgram *start(const DubEngineConfig *config, GError **error)
{
    g_auto(GStrv) argv = NULL;
    if (config->argument && g_shell_parse_argv(config->argument, NULL, &argv, NULL))
        return dub_program_start((const char *const *) argv, NULL, error);
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                        "exec: which program? Write its name after a colon, and its arguments after that: "
                        "\"exec:./mine --fast\"");
    return NULL;
}

static GPtrArray *list(const DubEngineConfig *config, DubEngineStage stage, GCancellable *cancellable, GError **error)
{
    if (!config->argument) /* it is only here once somebody names a program */
        return g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    g_autoptr(DubProgram) program = start(config, error);
    return program ? dub_program_list(program, stage, cancellable, error) : NULL;
}

static GPtrArray *list_asr(const DubEngineConfig *config, GCancellable *cancellable, GError **error)
{
    return list(config, DUB_STAGE_ASR, cancellable, error);
}

static GPtrArray *list_mt(const DubEngineConfig *config, GCancellable *cancellable, GError **error)
{
    return list(config, DUB_STAGE_MT, cancellable, error);
}

static GPtrArray *list_tts(const DubEngineConfig *config, GCancellable *cancellable, GError **error)
{
    return list(config, DUB_STAGE_TTS, cancellable, error);
}

static DubEngine *open_program(const DubEngineConfig *config, GError **error)
{
    DubProgram *program = start(config, error);
    if (!program)
        return NULL;
    Exec *self = g_new0(Exec, 1);
    self->program = program;
    return &self->base;
}

static void close_program(DubEngine *base)
{
    Exec *self = (Exec *) base;
    dub_program_stop(self->program);
    g_free(self);
}

static DubEngineReply *run(DubEngine *base, const DubEngineRequest *request, GError **error)
{
    return dub_program_run(((Exec *) base)->program, base->klass->stage, request, error);
}

#define BRINGS "a program that speaks docs/engine-protocol.md; examples/engine.py is one"

const DubEngineClass dub_engine_exec_asr = {
    .stage = DUB_STAGE_ASR,
    .name = "exec",
    .brings = BRINGS,
    .flags = DUB_ENGINE_BY_NAME,
    .rate_hz = 16000,
    .list = list_asr,
    .open = open_program,
    .run = run,
    .close = close_program,
};

const DubEngineClass dub_engine_exec_mt = {
    .stage = DUB_STAGE_MT,
    .name = "exec",
    .brings = BRINGS,
    .flags = DUB_ENGINE_BY_NAME,
    .list = list_mt,
    .open = open_program,
    .run = run,
    .close = close_program,
};

const DubEngineClass dub_engine_exec_tts = {
    .stage = DUB_STAGE_TTS,
    .name = "exec",
    .brings = BRINGS,
    .flags = DUB_ENGINE_BY_NAME,
    .list = list_tts,
    .open = open_program,
    .run = run,
    .close = close_program,
};
