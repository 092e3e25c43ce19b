/* wire/audio.h: the audio object of fragment:data and fragment:processed. One object one thread. */
#pragma once

#include "base/json.h"

typedef struct {
    char *format;         /* as declared, any word: what it really is, the bytes say */
    guint sample_rate_hz; /* declared, 8000…DUB_WIRE_MAX_RATE_HZ */
    guint channels;       /* declared, 1…DUB_WIRE_MAX_CHANNELS */
    int64_t duration_ms;  /* declared, 0…60000 */
    DubJson *data_base64; /* a string; checked to be base64, shared with the payload it came in */
    gsize n_bytes;        /* that it decodes to, at most DUB_WIRE_MAX_AUDIO_BYTES */
} DubWireAudio;

/* @bytes: at most DUB_WIRE_MAX_AUDIO_BYTES */
DubWireAudio *dub_wire_audio_new(const char *format, guint sample_rate_hz, guint channels, int64_t duration_ms,
                                 GBytes *bytes);
DubWireAudio *dub_wire_audio_share(const DubWireAudio *self); /* (transfer full): the text is not copied */
void dub_wire_audio_free(DubWireAudio *self);                 /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubWireAudio, dub_wire_audio_free)

GBytes *dub_wire_audio_decode(const DubWireAudio *self); /* (transfer full) the audio's bytes */

/* @path: where the object lies in @payload, for the errors ("audio"). Returns: (transfer full), or NULL with
 * %DUB_ERROR_INVALID_ARGUMENT for a wrong shape, %DUB_ERROR_CORRUPT for what is not base64 (RFC 4648, section 4),
 * %DUB_ERROR_NO_SPACE for too many bytes */
DubWireAudio *dub_wire_audio_parse(const DubJson *payload, const char *path, GError **error);
DubJson *dub_wire_audio_to_json(const DubWireAudio *self); /* (transfer full) */
