/* tests/unit/engines/leap.h: time that passes without waiting. For programs that are linked with --wrap=dub_clock_now.
 */
#pragma once

#include <stdint.h>

/* dub_clock_now() is @ns further on from now on, everywhere in the program. Any thread. */
void leap(int64_t ns);
