/* audio/fragment-reader.h: a container in memory to PCM. Any thread; no state between calls. Inside this folder only.
 */
#pragma once

#include "audio/fragment-codec.h"

/* @content: not %DUB_CONTENT_RAW. Returns and errors as dub_fragment_decode(). */
DubPcm *dub_fragment_read_container(GBytes *bytes, DubFragmentContent content, GError **error);
