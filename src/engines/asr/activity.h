/* engines/asr/activity.h: which parts of a block hold a voice. Any thread, pure.
 * A recogniser that is given noise finds words in it; so what has no voice is not given to it. */
#pragma once

#include "audio/pcm.h"

#include <stdbool.h>

#define DUB_ACTIVITY_FRAMES_PER_S 100

/**
 * dub_activity_find:
 * @pcm: mono, 16000 Hz
 * @n_frames: (out): frames of 10 ms, the last one whole
 * Returns: (transfer full): for each frame whether it belongs to speech (with 200 ms around it); NULL when
 * there is none at all
 */
bool *dub_activity_find(const DubPcm *pcm, gsize *n_frames);
