/* sts/messages.h: what a worker sends, read and checked; every refusal names the field. Any thread. */
#pragma once

#include "base/json.h"

#include <stdint.h>

#define DUB_STS_MAX_IN_FLIGHT   10u
#define DUB_STS_MAX_AUDIO_BYTES (10u * 1024 * 1024) /* of one fragment, decoded */
#define DUB_STS_MAX_ID_BYTES    128                 /* of a stream's, worker's or fragment's id */

typedef struct {
    char *stream_id, *worker_id;
    char *source_language, *target_language, *voice_profile;
    char *format; /* "m4a", "pcm_s16le" */
    guint chunk_duration_ms, sample_rate_hz, channels;
    guint max_inflight, timeout_ms;
} DubStsInit;
/* Returns: (transfer full): with the defaults for what is not there; NULL with %DUB_ERROR_INVALID_ARGUMENT */
DubStsInit *dub_sts_init_parse(const DubJson *payload, GError **error);
void dub_sts_init_free(DubStsInit *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStsInit, dub_sts_init_free)

typedef struct {
    char *fragment_id, *stream_id;
    uint64_t sequence_number;
    char *format;             /* as declared: any word; what it really is, the bytes say */
    guint sample_rate_hz, channels;
    int64_t duration_ms;      /* 0…60000 */
    DubJson *data_base64;     /* the string as it came: checked to be base64, not decoded; shared with the payload */
    gsize audio_bytes;        /* that it decodes to */
    DubJson *metadata;        /* (nullable) object, shared with the payload */
} DubStsFragment;
/* Returns: (transfer full): NULL with %DUB_ERROR_INVALID_ARGUMENT for a wrong shape, %DUB_ERROR_CORRUPT for audio that is
 * not base64, %DUB_ERROR_NO_SPACE for too much of it */
DubStsFragment *dub_sts_fragment_parse(const DubJson *payload, GError **error);
void dub_sts_fragment_free(DubStsFragment *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStsFragment, dub_sts_fragment_free)

/* Returns: (transfer full): the audio's bytes */
GBytes *dub_sts_fragment_decode(const DubStsFragment *self);

/* Returns: (transfer none) (nullable): payload[@key] when it is a string that may be an id */
const char *dub_sts_peek_id(const DubJson *payload, const char *key);
