/* engines/tts/tts.h: text to speech. Drivers: espeak-ng, null (silence). One thread at a time each; drivers whose
 * library is one global state (eSpeak NG) lock inside. */
#pragma once

#include "audio/pcm.h"

#include <gio/gio.h>

typedef struct _DubTts DubTts;

typedef struct {
    char *name;     /* what --voice and voice_profile take */
    char *language; /* ISO 639-1 or with region, "es", "es-419" */
    char *gender;   /* "male", "female", "" */
} DubVoice;

typedef struct {
    const char *name;
    const char *package;
    GPtrArray *(*voices)(GError **error); /* (transfer full) of DubVoice */
} DubTtsDriver;
const DubTtsDriver *const *dub_tts_drivers(void);
void dub_voice_free(DubVoice *self);

/* @voice: NULL or "default" for the language's own; %DUB_ERROR_NOT_FOUND for no such voice, %DUB_ERROR_UNSUPPORTED for
 * no such language. */
DubTts *dub_tts_open(const char *driver, const char *language, const char *voice, GError **error);
void dub_tts_close(DubTts *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubTts, dub_tts_close)
const DubTtsDriver *dub_tts_get_driver(const DubTts *self);
/* What the engine itself has used so far, on whatever threads called it: ns of CPU. */
int64_t dub_tts_cpu_ns(const DubTts *self);

/* Returns: (transfer full): mono at the engine's own rate, silence at both ends trimmed to 10 ms. */
DubPcm *dub_tts_synthesize(DubTts *self, const char *text, GCancellable *cancellable, GError **error);

#define DUB_TTS_PACE_MOST 1.5
/* The same, spoken @pace times as fast (1 … %DUB_TTS_PACE_MOST); an engine that cannot pace speaks at its own. */
DubPcm *dub_tts_synthesize_paced(DubTts *self, const char *text, double pace, GCancellable *cancellable,
                                 GError **error);
