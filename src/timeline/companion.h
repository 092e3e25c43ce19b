/* timeline/companion.h: a second sound of the same stream, held ready frame by frame for the first: the commentary that
 * is recognised, beside the programme that is heard. It may come a little before the first or after it.
 * Worker's loop thread only; no clock, no I/O. Positions are frames on the output timeline. */
#pragma once

#include "audio/pcm.h"

#include <stdbool.h>

typedef struct _DubCompanion DubCompanion;
DubCompanion *dub_companion_new(unsigned rate_hz, unsigned channels);
void dub_companion_free(DubCompanion *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubCompanion, dub_companion_free)

#define DUB_COMPANION_AHEAD_S 30 /* what is kept at most: what is further ahead is let go */

/* @pcm: of any shape; @at_ns: where its timestamp puts it on the output timeline. What is off by less than the jitter
 * of timestamps joins what was before; a gap is silence, and what was taken already is let go. Returns: false when it
 * lies too far away */
bool dub_companion_push(DubCompanion *self, const DubPcm *pcm, int64_t at_ns);
int64_t dub_companion_received(const DubCompanion *self); /* it has come up to here */
int64_t dub_companion_taken(const DubCompanion *self);    /* it was taken up to here */

/* The frames from taken() up to @until, silence where nothing came.
 * Returns: (transfer full): NULL where @until is not beyond taken() */
DubPcm *dub_companion_take(DubCompanion *self, int64_t until);
