/* engines/tts/kokoro.c: Kokoro's voices, in a program of its own (apps/engines/airdub-engine-sherpa.c).
 * One for all cores: it takes 550 MB. It does not pace: told to hurry, it is misunderstood three times as
 * often. */
#include "engines/drivers.h"
#include "engines/program-driver.h"

static const DubProgramKind kind = {
    .kind = DUB_MODEL_KOKORO,
    .program = "airdub-engine-sherpa",
    .cure = "in a checkout run: make deps-build && make",
    .all_cores = true,
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

const DubEngineClass dub_engine_kokoro = {
    .stage = DUB_STAGE_TTS,
    .name = "kokoro",
    .brings = "airdub models install default",
    .list = list,
    .count = count,
    .open = open_voice,
    .run = dub_program_driver_run,
    .close = dub_program_driver_close,
};
