/* audio/level.h: where sound is loud, where it is quiet. Any thread, pure functions. */
#pragma once

#include "audio/pcm.h"

#include <stdbool.h>

/* Returns: first frame of the quietest window of @window_frames that lies within [@first, @last); ties go to the one
 * nearest the middle. @samples: @n_frames × @channels. Whole range shorter than the window: its middle. */
gsize dub_level_quietest(const float *samples, gsize n_frames, unsigned channels, gsize first, gsize last,
                         gsize window_frames);

/* First and one past the last frame whose 10 ms neighbourhood is above @threshold_dbfs. false: all quiet. */
bool dub_level_active_span(const DubPcm *pcm, double threshold_dbfs, gsize *first, gsize *end);

double dub_level_rms_dbfs(const DubPcm *pcm, gsize first_frame, gsize n_frames); /* -120 for silence */
