/* engines/tts/tts-driver.h: what a synthesiser implements. For the files of this folder only. */
#pragma once

#include "engines/tts/tts.h"

#include <stdbool.h>

#define DUB_TTS_TEXT_MOST_BYTES 65536

typedef struct {
    DubTtsDriver info;
    bool takes_any_language; /* but only when asked for by its name */
    /* @voice: NULL for the language's own */
    DubTts *(*open)(const char *language, const char *voice, GError **error);
    void (*close)(DubTts *self);
    /* @text: valid UTF-8, not blank. Returns: mono, not trimmed */
    DubPcm *(*synthesize)(DubTts *self, const char *text, double pace, GCancellable *cancellable, GError **error);
} DubTtsClass;

struct _DubTts { /* a driver's own struct begins with it */
    const DubTtsClass *klass;
    int64_t cpu_ns; /* kept by tts.c */
};

extern const DubTtsClass dub_tts_espeak;
extern const DubTtsClass dub_tts_null;

DubVoice *dub_voice_new(const char *name, const char *language, const char *gender);
