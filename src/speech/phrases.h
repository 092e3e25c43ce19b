/* speech/phrases.h: what was heard as phrases, cut where the speaker paused. Any thread, pure.
 * Each phrase is translated and dubbed by itself and placed where it was said: that is the sync a viewer sees. */
#pragma once

#include "engines/engine.h"

#define DUB_PHRASE_PAUSE_MS 400 /* a pause this long ends a phrase */

typedef struct {
    char *sentence; /* one or more, as a translator wants them: a capital first, a stop last */
    int64_t start_ns, end_ns;
} DubPhrase;

/**
 * dub_phrases_find:
 * By the segments' times where there are segments, drawn in to where there is a voice: they are more exact than a
 * recogniser's words; else by the words' times; else the whole text where the voice is.
 * @pcm: what was heard: mono, 16000 Hz
 * Returns: (transfer full): of DubPhrase; empty when nothing was said
 */
GArray *dub_phrases_find(const DubEngineReply *heard, const DubPcm *pcm);
