/* audio/libav-setup.h: libav's own messages go to our log at debug level, and no block of its memory is larger than sound can need.
 * Any thread. */
#pragma once

void dub_libav_setup(void); /* cheap; call before any use of libav */
