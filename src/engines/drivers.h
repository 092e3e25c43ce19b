/* engines/drivers.h: the classes that the driver files define. For engines/list.c and the drivers' tests only. */
#pragma once

#include "engines/engine.h"

extern const DubEngineClass dub_engine_whisper, dub_engine_pocketsphinx, dub_engine_subtitles, dub_engine_null_asr;
extern const DubEngineClass dub_engine_apertium, dub_engine_null_mt;
extern const DubEngineClass dub_engine_kokoro, dub_engine_vits, dub_engine_espeak, dub_engine_null_tts;
extern const DubEngineClass dub_engine_exec_asr, dub_engine_exec_mt, dub_engine_exec_tts;

/* Elsewhere, by HTTP */
extern const DubEngineClass dub_engine_openai_asr;
extern const DubEngineClass dub_engine_deepl, dub_engine_libretranslate, dub_engine_openai_mt, dub_engine_apertium_apy;
extern const DubEngineClass dub_engine_openai_tts, dub_engine_elevenlabs;
