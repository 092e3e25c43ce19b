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
    unsigned timeout_ms;        /* of the whole, looked at between the stages and bounding translation; 0: none */
} DubSpeechShape;

/**
 * dub_speech_process:
 * @cancellable: ends the work within some 200 ms; the result is a failure with TIMEOUT then
 * Returns: (transfer full): never NULL. What an engine's error means is in it, as PROTOCOL.md names it. The dub has the
 * fragment's length, or is longer by at most 20 % (%DUB_SPEECH_PARTIAL above 10 %, error_code
 * "DURATION_MISMATCH" as its warning).
 */
DubSpeechResult *dub_speech_process(const DubSpeechTools *tools, const DubFragment *fragment,
                                    const DubSpeechShape *shape, GCancellable *cancellable);
