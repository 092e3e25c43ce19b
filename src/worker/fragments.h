/* worker/fragments.h: the fragments of one stream whose fate is open, in order. Loop thread only; no clock. */
#pragma once

#include "speech/speech.h"
#include "timeline/segmenter.h"

typedef enum {
    DUB_FRAGMENT_WAITING, /* for a link or a free slot */
    DUB_FRAGMENT_SENT,
    DUB_FRAGMENT_ANSWERED,
    DUB_FRAGMENT_LOST, /* was out when the link broke */
} DubFragmentState;

typedef struct {
    DubFragmentState state;
    uint64_t index;           /* of the stream */
    uint64_t sequence_number; /* on the present link; valid once sent */
    int64_t first_frame, n_frames;
    DubPcm *pcm; /* with the tail */
    int64_t sent_ns, answered_ns;
    bool refused_by_breaker; /* the last time it could have been sent */
    DubSpeechResult *result; /* when answered */
} DubOpenFragment;

typedef struct _DubFragments DubFragments;
DubFragments *dub_fragments_new(void);
void dub_fragments_free(DubFragments *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubFragments, dub_fragments_free)

void dub_fragments_add(DubFragments *self, DubSegment *segment /* (transfer full) */, uint64_t index);
guint dub_fragments_length(const DubFragments *self);
guint dub_fragments_inflight(const DubFragments *self);  /* sent, not answered */
DubOpenFragment *dub_fragments_head(DubFragments *self); /* the oldest, or NULL */
DubOpenFragment *dub_fragments_first_waiting(DubFragments *self);
DubOpenFragment *dub_fragments_find_sent(DubFragments *self, uint64_t sequence_number);
void dub_fragments_pop(DubFragments *self); /* frees the oldest */
/* The link broke: what was sent becomes @into (LOST, or WAITING to be sent again). */
void dub_fragments_lose_sent(DubFragments *self, DubFragmentState into);
