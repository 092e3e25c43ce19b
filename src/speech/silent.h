/* speech/silent.h: the backend of a stream whose dubs are there already: every fragment is answered at once, with
 * silence. See speech/speech.h for the rules. */
#pragma once

#include "speech/speech.h"

DubSpeech *dub_speech_silent_new(const DubSpeechConfig *config, const DubSpeechCallbacks *callbacks, void *user_data);
