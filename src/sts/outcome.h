/* sts/outcome.h: what became of a fragment, and how that is said on the wire. Any thread, one outcome one thread. */
#pragma once

#include "base/json.h"
#include "speech/speech.h"
#include "sts/messages.h"

typedef struct {
    DubSpeechStatus status;
    DubJson *dubbed_audio;              /* the whole object; NULL when failed */
    char *transcript, *translated_text; /* NULL leaves them out */
    double processing_ms, asr_ms, translation_ms, tts_ms;
    char *error_code, *error_message, *error_stage; /* NULL unless failed, or partial */
    bool retryable;
    DubJson *metadata;                  /* object, NULL for none */
} DubStsOutcome;
DubStsOutcome *dub_sts_outcome_new(DubSpeechStatus status);
/* @stage: "asr", "translation", "tts" */
DubStsOutcome *dub_sts_outcome_new_failed(const char *code, const char *stage, bool retryable, const char *message);
void dub_sts_outcome_free(DubStsOutcome *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStsOutcome, dub_sts_outcome_free)

/* Returns: (transfer full): {format, sample_rate_hz, channels, duration_ms, data_base64}. @data_base64: (transfer none)
 * a string, shared */
DubJson *dub_sts_audio_to_json(const char *format, guint rate_hz, guint channels, int64_t duration_ms,
                               DubJson *data_base64);
/* Returns: (transfer full): the payload of fragment:processed. What @self holds is shared with it. */
DubJson *dub_sts_outcome_to_json(const DubStsOutcome *self, const DubStsFragment *fragment);
gsize dub_sts_outcome_size(const DubStsOutcome *self); /* bytes, about: for the bound on stored answers */
