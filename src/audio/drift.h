/* audio/drift.h: sound that is slightly longer or shorter than its timestamps say, made to fit without anybody hearing
 * it. As long as nothing is to be corrected, samples pass as they are; from then on they go through libswresample,
 * whose rate follows what is asked for. One thread. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct _DubDrift DubDrift;
DubDrift *dub_drift_new(unsigned rate_hz, unsigned channels);
void dub_drift_free(DubDrift *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubDrift, dub_drift_free)

/* From here on the sound is corrected. Before it, dub_drift_put() only looks on. */
void dub_drift_begin(DubDrift *self);
gboolean dub_drift_has_begun(const DubDrift *self);

/* @more: frames that are missing (negative: too many), to be made up for within the next ten seconds.
 * Returns: (transfer none): *@n_out frames, valid until the next call; @in itself before it has begun. */
const float *dub_drift_put(DubDrift *self, const float *in, gsize n_frames, int64_t more, gsize *n_out);

/* What it still holds; then it has not begun. */
const float *dub_drift_end(DubDrift *self, gsize *n_out);
int64_t dub_drift_held(const DubDrift *self); /* frames that have come in and not gone out */
