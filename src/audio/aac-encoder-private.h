/* audio/aac-encoder-private.h: the encoder with its priming, for containers that can say so in an edit list. Inside
 * this folder only. */
#pragma once

#include "audio/aac-encoder.h"

#define DUB_AAC_PRIMING DUB_AAC_FRAME /* frames: libavcodec's encoder is behind by exactly one access unit */

/* Like dub_aac_encoder_new(), but the access unit at position -%DUB_AAC_PRIMING is given out too, so that a reader that
 * skips it hears every frame exactly, the first ones as well.
 * @is_dual_mono: both channels will be the same, to the bit; they come out the same too, for half the CPU, up to 12 kHz
 */
DubAacEncoder *dub_aac_encoder_new_primed(unsigned rate_hz, unsigned channels, unsigned bitrate_bps, bool is_dual_mono,
                                          DubAacFrameFunc on_frame, void *user_data, GError **error);
