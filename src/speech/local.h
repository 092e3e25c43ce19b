/* speech/local.h: the backend whose engines run in this process. See speech/speech.h for the rules.
 * Results come in sequence order, each as soon as all before it are out. */
#pragma once

#include "speech/engines.h"
#include "speech/speech.h"

/**
 * dub_speech_local_new:
 * @engines: (nullable): shared ones, which must outlive it; NULL: own ones are opened in the background when started,
 * one lane a core, and closed with it
 * Languages that no engine has are told by on_failed.
 */
DubSpeech *dub_speech_local_new(const DubSpeechConfig *config, DubSpeechEngines *engines,
                                const DubSpeechCallbacks *callbacks, void *user_data);
