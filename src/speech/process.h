/* speech/process.h: one fragment through recognition, translation, synthesis and fitting. Any thread; blocks until it
 * is done. */
#pragma once

#include "engines/set.h"
#include "speech/hearings.h"
#include "speech/speech.h"

typedef struct {
    unsigned rate_hz, channels; /* of the dub */
    unsigned timeout_ms;        /* of the whole: no stage begins after it; 0: none */
    const char *voice;          /* NULL: the language's own */
} DubSpeechShape;

/* What the stream brings to a fragment. */
typedef struct {
    DubEngineMemory *memory; /* NULL: the fragment is on its own */
    const char *context;     /* what was said before it, in the source's language; nullable */
    DubHearings *hearings;   /* what is heard is kept there, and what is known there is not heard again; nullable */
} DubSpeechPast;

/* How others look at the work while it runs, and end it. */
typedef struct {
    GCancellable *cancellable; /* ends it within some 200 ms: the result is a failure with TIMEOUT then */
    const char *stage;         /* atomic: "asr", "translation", "tts"; static */
} DubSpeechControl;

/**
 * dub_speech_process:
 * Returns: (transfer full): never NULL. What an engine's error means is in it, as PROTOCOL.md names it. The dub has the
 * fragment's length, or is longer by at most 20 % (%DUB_PROCESSED_PARTIAL above 10 %, error_code
 * "DURATION_MISMATCH" as its warning).
 */
DubSpeechResult *dub_speech_process(DubEngineSet *engines, const DubSpeechPast *past, const DubFragment *fragment,
                                    const DubSpeechShape *shape, DubSpeechControl *control);
