/* speech/local.h: the backend whose engines run in this process. See speech/speech.h for the rules.
 * Results come in sequence order, each as soon as all before it are out. */
#pragma once

#include "speech/engine-sets.h"
#include "speech/speech.h"

/**
 * dub_speech_local_new:
 * @hearings: (nullable): see speech/hearings.h
 * @sets: must outlive it: where the engines of its languages come from, loaded in the background when they are not
 * there Languages that no engine has are told by on_failed.
 */
DubSpeech *dub_speech_local_new(const DubSpeechConfig *config, DubEngineSets *sets, DubHearings *hearings,
                                const DubSpeechCallbacks *callbacks, void *user_data);
