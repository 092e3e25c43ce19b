/* speech/remote-messages.h: between the types of speech/speech.h and those of wire/. Any thread. For this folder, and
 * for `airdub sts-probe`, which speaks as it does. */
#pragma once

#include "audio/fragment-codec.h"
#include "speech/speech.h"
#include "wire/sts-messages.h"
#include "wire/worker-messages.h"

unsigned dub_remote_wire_rate_hz(unsigned rate_hz); /* the same, or 48000 where the protocol does not have it */

/* What lies outside the protocol's bounds is brought inside: the rate too, 48000 Hz for one that is none of its own. */
DubStreamInit *dub_remote_init_of(const DubSpeechConfig *config, DubFragmentFormat format);

/* @audio: (transfer full) */
DubJson *dub_remote_fragment_to_json(const char *fragment_id, const char *stream_id, const DubFragment *fragment,
                                     DubWireAudio *audio);
DubJson *dub_remote_receipt_to_json(const char *fragment_id, DubReceiptStatus status);

/* @processed: (transfer full). All but the dub. Without audio it has failed, whatever its status says. */
DubSpeechResult *dub_remote_result_of(DubFragmentProcessed *processed, uint64_t sequence_number);
DubSpeechResult *dub_remote_failed_result(uint64_t sequence_number, const char *code, const char *message);
