/* apps/media-service/service.h: all of media-service behind main(): media server, streams, endpoints. Loop thread only.
 */
#pragma once

#include "config.h"

typedef struct _MediaService MediaService;
/* Listens and begins. @on_done: everything is drained and closed after media_service_stop(). */
MediaService *media_service_new(const MediaConfig *config, void (*on_done)(void *user_data), void *user_data,
                                GError **error);
void media_service_free(MediaService *self);
/* Streams play what they have and end, within 3 s; a second call ends them at once. */
void media_service_stop(MediaService *self);
