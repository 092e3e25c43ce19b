/* tests/unit/engines/own-models.h: the real models that `make deps` gets. */
#pragma once

#include <stdbool.h>

/* MODEL_DIR, else .models of the checkout. Ends the test when they are not there. */
const char *own_models(void);

/* false: MODELS=none says that there shall be none, and a test that is skipped says so */
bool own_models_wanted(void);
