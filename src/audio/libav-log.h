/* audio/libav-log.h: libav's own messages go to our log at debug level. Any thread. Inside this folder only. */
#pragma once

void dub_libav_log_setup(void); /* cheap; call before any use of libav */
