/* audio/pcm.h: a block of PCM. Reference counted (atomic); samples are not changed once a second reference exists.
 * Shape everywhere in the product: float32, interleaved, full scale ±1.0, channels as audio/layout.h lists them.
 * A *frame* is one sample of every channel; positions and lengths count frames. */
#pragma once

#include <glib.h>
#include <stdint.h>

#define DUB_MAX_CHANNELS 8

typedef struct {
    unsigned rate_hz;  /* frames a second, 8000…192000 */
    unsigned channels; /* 1…DUB_MAX_CHANNELS */
    gsize n_frames;
    float *samples; /* n_frames × channels; owned */
    /*< private >*/
    gatomicrefcount refs;
} DubPcm;

DubPcm *dub_pcm_new(unsigned rate_hz, unsigned channels, gsize n_frames); /* silence */
DubPcm *dub_pcm_ref(DubPcm *self);
void dub_pcm_unref(DubPcm *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubPcm, dub_pcm_unref)

DubPcm *dub_pcm_slice(const DubPcm *self, gsize first_frame, gsize n_frames); /* a copy; clamped to what there is */
int64_t dub_pcm_duration_ns(const DubPcm *self);
