/* engines/list.h: every engine there is. Any thread. */
#pragma once

#include "engines/engine.h"

const DubEngineClass *const *dub_engine_list(void); /* ended by NULL; in the order in which they are tried */

/* Is @name what other systems call an engine? Their settings start here too: where the engine is missing, another does.
 */
bool dub_engine_is_borrowed(DubEngineStage stage, const char *name);

/**
 * dub_engine_find:
 * @name: "whisper", "exec:/usr/bin/mine --fast", or another name that is in use elsewhere ("faster-whisper")
 * @argument: (out) (transfer full) (nullable): what follows the colon
 * Returns: NULL with %DUB_ERROR_INVALID_ARGUMENT: the message lists the right names
 */
const DubEngineClass *dub_engine_find(DubEngineStage stage, const char *name, char **argument, GError **error);
