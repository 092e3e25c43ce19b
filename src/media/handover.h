/* media/handover.h: what GStreamer's streaming threads have for the loop, in order, through one bounded queue.
 * push, fail, resume and close: any thread. The rest: the loop thread. Reference counted, since a streaming thread that
 * hangs in a network call may outlive its source. */
#pragma once

#include "audio/pcm.h"
#include "media/access-unit.h"

#include <stdbool.h>

typedef enum {
    DUB_HANDOVER_VIDEO,
    DUB_HANDOVER_AUDIO,
    DUB_HANDOVER_COMMENTARY,
    DUB_HANDOVER_EOS,
    DUB_HANDOVER_ERROR,
} DubHandoverKind;

typedef struct {
    DubHandoverKind kind;
    DubAccessUnit *unit; /* VIDEO; owned */
    DubPcm *pcm;         /* AUDIO, COMMENTARY; owned */
    int64_t pts_ns; /* the same; EOS: the end of what was read, also of tracks that are not delivered; 0: not known */
    GError *error;  /* ERROR; owned */
    int64_t arrival_ns; /* dub_clock_now() */
    gsize size_bytes;
} DubHandoverItem;

void dub_handover_item_clear(DubHandoverItem *item); /* frees what nobody took */

typedef enum {
    DUB_HANDOVER_BLOCK, /* a full queue makes push wait: files, downloads */
    DUB_HANDOVER_LIVE,  /* a full queue ends the stream with DUB_ERROR_BACKPRESSURE */
} DubHandoverMode;

typedef struct _DubHandover DubHandover;

/* Called on @context with each item; it takes what it wants to keep. Returns: false to keep the item queued and pause
 * until dub_handover_resume(). */
typedef bool (*DubHandoverFunc)(DubHandoverItem *item, void *user_data);

DubHandover *dub_handover_new(GMainContext *context, DubHandoverMode mode, DubHandoverFunc deliver, void *user_data);
DubHandover *dub_handover_ref(DubHandover *self);
void dub_handover_unref(DubHandover *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubHandover, dub_handover_unref)

/* @item: (transfer full) cleared when nobody listens any more. Returns: false once closed or ended. */
bool dub_handover_push(DubHandover *self, DubHandoverItem item);
void dub_handover_fail(DubHandover *self,
                       GError *error /* (transfer full) */); /* the first one counts, nothing follows */
void dub_handover_resume(DubHandover *self);
void dub_handover_start_bounding(
    DubHandover *self);                         /* from here on the small bounds of @mode hold, not the large one */
bool dub_handover_has_ended(DubHandover *self); /* EOS or an error is in the queue, or the queue refuses more */
GError *dub_handover_steal_error(DubHandover *self); /* (transfer full) (nullable) the queued one, ahead of its turn */
int64_t dub_handover_first_arrival_ns(DubHandover *self); /* DUB_TIME_NONE before the first item */
int64_t dub_handover_last_arrival_ns(DubHandover *self);  /* DUB_TIME_NONE before the first item */
void dub_handover_close(DubHandover *self); /* wakes blocked threads; no delivery after it; frees what is queued */
