/* speech/process.h: one fragment through recognition, translation, synthesis and fitting. Any thread; the tools belong
 * to the caller's thread meanwhile. */
#pragma once

#include "engines/asr/asr.h"
#include "engines/mt/mt.h"
#include "engines/tts/tts.h"
#include "speech/speech.h"

typedef struct {
    DubAsr *asr;
    DubAsrStream *stream; /* NULL: the fragment is on its own */
    DubMt *mt;
    DubTts *tts;
} DubSpeechTools;

typedef struct {
    unsigned rate_hz, channels; /* of the dub */
    unsigned timeout_ms;        /* of the whole: no stage begins after it; 0: none */
} DubSpeechShape;

/* How others look at the work while it runs, and end it. */
typedef struct {
    GCancellable *cancellable; /* ends it within some 200 ms: the result is a failure with TIMEOUT then */
    const char *stage;         /* atomic: "asr", "translation", "tts"; static */
} DubSpeechControl;

/**
 * dub_speech_process:
 * Returns: (transfer full): never NULL. What an engine's error means is in it, as PROTOCOL.md names it. The dub has the
 * fragment's length, or is longer by at most 20 % (%DUB_SPEECH_PARTIAL above 10 %, error_code
 * "DURATION_MISMATCH" as its warning).
 */
DubSpeechResult *dub_speech_process(const DubSpeechTools *tools, const DubFragment *fragment,
                                    const DubSpeechShape *shape, DubSpeechControl *control);
