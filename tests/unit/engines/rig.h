/* tests/unit/engines/rig.h: engines and settings for the tests, by their names. Whatever fails ends the test. */
#pragma once

#include "engines/settings.h"

/* One engine of the class, on one core; TTS speaks @to. */
DubEngine *rig_open(const DubEngineClass *klass, const char *from, const char *to);

/* As of an environment that holds nothing else: "NAME=value", …, ended by NULL */
DubEngineSettings *rig_settings(const char *first, ...) G_GNUC_NULL_TERMINATED;

DubEngineSettings *rig_default_settings(void); /* an empty environment */

/* pocketsphinx, apertium, espeak-ng: what the expected words of the tests were heard, translated and spoken by. */
DubEngineSettings *rig_real_settings(unsigned n_lanes);
DubEngineSettings *rig_null_settings(unsigned n_lanes);
