/* speech/remote-codec.h: fragments to what is sent and back, off the loop, one at a time and in the order they were
 * given. Loop thread only, callbacks come on the GMainContext that was thread-default at creation; the work runs on a
 * thread of GLib's pool. Inside this folder only. */
#pragma once

#include "audio/fragment-codec.h"
#include "speech/speech.h"
#include "wire/audio.h"

typedef struct _DubRemoteCodec DubRemoteCodec;

typedef struct {
    /* @link: as given to dub_remote_codec_encode(). @audio: (transfer full) NULL with @error */
    void (*on_encoded)(guint link, DubFragment *fragment, DubWireAudio *audio, const GError *error, void *user_data);
    /* @pcm: (transfer full) at the rate of dubs; NULL with @error */
    void (*on_decoded)(guint link, uint64_t sequence_number, DubPcm *pcm, const GError *error, void *user_data);
} DubRemoteCodecCallbacks;

/* @wire_rate_hz: what is sent. @dub_rate_hz: what comes back */
DubRemoteCodec *dub_remote_codec_new(DubFragmentFormat format, unsigned wire_rate_hz, unsigned dub_rate_hz,
                                     const DubRemoteCodecCallbacks *callbacks, void *user_data);
void dub_remote_codec_free(DubRemoteCodec *self); /* waits for nothing; no callback comes any more */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubRemoteCodec, dub_remote_codec_free)

/* @link: a number that comes back with the result. @fragment: (transfer full); lent back in on_encoded */
void dub_remote_codec_encode(DubRemoteCodec *self, guint link, DubFragment *fragment);
/* @audio: (transfer none) decoded from base64 here, the rest on the thread */
void dub_remote_codec_decode(DubRemoteCodec *self, guint link, uint64_t sequence_number, const DubWireAudio *audio);
