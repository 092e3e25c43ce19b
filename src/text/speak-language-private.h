/* text/speak-language-private.h: the languages that speak-language.c finds, a file each. */
#pragma once

#include "text/speak-language.h"

extern const DubSpeakLanguage dub_speak_spanish, dub_speak_english, dub_speak_french, dub_speak_italian,
    dub_speak_portuguese, dub_speak_german;
