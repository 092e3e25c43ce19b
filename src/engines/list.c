/* engines/list.c: the list of drivers. */
#include "engines/list.h"

#include "engines/drivers.h"

/* Within a stage the first that can do a language is its default. */
static const DubEngineClass *const classes[] = {
    &dub_engine_whisper,   &dub_engine_pocketsphinx, &dub_engine_openai_asr,
    &dub_engine_exec_asr,  &dub_engine_subtitles,    &dub_engine_null_asr,
    &dub_engine_apertium,  &dub_engine_deepl,        &dub_engine_libretranslate,
    &dub_engine_openai_mt, &dub_engine_apertium_apy, &dub_engine_exec_mt,
    &dub_engine_null_mt,   &dub_engine_kokoro,       &dub_engine_vits,
    &dub_engine_espeak,    &dub_engine_openai_tts,   &dub_engine_elevenlabs,
    &dub_engine_exec_tts,  &dub_engine_null_tts,     NULL,
};

const DubEngineClass *const *dub_engine_list(void)
{
    return classes;
}
