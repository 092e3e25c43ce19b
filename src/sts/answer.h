/* sts/answer.h: what the work on a fragment comes to: a fragment:processed that the session has yet to address (it
 * fills in the ids and the number). Any thread, one answer one thread. */
#pragma once

#include "wire/sts-messages.h"
#include "wire/worker-messages.h"

/* PROTOCOL.md, Rules: an answer stays under 4 MiB. What it holds beside the audio is far below the difference. */
#define DUB_STS_MAX_AUDIO_TEXT_BYTES (4u * 1024 * 1024 - 128 * 1024)

/* @stage: "asr", "translation", "tts" */
DubFragmentProcessed *dub_sts_answer_new_failed(const char *code, const char *stage, bool retryable,
                                                const char *message);
gsize dub_sts_answer_size(const DubFragmentProcessed *answer); /* bytes, about: for the bound on stored answers */
