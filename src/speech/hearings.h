/* speech/hearings.h: what a recogniser heard in the fragments of a recording, for the other languages that the same
 * recording is dubbed into: they need not recognise it again, and hear exactly the same, to the nanosecond.
 * Reference counted; any thread. */
#pragma once

#include "engines/engine.h"
#include "speech/speech.h"

typedef struct _DubHearings DubHearings;
/* @most_bytes: what is kept at most; what comes then is not kept, so that it is recognised again. 0: 64 MiB, which
 * holds days of speech */
DubHearings *dub_hearings_new(gsize most_bytes);
DubHearings *dub_hearings_ref(DubHearings *self);
void dub_hearings_unref(DubHearings *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubHearings, dub_hearings_unref)

/* A fragment is known by its place and its samples: one that was cut elsewhere, or that sounds otherwise, is another.
 * Returns: (transfer none) (nullable): valid as long as @self, and not changed any more */
const DubEngineReply *dub_hearings_find(DubHearings *self, const DubFragment *fragment);
/* @reply: (transfer full): of the recogniser */
void dub_hearings_add(DubHearings *self, const DubFragment *fragment, DubEngineReply *reply);
guint dub_hearings_count(DubHearings *self);
