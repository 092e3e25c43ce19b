/* audio/remix.h: a stream's PCM from whatever speakers it has into one of the layouts of audio/layout.h. One thread. */
#pragma once

#include "audio/layout.h"
#include "audio/pcm.h"

typedef struct _DubRemix DubRemix;

/* Returns: NULL where libswresample takes no such number of channels. @from: copied */
DubRemix *dub_remix_new(unsigned rate_hz, const AVChannelLayout *from, unsigned channels);
void dub_remix_free(DubRemix *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubRemix, dub_remix_free)

/* Returns: (transfer full) (nullable): as many frames. @samples: float32, interleaved, of @from's channels */
DubPcm *dub_remix_push(DubRemix *self, const float *samples, gsize n_frames);
