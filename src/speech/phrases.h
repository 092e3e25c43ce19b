/* speech/phrases.h: a transcript as phrases, cut where the speaker paused. Any thread, pure.
 * Each phrase is translated and dubbed by itself and placed where it was said: that is the sync a viewer sees. */
#pragma once

#include "engines/asr/asr.h"

#define DUB_PHRASE_PAUSE_MS 400 /* a pause this long ends a phrase */

typedef struct {
    char *sentence; /* as a translator wants it: a capital first, "I" written large, a stop last */
    int64_t start_ns, end_ns;
} DubPhrase;

/* @fallback_start_ns, @fallback_end_ns: where the speech lies, for an engine that gives no word times.
 * Returns: (transfer full): of DubPhrase; empty when nothing was said */
GArray *dub_phrases_from_transcript(const DubTranscript *transcript, int64_t fallback_start_ns,
                                    int64_t fallback_end_ns);
