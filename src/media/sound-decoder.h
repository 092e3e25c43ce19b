/* media/sound-decoder.h: encoded packets of one audio track -> float32 PCM of one shape, on the track's own timestamps.
 * What an edit list or a codec's delay hides is not given out. One thread. */
#pragma once

#include "audio/pcm.h"

#include <libavformat/avformat.h>
#include <stdbool.h>

typedef struct _DubSoundDecoder DubSoundDecoder;

/* @pcm: (transfer full). Returns: false to stop */
typedef bool (*DubSoundFunc)(DubPcm *pcm, int64_t pts_ns, void *user_data);

typedef struct {
    int64_t end_limit_ns;      /* sound after it is not given out; G_MAXINT64: all of it is */
    unsigned allowed_channels; /* a set of audio/layout.h: others are mixed into one of them */
} DubSoundDecoderConfig;

DubSoundDecoder *dub_sound_decoder_new(const AVStream *stream, const DubSoundDecoderConfig *config, DubSoundFunc emit,
                                       void *user_data, GError **error);
void dub_sound_decoder_free(DubSoundDecoder *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSoundDecoder, dub_sound_decoder_free)

/* @packet: (transfer none) NULL at the end. Packets that cannot be decoded are counted and passed over. Returns: false
 * once emit said so. */
bool dub_sound_decoder_push(DubSoundDecoder *self, const AVPacket *packet);
unsigned dub_sound_decoder_n_broken(const DubSoundDecoder *self); /* packets without sound in them */
