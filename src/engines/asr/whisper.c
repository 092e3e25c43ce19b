/* engines/asr/whisper.c: Whisper, in a program of its own (apps/engines/airdub-engine-whisper.c).
 * One thread a block and blocks side by side use the cores best. */
#include "engines/drivers.h"
#include "engines/program-driver.h"

static const DubProgramKind kind = {
    .kind = DUB_MODEL_WHISPER,
    .program = "airdub-engine-whisper",
    .cure = "in a checkout run: make deps-build && make",
};

static GPtrArray *list(const DubEngineConfig *config, GCancellable *cancellable G_GNUC_UNUSED, GError **error)
{
    return dub_program_driver_list(&kind, config, error);
}

static unsigned count(const DubEngineConfig *config)
{
    return dub_program_driver_count(&kind, config);
}

static DubEngine *open_model(const DubEngineConfig *config, GError **error)
{
    return dub_program_driver_open(&kind, config, error);
}

const DubEngineClass dub_engine_whisper = {
    .stage = DUB_STAGE_ASR,
    .name = "whisper",
    .brings = "airdub models install default",
    .rate_hz = 16000,
    .list = list,
    .count = count,
    .open = open_model,
    .run = dub_program_driver_run,
    .close = dub_program_driver_close,
};
