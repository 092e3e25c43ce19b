/* audio/sound-encoder.h: PCM -> packets of one of libavcodec's encoders, for the containers that do not hold AAC. What
 * an encoder has no rate for is resampled. Its delay is told, not taken out: containers have their own places for it.
 * One thread at a time. */
#pragma once

#include "audio/pcm.h"

#include <libavcodec/avcodec.h>
#include <stdbool.h>

typedef struct _DubSoundEncoder DubSoundEncoder;

/* @name: "libopus", "libmp3lame", "flac", "pcm_s16le"; @bitrate_bps: of no matter where nothing is lost */
DubSoundEncoder *dub_sound_encoder_new(const char *name, unsigned rate_hz, unsigned channels, unsigned bitrate_bps,
                                       GError **error);
void dub_sound_encoder_free(DubSoundEncoder *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSoundEncoder, dub_sound_encoder_free)

bool dub_sound_encoder_describe(const DubSoundEncoder *self, AVCodecParameters *parameters);
AVRational dub_sound_encoder_time_base(const DubSoundEncoder *self); /* of its packets: one frame of its rate */
/* @samples: float32, interleaved; NULL: the end. Returns: 0 or an AVERROR; packets are taken before the next */
int dub_sound_encoder_push(DubSoundEncoder *self, const float *samples, gsize n_frames);
/* Returns: 0, AVERROR(EAGAIN): push more, or AVERROR_EOF */
int dub_sound_encoder_take(DubSoundEncoder *self, AVPacket *packet);
