/* tests/unit/engines/say.h: English speech for the tests, spoken by flite (the recogniser understands it). */
#pragma once

#include "audio/pcm.h"

/* Returns: (transfer full): mono, 16000 Hz. @voice: "rms", "slt". Ends the test when flite is not there. */
DubPcm *say(const char *voice, const char *text);
DubPcm *say_silence(double seconds);
/* @level_dbfs: RMS; the same at every call */
DubPcm *say_pink_noise(double seconds, double level_dbfs);
/* (transfer full): one after the other; all of the same shape; ended by NULL; the parts are freed */
DubPcm *say_joined(DubPcm *first, ...) G_GNUC_NULL_TERMINATED;
/* Adds @bed to @pcm, sample by sample, in place. */
void say_mix(DubPcm *pcm, const DubPcm *bed);
/* Word errors (insertions, deletions, substitutions) between @reference and @heard. */
unsigned say_word_errors(const char *reference, const char *heard);
