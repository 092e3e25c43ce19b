/* apps/media-service/sts-watch.h: whether an sts-service would dub a stream that begins now, asked every few
 * seconds, for /health/ready. Streams do not need it: each finds out by its own link. Loop thread only. */
#pragma once

#include <stdbool.h>

typedef struct _StsWatch StsWatch;
StsWatch *sts_watch_new(const char *urls); /* as dub_remote_services_new() */
void sts_watch_free(StsWatch *self);       /* NULL is fine */
/* Returns: NULL when one is ready, else why the first is not: a sentence for people, valid until the loop runs on */
const char *sts_watch_problem(const StsWatch *self);
