/* engines/tts/vits.c: VITS voices (Piper, Coqui, MMS), in a program of its own
 * (apps/engines/airdub-engine-sherpa.c). One for each core: a voice takes 190 MB and gains little from a
 * second thread. */
#include "engines/drivers.h"
#include "engines/program-driver.h"

static const DubProgramKind kind = {
    .kind = DUB_MODEL_VITS,
    .program = "airdub-engine-sherpa",
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

static DubEngine *open_voice(const DubEngineConfig *config, GError **error)
{
    return dub_program_driver_open(&kind, config, error);
}

const DubEngineClass dub_engine_vits = {
    .stage = DUB_STAGE_TTS,
    .name = "vits",
    .brings = "airdub models install NAME, or a folder of your own under MODEL_DIR",
    .flags = DUB_ENGINE_PACES,
    .list = list,
    .count = count,
    .open = open_voice,
    .run = dub_program_driver_run,
    .close = dub_program_driver_close,
};
