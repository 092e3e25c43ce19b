/* audio/aac-encoder.h: one AAC-LC encoder for a whole stream, with no net delay.
 * One thread at a time. Input frame n is heard at output frame n: the priming is lined up to whole AAC frames and
 * those are dropped, so the first access unit starts at stream frame 0 and nothing downstream needs an edit list.
 * (The first 1024 frames fade in; everything after is exact.) */
#pragma once

#include "audio/pcm.h"

#include <stdbool.h>

#define DUB_AAC_FRAME 1024 /* PCM frames an access unit: ISO/IEC 14496-3, AAC-LC */

typedef struct _DubAacEncoder DubAacEncoder;

/**
 * @data: (transfer none) one raw access unit (no ADTS header)
 * @position: stream frame at which it starts: 0, 1024, 2048, …
 */
typedef void (*DubAacFrameFunc)(const uint8_t *data, gsize size, int64_t position, void *user_data);

/* @rate_hz: 8000…96000, one of AAC's 12 rates; @channels: 1…6, as audio/layout.h lists them; %DUB_ERROR_UNSUPPORTED
 * otherwise. */
DubAacEncoder *dub_aac_encoder_new(unsigned rate_hz, unsigned channels, unsigned bitrate_bps, DubAacFrameFunc on_frame,
                                   void *user_data, GError **error);
void dub_aac_encoder_free(DubAacEncoder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubAacEncoder, dub_aac_encoder_free)

GBytes *dub_aac_encoder_config(const DubAacEncoder *self); /* (transfer full) AudioSpecificConfig: codec_data */
int64_t dub_aac_encoder_cpu_ns(const DubAacEncoder *self); /* what encoding has used so far, of its threads' CPU time */
/* @pcm: the encoder's rate and channels, any length; frames come out through on_frame before it returns */
bool dub_aac_encoder_push(DubAacEncoder *self, const DubPcm *pcm, GError **error);
/* Pads the last access unit with silence. Nothing may be pushed after. */
bool dub_aac_encoder_finish(DubAacEncoder *self, GError **error);
